"""The command of the fuzzer."""

import os
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from hls.ops.option import Operators
from pixelmend.console import run
from sim.fuzz.campaign import Plan, fuzz, repeat
from sim.fuzz.draw import Kind


def main(
    cases: Annotated[int, typer.Option(min=1, help="networks to try, those tried before included")] = 50,
    seed: Annotated[int | None, typer.Option(min=0, help="of all of them; without it, today's date")] = None,
    out: Annotated[Path, typer.Option(help="folder of the report and of failures")] = Path("build/fuzz"),
    jobs: Annotated[int | None, typer.Option(min=1, help="at once; all cores by default")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="start none after so long")] = None,
    kind: Annotated[Kind, typer.Option(help="of networks; both: most are general")] = "both",
    operators: Operators = None,
    failure: Annotated[
        Path | None, typer.Option("--repeat", help="try the network of this failure again, and no other")
    ] = None,
) -> None:
    """Take random small networks through the whole path; each execution must agree to the last bit."""
    if failure is not None:
        repeat(failure)
        return
    chosen = int(f"{date.today():%Y%m%d}") if seed is None else seed
    seconds = None if minutes is None else 60 * minutes
    fuzz(Plan(chosen, cases, out, jobs or os.cpu_count() or 1, seconds, kind=kind))


if __name__ == "__main__":
    run(main)
