"""A lowered build as the plan sees it, small enough to be written by hand, and a fake Vivado."""

import os
import sys
from pathlib import Path

import pytest

import hls.ops
from board.formats import PixelFormat, Port, Ports
from pixelmend.files import write_json, write_text

STREAM = Path(hls.ops.__file__).parent / "stream"
ROOT = Path(__file__).parents[3]

CONFIG = """
[frame]
height = 16
width = 32
[hls]
part = "{part}"
clock_mhz = {clock}
"""

TOP = """// A network that changes nothing, with the ports of a generated one.
module pixelmend_top (
  input  wire ap_clk,
  input  wire ap_rst_n,
  input  wire [{in_high}:0] s_axis_tdata,
  input  wire s_axis_tvalid,
  output wire s_axis_tready,
  input  wire s_axis_tlast,
  output wire [{out_high}:0] m_axis_tdata,
  output wire m_axis_tvalid,
  input  wire m_axis_tready,
  output wire m_axis_tlast,
  output wire frame_error
);
  // .INIT_FILE("memory/weights.dat")
  assign m_axis_tdata = s_axis_tdata[{out_high}:0];
  assign {{m_axis_tvalid, m_axis_tlast}} = {{s_axis_tvalid, s_axis_tlast}};
  assign {{s_axis_tready, frame_error}} = {{m_axis_tready, 1'b0}};
endmodule
"""


def make_build(
    folder: Path,
    part: str = "xc7z020clg400-1",
    clock: float = 100.0,
    bytes_in: int = 3,
    bytes_out: int = 3,
    pixels: int = 1,
    further: tuple[Port, ...] = (),
) -> tuple[Path, Path]:
    """A build folder and its configuration file, the frame 16 x 32 px."""
    config, build = folder / "small.toml", folder / "build"
    write_text(config, CONFIG.format(part=part, clock=clock))
    top = TOP.format(in_high=8 * bytes_in * pixels - 1, out_high=8 * bytes_out * pixels - 1)
    more = "".join(
        f"  output wire [{8 * port.beat_bytes - 1}:0] {port.name}_tdata,\n  output wire {port.name}_tvalid,\n"
        f"  input  wire {port.name}_tready,\n  output wire {port.name}_tlast,\n"
        for port in further
    )
    top = top.replace("  output wire frame_error", f"{more}  output wire frame_error")
    for name, text in {
        "ops/stream/stream_register.sv": (STREAM / "stream_register.sv").read_text(),
        "nodes/conv1.v": '// reads "memory/weights.dat"\n',
        "probes/stream_probe.sv": "// of the simulation\n",
        "memory/weights.dat": "0f\n17\n",
        "top.sv": top,
        "sources.f": "ops/stream/stream_register.sv\nprobes/stream_probe.sv\nnodes/conv1.v\ntop.sv\n",
    }.items():
        write_text(build / "rtl" / name, text)
    io = {
        "top": "pixelmend_top", "frame": {"height": 16, "width": 32}, "pixels_per_beat": pixels,
        "part": part, "clock_mhz": clock, "rtl_digest": "5" * 64,
        "receptive_field": 1, "halo": {"before": 0, "after": 0}, "multiple": 1,
    }  # fmt: skip
    taken, given = (PixelFormat(count, 8, scale=1 / 255) for count in (bytes_in, bytes_out))
    ports = Ports(Port("s_axis", taken, 16, 32, pixels), (Port("m_axis", given, 16, 32, pixels), *further))
    write_json(build / "io.json", io | ports.as_dict())
    return build, config


def make_hls(build: Path) -> None:
    """The generated HLS project, as far as the plan looks at it."""
    for name, text in {
        "top.cpp": "// top\n",
        "params/conv1.hpp": "// weights\n",
        "csynth.tcl": "# csynth\n",
    }.items():
        write_text(build / "hls" / name, text)


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Path]:
    """(build folder, configuration) for the PYNQ-Z2."""
    return make_build(tmp_path)


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH without any vendor tool; programs can be put into the folder."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for name in (
        "VIVADO",
        "XILINX_VIVADO",
        "VITIS_HLS",
        "XILINX_HLS",
        "XILINX_VITIS",
        "NEXTPNR_XILINX",
        "PRJXRAY_DB",
    ):
        monkeypatch.delenv(name, raising=False)
    return place


def put(place: Path, name: str, module: str) -> Path:
    """A program `name` that runs a Python module of the tests."""
    program = place / name
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m {module} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def vivado(no_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fake Vivado on the PATH; gives its log."""
    put(no_tools, "vivado", "tests.hls.vivado.fake_vivado")
    log = tmp_path / "calls.log"
    monkeypatch.setenv("FAKE_LOG", str(log))
    return log
