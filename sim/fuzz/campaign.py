"""Many trials: drawn from a seed, several at once, reported after each, gone on with where they stopped.

Written into the folder: `report.json`, and for each failure `failure-<digest>.json`, a smaller trial that
fails in the same stage, with the command that repeats it.
"""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hls.ops.registry import VARIABLE
from pixelmend import config as configuration
from pixelmend.console import note, progress
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from pixelmend.provenance import ROOT, code_digest, made_by
from sim.family import Case
from sim.fuzz.draw import Kind, draw
from sim.fuzz.net import Net
from sim.fuzz.shrink import shrink
from sim.fuzz.trial import Outcome, Trial, attempt, check

CACHE = ROOT / "build" / ".cache" / "sim"
PACKAGES = ("pixelmend", "model", "quant", "hls", "sim")

Row = dict[str, Any]
Pending = dict[Future[Outcome], int]


@dataclass(frozen=True)
class Plan:
    """Which trials, and where they leave what they found."""

    seed: int
    cases: int  # numbers 0 to cases - 1
    folder: Path
    jobs: int = 1
    seconds: float | None = None  # start none after so long
    attempts: int = 60  # to make a failure smaller
    cache: Path = CACHE
    kind: Kind = "both"  # of networks


def fuzz(plan: Plan) -> dict[str, Any]:
    """Run the campaign; returns its report. `UserError` after writing it where a trial failed."""
    rows = _earlier(plan)
    kept = len(rows)
    started = time.monotonic()
    wanted = [number for number in range(plan.cases) if number not in rows]
    with progress() as bar:
        task = bar.add_task(f"fuzz, seed {plan.seed}", total=plan.cases, completed=kept, note="")
        for number, outcome in _tried(plan, wanted):
            trial = draw(plan.seed, number, plan.kind)
            rows[number] = _row(plan, number, trial, outcome)
            write_json(plan.folder / "report.json", _report(plan, rows))
            failed = sum(row["stage"] is not None for row in rows.values())
            bar.update(task, advance=1, note=f"{failed} failed" if failed else "")
    report = _report(plan, rows)
    write_json(plan.folder / "report.json", report)
    note(
        f"fuzz: {report['passed']} of {report['done']} networks bit-exact in every execution, no deadlock"
        f" (seed {plan.seed}; {plan.cases} wanted, {kept} from an earlier run, "
        f"{time.monotonic() - started:.0f} s now); {plan.folder / 'report.json'}"
    )
    for row in report["failures"]:
        note(f"number {row['number']} fails in {row['stage']}: {row['message']}\n  {row['command']}")
    if report["failures"]:
        first = report["failures"][0]
        raise UserError(f"{len(report['failures'])} networks failed; repeat the first: {first['command']}")
    return report


def repeat(path: Path, cache: Path = CACHE) -> Outcome:
    """Try the trial of a failure's file again; `UserError` where it still fails, or the file is no such."""
    content = read_json(path)
    if not isinstance(content, dict) or "trial" not in content:
        raise UserError(f"{path}: expected a failure, as sim.fuzz writes, with the key 'trial'")
    trial = configuration.parse(content["trial"], Trial, f"{path}: trial")
    try:
        check(trial)
    except ValueError as error:
        raise UserError(f"{path}: trial: {error}") from error
    note(f"fuzz: {trial}")
    outcome = attempt(trial, cache)
    if outcome.stage is not None:
        raise UserError(f"fails in {outcome.stage}: {outcome.message}")
    note(f"fuzz: passes, {outcome.cycles:,} cycles; it failed in {content.get('stage')}")
    return outcome


def _earlier(plan: Plan) -> dict[int, Row]:
    """What a run of the same seed and the same code found before."""
    path = plan.folder / "report.json"
    if not path.is_file():
        return {}
    report = read_json(path)
    same = plan.seed, plan.kind, code_digest(*PACKAGES), os.environ.get(VARIABLE, "")
    if (report.get("seed"), report.get("kind"), report.get("code"), report.get("operators")) != same:
        return {}
    return {row["number"]: row for row in report["cases"]}


def _tried(plan: Plan, numbers: list[int]) -> Iterator[tuple[int, Outcome]]:
    """Outcomes in the order in which they come, `jobs` trials at once."""
    deadline = None if plan.seconds is None else time.monotonic() + plan.seconds
    left = iter(numbers)

    def ahead() -> int | None:
        return None if deadline is not None and time.monotonic() > deadline else next(left, None)

    with _runner(plan.jobs) as submit:
        pending: Pending = {}
        while True:
            while len(pending) < plan.jobs and (number := ahead()) is not None:
                pending[submit(partial(attempt, draw(plan.seed, number, plan.kind), plan.cache))] = number
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                yield pending.pop(future), future.result()


@contextmanager
def _runner(jobs: int) -> Iterator[Callable[[Callable[[], Outcome]], Future[Outcome]]]:
    """Submits work to `jobs` processes, or does it here where one is asked for."""
    if jobs == 1:
        yield _here
        return
    context = multiprocessing.get_context("spawn")  # torch and its threads don't survive a fork
    pool = ProcessPoolExecutor(jobs, context, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool.submit
    finally:
        pool.shutdown(cancel_futures=True)


def _here(work: Callable[[], Outcome]) -> Future[Outcome]:
    done: Future[Outcome] = Future()
    done.set_result(work())
    return done


def _row(plan: Plan, number: int, trial: Trial, outcome: Outcome) -> Row:
    """A line of the report; a failure is made small and written to its own file first."""
    row: Row = {"number": number, "what": str(trial), **asdict(outcome)}
    if outcome.stage is None:
        return row
    note(f"number {number} fails in {outcome.stage}: {outcome.message}; looking for a smaller one")
    again = partial(attempt, cache=plan.cache, until=outcome.stage)
    small, smaller = shrink(trial, outcome, again, plan.attempts)
    path = plan.folder / f"failure-{small.digest}.json"
    command = f"python -m sim.fuzz --repeat {path}"
    write_json(
        path,
        {
            "what": str(small),
            "stage": smaller.stage,
            "message": smaller.message,
            "command": command,
            "trial": asdict(small),
            "found": {
                "seed": plan.seed,
                "number": number,
                "message": outcome.message,
                "trial": asdict(trial),
            },
            "made_by": made_by(),
        },
    )
    return row | {"file": path.name, "command": command, "message": smaller.message}


def _report(plan: Plan, rows: dict[int, Row]) -> dict[str, Any]:
    ordered = [rows[number] for number in sorted(rows) if number < plan.cases]
    failures = [row for row in ordered if row["stage"] is not None]
    return {
        "seed": plan.seed,
        "kind": plan.kind,
        "operators": os.environ.get(VARIABLE, ""),
        "wanted": plan.cases,
        "done": len(ordered),
        "passed": len(ordered) - len(failures),
        "failures": failures,
        "drawn": coverage([draw(plan.seed, row["number"], plan.kind) for row in ordered]),
        "seconds": round(sum(row["seconds"] for row in ordered), 1),
        "code": code_digest(*PACKAGES),
        "made_by": made_by(),
        "cases": ordered,
    }


def coverage(trials: list[Trial]) -> dict[str, dict[str, int]]:
    """How often each value was drawn, by what it is of."""
    counts: dict[str, Counter[str]] = {}

    def count(name: str, value: Any) -> None:
        counts.setdefault(name, Counter())[str(value)] += 1

    for trial in trials:
        count("kind", "general" if isinstance(trial.case, Net) else "family")
        for name, value in _values(trial.case):
            count(name, value)
        count("stall_in", trial.stall_in.kind)
        count("stall_out", trial.stall_out.kind)
        count("hls", trial.hls)
    return {name: dict(sorted(found.items())) for name, found in counts.items()}


def _values(case: Case | Net) -> Iterator[tuple[str, Any]]:
    """What is counted of a network."""
    yield "square", case.height == case.width
    yield "folding", "target" if case.folding_seed is None else "random"
    yield "pixels_per_beat", case.pixels_per_beat
    if isinstance(case, Net):
        yield "outputs", len(case.outputs)
        yield "input", f"{case.channels} x {'i' if case.signed else 'u'}{case.bits}"
        for step in case.steps:
            yield "layer", step.kind
            if step.kind in ("conv", "deconv"):
                yield "kernel of a layer", "x".join(map(str, step.kernel))
                yield "stride of a layer", "x".join(map(str, step.stride))
                yield "weights of a layer", step.weight_bits
                yield "groups", step.groups > 1
                yield "dilated", max(step.dilation) > 1
            if step.bits:
                yield "activation", step.activation
                yield "quantizer", f"{'i' if step.signed else 'u'}{step.bits}"
                yield "batch norm", step.norm
            if step.move:
                yield "moved", step.move
        return
    yield "levels", len(case.widths)
    layers = case.layer_weight_bits, case.layer_act_bits, case.layer_sum_bits, case.layer_input_bits
    yield "layer_bits", any(layers)
    yield "masked", case.quant.masked
    for name in (
        "kernel",
        "stride",
        "skips",
        "center",
        "mode",
        "weight_bits",
        "act_bits",
        "sum_bits",
        "weight_kind",
    ):
        yield name, getattr(case, name)
