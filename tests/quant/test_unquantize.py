"""The float network behind a quantized one has its parameters, and is better for it."""

import torch

from quant.unquantize import unquantized
from tests.networks import Case, images, twin


def test_it_is_what_the_quantized_network_rounds() -> None:
    fine = twin(Case(weight_bits=8, act_bits=8, seed=3))
    frames = torch.from_numpy(images(Case())).permute(0, 3, 1, 2).float() / 255
    floating = unquantized(fine).eval()
    with torch.no_grad():
        came, wanted = floating(frames).clamp(0, 1), fine(frames)
    assert float(wanted.std()) > 0.02
    assert float((came - wanted).abs().mean()) < 0.01
    assert [name for name, _ in floating.named_parameters()] == [
        name for name, _ in fine.named_parameters() if name.split(".")[0] in ("enc", "center", "dec")
        and "act_quant" not in name and "weight_quant" not in name
    ]  # fmt: skip
