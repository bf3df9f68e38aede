"""Runs pytest once for every line of its input, in a fork of a process that has imported torch, FINN and the
like already: that takes longer than most tests. Started in the folder of the tests; imports nothing of the
project, so that each fork reads the sources as they are at that moment.

A line is {"arguments": [...], "log": path, "seconds": limit}, the answer {"status": exit status}, -1 where it
took longer.
"""

import importlib
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

HEAVY = (
    "numpy", "scipy.ndimage", "onnx", "torch", "qonnx.core.modelwrapper", "qonnx.transformation.general",
    "qonnx.util.cleanup", "brevitas.nn", "finn.custom_op.fpgadataflow.rtlbackend", "pytest",
)  # fmt: skip


def run(arguments: list[str], log: str, seconds: float) -> int:
    """pytest's exit status in a fork of its own process group; -1 where it took longer."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, out), (2, out)):
            os.dup2(source, target)
        status = 70  # what no pytest ends with
        try:
            import pytest

            status = int(pytest.main(arguments))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return _wait(child, time.monotonic() + seconds)


def _wait(child: int, until: float) -> int:
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


if __name__ == "__main__":
    sys.dont_write_bytecode = (
        True  # a source of another text but the same second and size would be taken for it
    )
    for module in HEAVY:
        importlib.import_module(module)
    sys.path.insert(0, str(Path.cwd()))
    for line in sys.stdin:
        print(json.dumps({"status": run(**json.loads(line))}), flush=True)
