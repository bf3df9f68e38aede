"""What each step down costs: float, pruned, 8 to 2 bits, and smaller still, at equal samples of fine-tuning.

    python -m bench.ladder --config configs/z2-256.toml --folder build/z2-256 --data data/photos

starts from `float.safetensors` and `pruned.safetensors` of the build. Every rung is a quantization-aware
training of `--steps` steps, kept in build/ladder, so that an interrupted command goes on. Written:
build/ladder/<config>.json and a table on the screen; figures are means over held-out photographs.
"""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from model.defects import DefectConfig, named_set
from model.evaluate import BASELINES, measure
from model.learn import repair
from model.metrics import mean_and_error
from model.samples import Samples, photographs
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import console, progress, run
from pixelmend.errors import UserError
from pixelmend.files import write_json
from pixelmend.provenance import made_by
from quant.bits import QuantConfig
from quant.evaluate import load_network, size_bytes
from quant.prune import prune
from quant.qat import QatConfig, qat
from quant.shrink import PruneConfig

PUBLISHED_BYTES = 22_100_000  # of the published generator in float32
BITS = (8, 4, 3, 2)
UNPRUNED_BITS = (8, 4)
SMALLER = (10, 25, 49, 100, 200)  # times smaller than the published generator, at the bits of [quant]


@dataclass(frozen=True)
class Recipe:
    """The tables of a configuration, and what is trained on."""

    quant: QuantConfig
    defects: DefectConfig
    frame: Frame
    qat: QatConfig
    prune: PruneConfig
    data: Path

    @classmethod
    def load(cls, path: Path, data: Path, steps: int) -> "Recipe":
        """Read `path`; every training of the ladder takes `steps` steps."""
        return cls(
            configuration.load(path, "quant", QuantConfig),
            configuration.load(path, "defects", DefectConfig),
            configuration.load(path, "frame", Frame),
            replace(configuration.load(path, "qat", QatConfig), steps=steps),
            replace(configuration.load(path, "prune", PruneConfig), steps=steps, rounds=1),
            data,
        )


def rungs(recipe: Recipe, folder: Path, out: Path) -> dict[str, Path]:
    """Make every network of the ladder, and return their checkpoints by name."""
    floating, pruned = (folder / f"{name}.safetensors" for name in ("float", "pruned"))
    for path in (floating, pruned):
        if not path.is_file():
            raise UserError(f"{path}: expected a trained network; run make qat FULL=1 first")
    found = {"float": floating, "pruned": pruned}
    found["as configured"] = _quantized(recipe, recipe.quant, pruned, out / "configured")
    for bits in UNPRUNED_BITS:
        place = out / f"unpruned-w{bits}a{bits}"
        found[f"unpruned, W{bits}A{bits}"] = _quantized(recipe, _alike(recipe.quant, bits), floating, place)
    for bits in BITS:
        found[f"W{bits}A{bits}"] = _quantized(
            recipe, _alike(recipe.quant, bits), pruned, out / f"w{bits}a{bits}"
        )
    for times in SMALLER:
        target = replace(recipe.prune, widths=None, bytes=PUBLISHED_BYTES // times)
        place = out / f"pruned{times}x"
        try:
            small = prune(target, recipe.quant, recipe.defects, recipe.frame, floating, recipe.data, place)
        except UserError as error:
            console.print(f"{times}x is left out: {error}")
            continue
        found[f"pruned to 1/{times}"] = _quantized(recipe, recipe.quant, small, place)
    return found


def _alike(quant: QuantConfig, bits: int) -> QuantConfig:
    """Every layer with these bits; sums keep the bits of what they add, as on the device."""
    return replace(
        quant,
        weight_bits=bits,
        act_bits=bits,
        sum_bits=bits,
        layer_weight_bits={},
        layer_act_bits={},
        layer_sum_bits={},
        layer_input_bits={},
    )


def _quantized(recipe: Recipe, quant: QuantConfig, start: Path, place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    return qat(quant, recipe.defects, recipe.qat, recipe.frame, start, recipe.data, place)


def ladder(recipe: Recipe, folder: Path, out: Path, samples: int, jobs: int) -> dict[str, Any]:
    """Make all networks and measure them; returns what is written."""
    networks = {name: load_network(path) for name, path in rungs(recipe, folder, out).items()}
    frames = Samples(photographs(None, recipe.frame), recipe.frame, named_set("dynamic"), 1)
    methods = {"median3": BASELINES["median3"]}
    methods |= {name: partial(repair, network) for name, network in networks.items()}
    with progress() as bar:
        task = bar.add_task("samples", total=samples, note="")
        rows = measure(frames, samples, methods, jobs, lambda: bar.advance(task))
    return {
        "config": folder.name,
        "samples": samples,
        "steps": recipe.qat.steps,
        "widths": {name: list(network.config.widths) for name, network in networks.items()},
        "size_bytes": {name: size_bytes(network, recipe.frame) for name, network in networks.items()},
        "quality": {name: mean_and_error(values) for name, values in rows.items()},
        "qat": asdict(recipe.qat),
        "made_by": made_by(),
    }


def show(report: dict[str, Any]) -> None:
    """The table."""
    table = Table("", "widths", "bytes", "dB", "SSIM %", "defect dB", "SSIM %")
    for name, figures in report["quality"].items():
        size = report["size_bytes"].get(name)
        widths = "-".join(map(str, report["widths"].get(name, [])))
        table.add_row(
            name,
            widths,
            f"{size:,}" if size else "",
            f"{figures['psnr_db']:.2f}",
            f"{100 * figures['ssim']:.2f}",
            f"{figures['defect_psnr_db']:.2f}",
            f"{100 * figures['defect_ssim']:.2f}",
        )
    console.print(table)


def main(
    config: Annotated[Path, typer.Option(help="a file of configs/ with a table [prune]")],
    folder: Annotated[Path, typer.Option(help="its build, with float.safetensors and pruned.safetensors")],
    data: Annotated[Path, typer.Option(help="folder of photographs to train on")],
    out: Annotated[Path, typer.Option(help="folder for the networks and the report")] = Path("build/ladder"),
    steps: Annotated[int, typer.Option(help="of each training", min=1)] = 500,
    samples: Annotated[int, typer.Option(help="frames to measure on", min=2)] = 120,
    jobs: Annotated[int, typer.Option(help="processes that measure", min=1)] = 2,
) -> None:
    """Measure what each step down in size costs."""
    recipe = Recipe.load(config, data, steps)
    report = ladder(recipe, folder, out / config.stem, samples, jobs)
    write_json(out / f"{config.stem}.json", report)
    show(report)


if __name__ == "__main__":
    run(main)
