"""Kinds of weights: the nearest allowed integer, the scale that belongs to it, nothing lost on the way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hls.frontend import read
from hls.layers import Convolution, TransposedConvolution
from model.generator import GeneratorConfig
from quant.bits import QuantConfig, WeightKind, layer_names
from quant.export import export
from quant.generator import QuantGenerator
from quant.settle import settle
from quant.weights import PowerOfTwoRound, SignRound, weight_levels
from tests.networks import Case, brevitas_pixels, equal, images, qonnx_pixels, twin

NET = GeneratorConfig(widths=(6, 8), spectral_norm=False)


def integers(layer: Any) -> torch.Tensor:
    """The layer's integer weights (Cout, ...)."""
    weights = layer.quant_weight()
    values = (weights.value / weights.scale).detach()
    assert torch.allclose(values, values.round(), atol=1e-5)
    return values.round().transpose(0, 1 if isinstance(layer, nn.ConvTranspose2d) else 0)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_powers_of_two_are_the_nearest(bits: int) -> None:
    levels = torch.tensor(weight_levels("power_of_two", bits), dtype=torch.float32)
    reach = 1.3 * float(levels.max())  # clipped beyond the largest
    x = torch.linspace(-reach, reach, 40001)
    rounded = PowerOfTwoRound(bits)(x)
    nearest = (x[:, None] - levels).abs().min(1).values
    assert torch.equal((x - rounded).abs(), nearest)
    assert set(rounded.tolist()) == set(levels.tolist())


def test_the_levels_by_hand() -> None:
    assert weight_levels("power_of_two", 2) == [-1, 0, 1]
    assert weight_levels("power_of_two", 4) == [-4, -2, -1, 0, 1, 2, 4]
    assert weight_levels("binary", 4) == [-1, 1]
    assert weight_levels("uniform", 3) == [-3, -2, -1, 0, 1, 2, 3]


@pytest.mark.parametrize("rounding", [PowerOfTwoRound(4), SignRound()], ids=["power of two", "sign"])
def test_gradients_pass_straight_through(rounding: nn.Module) -> None:
    x = torch.tensor([-3.1, -0.2, 0.0, 0.7, 2.9], requires_grad=True)
    result = rounding(x)
    result.backward(torch.arange(5.0))
    assert x.grad is not None
    assert torch.equal(x.grad, torch.arange(5.0))
    assert torch.equal(result.detach(), rounding(x.detach()))  # training and evaluation round alike


@pytest.mark.parametrize(("kind", "bits"), [("power_of_two", 3), ("power_of_two", 4), ("binary", 4)])
def test_the_twin_has_only_these_integers(kind: WeightKind, bits: int) -> None:
    torch.manual_seed(1)
    network = QuantGenerator(NET, QuantConfig(weight_bits=bits, weight_kind=kind))
    levels = weight_levels(kind, bits)
    for name, layer in network.layers().items():
        found = integers(layer)
        assert set(found.unique().tolist()) == set(levels), name
        # every channel uses its largest integer: the scale is that channel's
        assert torch.equal(found.abs().flatten(1).amax(1), torch.full((len(found),), float(max(levels))))


def test_binary_scales_are_the_mean_magnitude() -> None:
    torch.manual_seed(1)
    network = QuantGenerator(NET, QuantConfig(weight_kind="binary"))
    for name in layer_names(NET):
        layer: Any = network.layer(name)
        axes = (0, 2, 3) if name.startswith("dec") else (1, 2, 3)
        wanted = layer.weight.detach().abs().mean(axes)
        assert torch.allclose(layer.quant_weight().scale.flatten(), wanted, rtol=1e-6)


def test_single_layers_can_be_of_another_kind() -> None:
    quant = QuantConfig(layer_weight_kind={"enc2": "binary", "dec1": "power_of_two"})
    network = QuantGenerator(NET, quant)
    sizes = {name: len(integers(layer).unique()) for name, layer in network.layers().items()}
    assert (sizes["enc2"], sizes["dec1"]) == (2, 7)
    assert sizes["center"] > 7
    assert (quant.weights("enc2"), quant.weights("dec1")) == (2, 4)


@pytest.mark.parametrize("kind", ["power_of_two", "binary"])
def test_lowering_reads_the_integers_of_the_twin(kind: WeightKind, tmp_path: Path) -> None:
    """And QONNX's execution of the file equals Brevitas, although its Quant nodes round uniformly."""
    case = Case(widths=(4, 6), height=8, width=16, weight_kind=kind, seed=5)
    network = twin(case)
    assert settle(network) > 0
    path = tmp_path / "generator.onnx"
    export(network, case.height, case.width, path)
    equal("QONNX", qonnx_pixels(path, images(case)), brevitas_pixels(network, images(case)))
    matrices = [
        layer for layer in read(path).layers if isinstance(layer, Convolution | TransposedConvolution)
    ]
    for name, layer in zip(layer_names(network.config), matrices, strict=True):
        module: Any = network.layer(name)
        weights = module.quant_weight()
        wanted = (weights.value / weights.scale).round().detach().numpy().astype(np.int64)
        equal(name, layer.weights, wanted)
        assert layer.weight_bits == (2 if kind == "binary" else 4)
