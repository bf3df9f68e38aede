"""A Tcl interpreter for the tests: tclsh, or else the one that Python brings as tkinter."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

STANDIN = Path(__file__).parent / "vivado_standin.tcl"
WITH_PYTHON = """
import os, sys, tkinter
interpreter = tkinter.Tcl()

def leave(status="0"):  # tkinter takes the command away
    interpreter.eval("flush stdout")
    os._exit(int(status))

interpreter.createcommand("exit", leave)
for path in sys.argv[1:]:
    interpreter.eval("source {" + path + "}")
"""


def interpreter() -> list[str]:
    """The command that sources Tcl files in turn. Never a skip: a machine that has neither fails."""
    if shutil.which("tclsh"):
        return ["tclsh"]
    try:
        import _tkinter  # noqa: F401
    except ImportError as error:
        raise AssertionError(
            "the Tcl of the plan is checked in a Tcl interpreter, and this machine has neither tclsh nor "
            "Python's tkinter: apt install tcl (or python3-tk)"
        ) from error
    return [sys.executable, "-c", WITH_PYTHON]


def with_standin(
    script: Path, record: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Source `script` where the stand-in's commands are Vivado's; all calls go to the file `record`."""
    command = interpreter()
    start = [str(STANDIN), str(script)]
    if command == ["tclsh"]:
        both = record.with_suffix(".both.tcl")
        both.write_text("".join(f"source {{{path}}}\n" for path in start))
        start = [str(both)]
    return subprocess.run(
        [*command, *start],
        cwd=record.parent,  # elsewhere than the package: nothing may depend on it
        env={**os.environ, "VIVADO_RECORD": str(record), **(environment or {})},
        text=True, capture_output=True, check=False, timeout=120,
    )  # fmt: skip


def calls(record: Path) -> list[list[str]]:
    """The recorded calls, each a list of words."""
    return [line.split("\t") for line in record.read_text(encoding="utf-8").splitlines()]
