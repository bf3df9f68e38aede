"""How much faster training is in several processes that share each batch.

    python -m bench.processes --config configs/tiny.toml --data data/photos

Each number of processes is started afresh by torchrun, with [train] threads CPU threads or one GPU for each
process; the same steps of the same global batch are timed.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pixelmend.console import console, note, run
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from pixelmend.provenance import ROOT, made_by


def step_rate(config: Path, data: Path, count: int, steps: int) -> float:
    """Steps a second in `count` processes; `UserError` where they fail."""
    with tempfile.TemporaryDirectory(prefix="pixelmend-bench-") as folder:
        out = Path(folder) / "step_rate.json"
        launcher = ("torch.distributed.run", "--standalone", "--nproc-per-node", str(count), "-m")
        arguments = ("--config", config.resolve(), "--data", data.resolve(), "--out", out, "--steps", steps)
        command = [sys.executable, "-m", *launcher, "bench.step_rate", *map(str, arguments)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if ended.returncode:
            reasons = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
            raise UserError(f"{count} processes: {reasons[0] if reasons else ended.stderr[-2000:]}")
        measured = read_json(out)
    rate: float = measured["steps"] / measured["seconds"]
    return rate


def main(
    config: Annotated[Path, typer.Option(help="a file of configs/; [generator], [defects], [train]")],
    data: Annotated[Path, typer.Option(help="folder of photographs")],
    processes: Annotated[
        list[int] | None, typer.Option(help="how many, repeatable; 1 and 2 by default")
    ] = None,
    steps: Annotated[int, typer.Option(help="steps to time", min=1)] = 40,
    out: Annotated[Path, typer.Option(help="JSON file to write")] = Path("build/processes.json"),
) -> None:
    """Measure the speed-up of training in several processes."""
    rates: dict[int, float] = {}
    for count in processes or [1, 2]:
        rates[count] = step_rate(config, data, count, steps)
        note(f"{count} processes: {rates[count]:.2f} steps/s")
    first = next(iter(rates))
    report: dict[str, Any] = {
        "config": config.stem,
        "steps": steps,
        "steps_per_s": rates,
        "speed_up": {count: rate / rates[first] for count, rate in rates.items()},
        "made_by": made_by(),
    }
    write_json(out, report)
    shown = Table("processes", "steps/s", f"against {first}")
    for count, rate in rates.items():
        shown.add_row(str(count), f"{rate:.2f}", f"{rate / rates[first]:.2f}")
    console.print(shown)


if __name__ == "__main__":
    run(main)
