"""Builds with any ports: several outputs, of any size and sign, of few bits, feature maps in."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from board.formats import Ports
from hls import dataflow
from hls.config import HlsConfig
from hls.network import Network
from hls.ports import ports
from hls.synthesis.units import units
from pixelmend.errors import UserError
from sim.executors import compare_dataflow
from sim.hls import HlsModel
from sim.integer import IntegerModel
from sim.rtl import IN, OUT, RtlModel
from sim.verilator import Stall
from tests.networks import equal
from tests.ports import built, larger_picture, of_features, three_outputs

NETWORKS = {
    "three outputs": (three_outputs, 2),
    "larger picture": (larger_picture, 2),
    "feature map": (of_features, 1),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_all_executions_agree(name: str, tmp_path: Path, simulations: Path) -> None:
    make, pixels_per_beat = NETWORKS[name]
    build = built(make(), tmp_path / "build", pixels_per_beat)
    model = IntegerModel.load(build / "dataflow.onnx")
    frames = model.ports.input.random(3, seed=1)
    tensors = model.tensors(frames)
    want = model.results(tensors)
    assert all(len(np.unique(one)) > 4 for one in want), "an output says nearly nothing"
    assert not compare_dataflow(model, frames, tensors).values

    for port, came, wanted in zip(
        model.ports.outputs,
        HlsModel.load(build, simulations, optimize="-O0").results(frames),
        want,
        strict=True,
    ):
        equal(f"HLS C++, {port.name}", came, wanted)

    rtl = RtlModel.load(build, simulations, optimize="-O0")
    free = rtl.run(frames)
    assert rtl.first_wrong_node(free, tensors) is None
    assert not free.frame_error
    slow = {port.name: Stall("random", 0.9, n) for n, port in enumerate(rtl.ports.outputs)} | {
        IN: Stall("bursty", 30)
    }
    for what, run in (("free", free), ("stalled", rtl.run(frames, stalls=slow))):
        for port, came, wanted in zip(rtl.ports.outputs, run.results, want, strict=True):
            equal(f"RTL, {what}, {port.name}", came, wanted)
            assert came.dtype == wanted.dtype == port.format.dtype


def test_each_output_stalls_by_itself(tmp_path: Path, simulations: Path) -> None:
    rtl = RtlModel.load(built(three_outputs(), tmp_path / "build", 2), simulations, optimize="-O0")
    frames = rtl.ports.input.random(2, seed=2)
    free = rtl.run(frames)
    for port in rtl.ports.outputs:
        slow = rtl.run(frames, stalls={port.name: Stall("periodic", free.cycles / port.beats)})
        assert slow.cycles > 1.5 * free.cycles, port.name
        for came, wanted in zip(slow.results, free.results, strict=True):
            equal(port.name, came, wanted)


def test_a_frame_end_in_the_wrong_place_is_told_with_its_port(tmp_path: Path, simulations: Path) -> None:
    build = built(three_outputs(), tmp_path / "build")
    top = build / "rtl" / "top.sv"
    text = top.read_text()
    last = text.index(".FRAME_BEATS(6)", text.index("i_pixel_out_1 ("))
    top.write_text(text[:last] + ".FRAME_BEATS(5)" + text[last + len(".FRAME_BEATS(6)") :])
    rtl = RtlModel.load(build, simulations, optimize="-O0")
    with pytest.raises(UserError, match="TLAST of m_axis_2 is wrong first at output beat 4 of 6 a frame"):
        rtl.run(rtl.ports.input.random(1, seed=3))


def test_ports_of_a_build(tmp_path: Path) -> None:
    build = built(three_outputs(), tmp_path / "build", 2)
    io = json.loads((build / "io.json").read_text())
    graph = dataflow.read(build / "dataflow.onnx")
    found = Ports.from_dict(io)
    assert found == ports(graph, 2)
    assert [(port.name, port.shape, port.format.scale, port.pixels_per_beat) for port in found.outputs] == [
        (OUT, (8, 12, 3), 1 / 255, 2),
        ("m_axis_1", (4, 6, 2), 0.25, 2),
        ("m_axis_2", (2, 3, 4), 0.5, 1),  # a row of three pixels is no whole beats of two
    ]
    assert [port.bits for port in found.outputs] == [48, 20, 12]
    assert [port.beat_bytes for port in found.outputs] == [6, 3, 2]
    assert not found.repairs
    pieces = {unit.name: unit.parameters for unit in units(graph, HlsConfig(pixels_per_beat=2))}
    assert pieces["pixel_in"] == {"WIDTH": 48, "FRAME_BEATS": 12}
    assert pieces["pixel_out"] == {"WIDTH": 48, "FRAME_BEATS": 48}
    assert pieces["pixel_out_1"] == {"WIDTH": 24, "FRAME_BEATS": 12}
    assert pieces["pixel_out_2"] == {"WIDTH": 16, "FRAME_BEATS": 6}


@pytest.mark.parametrize("make", [of_features, three_outputs])
def test_frames_of_another_format_are_refused(make: Callable[[], Network]) -> None:
    network = make()
    model = IntegerModel(dataflow.build(network), *network.image_in.size)
    port = model.ports.input
    frames = port.random(1, seed=0)
    with pytest.raises(UserError, match=f"expected {port.format.dtype.name} frames of shape"):
        model.run(frames.astype(np.int64))
    with pytest.raises(UserError, match="frames of shape"):
        model.run(frames[:, 1:])
    if not port.plain:
        frames[0, 0, 0, 0] = 32
        with pytest.raises(UserError, match=r"6-bit values in -32\.\.31, got .*\.\.32"):
            model.run(frames)
