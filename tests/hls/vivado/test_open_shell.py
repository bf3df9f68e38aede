"""The shell of the open flow, its DMA among it, around a network that changes nothing."""

import re
from pathlib import Path

import numpy as np
import pytest

import hls.vivado
from hls.vivado.open_flow import shell
from hls.vivado.plan import make
from pixelmend.files import write_text
from sim.verilator import Deadlock, Ports, Stall, Stream, build
from tests.hls.vivado.conftest import make_build

OPEN = Path(hls.vivado.__file__).parent / "open"


def processing_system() -> str:
    """The stand-in, with the ports of the black box that synthesis sees."""
    text = Path(__file__).with_name("processing_system_standin.sv.in").read_text(encoding="utf-8")
    box = (OPEN / "primitives.sv").read_text(encoding="utf-8")
    ports = re.search(r"^module PS7 \((.*?)\);", box, re.MULTILINE | re.DOTALL)
    assert ports
    return text.replace("@PORTS@", ports[1])


@pytest.mark.parametrize(("bytes_in", "bytes_out"), [(3, 3), (4, 3)])
def test_frames_through_memory(bytes_in: int, bytes_out: int, simulations: Path, tmp_path: Path) -> None:
    """Two frames from memory through the accelerator and back, registers and interrupt included.

    A network of 4 bytes in and 3 out passes the first three bytes of each pixel.
    """
    made, config = make_build(tmp_path, bytes_in=bytes_in, bytes_out=bytes_out)
    plan = make(made, config, "pynq-z2", "rtl")
    write_text(tmp_path / "open_shell.sv", shell(plan.accelerator))
    sources = [OPEN.parent / "shell" / "stream_width.sv"]
    sources += [OPEN / f"{name}.sv" for name in ("dma_registers", "dma_read", "dma_write")]
    sources += [made / "rtl" / "top.sv", tmp_path / "open_shell.sv"]
    write_text(tmp_path / "processing_system.sv", processing_system())
    sources += [tmp_path / "processing_system.sv"]
    ports = Ports((Stream("s_axis", 64, True),), (Stream("m_axis", 64, True),), flags=("broken",))
    parameters = {"BYTES_IN": bytes_in, "BYTES_OUT": bytes_out}
    simulation = build("bench", sources, ports, simulations, parameters=parameters, optimize="-O0")
    pixels, frames = 16 * 32, 2
    data = np.random.default_rng(3).integers(0, 256, (frames, pixels, bytes_in), dtype=np.uint8)
    words = data.reshape(-1, 8)
    size_in, size_out = pixels * bytes_in // 8, pixels * bytes_out // 8
    lasts = np.arange(len(words)) % size_in == size_in - 1
    result = simulation.run(
        {"s_axis": words}, {"m_axis": frames * size_out},
        {"m_axis": Stall("random", seed=1)}, lasts={"s_axis": lasts}, idle_limit=20000,
    ).check()  # fmt: skip
    got = result.outputs["m_axis"].reshape(frames, pixels, bytes_out)
    assert (got == data[:, :, :bytes_out]).all()
    assert not result.flags["broken"].value


WAITING = """
module waiting (
  input wire ap_clk, ap_rst_n,
  input wire [63:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
  output wire [63:0] m_axis_tdata, output wire m_axis_tvalid, input wire m_axis_tready
);
  dma_write dut (
    .clk(ap_clk), .rst_n(ap_rst_n), .start(1'b0), .address(32'd0), .length(23'd0), .busy(),
    .awaddr(), .awlen(), .awvalid(), .awready(m_axis_tready), .wdata(m_axis_tdata), .wvalid(m_axis_tvalid),
    .wlast(), .wready(1'b1), .bvalid(1'b0), .bready(), .s_axis_tdata, .s_axis_tvalid, .s_axis_tready
  );
endmodule
"""


def test_the_writer_keeps_two_bursts_before_a_transfer(simulations: Path, tmp_path: Path) -> None:
    write_text(tmp_path / "waiting.sv", WAITING)
    ports = Ports((Stream("s_axis", 64),), (Stream("m_axis", 64),))
    simulation = build(
        "waiting", [OPEN / "dma_write.sv", tmp_path / "waiting.sv"], ports, simulations, optimize="-O0"
    )
    with pytest.raises(Deadlock, match="s_axis: 32 of 40 beats taken, blocked"):
        simulation.run({"s_axis": np.zeros((40, 8), np.uint8)}, {"m_axis": 1}, idle_limit=100)
