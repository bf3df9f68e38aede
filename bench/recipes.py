"""Several recipes of one task side by side: each trained, all judged on the same held-out frames.

    python -m bench.recipes configs/multiscale/*.toml --data data/photos --out build/multiscale-steps [--samples 24]

A recipe is a configuration with [task], best one that extends another and says what it changes; its first line says so
in words. Written: OUT/<recipe>/ as `model.train` does, OUT/recipes.json, and the table on the terminal: of every
recipe PSNR and SSIM of each output, gain over the one before, step of the best weights. What is trained is not trained
again, so that a run that was ended goes on.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from model.checkpoint import load
from model.tasks import has_task, load_task
from model.tasks.evaluate import TaskSamples, means, measure
from model.tasks.network import KIND, read_network
from model.tasks.train import train
from pixelmend import config as configuration
from pixelmend.console import console, note, run
from pixelmend.errors import UserError
from pixelmend.files import write_json
from pixelmend.provenance import made_by
from quant.twin.evaluate import method_of


def compare(configs: list[Path], data: Path, out: Path, samples: int, seed: int = 0) -> dict[str, Any]:
    """Train and judge the recipes; returns what is written to `recipes.json`.

    `UserError` where a file is no configuration of a task, or two have one name.
    """
    names = [config.stem for config in configs]
    if len(set(names)) < len(names):
        raise UserError(f"expected recipes of different names, got {', '.join(names)}")
    for config in configs:
        if not has_task(config):
            raise UserError(f"{config}: expected a configuration with a table [task]")
    rows = []
    for config in configs:
        checkpoint = train(config, data, out / config.stem)
        task, frame = load_task(config), configuration.load_frame(config)
        shown = TaskSamples(task, frame, seed)
        methods = {task.reference: task.baselines()[task.reference], "float": method_of(checkpoint, task)}
        best = load(checkpoint, KIND).made_by["best"]
        _, network = read_network(checkpoint)
        rows.append(
            {
                "recipe": config.stem,
                "what": config.read_text(encoding="utf-8").splitlines()[0].lstrip("# "),
                "weights": sum(weight.numel() for weight in network.parameters()),
                "best_step": int(best["step"]),
                "validation_psnr_db": best["psnr_db"],
                "quality": means(measure(shown, samples, methods)),
                "reference": task.reference,
            }
        )
        report = {"samples": samples, "seed": seed, "recipes": rows, "made_by": made_by()}
        write_json(out / "recipes.json", report)
    _show(rows, samples)
    note(f"{out / 'recipes.json'}: written")
    return report


def _show(rows: list[dict[str, Any]], samples: int) -> None:
    table = Table(title=f"{samples} held-out frames each")
    for heading in (
        "recipe",
        "weights",
        "best step",
        "PSNR, dB",
        "SSIM",
        "gain, dB",
        "over the reference, dB",
    ):
        table.add_column(heading, justify="left" if heading == "recipe" else "right")
    before = None
    for row in rows:
        own, theirs = row["quality"]["float"], row["quality"][row["reference"]]
        gain = "" if before is None else f"{own['psnr_db'] - before:+.2f}"
        table.add_row(
            f"{row['recipe']}\n{row['what']}", f"{row['weights']:,}", f"{row['best_step']:,}",
            f"{own['psnr_db']:.2f} ± {own['psnr_db_se']:.2f}", f"{own['ssim']:.4f}", gain,
            f"{own['psnr_db'] - theirs['psnr_db']:+.2f} ({row['reference']})",
        )  # fmt: skip
        before = own["psnr_db"]
    console.print(table)


def main(
    configs: Annotated[
        list[Path], typer.Argument(help="configurations with [task], in the order of the table")
    ],
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="folder for the networks and the table")],
    samples: Annotated[int, typer.Option(min=2, help="held-out frames")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="of the frames")] = 0,
) -> None:
    """Train recipes of a task and compare them on the same held-out frames."""
    compare(configs, data, out, samples, seed)


if __name__ == "__main__":
    run(main)
