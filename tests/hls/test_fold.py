"""Folding: the target is met wherever the channels allow, by the least hardware; files are checked."""

import json
from pathlib import Path
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls import dataflow, fold
from pixelmend.errors import UserError
from tests.networks import Case, integer_network

CASE = Case(widths=(4, 6, 8), height=16, width=24, sum_bits=4)
UNREACHABLE = 10


def graph() -> ModelWrapper:
    return dataflow.build(integer_network(CASE))


def cycles(model: ModelWrapper, name: str) -> int:
    return int(getCustomOp(model.get_node_from_name(name)).get_exp_cycles())


def widest(node: Any) -> dict[str, int]:
    operator = getCustomOp(node)
    match node.op_type:
        case "MVAU_rtl":
            return {"PE": operator.get_nodeattr("MH"), "SIMD": operator.get_nodeattr("MW")}
        case "Thresholding_rtl":
            return {"PE": operator.get_nodeattr("NumChannels")}
        case "SlidingWindow_rtl":
            return {"SIMD": operator.get_nodeattr("NumChannels")}
        case _:
            return {"SIMD": operator.get_nodeattr("NumChannels")}


@pytest.mark.parametrize("target", [UNREACHABLE, 500, 1_000, 3_000, 10_000, 10**9])
def test_balanced_meets_the_target_where_it_can(target: int) -> None:
    model = graph()
    folding = fold.balanced(model, target)
    assert list(folding) == [node.name for node in model.graph.node]
    fold.apply(model, folding)
    for node in model.graph.node:
        if cycles(model, node.name) <= target:
            continue
        producer = model.find_producer(node.input[0])
        assert folding[node.name] == widest(node) or (
            # thresholds keep in step with a matrix unit
            node.op_type == "Thresholding_rtl" and folding[node.name]["PE"] == folding[producer.name]["PE"]
        ), f"{node.name}: {cycles(model, node.name)} cycles with {folding[node.name]}"
    if target == 10**9:
        assert all(set(entry.values()) == {1} for entry in folding.values())
    if target >= 3_000:
        assert max(cycles(model, node.name) for node in model.graph.node) <= target


@pytest.mark.parametrize("target", [500, 1_000, 3_000])
def test_no_smaller_matrix_unit_would_do(target: int) -> None:
    model = graph()
    folding = fold.balanced(model, target)
    for node in model.graph.node:
        if node.op_type != "MVAU_rtl":
            continue
        rows, columns = (getCustomOp(node).get_nodeattr(key) for key in ("MH", "MW"))
        windows = cycles(model, node.name) // (rows * columns)  # PE and SIMD are 1 before `apply`
        chosen = folding[node.name]
        lanes = chosen["PE"] * chosen["SIMD"]
        assert windows * rows * columns // lanes <= target
        for pe in range(1, rows + 1):
            for simd in range(1, columns + 1):
                if rows % pe == 0 and columns % simd == 0 and pe * simd < lanes:
                    assert windows * rows * columns // (pe * simd) > target, (node.name, pe, simd)


def test_balanced_leaves_the_graph_unfolded() -> None:
    model = graph()
    before = {node.name: cycles(model, node.name) for node in model.graph.node}
    fold.balanced(model, 500)
    assert {node.name: cycles(model, node.name) for node in model.graph.node} == before


def test_requantized_sum_folds_alone() -> None:
    """Its thresholds stand behind an add, which has no PE."""
    model = graph()
    fold.apply(model, fold.balanced(model, 800))
    assert cycles(model, "requant1_thresholds") <= 800


@pytest.mark.parametrize(
    ("node", "entry", "message"),
    [
        ("conv1_mvau", {"PE": 3, "SIMD": 1}, "folding of conv1_mvau: PE must divide 4, got 3"),
        ("conv1_mvau", {"PE": 1, "SIMD": 5}, "folding of conv1_mvau: SIMD must divide 48, got 5"),
        ("conv1_mvau", {"PE": 0, "SIMD": 1}, "folding of conv1_mvau: PE must divide 4, got 0"),
        ("conv1_mvau", {"PE": -2, "SIMD": 1}, "folding of conv1_mvau: PE must divide 4, got -2"),
        ("conv1_mvau", {"PE": "2"}, "folding of conv1_mvau: PE must divide 4, got '2'"),
        ("conv1_mvau", {"PE": True}, "folding of conv1_mvau: PE must divide 4, got True"),
        ("conv1_mvau", {"PE": 2.0}, "folding of conv1_mvau: PE must divide 4, got 2.0"),
        ("conv1_window", {"SIMD": 2}, "folding of conv1_window: SIMD must divide 3, got 2"),
        ("conv1_window", {"PE": 1}, "folding of conv1_window: a SlidingWindow_rtl has no PE"),
        ("conv1_thresholds", {"SIMD": 1}, "folding of conv1_thresholds: a Thresholding_rtl has no SIMD"),
        ("conv1_fork", {"LANES": 1}, "folding of conv1_fork: a StreamFork_rtl has no LANES"),
        ("conv1_mvau", {"XX": 1}, "folding of conv1_mvau: a MVAU_rtl has no XX"),
    ],
)
def test_apply_refuses(node: str, entry: dict[str, Any], message: str) -> None:
    model = graph()
    folding = fold.balanced(model, 10**9)
    folding[node] = entry
    with pytest.raises(UserError) as error:
        fold.apply(model, folding)
    assert str(error.value) == message


def test_apply_wants_exactly_the_nodes() -> None:
    model = graph()
    folding = fold.balanced(model, 10**9)
    del folding["conv1_pad"]
    folding["conv9_pad"] = {"SIMD": 1}
    with pytest.raises(UserError, match=r"must name exactly the nodes .* differs in conv1_pad, conv9_pad"):
        fold.apply(model, folding)


def test_a_file_says_what_was_chosen(tmp_path: Path) -> None:
    folding = fold.balanced(graph(), 1_000)
    path = tmp_path / "folding.json"
    path.write_text(json.dumps(folding))
    assert fold.read(path) == folding


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "expected a JSON file, found nothing there"),
        ("{", "not valid JSON"),
        ("[1, 2]", "expected node names with their PE and SIMD"),
        ('{"conv1_mvau": 4}', "expected node names with their PE and SIMD"),
    ],
)
def test_a_bad_file_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "folding.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError) as error:
        fold.read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
