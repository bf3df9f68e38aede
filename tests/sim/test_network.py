"""The whole network, six ways, to the last bit: Brevitas, QONNX, FINN's dataflow, integer model, HLS, RTL.

Widths and frames are tiny, since compiling the simulation takes nearly all of the time; between them the
cases take every value of the matrix that the generator and the hardware offer.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hls import fifo, streams
from hls.ops.fifo import op as fifo_op
from model.generator import FILLED
from sim.fifo_check import fifos
from sim.hls import HlsModel
from sim.integer import IntegerModel
from sim.rtl import IN, OUT, RtlModel
from sim.verilator import Deadlock, Stall
from tests.networks import (
    Case,
    brevitas_pixels,
    dataflow_pixels,
    equal,
    images,
    lowered,
    qonnx_pixels,
)

WIDE: Any = {
    "layer_act_bits": {"enc1": 5, "dec1": 5},
    "layer_sum_bits": {"dec1": 6},
    "layer_input_bits": {"enc2": 4},
}

CASES = [
    Case(widths=(4,), weight_bits=2, act_bits=2, kernel=2, center=False, target_fps=1e6, seed=1),
    Case(widths=(4, 6), weight_bits=4, act_bits=4, pixels_per_beat=2, seed=2),
    Case(widths=(4, 6), weight_bits=3, act_bits=2, kernel=3, skips=False, height=12, width=8, seed=3),
    Case(widths=(4, 4), weight_bits=8, act_bits=8, kernel=3, stride=3, height=9, width=18, seed=4),
    Case(widths=(4, 4), weight_bits=4, act_bits=2, kernel=6, center=False, width=8, seed=5),
    Case(widths=(4, 4, 4), weight_bits=3, act_bits=4, sum_bits=4, pixels_per_beat=2, seed=6),
    Case(widths=(4, 4, 6), weight_bits=2, act_bits=8, sum_bits=8, skips=True, height=16, width=8, seed=7),
    Case(widths=(4, 4, 4, 4), weight_bits=8, act_bits=2, kernel=2, skips=False, center=False,
         height=16, width=16, layer_weight_bits={"enc1": 3}, seed=9),
    Case(widths=(4, 6), mode="mapped", pixels_per_beat=2, seed=11),
    Case(widths=(4, 6), mode="selective", sum_bits=4, layer_weight_bits={"dec2": 8}, seed=13, **WIDE),
    Case(widths=(4, 6), mode="filled", fill_levels=3, seed=14),
    Case(widths=(4, 6), mode="corrected", fill_levels=2, pixels_per_beat=2, seed=16),
    Case(widths=(4, 6), mode="filled", fill_levels=1, fill_sweeps=2, seed=14),
    Case(widths=(4,), mode="corrected", fill_levels=2, fill_sweeps=1, pixels_per_beat=2, seed=16),
    Case(widths=(4,), center=False, middle=2, mode="corrected", fill_levels=1, fill_sweeps=1, seed=16),
]  # fmt: skip


def compiled(build: Path, simulations: Path) -> RtlModel:
    return RtlModel.load(build, simulations, optimize="-O0")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_all_executions_agree(case: Case, tmp_path: Path, simulations: Path) -> None:
    network, model, build = lowered(case, tmp_path)
    frames = images(case)
    want = IntegerModel.load(build / "dataflow.onnx").run(frames)
    assert len(np.unique(want)) > 8, "the network says nearly nothing"
    if case.mode in FILLED:
        assert 0.05 < (want != frames[..., :3]).any(-1).mean() < 0.95, "few pixels are broken, or all"
    equal("Brevitas", brevitas_pixels(network, frames), want)
    equal("QONNX", qonnx_pixels(model, frames), want)
    equal("FINN dataflow", dataflow_pixels(build, frames), want)

    equal("HLS C++", HlsModel.load(build, simulations, optimize="-O0").run(frames), want)

    rtl = compiled(build, simulations)
    free = rtl.run(frames)
    equal("RTL", free.frames, want)
    assert not free.frame_error
    for kind, value in (("random", 0.99), ("bursty", free.cycles / 20)):  # a pixel takes some hundred cycles
        stalls = {IN: Stall(kind, value, case.seed), OUT: Stall(kind, value, case.seed + 100)}
        stalled = rtl.run(frames, stalls=stalls)
        equal(f"RTL with {kind} stalls", stalled.frames, want)
        assert stalled.cycles > free.cycles


@pytest.mark.parametrize(
    "case",
    [
        Case(widths=(3,), height=4, width=4, kernel=2, skips=False, center=False, weight_bits=2, act_bits=2,
             target_fps=2e3, folding_seed=625805760, mode="filled", fill_levels=2, seed=1879202483),
        Case(widths=(1, 4, 2, 4), height=16, width=16, kernel=2, center=False, weight_bits=2,
             layer_input_bits={"enc3": 2}, target_fps=2e3, folding_seed=1478777586, seed=297974715),
    ],
    ids=str,
)  # fmt: skip
def test_skips_with_converters_behind_them(case: Case, tmp_path: Path, simulations: Path) -> None:
    """A converter holds less than it seems to; the fuzzer found both of these deadlocked."""
    _, _, build = lowered(case, tmp_path)
    frames = images(case)
    rtl = compiled(build, simulations)
    depths = {fifo.name: fifo.depth for fifo in fifos(rtl.graph)}
    equal("RTL", rtl.run(frames, caps=depths).frames, IntegerModel.load(build / "dataflow.onnx").run(frames))


def test_five_levels(tmp_path: Path) -> None:
    """The deepest generator; its simulation would take long to compile and show nothing new."""
    case = Case(widths=(4, 4, 4, 4, 4), height=32, width=64, seed=12)
    network, model, build = lowered(case, tmp_path)
    frames = images(case)
    want = IntegerModel.load(build / "dataflow.onnx").run(frames)
    assert len(np.unique(want)) > 8, "the network says nearly nothing"
    equal("Brevitas", brevitas_pixels(network, frames), want)
    equal("QONNX", qonnx_pixels(model, frames[:1]), want[:1])
    equal("FINN dataflow", dataflow_pixels(build, frames[:1]), want[:1])


def test_a_fifo_of_two_memories_is_one_fifo(
    tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of full size alone have FIFOs for which it pays; here every one that can be is divided."""
    case = CASES[1]
    _, _, whole = lowered(case, tmp_path / "whole")
    frames = images(case)
    want = compiled(whole, simulations).run(frames)
    monkeypatch.setattr(
        fifo_op, "memories", lambda depth, width: [depth // 2, depth - depth // 2] if depth > 3 else [depth]
    )
    _, _, build = lowered(case, tmp_path / "divided")
    text = (build / "rtl" / "top.sv").read_text(encoding="utf-8")
    assert "_fifo_1 (" in text
    rtl = compiled(build, simulations)
    stalls = {IN: Stall("random", 0.9, 1), OUT: Stall("random", 0.9, 2)}
    for got in (rtl.run(frames), rtl.run(frames, stalls=stalls)):
        equal("RTL", got.frames, want.frames)
    free = rtl.run(frames)
    assert free.cycles == pytest.approx(want.cycles, rel=0.02)
    skip = "add1_add_in1_fifo"
    assert free.fills[skip] == pytest.approx(want.fills[skip], abs=4), "the level is that of both memories"


def test_a_short_skip_fifo_is_a_deadlock_that_explains_itself(
    tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[1]
    monkeypatch.setattr(fifo, "size", lambda graph: 1.0)
    _, _, build = lowered(case, tmp_path)
    with pytest.raises(Deadlock) as error:
        compiled(build, simulations).run(images(case), idle_limit=5000)
    report = error.value.report
    name = "add1_add_in1_fifo"
    assert report.reason == "deadlock: nothing moved for 5000 cycles"
    assert report.fills[name][0] >= streams.UNSIZED, "the FIFO is full"
    assert report.probes[f"conv1_fork -> {name}"] == "blocked"
    assert report.probes["deconv1_shuffle -> add1_add"] == "starved"
    assert report.inputs[IN][2], "the image waits"
    got, due = report.outputs[OUT]
    assert got < due == 3 * case.height * case.width // case.pixels_per_beat
    assert f"conv1_fork -> {name}: blocked" in str(error.value)
    assert f"{name}: holds " in str(error.value)


@pytest.mark.parametrize(
    ("memory", "flipped"),
    [
        ("conv1_mvau_weights.dat", 0x4),  # of a 4-bit weight
        ("deconv2_thresholds_threshs_0_0.dat", 0x800),  # the sign of the threshold between 127 and 128
    ],
)
def test_one_wrong_bit_in_a_memory_shows(
    memory: str, flipped: int, tmp_path: Path, simulations: Path
) -> None:
    case = CASES[1]
    _, _, build = lowered(case, tmp_path)
    frames = images(case)
    rtl = compiled(build, simulations)
    want = IntegerModel.load(build / "dataflow.onnx").run(frames)
    equal("RTL", rtl.run(frames).frames, want)
    path = build / "rtl" / "memory" / memory
    first, *others = path.read_text().split()
    path.write_text("\n".join([f"{int(first, 16) ^ flipped:0{len(first)}x}", *others]) + "\n")
    wrong = int((rtl.run(frames).frames != want).sum())
    assert 0 < wrong < want.size
