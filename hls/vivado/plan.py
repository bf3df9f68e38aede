"""What Vivado is to do, as data: every file of a package that needs nothing else of ours.

A plan is sources, constraints, Tcl and a digest. The same inputs give the same bytes; no file names a place
on this machine, so the package can be unpacked and run anywhere.

build.tcl           the entry; tcl/ what it sources: the same for every design
design.tcl          what is built: all that differs from design to design
shell/              the modules around the accelerator, and the Verilog that names their buses
rtl/ or hls/        the accelerator
constraints/
io.json             what the board's driver checks (see `io`)
README
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from board.formats import Port
from hls.rtl.sources import sources
from hls.vivado import boards
from hls.vivado.accelerator import Accelerator, check_board, read, word_bytes
from hls.vivado.boards import Board
from pixelmend.errors import UserError
from pixelmend.files import as_json, replacing_folder, text_digest, write_archive

HERE = Path(__file__).parent
BITSTREAM = "pixelmend.bit"
HANDOFF = "pixelmend.hwh"
IO_FORMAT = "pixelmend io 1"

STRATEGIES = ("Performance_Explore", "Performance_ExtraTimingOpt", "Performance_NetDelay_high")
"""Vivado's, tried in turn until timing is met."""

DMA_STEP = 0x100000  # between the registers of one DMA and the next

Backend = Literal["rtl", "hls"]

README = """\
Run `vivado -mode batch -source build.tcl` here: Vivado 2020.1 or newer{hls}, and nothing else of ours.
The folder out/ then holds pixelmend.bit, pixelmend.hwh, their reports, and io.json for the board's driver.
"""

PLAIN = re.compile(r"[\w./:@%+*,=-]+")


@dataclass(frozen=True)
class Plan:
    """All files of a package by their path in it. `name` is the package's, without a suffix."""

    name: str
    accelerator: Accelerator
    board: Board
    backend: Backend
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """SHA-256 over the names and contents of all files but io.json, which holds it."""
        return _digest(self.files)

    def write(self, folder: Path) -> None:
        """Write the package's files into `folder`, in place of what was there."""
        with replacing_folder(folder) as temporary:
            for name, data in self.files.items():
                path = temporary / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)

    def pack(self, path: Path) -> None:
        """Write the package as a gzipped tar, in one folder of its name; equal plans give equal bytes."""
        write_archive(path, self.name, self.files)


def make(build: Path, config: Path, board: str, backend: Backend) -> Plan:
    """The plan for the lowered folder `build` of the configuration file `config`.

    `UserError` for a board that is not known, a build that is for another part or does not fit it, or one
    that lacks the backend's files.
    """
    target = boards.find(board)
    accelerator = read(build, config)
    check_board(accelerator, target, build)
    files = _shell(accelerator, backend)
    files |= _rtl(build) if backend == "rtl" else _hls(build)
    names = [name.removeprefix("rtl/") for name in files if name.startswith("rtl/")]
    design = _design(accelerator, target, backend, [name for name in names if not name.startswith("memory/")])
    files["design.tcl"] = _tcl(design).encode()
    programs = " with Vitis HLS (or Vivado HLS)" if backend == "hls" else ""
    files["README"] = README.format(hls=programs).encode()
    files["io.json"] = as_json(io(accelerator, target, _digest(files))).encode()
    suffix = "" if backend == "rtl" else f"-{backend}"
    name = f"pixelmend-{accelerator.config}-{target.name}{suffix}"
    return Plan(name, accelerator, target, backend, files)


def io(accelerator: Accelerator, board: Board, digest: str) -> dict[str, Any]:
    """What the board's driver checks before it uses a bitstream; digests of the files are not known yet."""
    more = [f"axi_dma_{n}" for n in _further(accelerator)]
    ip: dict[str, str | list[str]] = {"dma": "axi_dma_0", "accelerator": "pixelmend_0"}
    return {
        "format": IO_FORMAT,
        "config": accelerator.config,
        "board": board.name,
        "part": board.part,
        "clock_mhz": accelerator.clock_mhz,
        "frame": {"height": accelerator.height, "width": accelerator.width},
        **accelerator.tiling,
        **accelerator.ports.as_dict(),
        **_pictures(accelerator),
        "ip": ip | ({"more_dmas": more} if more else {}),
        "rtl_digest": accelerator.rtl_digest,
        "plan_digest": digest,
        "files": {BITSTREAM: None, HANDOFF: None},
    }


def _pictures(accelerator: Accelerator) -> dict[str, dict[str, int]]:
    """What drivers of before ports had formats look for; without it they refuse what they don't know."""
    ports = accelerator.ports
    if not ports.repairs:
        return {}
    channels = {"input": ports.input.format.channels, "output": ports.output.format.channels}
    return {side: {"bytes_per_pixel": count, "channels": count} for side, count in channels.items()}


def _further(accelerator: Accelerator) -> range:
    """Numbers of the outputs behind the first."""
    return range(1, len(accelerator.ports.outputs))


def _digest(files: Mapping[str, bytes]) -> str:
    return text_digest(
        *(f"{name}\n{data.hex()}" for name, data in sorted(files.items()) if name != "io.json")
    )


def _shell(accelerator: Accelerator, backend: Backend) -> dict[str, bytes]:
    """Scripts, constraints, the width converters and, for RTL, the accelerator's Verilog face."""
    files = {"build.tcl": (HERE / "tcl" / "build.tcl").read_bytes()}
    scripts = sorted(path for path in (HERE / "tcl").glob("*.tcl") if path.name != "build.tcl")
    files |= {f"tcl/{path.name}": path.read_bytes() for path in scripts}
    files["constraints/pixelmend.xdc"] = (HERE / "constraints.xdc").read_bytes()
    files["shell/stream_width.sv"] = (HERE / "shell" / "stream_width.sv").read_bytes()
    taken, outputs = accelerator.ports.input, accelerator.ports.outputs
    converters = [("pixelmend_unpack", word_bytes(taken), taken.beat_bytes)]
    converters += [
        (f"pixelmend_pack{_suffix(n)}", given.beat_bytes, word_bytes(given))
        for n, given in enumerate(outputs)
    ]
    for name, s_bytes, m_bytes in converters:
        values = {"NAME": name, "S_BYTES": s_bytes, "M_BYTES": m_bytes}
        files[f"shell/{name}.v"] = _filled("stream_width.v.in", values)
    if backend == "rtl":
        values = {"INPUT_BITS": 8 * taken.beat_bytes, "OUTPUT_BITS": 8 * outputs[0].beat_bytes}
        further = outputs[1:]
        values |= {
            "TOP": accelerator.top,
            "BUSES": "".join(f":{port.name}" for port in further),
            "PORTS": "".join(map(_output_port, further)),
            "CONNECTIONS": "".join(map(_output_connection, further)),
        }
        files["shell/pixelmend.v"] = _filled("pixelmend.v.in", values)
    return files


def _suffix(output: int) -> str:
    return f"_{output}" if output else ""


def _output_port(port: Port) -> str:
    """Of the accelerator's Verilog face."""
    name, lines = port.name, []
    for signal, direction, width in (
        ("tdata", "output", f" [{8 * port.beat_bytes}-1:0]"), ("tvalid", "output", ""),
        ("tready", "input ", ""), ("tlast", "output", ""),
    ):  # fmt: skip
        lines.append(f'  (* X_INTERFACE_INFO = "xilinx.com:interface:axis:1.0 {name} {signal.upper()}" *)')
        lines.append(f"  {direction} wire{width} {name}_{signal},")
    return "\n".join(lines) + "\n\n"


def _output_connection(port: Port) -> str:
    signals = [
        f".{port.name}_{signal}({port.name}_{signal})" for signal in ("tdata", "tvalid", "tready", "tlast")
    ]
    return f"    {', '.join(signals[:2])},\n    {', '.join(signals[2:])},\n"


def _filled(template: str, values: Mapping[str, object]) -> bytes:
    text = (HERE / "shell" / template).read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text.encode()


def _rtl(build: Path) -> dict[str, bytes]:
    """The generated sources in compile order, without what only the simulation needs, and the memories."""
    rtl = build / "rtl"
    paths = [path for path in sources(rtl) if path.parent.name != "probes"]
    return {
        f"rtl/{path.relative_to(rtl).as_posix()}": path.read_bytes()
        for path in [*paths, *sorted((rtl / "memory").iterdir())]
    }


def _hls(build: Path) -> dict[str, bytes]:
    folder = build / "hls"
    if not (folder / "csynth.tcl").is_file():
        raise UserError(f"{folder}: expected the generated HLS project with its csynth.tcl, found none")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {f"hls/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}


def _design(
    accelerator: Accelerator, board: Board, backend: Backend, names: list[str]
) -> dict[str, str | list[str] | dict[str, str]]:
    """What design.tcl says, which is all that tells one design from another."""
    ps = board.ps
    taken, outputs, further = accelerator.ports.input, accelerator.ports.outputs, _further(accelerator)
    interrupts = ["axi_dma_0/mm2s_introut", "axi_dma_0/s2mm_introut"]
    interrupts += [f"axi_dma_{n}/s2mm_introut" for n in further]
    # Of the RTL backend alone: a frame that was longer or shorter than it should be.
    interrupts += ["pixelmend_0/frame_error"] if backend == "rtl" else []
    design: dict[str, str | list[str] | dict[str, str]] = {
        "config": accelerator.config,
        "board": board.name,
        "part": board.part,
        "board_part": board.board_part,
        "board_connection": list(board.board_connection),
        "backend": backend,
        "clock_mhz": f"{accelerator.clock_mhz:g}",
        "sources": names,
        "ps_ip": ps.ip,
        "ps_clock": ps.clock,
        "ps_reset_n": ps.reset_n,
        "ps_interrupt": ps.interrupt,
        "ps_control": ps.control.interface,
        "ps_control_clock": ps.control.clock,
        "ps_control_space": ps.control.space,
        "ps_memory": ps.memory.interface,
        "ps_memory_clock": ps.memory.clock,
        "ps_clock_property": ps.clock_property,
        "ps_clock_actual": ps.clock_actual,
        "ps_automation": ps.automation,
        "ps_properties": ps.properties,
        "ps_fallback": ps.fallback,
        "memory_segments": ps.memory.segments,
        "memory_used": list(ps.memory.used),
        "memory_unused": list(ps.memory.unused),
        "addresses": {
            "axi_dma_0": f"S_AXI_LITE/Reg 0x{board.addresses.axi_dma_0:08X}",
            "axi_intc_0": f"S_AXI/Reg 0x{board.addresses.axi_intc_0:08X}",
        }
        | {
            f"axi_dma_{n}": f"S_AXI_LITE/Reg 0x{board.addresses.axi_dma_0 + n * DMA_STEP:08X}"
            for n in further
        },
        "dma": _dma(taken, outputs[0], board.dma.address_bits),
        "interrupts": interrupts,
        "strategies": list(STRATEGIES),
    }
    if further:
        design["further_outputs"] = [str(n) for n in further]
        for n in further:
            design[f"dma_{n}"] = _dma(None, outputs[n], board.dma.address_bits)
    return design


def _dma(taken: Port | None, given: Port, address_bits: int) -> dict[str, str]:
    """Its channels in simple mode: one frame a transfer, whole words from aligned addresses. For a further
    output there is nothing to take.
    """
    longest = max(port.frame_bytes for port in (taken, given) if port is not None)
    length = max(14, longest.bit_length())  # bits of the length register, at most 26
    if length > 26:
        raise UserError(f"a frame of {longest:,} bytes is more than the DMA can move at once (67,108,863)")
    words_taken = 0 if taken is None else 8 * word_bytes(taken)
    values = {
        "c_include_sg": 0, "c_sg_include_stscntrl_strm": 0,
        "c_include_mm2s": int(taken is not None), "c_include_s2mm": 1,
        "c_include_mm2s_dre": 0, "c_include_s2mm_dre": 0,
        "c_sg_length_width": length, "c_addr_width": address_bits,
        "c_m_axi_mm2s_data_width": words_taken, "c_m_axis_mm2s_tdata_width": words_taken,
        "c_m_axi_s2mm_data_width": 8 * word_bytes(given), "c_s_axis_s2mm_tdata_width": 8 * word_bytes(given),
        "c_mm2s_burst_size": 16, "c_s2mm_burst_size": 16,
    }  # fmt: skip
    return {
        name: str(value)
        for name, value in values.items()
        if taken is not None or name == "c_include_mm2s" or "mm2s" not in name
    }


def _tcl(design: Mapping[str, str | list[str] | dict[str, str]]) -> str:
    lines = ["# What build.tcl builds. Made by hls.vivado.plan.", "", "set design {}"]
    for key, value in design.items():
        if isinstance(value, str):
            lines.append(f"dict set design {key} {_word(value)}")
        elif isinstance(value, dict):
            lines += [f"dict set design {key} {{", *_block(f"{k} {_word(v)}" for k, v in value.items()), "}"]
        else:
            lines += [f"dict set design {key} {{", *_block(map(_word, value)), "}"]
    return "\n".join(lines) + "\n"


def _block(words: Any) -> list[str]:
    return [f"  {word}" for word in words]


def _word(value: str) -> str:
    """One word of Tcl."""
    if PLAIN.fullmatch(value):
        return value
    if any(sign in value for sign in "{}\\\n"):
        raise UserError(f"{value!r}: expected a value without braces, backslashes and line ends")
    return f"{{{value}}}"
