"""Synthesize one module: `python run_yosys.py JOB.json`, in the folder that its paths and those of
memories are relative to.

The job: {"module", "sources", "parameters", "family", "maps", "result", "memory_bytes"} and, where it goes on
with the synthesized netlist, "finish": Yosys commands. The result, a JSON file: {"cells": {type: number},
"block_rams": {type: [instance names]}}. It imports nothing of the project: Yosys, which ends the process at
an error, stays alone.
"""

import json
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pyosys import libyosys as yosys

# Assertions and delays are for simulation. Start values count: they hold the memories' contents.
SLANG = "--ignore-assertions --ignore-timing --empty-blackboxes --allow-use-before-declare"
MEMORIES_COLLECTED = "-run prepare:map_memory"


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


def main(path: Path) -> None:
    """Run the job in the file `path`."""
    job = json.loads(path.read_text())
    if job["memory_bytes"]:
        resource.setrlimit(resource.RLIMIT_AS, (job["memory_bytes"],) * 2)
    design = yosys.Design()
    for command in passes(job):
        yosys.run_pass(command, design)
        if command.endswith(MEMORIES_COLLECTED):
            roms_as_logic(design)
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
