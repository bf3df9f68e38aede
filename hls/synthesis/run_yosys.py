"""Synthesize one module: `python run_yosys.py JOB.json`, in the folder that its paths and those of
memories are relative to.

The job: {"module", "sources", "parameters", "family", "maps", "result", "memory_bytes"} and, where it goes on
with the synthesized netlist, "finish": Yosys commands. The result, a JSON file: {"cells": {type: number},
"block_rams": {type: [instance names]}}; where the job names a file "netlist", what `netlist` gives goes
there, compressed. It imports nothing of the project: Yosys, which ends the process at an error, stays alone.
"""

import gzip
import json
import re
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pyosys import libyosys as yosys

# Assertions and delays are for simulation. Start values count: they hold the memories' contents.
SLANG = "--ignore-assertions --ignore-timing --empty-blackboxes --allow-use-before-declare"
MEMORIES_COLLECTED = "-run prepare:map_memory"

SHORT = 40
"""Parameters of no more characters are kept: modes and counts, not contents."""


def passes(job: dict[str, Any]) -> list[str]:
    """The Yosys commands, in order."""
    module = job["module"]
    values = " ".join(f"-G {name}={value}" for name, value in job["parameters"].items())
    files = " ".join(job["sources"])
    maps = " ".join(f"-map {path}" for path in job["maps"])
    synth = f"synth_xilinx -family {job['family']} -top {module} -flatten -noiopad -noclkbuf"
    # DSP48E2 is in the larger library, which takes a second to read.
    larger = ["read_verilog -lib +/xilinx/cells_xtra.v"] if job["family"] != "xc7" else []
    return [
        "read_verilog -lib -specify +/xilinx/cells_sim.v",
        *larger,
        f"read_slang {SLANG} --top {module} {values} {files}",
        "proc",
        f"hierarchy -check -top {module}",
        "flatten",
        "opt_expr",
        "opt_clean",
        f"techmap {maps} t:$bmux",
        f"{synth} {MEMORIES_COLLECTED}",
        f"{synth} -run map_memory:check",
    ]


def roms_as_logic(design: Any) -> None:
    """Memories without a write port that are to be in LUTs are logic; to Yosys LUTRAM is what is written."""
    style = yosys.IdString("\\ram_style")
    for cell in design.top_module().cells_.values():
        if cell.type.str() != "$mem_v2" or cell.get_string_attribute(style) != "distributed":
            continue
        if cell.getParam(yosys.IdString("\\WR_PORTS")).as_int() == 0:
            cell.set_string_attribute(style, "logic")


def place(attributes: dict[str, str]) -> str:
    """FILE:LINE of the RTL, of a `src` attribute: not that of Yosys' own files, which have a whole path."""
    known = [source for source in attributes.get("src", "").split("|") if source and source[0] != "/"]
    return re.sub(r"(:\d+)\.\S*$", r"\1", known[0]) if known else ""


def memories(design: Any) -> dict[str, str]:
    """Where RTL declares the memories, by their names; their cells are called NAME.NUMBER.NUMBER later."""
    result = {}
    for cell in design.top_module().cells_.values():
        if cell.type.str() == "$mem_v2":
            name = cell.getParam(yosys.IdString("\\MEMID")).decode_string().removeprefix("\\")
            result[name] = place({"src": cell.get_string_attribute(yosys.IdString("\\src"))})
    return result


def netlist(written: dict[str, Any], module: str, declared: dict[str, str]) -> dict[str, Any]:
    """What timing needs of Yosys' JSON of `module`; a bit is a number, or "0", "1", "x" where it is constant.

    "ports": {name: [direction, bits]}; "pins": {type: {pin: direction}}; "cells": [type, {pin: bits},
    {parameter: value}, place, name]; "nets": {bit: [name, place]} where RTL gave it a name: the shortest.
    Cells of memories have the name of the memory and its place, of which `declared` tells.
    """
    top = written["modules"][module]
    cells = []
    pins: dict[str, dict[str, str]] = {}
    for name, cell in top["cells"].items():
        kind = cell["type"]
        if kind == "$scopeinfo":
            continue
        pins.setdefault(kind, {}).update(cell["port_directions"])
        known = {key: value for key, value in cell["parameters"].items() if len(str(value)) <= SHORT}
        kept = {} if kind.startswith(("LUT", "FD")) else known
        memory = re.sub(r"\.\d+\.\d+$", "", name) if kind.startswith("RAM") else ""
        at = place(cell["attributes"]) or declared.get(memory, "")
        cells.append([kind, cell["connections"], kept, at, memory])
    nets: dict[int, list[str]] = {}
    for name, net in top["netnames"].items():
        if net["hide_name"]:
            continue
        wide = len(net["bits"]) > 1
        for index, bit in enumerate(net["bits"]):
            if isinstance(bit, int) and (bit not in nets or len(name) < len(nets[bit][0].split("[")[0])):
                at = net.get("offset", 0) + index
                nets[bit] = [f"{name}[{at}]" if wide else name, place(net["attributes"])]
    ports = {name: [port["direction"], port["bits"]] for name, port in top["ports"].items()}
    return {"ports": ports, "pins": pins, "cells": cells, "nets": nets}


def write_netlist(design: Any, module: str, declared: dict[str, str], path: Path) -> None:
    """Write the netlist of `module` to `path`, compressed."""
    plain = path.with_suffix(".yosys")
    yosys.run_pass(f"select {module}", design)
    yosys.run_pass(f"write_json -selected {plain}", design)
    yosys.run_pass("select -clear", design)
    written = json.loads(plain.read_text(encoding="utf-8"))
    plain.unlink()
    path.write_bytes(gzip.compress(json.dumps(netlist(written, module, declared)).encode(), 3, mtime=0))


def main(path: Path) -> None:
    """Run the job in the file `path`."""
    job = json.loads(path.read_text())
    if job["memory_bytes"]:
        resource.setrlimit(resource.RLIMIT_AS, (job["memory_bytes"],) * 2)
    design = yosys.Design()
    declared: dict[str, str] = {}
    for command in passes(job):
        yosys.run_pass(command, design)
        if command.endswith(MEMORIES_COLLECTED):
            declared = memories(design)
            roms_as_logic(design)
    if "netlist" in job:
        write_netlist(design, job["module"], declared, Path(job["netlist"]))
    for command in job.get("finish", []):
        yosys.run_pass(command, design)
    cells = {
        name.str(): cell.type.str().removeprefix("\\") for name, cell in design.top_module().cells_.items()
    }
    rams: dict[str, list[str]] = {}
    for name, kind in sorted(cells.items()):
        if kind.startswith("RAMB"):
            rams.setdefault(kind, []).append(name)
    numbers = dict(sorted(Counter(cells.values()).items()))
    Path(job["result"]).write_text(json.dumps({"cells": numbers, "block_rams": rams}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
