"""Bias correction: channels get the float network's means, and the pictures come nearer to its."""

import pytest
import torch
from torch import Tensor

from model.generator import Generator, GeneratorConfig
from quant.bits import QuantConfig, layer_names
from quant.calibrate import _means, calibrate, correct_biases
from quant.generator import QuantGenerator

NET = GeneratorConfig(widths=(6, 8, 8), spectral_norm=False)


def frames(count: int, seed: int) -> Tensor:
    smooth = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(smooth, size=(16, 16), mode="bilinear")


def calibrated(bits: int) -> tuple[Generator, QuantGenerator]:
    torch.manual_seed(4)
    floating = Generator(NET).eval()
    twin = QuantGenerator(NET, QuantConfig(bits, 4))
    twin.load_float(floating)
    calibrate(twin, frames(40, 1))
    return floating, twin


@pytest.mark.parametrize("bits", [2, 3])
def test_means_are_those_of_the_float_network(bits: int) -> None:
    floating, twin = calibrated(bits)
    names = layer_names(NET)
    wanted = _means(floating, names, frames(40, 1))
    off = {name: float((wanted[name] - mean).abs().max()) for name, mean in _gap(twin).items()}
    largest = correct_biases(twin, floating, frames(40, 1))
    left = {name: float((wanted[name] - mean).abs().max()) for name, mean in _gap(twin).items()}
    assert max(off.values()) > 0.01
    # the layers before are not touched any more once a layer is corrected, so all stay right
    assert max(left.values()) < 1e-5
    assert largest >= off["enc1"] - 1e-6


def _gap(twin: QuantGenerator) -> dict[str, Tensor]:
    return _means(twin, layer_names(NET), frames(40, 1))


def test_unseen_frames_come_out_nearer_to_the_float_network() -> None:
    floating, twin = calibrated(2)
    unseen = frames(30, 2)
    with torch.no_grad():
        wanted, before = floating(unseen), twin(unseen)
        correct_biases(twin, floating, frames(40, 1))
        after = twin(unseen)
    assert float(((after - wanted) ** 2).mean()) < 0.5 * float(((before - wanted) ** 2).mean())


def test_only_biases_change() -> None:
    floating, twin = calibrated(3)
    before = {name: value.detach().clone() for name, value in twin.state_dict().items()}
    correct_biases(twin, floating, frames(40, 1))
    changed = {name for name, value in twin.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.endswith("bias") for name in changed)
    assert not twin.layer("enc1")._forward_hooks  # none is left behind
