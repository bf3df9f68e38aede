"""The command of the operator matrix."""

from pathlib import Path
from typing import Annotated

import typer

from hls.ops.option import Operators
from pixelmend.console import run
from sim.operators.matrix import matrix


def main(
    only: Annotated[str | None, typer.Option(help="this operator; all where not given")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the first node of each operator")] = 0,
    cases: Annotated[int, typer.Option(min=1, help="nodes of each operator")] = 1,
    out: Annotated[Path, typer.Option(help="folder of the report")] = Path("build/operators"),
    minutes: Annotated[float | None, typer.Option(min=0, help="start none after so long")] = None,
    operators: Operators = None,
) -> None:
    """Compare every execution of single nodes, the RTL under every pair of stall patterns."""
    matrix(out, seed, cases, only, None if minutes is None else 60 * minutes)


if __name__ == "__main__":
    run(main)
