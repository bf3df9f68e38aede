"""Signatures: what the probes of the RTL count is what the integer model's tensors give."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hls.rtl.top import links
from pixelmend.errors import UserError
from sim.integer import IntegerModel
from sim.rtl import IN, OUT, RtlModel
from sim.signature import CHUNK, beats_signature, first_difference, stream_signature
from sim.stream import pack
from sim.verilator import Ports, Stall, Stream, build
from tests.networks import Case, images, lowered

PROBE = Path(__file__).parents[2] / "hls" / "rtl" / "stream_probe.sv"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Case]:
    """A network of two layers, lowered."""
    case = Case(widths=(4,), height=8, width=8, seed=3)
    return lowered(case, tmp_path_factory.mktemp("signature"))[2], case


def test_every_stream_of_the_rtl_agrees(network, simulations):
    build_folder, case = network
    frames = images(case, 2)
    model = IntegerModel.load(build_folder / "dataflow.onnx")
    rtl = RtlModel.load(build_folder, simulations)
    stalls = {IN: Stall("random", 0.6, 1), OUT: Stall("bursty", 12, 2)}
    for run in (rtl.run(frames), rtl.run(frames, stalls=stalls)):
        assert len(run.signatures) == len(links(model.graph)) > 12
        assert rtl.first_wrong_node(run, model.tensors(frames)) is None
        assert rtl.first_wrong_node(run, model.tensors(frames[::-1])) == "pixel_in"


@pytest.mark.parametrize("name", ["conv1_mvau", "deconv1_mvau"])
def test_one_wrong_weight_is_blamed_on_its_node(network, simulations, tmp_path, name):
    """The weight memory of one matrix unit differs in one bit, its lowest."""
    build_folder, case = network
    frames = images(case, 2)
    rtl = RtlModel.load(build_folder, simulations)
    wrong = tmp_path / "rtl"
    shutil.copytree(rtl.rtl, wrong)
    memory = wrong / "memory" / f"{name}_weights.dat"
    lines = memory.read_text().split()
    lines[0] = lines[0][:-1] + f"{int(lines[0][-1], 16) ^ 1:x}"
    memory.write_text("\n".join(lines) + "\n")
    run = replace(rtl, rtl=wrong).run(frames)
    tensors = IntegerModel.load(build_folder / "dataflow.onnx").tensors(frames)
    assert rtl.first_wrong_node(run, tensors) == name


def test_missing_stream_is_an_error(network):
    build_folder, case = network
    model = IntegerModel.load(build_folder / "dataflow.onnx")
    tensors = model.tensors(images(case, 2))
    with pytest.raises(UserError, match="image_in: expected its signature and its tensor"):
        first_difference(model.graph, tensors, {})


@pytest.mark.parametrize("width", [1, 7, 32, 33, 100])
def test_probe_equals_its_model(simulations, tmp_path, width):
    """Frames of 5 beats, 3 whole ones and 2 beats more, which don't count."""
    source = tmp_path / "probed.sv"
    source.write_text(f"""module probed (
  input  wire ap_clk, input wire ap_rst_n,
  input  wire [{width - 1}:0] in0_V_TDATA, input wire in0_V_TVALID, output wire in0_V_TREADY,
  output wire [{width - 1}:0] out0_V_TDATA, output wire out0_V_TVALID, input wire out0_V_TREADY,
  output wire [63:0] probe_signature
);
  assign in0_V_TREADY = out0_V_TREADY;
  assign out0_V_TVALID = in0_V_TVALID;
  assign out0_V_TDATA = in0_V_TDATA;
  assign probe_signature[63:32] = 32'd7;
  stream_probe #(.WIDTH({width}), .FRAME_BEATS(5)) i_probe (
    .ap_clk, .ap_rst_n, .valid(in0_V_TVALID), .ready(out0_V_TREADY), .data(in0_V_TDATA),
    .signature(probe_signature[31:0])
  );
endmodule
""")
    ports = Ports((Stream("in0_V", width),), (Stream("out0_V", width),), signatures=("stream", "seven"))
    simulation = build("probed", [PROBE, source], ports, simulations, optimize="-O0")
    values = np.random.default_rng(width).integers(0, 2, (17, width))
    beats = pack(values, 1, width)
    run = simulation.run({"in0_V": beats}, {"out0_V": 17}, {"out0_V": Stall("random", 0.5, 1)})
    assert run.signatures == {"stream": beats_signature(beats[:15]), "seven": 7}
    assert run.signatures["stream"] == stream_signature(values[:15], 1, width)


def test_order_counts():
    """Swapped lanes, beats and words of a beat, a beat more of zeros: each gives another signature."""
    values = np.random.default_rng(0).integers(-8, 8, (2, 5, 6, 16))
    whole = stream_signature(values, 4, 16, signed=True)
    assert whole == stream_signature(values.astype(np.float32), 4, 16, signed=True)
    lanes, beats, words = values.copy(), values.copy(), values.copy()
    lanes[0, 0, 0, :2] = values[0, 0, 0, 1::-1]
    beats[0, 0, :2] = values[0, 0, 1::-1]
    words[0, 0, 0] = np.roll(values[0, 0, 0], 8)
    longer = np.concatenate([np.zeros((1, 16), int), values.reshape(-1, 16)])
    others = [stream_signature(other, 4, 16, signed=True) for other in (lanes, beats, words, longer)]
    assert len({whole, *others}) == 5


def test_pairs_of_equal_errors_do_not_cancel():
    """The same bit flipped in two beats, for each bit."""
    values = np.random.default_rng(1).integers(0, 2**32, (64, 1))
    whole = stream_signature(values, 32, 1)
    for bit in range(32):
        wrong = values.copy()
        wrong[[3, 50]] ^= 1 << bit
        assert stream_signature(wrong, 32, 1) != whole


def test_long_streams_are_taken_in_parts():
    values = np.random.default_rng(2).integers(0, 16, (CHUNK // 2 + 5, 3))
    assert stream_signature(values, 4, 3) == beats_signature(pack(values, 4, 3))


def test_lanes_must_divide():
    with pytest.raises(UserError, match="lanes: expected a divisor of the 12 values, got 5"):
        stream_signature(np.zeros((4, 3), int), 4, 5)
