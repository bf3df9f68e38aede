"""Where quantizers go, of which type they are, and which are one."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from model.networks import NETWORKS, network
from pixelmend.errors import UserError
from quant.twin import Port, QuantSettings, Twin, twin
from quant.zoo import SETTINGS, randomize

SETTING = QuantSettings(weight_bits=4, act_bits=4)
FEATURES = (Port("features", bits=4),)


def made(name: str, settings: QuantSettings = SETTING) -> Twin:
    """The twin of a network of the registry with random weights, uncalibrated."""
    entry = network(name)
    module = entry.make().eval()
    frames = torch.rand(1, entry.channels, 8, 8, generator=torch.Generator().manual_seed(0))
    randomize(module, frames, torch.Generator().manual_seed(0))
    return twin(module, settings, frames)


def types(twin_: Twin) -> dict[str, tuple[str, int]]:
    """By layer what quantizes its result: 'u4', 's4', .. and a number that shared ones have in common."""
    found, numbers = {}, {name: n for n, name in enumerate(twin_.quantizers())}
    for node in twin_.body.graph.nodes:
        if node.name in twin_.quantized:
            quantizer: Any = twin_.body.get_submodule(str(node.target))
            sign = "s" if quantizer.act_quant.is_signed else "u"
            kind = f"{sign}{int(quantizer.act_quant.bit_width())}"
            found[twin_.quantized[node.name]] = kind, numbers[str(node.target).split(".", 1)[1]]
    return found


def scale(quantizer: Any) -> float:
    return float(quantizer.act_quant.scale().detach())


def test_a_chain_of_convolutions() -> None:
    found = types(made("chain"))
    assert [kind for kind, _ in found.values()] == ["u8", *["u4"] * 5, "u8"]
    assert list(found) == ["x", *(f"relus.{n}" for n in range(6))]
    assert len({number for _, number in found.values()}) == 7


def test_operands_of_a_sum_share_one_quantizer() -> None:
    found = types(made("srgan"))
    assert {kind for name, (kind, _) in found.items() if name not in ("x", "truediv")} == {"s4"}
    shared = ["prelu", "blocks.0.conv2", "blocks.1.conv2", "conv"]  # all sums are exact
    assert len({found[name][1] for name in shared}) == 1
    assert found["blocks.0.prelu"][1] != found["prelu"][1]
    assert not any(name.endswith("add") for name in found)


def test_requantized_sums_start_a_new_scale() -> None:
    found = types(made("srgan", replace(SETTING, sum_bits=6)))
    assert found["prelu"] == found["blocks.0.conv2"] == found["conv"]
    assert found["blocks.0.add"] == found["blocks.1.conv2"] and found["blocks.0.add"][0] == "s6"
    assert len({found[name][1] for name in ("prelu", "blocks.0.add", "blocks.1.add", "add")}) == 4


def test_concatenated_operands_share_one_quantizer() -> None:
    found = types(made("unet"))
    assert found["enter.1"] == found["ups.1.relu"] and found["encoders.0.1"] == found["ups.0.relu"]
    assert found["enter.1"][1] != found["encoders.0.1"][1]
    assert {kind for name, (kind, _) in found.items()} == {"u4", "u8"}


def test_what_is_subtracted_from_an_image_has_its_scale() -> None:
    twin_ = made("dncnn")
    found = types(twin_)
    assert found["last"][0] == "s8" and found["x"][0] == found["clamp"][0] == "u8"
    quantizers = twin_.quantizers()
    pixel = torch.tensor(1 / 255)
    assert all(quantizers[name].act_quant.scale() == pixel for name in ("x", "last", "clamp"))
    assert not list(quantizers["last"].parameters())


def test_several_outputs() -> None:
    found = types(made("multiscale_dilated"))
    assert found["sigmoid"][0] == found["sigmoid_1"][0] == "u8"
    assert found["small.0.bends.0"][0] == "s4"


def test_a_feature_map() -> None:
    settings = replace(SETTING, inputs=FEATURES, outputs=FEATURES)
    assert [kind for kind, _ in types(made("deconv_stride1", settings)).values()] == ["u4", "u4", "u4"]
    signed = types(made("deconv_deconv", settings))
    assert [kind for kind, _ in signed.values()] == ["u4", "u4", "s4"]


@pytest.mark.parametrize("bits", [2, 3, 5, 8])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("step", [0.25, 0.1, 1 / 3, 1 / 255, 0.0123456])
def test_a_given_scale_comes_out_exactly(bits: int, signed: bool, step: float) -> None:
    port = (Port("features", bits, signed, step),)
    twin_ = twin(nn.Conv2d(2, 2, 1), replace(SETTING, inputs=port))
    assert twin_.quantizers()["input_1"].act_quant.scale() == torch.tensor(step)


def test_two_given_scales_can_not_be_added() -> None:
    class Both(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return torch.relu(x + y)

    ports = (Port("features", scale=0.5), Port("features", scale=0.25))
    with pytest.raises(UserError, match=r"different given scales are added or joined: x \(0.5\), y \(0.25\)"):
        twin(Both(), replace(SETTING, inputs=ports))


def test_scales_are_powers_of_two() -> None:
    twin_ = made("unet_add", replace(SETTING, power_of_two=True))
    learned = [one for one in twin_.quantizers().values() if list(one.parameters())]
    assert len(learned) > 5
    for one in learned:
        mantissa, _ = torch.frexp(one.act_quant.scale())
        assert mantissa == 0.5 and not next(one.parameters()).requires_grad


def test_bits_by_pattern() -> None:
    """The last pattern that fits holds; an activation's may name the convolution before it."""
    settings = QuantSettings(
        layer_weight_bits={"convs.*": 3, "convs.1": 8},
        layer_act_bits={"relus.*": 5, "convs.3": 2},
        layer_weight_kind={"convs.4": "binary"},
    )
    twin_ = made("chain", settings)
    weights = {name: int(one.weight_quant.bit_width()) for name, one in twin_.weighted().items()}
    assert weights == {f"convs.{n}": {1: 8, 4: 2}.get(n, 3) for n in range(6)}
    kinds = types(twin_)
    assert kinds["relus.3"][0] == "u2" and kinds["relus.2"][0] == "u5" and kinds["relus.5"][0] == "u8"


def test_patterns_that_fit_nothing() -> None:
    settings = QuantSettings(layer_weight_bits={"conv.*": 3}, layer_act_bits={"tanh": 2})
    with pytest.raises(UserError) as caught:
        made("chain", settings)
    first, second = str(caught.value).splitlines()
    assert first.startswith(
        "[quant] layer_weight_bits names 'conv.*', which fits no layer; there are convs.0, "
    )
    assert second.startswith("[quant] layer_act_bits names 'tanh', which fits no layer; ")


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("srgan16", "chain50")])
def test_eight_bits_are_near_the_float_network(name: str) -> None:
    entry = network(name)
    generator = torch.Generator().manual_seed(3)
    frames = torch.randint(0, 256, (2, entry.channels, 8, 8), generator=generator) / 255
    module = entry.make().eval()
    randomize(module, frames, generator)
    ports = (Port("features"),) if entry.features else (Port(),)
    sums = None if SETTINGS.get(name) is None else SETTINGS[name].sum_bits and 8
    settings = QuantSettings(8, 8, sums, percentile=100, inputs=ports, outputs=ports)
    quantized = twin(module, settings, frames)
    with torch.no_grad():
        float_results, results = module(frames), quantized(frames)
    pairs = zip(*((r if isinstance(r, tuple) else (r,)) for r in (float_results, results)), strict=True)
    for wanted, came in pairs:
        if not entry.features:
            wanted = wanted.clamp(0, 1)
            grid = came * 255
            assert torch.equal(torch.round(grid) * torch.tensor(1 / 255), came)
            assert len(came.unique()) > 20, "the network says nearly nothing"
        assert float((came - wanted).square().mean().sqrt()) < 0.1 * float(wanted.std())


def test_gradients_reach_weights_and_scales() -> None:
    quantized = made("unet_four").train()
    quantized(torch.rand(1, 4, 8, 8)).square().mean().backward()
    learned = dict(quantized.named_parameters())
    assert sum("scaling" in name for name in learned) == 3
    assert [name for name, value in learned.items() if value.grad is None] == []
