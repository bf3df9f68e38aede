"""Every operator of the dataflow graph: loops == reference == integer model == HLS C++ == RTL, with stalls.

The seed in a test's id repeats that node alone: `python -m sim.operators --only pad --seed 3`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hls.rtl.generate
from hls import dataflow, fold
from hls.ops import operators
from hls.streams import connect
from pixelmend.errors import UserError
from pixelmend.files import read_json
from sim import soak as soaking
from sim.operators import matrix as module
from sim.operators.check import by_name, check, draw
from sim.operators.matrix import matrix
from sim.operators.node import Hardware
from sim.verilator import Deadlock, Stall
from tests.networks import Case, integer_network

OPERATORS = by_name()
NODES = [(name, seed) for name in OPERATORS for seed in range(2)]
NODES += [  # what their first two have not
    ("add", 2),  # a difference
    ("slice", 2),  # sides cropped unequally
    ("upsample", 3),  # columns of several beats
    ("reduce", 4),  # signed weights, one lane
]


@pytest.mark.parametrize(("name", "seed"), NODES, ids=[f"{name}-seed{seed}" for name, seed in NODES])
def test_every_execution_of_a_node(name: str, seed: int, simulations: Path) -> None:
    assert check(name, seed, simulations) > 0


def test_no_node_type_of_a_network_is_left_out() -> None:
    kinds = set()
    cases = (
        Case(sum_bits=4, mode="selective"),
        Case(mode="mapped", pixels_per_beat=2),
        Case(mode="filled"),
        Case(mode="corrected", fill_sweeps=1),
    )
    for case in cases:
        graph = dataflow.build(integer_network(case))
        fold.apply(graph, fold.balanced(graph, 10_000))
        kinds |= {node.op_type for node in connect(graph, case.pixels_per_beat).graph.node}
    assert kinds <= operators().keys()


@pytest.mark.parametrize("name", OPERATORS)
def test_nodes_are_drawn_from_their_seed(name: str) -> None:
    drawn = [draw(name, seed) for seed in range(25)]
    attributes = [str(sorted(one[0].attributes.items())) for one in drawn]
    assert len(set(attributes)) > 15, "too many are alike"
    again = draw(name, 7)
    assert str(sorted(again[0].attributes.items())) == attributes[7]
    assert all(np.array_equal(*pair) for pair in zip(again[2], drawn[7][2], strict=True))
    for _, node, frames in drawn:
        for port, tensor in zip(node.inputs, frames, strict=True):
            assert np.array_equal(port.unpacked(port.packed(tensor), len(tensor)), tensor)


def rtl_bug(monkeypatch: pytest.MonkeyPatch, file: str, right: str, wrong: str) -> None:
    """From now on `file` is generated with a mistake in it."""
    placed = hls.rtl.generate._placed

    def spoilt(path: Path, workspace: Path) -> tuple[str, str]:
        target, text = placed(path, workspace)
        if path.name == file:
            assert text.count(right) == 1
            text = text.replace(right, wrong)
        return target, text

    monkeypatch.setattr(hls.rtl.generate, "_placed", spoilt)


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        (": a_full + b_full;", ": a_full - b_full;", r"add: RTL, none in, none out, output 0: \d+ of \d+"),
        # a result is given again and again; what is due comes first
        ("valid_q <= s_axis_a_tvalid && s_axis_b_tvalid;", "valid_q <= valid_q || s_axis_a_tvalid;",
         r"add: (more beats than expected: y0|RTL, none in)"),
        ("assign m_axis_tvalid   = valid_q;", "assign m_axis_tvalid   = valid_q && m_axis_tready && 1'b0;",
         r"add: deadlock: nothing moved for 3000 cycles"),
    ],
    ids=["wrong", "spurious", "missing"],
)  # fmt: skip
def test_wrong_spurious_and_missing_output_fail(
    right: str, wrong: str, complaint: str, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rtl_bug(monkeypatch, "skip_add.sv", right, wrong)
    with pytest.raises(UserError, match=complaint) as error:
        check("add", 0, simulations)
    assert str(error.value).endswith("python -m sim.operators --only add --seed 0")


def test_a_beat_too_many_or_too_few_is_noticed(simulations: Path, tmp_path: Path) -> None:
    """The last frame's output is asked for, but given is a frame less, or the other way round."""
    _, node, frames = next(
        case for case in (draw("window", seed) for seed in range(9)) if len(case[2][0]) > 1
    )
    hardware = Hardware.load(node, tmp_path, simulations)
    beats, count = node.inputs[0].packed(frames[0]), len(frames[0])
    less = beats[: len(beats) // count * (count - 1)]
    due = {"y0": count * node.outputs[0].beats}
    run: Any = hardware.simulation.run
    with pytest.raises(Deadlock):
        run({"x0": less}, due, idle_limit=500, cwd=tmp_path)
    fewer = {"y0": (count - 1) * node.outputs[0].beats}
    result = run({"x0": beats}, fewer, {"y0": Stall("random", 0.3, 1)}, idle_limit=500, cwd=tmp_path)
    with pytest.raises(UserError, match="more beats than expected: y0"):
        result.check()


def test_the_report_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def pretend(name: str, seed: int, cache: Path, keep: bool) -> int:
        tried.append((name, seed))
        if (name, seed) == ("window", 4):
            raise UserError("window: differs\n  python -m sim.operators --only window --seed 4")
        return 1

    monkeypatch.setattr(module, "check", pretend)
    report = matrix(tmp_path, 1, 2)
    assert report == read_json(tmp_path / "report.json")
    assert tried == [(name, seed) for seed in (1, 2) for name in OPERATORS]
    assert report["passed"] == 2 * len(OPERATORS)
    assert set(report["operators"].values()) == {2}
    with pytest.raises(UserError, match=r"1 nodes failed; first window: differs"):
        matrix(tmp_path, 4, 1)
    assert read_json(tmp_path / "report.json")["failures"][0]["seed"] == 4
    assert matrix(tmp_path, 0, 5, seconds=-1.0)["passed"] == 0
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"expected an operator, one of pad, window, .*; got 'pool'"):
        draw("pool", 0)


def test_soaking_tells_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = []

    def operators(folder: Path, first: int, count: int, seconds: float) -> None:
        budgets.append(seconds)
        raise UserError("1 nodes failed")

    def networks(plan: Any) -> None:
        budgets.append(plan.seconds)
        assert (plan.seed, plan.folder) == (5, tmp_path / "fuzz")

    monkeypatch.setattr(soaking, "matrix", operators)
    monkeypatch.setattr(soaking, "fuzz", networks)
    with pytest.raises(UserError, match=r"^1 nodes failed$"):
        soaking.soak(2.0, 5, tmp_path, 1)
    assert budgets == [30.0, 90.0]
