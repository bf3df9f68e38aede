"""Plant bugs and see whether the tests find them.

    python -m bench.mutants.run --out build/mutants [--area rtl] [--only NAME] [--minutes 20] [--smoke]

First every check runs on the sources as they are: it must pass. Then each mutant's checks run until one
fails. Results are kept in OUT/results and not made again while mutant, source and tests are the same, so that
a run that was ended goes on. OUT/report.json holds all results there are. Exit status is not 0 where a mutant
survived that its list does not explain, or was found though the list says that it can't be.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bench.mutants.checks import Checks
from bench.mutants.mutants import AREAS, Mutant, mutants
from pixelmend.console import console, note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from pixelmend.provenance import commit


def baseline(checks: Checks, chosen: Sequence[Mutant]) -> None:
    """Run every check of `chosen` on the sources as they are. `UserError` where one finds a bug in them."""
    wanted = list(dict.fromkeys(check for mutant in chosen for check in mutant.checks))
    with progress() as bar:
        task = bar.add_task("checks without a mutant", total=len(wanted), note="")
        for check in wanted:
            verdict = checks.run(check, {})
            if verdict.found:
                raise UserError(f"{check} fails on the sources as they are: {verdict.said}")
            bar.update(task, advance=1, note=f"{check} {verdict.seconds} s")


def judge(checks: Checks, mutant: Mutant) -> dict[str, Any]:
    """The result of one mutant. `UserError` where it is no program, which says nothing about the tests."""
    edits = {mutant.file: mutant.mutated()}
    seconds = 0.0
    found: dict[str, Any] = {"caught": False, "by": None, "said": None}
    for check in mutant.checks:
        verdict = checks.run(check, edits)
        seconds += verdict.seconds
        if verdict.illegal:
            raise UserError(f"mutant {mutant.name} is no legal source: {verdict.said}; mend the list")
        if verdict.found:
            found = {"caught": True, "by": check, "said": verdict.said}
            break
    about = {
        "name": mutant.name,
        "area": mutant.area,
        "file": mutant.file,
        "old": mutant.old,
        "new": mutant.new,
    }
    return {**about, **found, "survives": mutant.survives, "seconds": round(seconds, 1), "key": mutant.key()}


def mutate(chosen: Sequence[Mutant], out: Path, minutes: float | None = None) -> list[dict[str, Any]]:
    """Judge those of `chosen` without a result in `out`, and begin none after `minutes`; their results.

    `UserError` at the end where some are no programs: the others are judged all the same.
    """
    results = {mutant.name: result for mutant in chosen if (result := _kept(mutant, out)) is not None}
    waiting = [mutant for mutant in chosen if mutant.name not in results]
    checks = Checks(out)
    until = time.monotonic() + 60 * minutes if minutes else None
    illegal: list[str] = []
    try:
        if waiting:
            baseline(checks, waiting)
        with progress() as bar:
            task = bar.add_task("mutants", total=len(chosen), completed=len(results), note="")
            for mutant in waiting:
                if until and time.monotonic() > until:
                    note(f"{len(chosen) - len(results)} mutants are left; run the same command to go on")
                    break
                try:
                    results[mutant.name] = judge(checks, mutant)
                except UserError as error:
                    illegal.append(str(error))
                    continue
                write_json(_place(mutant, out), results[mutant.name])
                caught = "caught" if results[mutant.name]["caught"] else "SURVIVED"
                bar.update(task, advance=1, note=f"{mutant.name} {caught}")
    finally:
        checks.close()
    if illegal:
        raise UserError("\n".join(illegal))
    return [results[mutant.name] for mutant in chosen if mutant.name in results]


def report(results: Sequence[dict[str, Any]], listed: int, out: Path) -> dict[str, Any]:
    """Write `out`/report.json and show it: the share that was caught, what was not and why."""
    areas = {
        area: {
            "mutants": len(rows),
            "caught": sum(row["caught"] for row in rows),
            "seconds": round(sum(row["seconds"] for row in rows), 1),
        }
        for area in AREAS
        if (rows := [row for row in results if row["area"] == area])
    }
    caught = sum(row["caught"] for row in results)
    survivors = [row for row in results if not row["caught"]]
    written = {
        "commit": commit(),
        "listed": listed,
        "run": len(results),
        "caught": caught,
        "share": round(caught / len(results), 4) if results else None,
        "areas": areas,
        "survivors": [
            {key: row[key] for key in ("name", "file", "old", "new", "survives")} for row in survivors
        ],
        "mutants": list(results),
    }
    write_json(out / "report.json", written)
    table = Table(title=f"planted bugs: {caught} of {len(results)} caught, {listed} listed")
    for heading in ("", "mutants", "caught", "seconds"):
        table.add_column(heading, justify="right" if heading else "left")
    for area, numbers in areas.items():
        table.add_row(area, *(str(number) for number in numbers.values()))
    console.print(table)
    for row in survivors:
        note(f"survived: {row['name']} in {row['file']}: {row['survives'] or 'not explained'}")
    return written


def verdict(results: Sequence[dict[str, Any]]) -> None:
    """`UserError` where the results are not what the lists say."""
    unexplained = [row["name"] for row in results if not row["caught"] and not row["survives"]]
    wrong = [row["name"] for row in results if row["caught"] and row["survives"]]
    problems = []
    if unexplained:
        problems.append(f"survived: {', '.join(unexplained)}")
    if wrong:
        problems.append(f"caught, though the list says why no test can: {', '.join(wrong)}")
    if problems:
        raise UserError("; ".join(problems))


def _place(mutant: Mutant, out: Path) -> Path:
    return out / "results" / f"{mutant.name}.json"


def _kept(mutant: Mutant, out: Path) -> dict[str, Any] | None:
    path = _place(mutant, out)
    result: dict[str, Any] | None = read_json(path) if path.is_file() else None
    return result if result is not None and result["key"] == mutant.key() else None


def main(
    out: Annotated[Path, typer.Option(help="folder of the report and of what is kept")] = Path(
        "build/mutants"
    ),
    area: Annotated[str | None, typer.Option(help=f"only those of {', '.join(AREAS)}")] = None,
    only: Annotated[list[str] | None, typer.Option(help="only this mutant; may be repeated")] = None,
    minutes: Annotated[float | None, typer.Option(help="begin no mutant after so many", min=0.0)] = None,
    smoke: Annotated[bool, typer.Option(help="only the share that the tests run")] = False,
) -> None:
    """Plant bugs in RTL, HLS C++ and lowering, and see whether the tests find them."""
    every = mutants()
    known = {mutant.name for mutant in every}
    unknown = set(only or []) - known
    if unknown:
        raise UserError(
            f"--only: expected names of the lists of planted bugs, got {', '.join(sorted(unknown))}"
        )
    if area is not None and area not in AREAS:
        raise UserError(f"--area: expected one of {', '.join(AREAS)}, got {area!r}")
    chosen = [
        mutant
        for mutant in every
        if area in (None, mutant.area) and (not only or mutant.name in only) and (mutant.smoke or not smoke)
    ]
    for mutant in chosen:
        mutant.mutated()  # a list that no longer fits the sources is told before anything runs
    problem: UserError | None = None
    try:
        mutate(chosen, out, minutes)
    except UserError as error:
        problem = error
    results = [result for mutant in every if (result := _kept(mutant, out)) is not None]
    report(results, len(every), out)
    if problem is not None:
        raise problem
    verdict(results)


if __name__ == "__main__":
    run(main)
