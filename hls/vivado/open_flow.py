"""The bitstream with open tools: Yosys, nextpnr (himbaechel, xilinx) and prjxray. Zynq-7000 only, optional.

    netlist.json   Yosys' netlist of the whole programmable logic, LUT6_2 as LUT6 + LUT5
    report.json    nextpnr's clocks and utilization
    pixelmend.bit  assembled from nextpnr's FASM by prjxray

The shell is our own, since the vendor's IP can't be synthesized here: processing system, a DMA whose
registers are those of the vendor's, width converters (open/). nextpnr's delays are partly stubs: its clock is
an estimate, no sign-off.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hls.synthesis.jobs import OWN, TAPS, YOSYS, yosys_errors
from hls.synthesis.sources import Library
from hls.vivado import tools
from hls.vivado.accelerator import Accelerator
from hls.vivado.plan import BITSTREAM, HERE, Plan
from pixelmend.console import note, progress
from pixelmend.errors import MissingTool, UserError
from pixelmend.files import file_digest, read_json, replacing_folder, write_json, write_text

OPEN = HERE / "open"
TOP = "open_shell"
NETLIST, FASM, REPORT, FRAMES = "netlist.json", "pixelmend.fasm", "report.json", "pixelmend.frames"
MAP_LUT6_2 = ("techmap -map lut6_2.v t:LUT6_2", "opt_clean")
WORD_BYTES = 8  # of the open DMA


@dataclass(frozen=True)
class OpenTools:
    """The programs, and the database's folder for the part's family."""

    nextpnr: Path
    fasm2frames: Path
    frames2bit: Path
    database: Path


def find_tools(part: str) -> OpenTools:
    """All that is needed for `part`; `MissingTool` names the first that is missing and where it may be."""
    nextpnr = tools.find(["nextpnr-himbaechel-xilinx", "nextpnr-himbaechel"], "NEXTPNR_XILINX")
    fasm2frames = tools.find(["fasm2frames", "fasm2frames.py"], "FASM2FRAMES")
    frames2bit = tools.find(["xc7frames2bit"], "XC7FRAMES2BIT")
    given = os.environ.get("PRJXRAY_DB")
    database = Path(given) / "zynq7" if given else None
    if database is None or not (database / part / "part.yaml").is_file():
        raise MissingTool(
            f"prjxray database: expected zynq7/{part}/part.yaml in the folder that PRJXRAY_DB names "
            f"({given or 'not set'}), found none"
        )
    return OpenTools(nextpnr, fasm2frames, frames2bit, database)


def shell(accelerator: Accelerator) -> str:
    """The programmable logic, `accelerator` in its shell; `UserError` for ports that it has no DMA for."""
    ports = accelerator.ports
    if len(ports.outputs) > 1:
        raise UserError(
            f"the open flow's DMA receives one stream, the network has {len(ports.outputs)} outputs; use "
            "Vivado"
        )
    for name, port in (("input", ports.input), ("output", ports.output)):
        if port.frame_bytes % WORD_BYTES:
            raise UserError(
                f"the open flow's DMA moves whole words of {WORD_BYTES} bytes, an {name} frame has "
                f"{port.frame_bytes:,} bytes"
            )
    text = (OPEN / "open_shell.sv.in").read_text(encoding="utf-8")
    values = {
        "TOP": accelerator.top,
        "INPUT_BITS": 8 * ports.input.beat_bytes,
        "OUTPUT_BITS": 8 * ports.output.beat_bytes,
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def bitstream(plan: Plan, build: Path) -> None:
    """Synthesize, place, route and assemble into build/open-<board>/; the figures go to build/open.json.

    `UserError` for what it does not build; `MissingTool` before anything is synthesized.
    """
    if plan.board.ps.ip != "processing_system7" or plan.backend != "rtl":
        raise UserError(
            f"{plan.board.name}, backend {plan.backend}: the open flow builds the rtl backend for Zynq-7000"
        )
    found = find_tools(plan.board.part)
    work = build / f"open-work-{plan.board.name}"
    steps = (
        ("Yosys", lambda: synthesize(plan.accelerator, build / "rtl", work)),
        ("nextpnr", lambda: _place_and_route(found, plan, work)),
        ("prjxray", lambda: _assemble(found, plan.board.part, work)),
    )
    with replacing_folder(work):
        pass  # an interrupted run's files are gone
    with progress() as bar:
        task = bar.add_task("open flow", total=len(steps), note="")
        for name, step in steps:
            bar.update(task, note=name)
            step()
            bar.update(task, advance=1)
    report = _figures(plan, work)
    out = build / f"open-{plan.board.name}"
    with replacing_folder(out) as folder:
        for name in (BITSTREAM, REPORT):
            (folder / name).write_bytes((work / name).read_bytes())
    write_json(build / "open.json", report | {"bit": file_digest(out / BITSTREAM)})
    note(
        f"{out}: routed for {report['routed_mhz']:.1f} MHz by nextpnr's estimate, "
        f"{report['clock_mhz']:g} asked for"
    )


def synthesize(accelerator: Accelerator, rtl: Path, work: Path) -> None:
    """Yosys on the whole: `work`/netlist.json. Minutes for a network of full size."""
    library = Library(rtl)
    texts = {path.name: path.read_text(encoding="utf-8") for path in OWN}
    texts["open_primitives.sv"] = (OPEN / "primitives.sv").read_text(encoding="utf-8")
    texts["stream_width.sv"] = (HERE / "shell" / "stream_width.sv").read_text(encoding="utf-8")
    texts |= {path.name: path.read_text(encoding="utf-8") for path in sorted(OPEN.glob("dma_*.sv"))}
    texts[f"{TOP}.sv"] = shell(accelerator)
    texts |= {file: library.texts[file] for file in library.needed([accelerator.top])}
    for file, text in texts.items():
        write_text(work / file, text)
    write_text(work / "lut6_2.v", (OPEN / "lut6_2.v").read_text(encoding="utf-8"))
    memory = work / "memory"
    if not memory.exists():
        memory.symlink_to((rtl / "memory").resolve())
    job = {
        "module": TOP, "sources": [file for file in texts if file != TAPS.name], "parameters": {},
        "family": "xc7", "maps": [TAPS.name], "result": "cells.json", "memory_bytes": 0,
        "finish": [*MAP_LUT6_2, f"select {TOP}", f"write_json -selected {NETLIST}"],
    }  # fmt: skip
    write_json(work / "job.json", job)
    done = subprocess.run(
        [sys.executable, "-P", str(YOSYS), "job.json"], cwd=work, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode or not (work / NETLIST).is_file():
        raise UserError(f"{work}: Yosys did not end well: {yosys_errors(done.stdout)}")


def _place_and_route(found: OpenTools, plan: Plan, work: Path) -> None:
    """nextpnr's own exit status says whether it routed; whether the clock is met is judged by its report."""
    command = [
        str(found.nextpnr), "--device", plan.board.part, "--json", NETLIST, "-o", f"fasm={FASM}",
        "--freq", f"{plan.accelerator.clock_mhz:g}", "--timing-allow-fail", "--report", REPORT, "--seed", "1",
    ]  # fmt: skip
    _run(command, work, [FASM, REPORT])
    figures = _clock(work)
    if figures < plan.accelerator.clock_mhz:
        raise UserError(
            f"{work}: routed for {figures:.1f} MHz, expected {plan.accelerator.clock_mhz:g}; no bitstream is "
            f"made. Lower clock_mhz in [hls]; {REPORT} names the critical path"
        )


def _assemble(found: OpenTools, part: str, work: Path) -> None:
    database = str(found.database)
    _run([str(found.fasm2frames), "--part", part, "--db-root", database, FASM, FRAMES], work, [FRAMES])
    part_file = str(found.database / part / "part.yaml")
    command = [
        str(found.frames2bit), "--part_file", part_file, "--part_name", part,
        "--frm_file", FRAMES, "--output_file", BITSTREAM,
    ]  # fmt: skip
    _run(command, work, [BITSTREAM])


def _run(command: list[str], work: Path, outputs: list[str]) -> None:
    log = work / f"{Path(command[0]).name}.log"
    status = tools.run(command, work, log)
    missing = [name for name in outputs if not (work / name).is_file()]
    if status or missing:
        left = f"left no {', '.join(missing)}" if missing else "failed"
        raise UserError(
            f"{command[0]}: ended with status {status} and {left}; earlier results are unchanged. {log} ends "
            f"with:\n{tools.tail(log)}"
        )


def _clock(work: Path) -> float:
    """The routed clock in MHz: the slowest that nextpnr reports."""
    clocks = read_json(work / REPORT).get("fmax", {})
    if not clocks:
        raise UserError(f"{work / REPORT}: expected nextpnr's report with the clock reached, found no fmax")
    return min(float(clock["achieved"]) for clock in clocks.values())


def _figures(plan: Plan, work: Path) -> dict[str, Any]:
    cells = json.loads((work / "cells.json").read_text(encoding="utf-8"))["cells"]
    return {
        "config": plan.accelerator.config,
        "board": plan.board.name,
        "part": plan.board.part,
        "plan_digest": plan.digest,
        "clock_mhz": plan.accelerator.clock_mhz,
        "routed_mhz": _clock(work),
        "cells": cells,
        "why": "nextpnr's delays are partly stubs: an estimate, no sign-off; nothing ran on a board",
    }
