"""All that runs on random numbers, within a time budget: single operators, then whole networks.

    python -m sim.soak --minutes 60 [--seed 20261121]

Reports are those of `sim.operators` and `sim.fuzz`. Exit status is not 0 where one of them found something.
"""

import os
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pixelmend.console import note, run
from pixelmend.errors import UserError
from sim.fuzz.campaign import Plan, fuzz
from sim.operators.matrix import matrix

OPERATORS_SHARE = 0.25  # of the time; the networks have the operators in them
ENDLESS = 100_000  # networks; time ends it


def soak(minutes: float, seed: int, out: Path, jobs: int) -> None:
    """Both for `minutes` in all; `UserError` at the end where any failed."""
    problems = []
    seconds = 60 * minutes
    try:
        matrix(out / "operators", seed, ENDLESS, seconds=OPERATORS_SHARE * seconds)
    except UserError as error:
        problems.append(str(error))
        note(f"operators: {error}")
    try:
        fuzz(Plan(seed, ENDLESS, out / "fuzz", jobs, (1 - OPERATORS_SHARE) * seconds))
    except UserError as error:
        problems.append(str(error))
    if problems:
        raise UserError("; ".join(problems))


def main(
    minutes: Annotated[float, typer.Option(min=0, help="in all")] = 60,
    seed: Annotated[int | None, typer.Option(min=0, help="without it, today's date")] = None,
    out: Annotated[Path, typer.Option(help="folder of the reports' folders")] = Path("build"),
    jobs: Annotated[int | None, typer.Option(min=1, help="networks at once; all cores by default")] = None,
) -> None:
    """Fuzz operators and networks for a while."""
    chosen = int(f"{date.today():%Y%m%d}") if seed is None else seed
    soak(minutes, chosen, out, jobs or os.cpu_count() or 1)


if __name__ == "__main__":
    run(main)
