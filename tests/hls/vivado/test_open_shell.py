"""The shell of the open flow, its DMA among it, around a network that changes nothing."""

import re
from pathlib import Path

import numpy as np
import pytest

import hls.vivado
from hls.vivado.open_flow import shell
from hls.vivado.plan import make
from pixelmend.files import write_text
from sim.verilator import Ports, Stall, Stream, build
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
