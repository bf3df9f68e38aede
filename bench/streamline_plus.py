"""FINN's exhaustive `StreamlinePlus` on a QONNX generator, in a process of its own, since it may not end.

    python -m bench.streamline_plus MODEL.onnx RESULT.json

writes the seconds that the transformation took and the operators left.
"""

import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from finn.transformation.streamline.streamline_plus import StreamlinePlus

from bench.finn_path import convert, quiet
from hls.finn_setup import finn_workspace
from hls.frontend import prepared
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from pixelmend.provenance import ROOT

START_S = 30.0  # of a process, until the transformation begins: imports and conversion


@dataclass(frozen=True)
class Outcome:
    """`seconds` it took, or the bound where it did not end."""

    seconds: float
    ended: bool
    operators: dict[str, int]  # left at its end; empty without one


def bounded(model: Path, bound_s: float) -> Outcome:
    """Run it with a bound on its time; `UserError` where it fails."""
    with TemporaryDirectory(prefix="pixelmend-bench-") as folder:
        begun, result = Path(folder) / "begun", Path(folder) / "result.json"
        command = [sys.executable, "-m", "bench.streamline_plus", str(model.resolve()), str(result)]
        with (
            (Path(folder) / "log").open("w+", encoding="utf-8") as log,
            subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process,
        ):
            try:
                _await(process, begun)
                process.wait(bound_s)
            except subprocess.TimeoutExpired:
                return Outcome(bound_s, False, {})
            finally:
                process.kill()
            if process.returncode:
                log.seek(0)
                last = (log.read().strip() or "no message").splitlines()[-1]
                raise UserError(f"{model}: FINN's StreamlinePlus failed: {last}")
        written = read_json(result)
        return Outcome(written["seconds"], True, written["operators"])


def _await(process: subprocess.Popen[bytes], begun: Path) -> None:
    """Until the transformation begins or the process ends."""
    limit = time.monotonic() + START_S
    while not begun.exists() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.1)


def main() -> None:
    """Transform and write how long it took."""
    path, result = Path(sys.argv[1]), Path(sys.argv[2])
    with finn_workspace(), quiet():
        model = convert(prepared(path))
        (result.parent / "begun").touch()
        start = time.perf_counter()
        model = model.transform(StreamlinePlus())
        seconds = time.perf_counter() - start
    operators = Counter(node.op_type for node in model.graph.node)
    write_json(result, {"seconds": seconds, "operators": dict(operators)})


if __name__ == "__main__":
    main()
