"""Random networks: seeded, alive, with all that makes lowering hard; and the command."""

from pathlib import Path

import pytest
import torch
from onnx import load
from torch import nn

from model.networks import NETWORKS, network
from pixelmend.errors import UserError
from quant.zoo import main, random_frames, randomize, zoo


def last_result(name: str, seed: int) -> torch.Tensor:
    twin, entry = zoo(name, 8, 8, seed)
    frames = random_frames(entry, 8, 8, torch.Generator().manual_seed(5))[0]
    with torch.no_grad():
        given = twin(frames)
    return given[-1] if isinstance(given, tuple) else given


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("srgan16", "chain50")])
def test_results_are_alive(name: str) -> None:
    """Not one colour, and not only black and white."""
    assert len(last_result(name, seed=0).unique()) > (5 if network(name).features else 40)


def test_seeds() -> None:
    results = [last_result("unet_four", seed) for seed in (0, 0, 1)]
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


def test_weights_are_of_every_sign() -> None:
    module = network("srgan").make().eval()
    randomize(module, torch.rand(1, 3, 8, 8), torch.Generator().manual_seed(0))
    norms = [one for one in module.modules() if isinstance(one, nn.BatchNorm2d)]
    gains = torch.cat([one.weight for one in norms])
    assert bool((gains < 0).any()) and bool((gains > 0).any())
    slopes = torch.cat([one.weight for one in module.modules() if isinstance(one, nn.PReLU)])
    assert float(slopes.min()) >= 0 and float(slopes.max()) <= 0.5 and len(slopes.unique()) > 10
    for one in module.modules():
        if isinstance(one, nn.Conv2d) and one.bias is not None:
            assert float(one.bias.std()) > 0.01


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "espcn.onnx"
    main("espcn_grey", path, height=5, width=6, seed=3, opset=13, exporter="torchscript")
    graph = load(str(path)).graph
    assert [one.dim_value for one in graph.output[0].type.tensor_type.shape.dim] == [1, 1, 10, 12]


def test_sides_that_do_not_divide() -> None:
    with pytest.raises(UserError, match="frame 8x10: both sides must be multiples of 4 for unet"):
        zoo("unet", 8, 10)
