"""Many nodes of every operator, reported after each; the seeds of what failed repeat it alone."""

import time
from pathlib import Path
from typing import Any

from pixelmend.console import note, progress
from pixelmend.errors import UserError
from pixelmend.files import write_json
from pixelmend.provenance import ROOT, made_by
from sim.operators.check import FRAMES, PATTERNS, by_name, check

CACHE = ROOT / "build" / ".cache" / "sim"


def matrix(
    folder: Path,
    first: int,
    count: int,
    only: str | None = None,
    seconds: float | None = None,
    cache: Path = CACHE,
) -> dict[str, Any]:
    """Check nodes `first` to `first + count - 1` of each operator; returns what it writes to `report.json`.

    Seed by seed, so that a run that `seconds` ends saw every operator. `UserError` after writing where a
    node failed.
    """
    names = list(by_name()) if only is None else [only]
    wanted = [(seed, name) for seed in range(first, first + count) for name in names]
    passed = dict.fromkeys(names, 0)
    failures: list[dict[str, Any]] = []
    deadline = None if seconds is None else time.monotonic() + seconds
    with progress() as bar:
        task = bar.add_task("operators", total=len(wanted), note="")
        for seed, name in wanted:
            if deadline is not None and time.monotonic() > deadline:
                break
            bar.update(task, note=f"{name} {seed}{f', {len(failures)} failed' if failures else ''}")
            try:
                check(name, seed, cache, keep=False)
                passed[name] += 1
            except UserError as error:
                note(str(error))
                failures.append({"operator": name, "seed": seed, "message": str(error)})
            bar.advance(task)
            write_json(folder / "report.json", _report(first, count, passed, failures))
    report = _report(first, count, passed, failures)
    write_json(folder / "report.json", report)
    note(f"operators: {sum(passed.values())} nodes equal in every execution; {folder / 'report.json'}")
    if failures:
        raise UserError(f"{len(failures)} nodes failed; first {failures[0]['message']}")
    return report


def _report(first: int, count: int, passed: dict[str, int], failures: list[dict[str, Any]]) -> dict[str, Any]:
    known = by_name()
    return {
        "seeds": [first, first + count - 1],
        "operators": {known[name].__name__: number for name, number in passed.items() if name in known},
        "frames": [1, FRAMES],
        "stalls": f"{len(PATTERNS)} patterns of idle inputs x {len(PATTERNS)} of outputs not ready",
        "passed": sum(passed.values()),
        "failures": list(failures),
        "made_by": made_by(),
    }
