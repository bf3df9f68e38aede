"""Document 001's table and curve, by numpy alone: learning rates and batch sizes, and how many channels are worth it.

    python -m bench.noise2noise --data data/photos --out build/noise2noise [--steps 1500]

Every run is one of `model.scratch.train`: pairs of noisy images alone, 32x32 crops, noise of 25 levels, as many steps
and one seed; the curve has the rate and batch of the table's best. Written: OUT/<run>/ as that command does,
OUT/noise2noise.json, OUT/channels.png. A run that is there with the same settings is not made again; one whose loss is
no longer a number has no figure.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from model.scratch.train import Settings, train
from pixelmend.console import console, note, run
from pixelmend.errors import UserError
from pixelmend.files import as_json, read_json, replacing, write_json
from pixelmend.provenance import made_by

RATES = (0.3, 1.0, 3.0, 10.0)
BATCHES = (4, 8, 16)
CHANNELS = (8, 16, 32, 48, 64)


def tables(data: Path, out: Path, base: Settings) -> dict[str, Any]:
    """Make the runs that are missing; returns what is written to `noise2noise.json`.

    `UserError` where the photographs can't be used, or no run of the table learns.
    """
    table = [_run(data, out, replace(base, rate=rate, batch=batch)) for batch in BATCHES for rate in RATES]
    learnt = [row for row in table if row["psnr_db"] is not None]
    if not learnt:
        raise UserError("no run of the table has a loss that is a number; a lower --rate may help")
    best = max(learnt, key=lambda row: row["psnr_db"])
    chosen = replace(base, rate=best["rate"], batch=best["batch"])
    curve = [_run(data, out, replace(chosen, hidden=hidden)) for hidden in CHANNELS]
    report = {"steps": base.steps, "rates_and_batches": table, "channels": curve, "made_by": made_by()}
    write_json(out / "noise2noise.json", report)
    _draw(curve, out / "channels.png")
    _show(table, curve, base.steps)
    note(f"{out / 'noise2noise.json'}: written")
    return report


def _run(data: Path, out: Path, settings: Settings) -> dict[str, Any]:
    folder = out / f"rate{settings.rate:g}-batch{settings.batch}-hidden{settings.hidden}"
    row: dict[str, Any] = {"rate": settings.rate, "batch": settings.batch, "hidden": settings.hidden}
    path = folder / "scratch.json"
    found = read_json(path) if path.is_file() else None
    if found is None or found["settings"] != json.loads(as_json(asdict(settings))):
        try:
            found = train(settings, data, folder)
        except UserError as error:
            if "became" not in str(error):
                raise
            note(f"{folder.name}: {error}")
            return row | {"psnr_db": None, "noisy_db": None, "seconds": None}
    return row | {name: found[name] for name in ("psnr_db", "noisy_db", "seconds")}


def _draw(curve: list[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure  # slow to import

    shown = [row for row in curve if row["psnr_db"] is not None]
    figure = Figure(figsize=(5, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([row["hidden"] for row in shown], [row["psnr_db"] for row in shown], marker="o")
    axes.set(xlabel="channels", ylabel="PSNR, dB")
    axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")


def _show(table: list[dict[str, Any]], curve: list[dict[str, Any]], steps: int) -> None:
    shown = Table("batch", *(f"rate {rate:g}" for rate in RATES), title=f"PSNR in dB after {steps:,} steps")
    for batch in BATCHES:
        shown.add_row(str(batch), *(_cell(row) for row in table if row["batch"] == batch))
    console.print(shown)
    shown = Table("channels", *(str(row["hidden"]) for row in curve), title="at the best of these")
    shown.add_row("PSNR, dB", *map(_cell, curve))
    console.print(shown)


def _cell(row: dict[str, Any]) -> str:
    return "no number" if row["psnr_db"] is None else f"{row['psnr_db']:.2f}"


def main(
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="folder for the runs and the table")],
    steps: Annotated[int, typer.Option(min=1, help="of every run")] = 1500,
    seed: Annotated[int, typer.Option(min=0)] = Settings.seed,
) -> None:
    """The learning-rate and batch-size table and the curve over channels of document 001."""
    tables(
        data,
        out,
        Settings(steps=steps, validate_every=min(steps, Settings.validate_every), seed=seed, hidden=32),
    )


if __name__ == "__main__":
    run(main)
