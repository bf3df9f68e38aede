"""The generated HLS project: reproducible, movable, one call a node; and the ROMs it is made of."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls import budget, dataflow, fold, streams
from hls.config import HlsConfig
from hls.cpp.generate import generate
from hls.cpp.kernels import headers
from hls.cpp.roms import LINE, array, threshold_stages, weight_words
from hls.cpp.units import Channel, Place, Unit
from hls.ops import DOMAIN, facets
from hls.ops.matrix.op import lanes
from pixelmend.errors import UserError
from pixelmend.files import folder_digest
from pixelmend.provenance import ROOT
from tests.networks import Case, integer_network

CASE = Case(widths=(4, 6), height=8, width=16, sum_bits=4, pixels_per_beat=2)
HLS = HlsConfig(target_fps=2000, pixels_per_beat=2)


@pytest.fixture
def graph() -> ModelWrapper:
    model = dataflow.build(integer_network(CASE))
    fold.apply(model, budget.choose(model, HLS))
    return streams.connect(model, HLS.pixels_per_beat)


@pytest.fixture
def project(tmp_path: Path) -> Callable[[ModelWrapper, str], Path]:
    def written(model: ModelWrapper, name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        generate(model, HLS, folder)
        return folder

    return written


def test_equal_inputs_give_equal_bytes(graph: ModelWrapper, project: Callable[..., Path]) -> None:
    first, second = project(graph, "first"), project(graph, "second")
    assert folder_digest(first) == folder_digest(second)
    weights = graph.get_initializer("conv1_weights").copy()
    weights[0, 0] += 1 if weights[0, 0] < 0 else -1
    graph.set_initializer("conv1_weights", weights)
    assert folder_digest(project(graph, "third")) != folder_digest(first)


def test_the_project_needs_nothing_outside_its_folder(
    graph: ModelWrapper, project: Callable[..., Path], tmp_path: Path
) -> None:
    folder = project(graph, "made")
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {str(path.relative_to(folder)) for path in files}
    assert {"top.cpp", "top.hpp", "test_bench.cpp", "csynth.tcl", "params/conv1.hpp"} <= names
    assert {f"kernels/{path.name}" for path in headers()} == {
        name for name in names if name.startswith("kernels/")
    }
    for path in files:
        text = path.read_text()
        assert str(tmp_path) not in text
        assert str(ROOT) not in text
        for included in re.findall(r'#include "(.+)"', text):
            vendor = included in ("ap_int.h", "hls_stream.h", "ap_axi_sdata.h")
            assert vendor or (path.parent / included).is_file(), f"{path.name} includes {included}"


def test_the_top_reads_like_the_network(graph: ModelWrapper, project: Callable[..., Path]) -> None:
    folder = project(graph, "made")
    top = (folder / "top.cpp").read_text()
    called = re.findall(r"^  (\w+)<(\w+)>\(", top, re.MULTILINE)
    nodes = [node for node in graph.graph.node if node.op_type != "StreamingFIFO_rtl"]
    order = {name: number for number, (_, name) in enumerate(called)}
    assert all(any(name.startswith(node.name) for name in order) for node in nodes)
    assert called[0] == ("pixel_in", "image_in_axis")
    assert called[-1] == ("pixel_out", "image_out_axis")
    depths: dict[str, int] = {}
    for node in graph.graph.node:
        if node.op_type == "StreamingFIFO_rtl":
            source = node.input[0]
            while (producer := graph.find_producer(source)).op_type == "StreamingFIFO_rtl":
                source = producer.input[0]
            depths[source] = depths.get(source, 0) + getCustomOp(node).get_nodeattr("depth")
    assert max(depths.values()) > 2
    for stream, depth in depths.items():
        told = f"#pragma HLS STREAM variable = {stream} depth = {depth}\n" in top
        assert told == (depth > 2), "two places are what a stream has anyway"
    header = (folder / "top.hpp").read_text()
    assert "typedef kernels::Axis<48>::beat_t in_beat_t;" in header
    assert "static const int WIDTH = 16;" in header
    assert all(f"port = {port}" in top for port in ("s_axis", "m_axis", "frame_error"))


def test_the_tool_is_told_part_and_clock(graph: ModelWrapper, project: Callable[..., Path]) -> None:
    tcl = (project(graph, "made") / "csynth.tcl").read_text()
    assert "set_top pixelmend\n" in tcl
    assert "set_part {xc7z020clg400-1}\n" in tcl
    assert "create_clock -period 10 -name default\n" in tcl


def test_weight_words() -> None:
    rng = np.random.default_rng(1)
    for bits, pe, simd in [(4, 2, 3), (3, 4, 6), (8, 1, 1), (2, 6, 12)]:
        matrix = rng.integers(1 - 2 ** (bits - 1), 2 ** (bits - 1), (3 * simd, 2 * pe))
        words = weight_words(matrix, pe, simd, bits)
        lanes_a_word = 64 // bits
        for column, row in np.ndindex(*matrix.shape):
            tile = row // pe * 3 + column // simd
            lane = row % pe * simd + column % simd
            raw = int(words[tile, lane // lanes_a_word]) >> (lane % lanes_a_word * bits) & (2**bits - 1)
            assert raw == matrix[column, row] % 2**bits


def test_threshold_stages() -> None:
    steps = np.arange(4 * 7).reshape(4, 7)
    stages = threshold_stages(steps, 2, 3)
    assert [stage.tolist() for stage in stages] == [
        [[3, 17], [10, 24]],
        [[1, 5, 15, 19], [8, 12, 22, 26]],
        [[0, 2, 4, 6, 14, 16, 18, 20], [7, 9, 11, 13, 21, 23, 25, 27]],
    ]
    with pytest.raises(UserError, match="expected 15 of a channel for 4 bits, got 7"):
        threshold_stages(steps, 2, 4)
    with pytest.raises(UserError, match="expected them to rise along each channel"):
        threshold_stages(steps[:, ::-1], 2, 3)


def test_arrays_are_broken_into_lines() -> None:
    text = array("static const int x[3][40]", np.arange(120).reshape(3, 40) * 1000)
    assert max(map(len, text.splitlines())) <= LINE
    rows = re.findall(r"\{([^{}]+)\}", text)
    assert [[int(item) for item in row.split(",")] for row in rows] == (
        np.arange(120).reshape(3, 40) * 1000
    ).tolist()


def place(kind: str, inputs: list[int], outputs: list[int], **attributes: Any) -> Place:
    """A node alone, between streams of so many bits; tensors (1, 2, 2, 12) of UINT4."""
    names = [f"in{n}" for n in range(len(inputs))], [f"out{n}" for n in range(len(outputs))]
    node = helper.make_node(kind, *names, name="one", domain=DOMAIN, backend="fpgadataflow", **attributes)
    tensors = [[helper.make_tensor_value_info(name, 1, [1, 2, 2, 12]) for name in side] for side in names]
    model = ModelWrapper(helper.make_model(helper.make_graph([node], "g", *tensors)))
    for name in (*names[0], *names[1]):
        model.set_tensor_datatype(name, DataType["UINT4"])
    channels = [
        [Channel(name, bits) for name, bits in zip(side, widths, strict=True)]
        for side, widths in zip(names, (inputs, outputs), strict=True)
    ]
    return Place(model, model.graph.node[0], *channels, "xc7z020clg400-1")


def unit(at: Place) -> Unit:
    made: Unit = facets(at.node).unit(at)
    return made


def test_widths_of_no_whole_ratio_go_over_their_multiple() -> None:
    made = unit(place("StreamingDataWidthConverter_rtl", [16], [24]))
    assert made.calls == ["widen<one_widen>(in0, one_common);", "narrow<one_narrow>(one_common, out0);"]
    assert [(channel.name, channel.bits) for channel in made.channels] == [("one_common", 48)]
    assert "OUT_BEATS = 4;" in made.structures
    assert "IN_BEATS = 4;" in made.structures


def test_a_fork_to_three_is_a_chain() -> None:
    made = unit(place("StreamFork_rtl", [8], [8, 8, 8]))
    assert made.calls == ["fork<one>(in0, out0, one_rest1);", "fork<one>(one_rest1, out1, out2);"]


def test_products_of_one_multiplier() -> None:
    def packed(weight: str, value: str, lowest: int, part: str = "xc7z020clg400-1") -> int:
        at = place("MVAU_rtl", [4, 4], [4], PE=8)
        at.model.set_tensor_datatype("in0", DataType[value])
        at.model.set_tensor_datatype("in1", DataType[weight])
        return lanes(np.array([[lowest, 1]]), Place(at.model, at.node, at.inputs, at.outputs, part))

    assert packed("INT4", "UINT4", -7) == 4
    assert packed("INT4", "UINT8", -7) == 2
    assert packed("INT4", "UINT8", -7, "xck26-sfvc784-2LV-c") == 3
    assert packed("INT8", "UINT8", -127) == 2
    assert packed("INT2", "UINT2", -1) == 8
    assert packed("INT4", "UINT4", -8) == 1, "no narrow range"


def test_a_node_without_a_kernel() -> None:
    with pytest.raises(
        UserError, match=r"node one is a Pool_rtl, which no operator .* stands for; there are FMPad"
    ):
        unit(place("Pool_rtl", [4], [4]))
    with pytest.raises(NotImplementedError, match=r"StreamingFIFO_rtl says nothing of its HLS C\+\+"):
        unit(place("StreamingFIFO_rtl", [4], [4]))
