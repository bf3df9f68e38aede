"""Capacities of FIFOs cut at run time: what full pace needs, where a network deadlocks, and the report."""

import math
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hls import dataflow, fold, streams
from hls.config import HlsConfig
from hls.fifo import size
from hls.finn_setup import finn_workspace
from hls.layers.restoration import filling
from hls.network import Network, Tensor
from hls.rtl.generate import generate
from hls.timing import Pipeline
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from sim import fifo_check as module
from sim.config import SimConfig
from sim.fifo_check import TOLERANCE, Bench, Fifo, Limits, fifo_check, fifos, judge, limits
from sim.integer import IntegerModel
from sim.rtl import RtlModel, Run
from sim.verilator import Deadlock
from tests.networks import Case, images, lowered

CASE = Case(widths=(4, 6), pixels_per_beat=2, seed=2)
SKIP = "add1_add_in1_fifo"
PYRAMIDS = [
    Case(widths=(4, 6), height=16, mode="filled", fill_levels=3, seed=14),
    Case(widths=(4, 6), height=16, mode="corrected", fill_levels=2, pixels_per_beat=2, seed=16),
    Case(widths=(4, 6), height=16, mode="corrected", fill_levels=1, fill_sweeps=2, seed=16),
]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lowered(CASE, tmp_path_factory.mktemp("lowered"))[2]


@pytest.fixture(scope="module")
def compiled(build: Path, simulations: Path) -> RtlModel:
    return RtlModel.load(build, simulations, optimize="-O0")


@pytest.fixture(scope="module")
def free(compiled: RtlModel) -> Run:
    return compiled.run(images(CASE))


def by_name(compiled: RtlModel) -> dict[str, Fifo]:
    return {fifo.name: fifo for fifo in fifos(compiled.graph)}


def test_only_skips_have_a_floor(compiled: RtlModel) -> None:
    found = by_name(compiled)
    assert [name for name, fifo in found.items() if fifo.floor is not None] == [SKIP]
    assert 0 < cast(int, found[SKIP].floor) <= found[SKIP].depth


def test_at_the_depth_given_the_network_runs_at_full_pace(compiled: RtlModel, free: Run) -> None:
    depths = {name: fifo.depth for name, fifo in by_name(compiled).items()}
    capped = compiled.run(images(CASE), caps=depths)
    assert capped.per_frame <= free.per_frame * (1 + TOLERANCE)
    assert all(capped.fills[name] <= depth for name, depth in depths.items())
    assert np.array_equal(capped.frames, free.frames)
    assert capped.signatures == free.signatures


@pytest.mark.parametrize("case", PYRAMIDS, ids=str)
def test_a_network_with_a_pyramid(case: Case, tmp_path: Path, simulations: Path) -> None:
    """At its depths it keeps the pace that was computed; any skip cut below its floor is a deadlock."""
    compiled = RtlModel.load(lowered(case, tmp_path)[2], simulations, optimize="-O0")
    found = by_name(compiled)
    depths = {name: fifo.depth for name, fifo in found.items()}
    frames = images(case)
    free, capped = compiled.run(frames), compiled.run(frames, caps=depths)
    assert capped.per_frame <= free.per_frame * (1 + TOLERANCE)
    assert np.array_equal(capped.frames, free.frames)

    schedule = Pipeline(compiled.graph).run(frames=len(frames))
    assert capped.per_frame == pytest.approx(schedule.period, rel=0.01)
    assert capped.last_pixel == pytest.approx(schedule.ends[0][0], rel=0.02)
    floors = {name: fifo.floor for name, fifo in found.items() if fifo.floor is not None}
    image = "mark1" if case.mode == "filled" else "correct1"
    joins = [SKIP, f"{image}_pixels_in1_fifo"]
    joins += [f"double{n}_pixels_in1_fifo" for n in range(1, case.fill_levels + 1)]
    assert sorted(floors) == sorted(joins)
    for name, floor in floors.items():
        assert abs(capped.fills[name] - schedule.levels[name]) <= 1
        with pytest.raises(Deadlock) as caught:
            compiled.run(frames, caps={name: floor * 3 // 4}, idle_limit=5000)
        assert caught.value.report.fills[name] == (floor * 3 // 4,) * 2


@pytest.mark.parametrize(("height", "width", "levels"), [(16, 24, 3), (8, 4, 1), (2, 2, 1), (32, 8, 2)])
def test_a_pyramid_takes_the_cycles_of_the_recurrence(
    height: int, width: int, levels: int, tmp_path: Path, simulations: Path
) -> None:
    """Filling alone, at a pixel a cycle, to the cycle: nothing else hides where its nodes wait."""
    image = Tensor("image", height, width, 4, 8, 255, 1.0)
    layers, filled = filling(image, levels, False, "filled")
    graph = dataflow.build(Network(image, (filled,), tuple(layers), 0.5))
    fold.apply(graph, fold.balanced(graph, height * width))
    graph = streams.connect(graph, 1)
    size(graph)
    rtl = tmp_path / "rtl"
    rtl.mkdir()
    with finn_workspace() as workspace:
        generate(graph, HlsConfig(), rtl, workspace)
    graph.save(str(tmp_path / "dataflow.onnx"))
    frame = {"height": height, "width": width}
    write_json(tmp_path / "io.json", {"pixels_per_beat": 1, "frame": frame})

    compiled = RtlModel.load(tmp_path, simulations, optimize="-O0")
    frames = np.random.default_rng(1).integers(0, 256, (4, height, width, 4), dtype=np.uint8)
    depths = {fifo.name: fifo.depth for fifo in fifos(graph)}
    run = compiled.run(frames, caps=depths)
    assert np.array_equal(run.frames, IntegerModel(graph, height, width).run(frames))
    for count in range(2, len(frames) + 1):
        schedule = Pipeline(graph).run(frames=count)
        assert compiled.run(frames[:count], caps=depths).per_frame == schedule.period
    # the ports have registers that the graph has not
    assert run.last_pixel - schedule.ends[0][0] == 1
    assert all(abs(run.fills[name] - level) <= 1 for name, level in schedule.levels.items())


def test_caps_do_not_change_pixels(compiled: RtlModel, free: Run) -> None:
    others = [name for name in by_name(compiled) if name != SKIP]
    capped = compiled.run(images(CASE), caps=dict.fromkeys(others, 1))
    assert max(capped.fills[name] for name in others) == 1
    assert capped.cycles > free.cycles
    assert np.array_equal(capped.frames, free.frames)
    assert capped.signatures == free.signatures


def test_below_the_floor_it_deadlocks(compiled: RtlModel) -> None:
    cap = cast(int, by_name(compiled)[SKIP].floor) * 3 // 4
    with pytest.raises(Deadlock) as caught:
        compiled.run(images(CASE), caps={SKIP: cap}, idle_limit=5000)
    assert caught.value.report.fills[SKIP] == (cap, cap)
    assert caught.value.report.probes[f"conv1_fork -> {SKIP}"] == "blocked"


@pytest.mark.parametrize(
    ("caps", "message"),
    [
        ({"fifo_of_nobody": 4}, rf"caps: expected the name of a FIFO \(.*{SKIP}.*\), got 'fifo_of_nobody'"),
        ({SKIP: -1}, f"caps: {SKIP}: expected 0 to .* beats, got -1"),
    ],
)
def test_wrong_caps_are_named(compiled: RtlModel, caps: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        compiled.run(images(CASE), caps=caps)


def test_busy_share_of_the_matrix_units(compiled: RtlModel, free: Run) -> None:
    busy = compiled.busy(free)
    assert list(busy) == ["conv1_mvau", "conv2_mvau", "conv3_mvau", "deconv1_mvau", "deconv2_mvau"]
    assert all(0 < share <= 1 for share in busy.values())


def test_the_report(
    build: Path, compiled: RtlModel, free: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RtlModel", SimpleNamespace(load=lambda *_: compiled))
    monkeypatch.setattr(module, "SURPLUS", 2.0)  # of so small a frame, a pixel is a large share
    config = tmp_path / "some.toml"
    config.write_text("[sim]\nframes = 1\nidle_limit = 3000\n", encoding="utf-8")
    report = fifo_check(build, config, resolution=0.05)

    assert report == read_json(build / "fifo_check.json")
    assert report["frames"] == 3
    cycles = report["cycles_per_frame"]
    assert cycles["uncapped"] == free.per_frame, "timing does not depend on the data"
    assert cycles["at_depth"] <= free.per_frame * (1 + TOLERANCE)
    (skip,) = report["skips"]
    assert skip["name"] == SKIP
    assert 0 < skip["deadlocks_at"] < skip["alive_at"] <= skip["full_at"] <= skip["depth"]
    assert skip["slow_at"] < skip["full_at"]
    assert abs(skip["alive_at"] - skip["floor"]) <= 0.1 * skip["floor"]
    assert report["skip_bits"]["given"] == skip["depth"] * skip["width_bits"]
    assert [row["name"] for row in report["others"]] == [name for name in by_name(compiled) if name != SKIP]
    assert all(row["cycles_per_frame"] >= free.per_frame for row in report["others"])


class Paces:
    """A bench without hardware: deadlock below 100 beats, full pace (1000 cycles) from 150."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def cycles(self, caps: Mapping[str, int]) -> float:
        self.asked.append(caps["some"])
        return math.inf if caps["some"] < 100 else 2000 if caps["some"] < 150 else 1000


@pytest.mark.parametrize("floor", [90, 100, 103, 140])
def test_limits_are_found_to_the_beat(floor: int) -> None:
    bench = Paces()
    found = limits(cast(Bench, bench), Fifo("some", 8, 180, floor), 180, 1005, 0.0)
    assert found == Limits(deadlocks_at=99, alive_at=100, slow_at=149, full_at=150)
    assert len(set(bench.asked)) == len(bench.asked) <= 16


def test_a_right_floor_saves_runs() -> None:
    bench = Paces()
    found = limits(cast(Bench, bench), Fifo("some", 8, 180, 100), 180, 1005, 0.03)
    assert found.deadlocks_at < 100 <= found.alive_at
    assert found.slow_at < 150 <= found.full_at
    assert found.alive_at - found.deadlocks_at <= 3
    assert len(bench.asked) <= 7


GOOD: dict[str, Any] = {
    "cycles_per_frame": {"uncapped": 1000, "at_depth": 1004},
    "skips": [{"name": "some", "depth": 110, "slow_at": 99, "full_at": 100, "depth_to_minimum": 1.1}],
}


@pytest.mark.parametrize(
    ("skip", "at_depth", "message"),
    [
        ({"depth": 90}, 1200, "some holds 90 beats, full pace needs 100"),
        (
            {"depth": 120, "depth_to_minimum": 1.2},
            1000,
            "some holds 120 beats, 1.20 times the 100 of full pace",
        ),
        ({}, 1006, "other than the skips' is too shallow at its depth: 1,006 cycles a frame, 1,000 without"),
        ({}, None, "other than the skips' is too shallow at its depth: it deadlocks"),
    ],
)
def test_wrong_depths_are_errors(skip: dict[str, Any], at_depth: int | None, message: str) -> None:
    judge(GOOD)
    report = deepcopy(GOOD)
    report["skips"][0] |= skip
    report["cycles_per_frame"]["at_depth"] = at_depth
    with pytest.raises(UserError, match=message):
        judge(report)


def test_depths_too_shallow_are_looked_for_above(compiled: RtlModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The depths are taken from a build that gives its skip half of what it needs."""
    half = [
        Fifo(fifo.name, fifo.width_bits, fifo.depth // (1 if fifo.floor is None else 2), fifo.floor)
        for fifo in fifos(compiled.graph)
    ]
    monkeypatch.setattr(module, "fifos", lambda _: half)
    report = module.measure(compiled, SimConfig(idle_limit=3000), 0.1, 2)
    assert report["cycles_per_frame"]["at_depth"] is None
    (skip,) = report["skips"]
    assert skip["depth"] < skip["full_at"]
    with pytest.raises(UserError, match=f"{SKIP} holds {skip['depth']} beats, full pace needs"):
        judge(report)
