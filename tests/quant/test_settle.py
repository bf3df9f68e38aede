"""Biases off rounding ties: the shift against brute force, and what `hls` then reads from the file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hls import frontend
from model.generator import GeneratorConfig
from quant.bits import QuantConfig, layer_names
from quant.calibrate import calibrate
from quant.export import export
from quant.generator import QuantGenerator
from quant.margins import LEAST, MARGIN, MOST_SCALING, best_shift
from quant.settle import settle

NET = GeneratorConfig(widths=(4, 6), spectral_norm=False)
STEP = 1e-4  # of the brute force


def distance(crossings: NDArray[np.float64], shift: float) -> float:
    """How near the nearest crossing lies to an integer, after the shift."""
    moved = crossings + shift
    return float(np.abs(moved - np.round(moved)).min())


def brute(crossings: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    shifts = np.arange(-0.5 + STEP, 0.5 + STEP / 2, STEP)
    places = (crossings[:, None] + shifts) % 1.0
    return shifts, np.minimum(places, 1.0 - places).min(0)


@pytest.mark.parametrize("seed", range(60))
def test_the_shift_against_brute_force(seed: int) -> None:
    """Few crossings are brought to the wanted distance with the least shift, many as far as they go."""
    rng = np.random.default_rng(seed)
    crossings = rng.uniform(-40, 40, int(rng.choice([1, 2, 3, 7, 15, 60])))
    wanted = float(rng.choice([0.01, MARGIN, 0.2, 0.5]))
    shift, margin = best_shift(crossings, wanted)
    assert -0.5 <= shift <= 0.5
    assert margin == pytest.approx(distance(crossings, shift), abs=1e-9)
    shifts, margins = brute(crossings)
    best = float(margins.max())
    if best < wanted:
        assert best - 1e-9 <= margin <= best + STEP
    else:
        assert margin >= wanted - 1e-9
        smaller = np.abs(shifts) < abs(shift) - STEP
        assert not (margins[smaller] >= wanted + STEP).any()


@pytest.mark.parametrize(
    ("crossings", "wanted", "shift", "margin"),
    [
        ([3.5], 0.05, 0.0, 0.5),  # far enough already
        ([3.25, 7.75], 0.05, 0.0, 0.25),
        ([2.0], 0.05, 0.05, 0.05),  # either way, as little as will do
        ([-4.01], 0.05, -0.04, 0.05),
        ([5.01], 0.05, 0.04, 0.05),
        ([0.0, 0.5], 0.3, 0.25, 0.25),  # no shift reaches what is wanted
        ([0.99, 0.01], 0.1, 0.11, 0.1),
    ],
)
def test_shifts_by_hand(crossings: list[float], wanted: float, shift: float, margin: float) -> None:
    came, reached = best_shift(np.array(crossings), wanted)
    assert abs(came) == pytest.approx(abs(shift), abs=1e-9)
    assert reached == pytest.approx(margin, abs=1e-9)


def twin(act_bits: int, seed: int) -> QuantGenerator:
    torch.manual_seed(seed)
    network = QuantGenerator(NET, QuantConfig(4, act_bits))
    with torch.no_grad():
        dict(network.named_parameters())["dec.1.bias"] += 0.4
    calibrate(network, torch.rand(20, 3, 16, 16))
    return network


def units(network: QuantGenerator) -> dict[str, NDArray[np.float64]]:
    """One accumulator unit of every channel, by layer."""
    found = {}
    for name in layer_names(NET):
        layer: Any = network.layer(name)
        source: Any = network.input_act_of(name)
        scale = layer.quant_weight().scale.detach().double().reshape(-1) * float(
            source.act_quant.scale().detach()
        )
        found[name] = np.broadcast_to(scale.numpy(), (len(layer.bias),))
    return found


@pytest.mark.parametrize("act_bits", [2, 4])
def test_only_biases_move_and_by_half_a_unit_at_most(act_bits: int) -> None:
    network = twin(act_bits, seed=5)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    settle(network)
    moved = 0
    for name, value in network.named_parameters():
        if not name.endswith("bias"):
            assert torch.equal(value, before[name]), name
    for name, unit in units(network).items():
        field = next(key for key, module in network.named_modules() if module is network.layer(name))
        bias: Any = network.layer(name).bias
        change = (bias.detach() - before[f"{field}.bias"]).double().numpy()
        assert (np.abs(change) <= 0.5 * unit * (1 + 1e-5)).all()
        moved += int((change != 0).sum())
    assert moved > 3


@pytest.mark.parametrize("act_bits", [4])
def test_the_file_has_the_margin_that_settling_reports(act_bits: int, tmp_path: Path) -> None:
    network = twin(act_bits, seed=act_bits)
    margin = settle(network)
    assert 0.0 < margin <= 0.5
    again = settle(network)
    assert again == pytest.approx(margin, abs=1e-4)  # biases are float32
    export(network, 8, 8, tmp_path / "x.onnx")
    # hls looks at the thresholds an accumulator can reach, settling at all
    assert frontend.read(tmp_path / "x.onnx").least_margin >= margin - 1e-4


def test_many_steps_fall_whole_units_apart() -> None:
    """A last layer of 8 bits, whose 255 steps would come near an integer wherever they are shifted."""
    network = twin(4, seed=3)
    name = layer_names(NET)[-1]
    layer: Any = network.layer(name)
    step = float(network.image_out.act_quant.scale().detach())  # type: ignore[operator, union-attr]
    with torch.no_grad():
        layer.weight.mul_(float(step / units(network)[name].max()) / 190.3717)  # of about so many units
    integers = layer.quant_weight().int().clone()
    before = layer.weight.detach().clone()
    margin = settle(network)
    apart = step / units(network)[name]
    assert np.abs(apart - np.round(apart)).max() < 1e-3
    assert margin >= LEAST
    assert torch.equal(layer.quant_weight().int(), integers)
    factors = layer.weight.detach() / before
    assert float((factors - 1).abs().max()) <= MOST_SCALING
    assert float((factors - factors[:1, :, :1, :1]).abs().max()) < 1e-5, "a factor a channel"


def test_settling_widens_the_margin_that_hls_reads(tmp_path: Path) -> None:
    """A bias that puts the first threshold of a channel on an integer, which is a tie between two results."""
    network = twin(2, seed=1)
    name = layer_names(NET)[0]
    layer: Any = network.layer(name)
    unit = units(network)[name][0]
    result: Any = network.act_of(name)
    with torch.no_grad():  # the first crossing lies on an integer now
        layer.bias[0] = 0.5 * float(result.act_quant.scale()) - 3 * unit
    export(network, 8, 8, tmp_path / "before.onnx")
    margin = settle(network)
    export(network, 8, 8, tmp_path / "after.onnx")
    before, after = (frontend.read(tmp_path / f"{when}.onnx").least_margin for when in ("before", "after"))
    assert before < 1e-4
    assert after >= margin - 1e-4 > 1e-3
