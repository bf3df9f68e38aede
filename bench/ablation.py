"""Objectives, output modes, widths and optimizers side by side: each trained on the same samples.

    python -m bench.ablation --config configs/z2-256.toml --data data/photos --out build/ablation

writes a folder for each, `ablation.json` and the table `ablation.md`. Measured on held-out photographs with
dynamic defects, never trained on. A run that was interrupted goes on; what is trained stays. The published
objectives have the published weights of their losses and output mode, and a critic that learns twice as fast
as the generator; the output modes have the losses of the configuration. The latent inpainter's autoencoder
is trained first, for as many steps, which its objective is not charged for.
"""

from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from model.defects import DefectConfig, named_set
from model.evaluate import BASELINES, Repair, load_generator, measure
from model.generator import GeneratorConfig, Mode, check_frame
from model.learn import TrainConfig, repair
from model.metrics import mean_and_error
from model.objectives import Name
from model.samples import Samples, photographs
from model.train import train
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import console, note, progress, run
from pixelmend.files import write_json, write_text
from pixelmend.provenance import made_by

PUBLISHED: tuple[Name, ...] = ("inpainter", "latent_inpainter", "dual_encoder", "generative")
MODES: tuple[Mode, ...] = ("direct", "residual", "selective", "filled", "mapped", "corrected")
COMPARED = ("defective", "median3")  # of the baselines
FIGURES = {
    "psnr_db": "dB",
    "defect_psnr_db": "dB in defects",
    "ssim": "SSIM",
    "defect_ssim": "SSIM in defects",
}
WIDTHS = ((24, 36, 80, 120), (64, 128, 256, 512))  # the one that ships, and the published
CRITIC_RATE = 2.0  # times the generator's learning rate
WEIGHTS = {one.name: one.default for one in fields(TrainConfig) if one.name.startswith("lambda_")}


@dataclass(frozen=True)
class Variant:
    """What one row of the table changes in the configuration's [generator] and [train]."""

    mode: Mode
    settings: dict[str, Any] = field(default_factory=dict)
    widths: tuple[int, ...] | None = None  # None: as in the configuration


VARIANTS: dict[str, Variant] = {}
VARIANTS |= {name: Variant("direct", WEIGHTS | {"objective": name}) for name in PUBLISHED}
VARIANTS |= {f"supervised, {mode}": Variant(mode, {"objective": "supervised"}) for mode in MODES}
VARIANTS |= {
    f"supervised, filled, {'-'.join(map(str, widths))}": Variant(
        "filled", {"objective": "supervised"}, widths
    )
    for widths in WIDTHS
}
VARIANTS["supervised, filled, Adam"] = Variant("filled", {"objective": "supervised", "optimizer": "adam"})


def ablation(
    generator: GeneratorConfig,
    frame: Frame,
    defects: DefectConfig,
    settings: TrainConfig,
    data: Path,
    samples: int,
    out: Path,
) -> dict[str, Any]:
    """Train every variant, and measure; returns what `ablation.json` holds."""
    networks = {name: load_generator(path) for name, path in _train(generator, defects, settings, data, out)}
    from_held_out = Samples(photographs(None, frame), frame, named_set("dynamic"), settings.seed)
    methods: dict[str, Repair] = {name: partial(repair, network) for name, network in networks.items()}
    with progress() as bar:
        task = bar.add_task("measure", total=samples, note="")
        measured = measure(
            from_held_out,
            samples,
            {name: BASELINES[name] for name in COMPARED} | methods,
            tick=lambda: bar.update(task, advance=1),
        )
    return {
        "samples": samples,
        "trained": {"steps": settings.steps, "batch": settings.batch, "crop": settings.crop},
        "quality": {name: mean_and_error(rows) for name, rows in measured.items()},
        "made_by": made_by() | {"seed": settings.seed},
    }


def table(report: dict[str, Any]) -> str:
    """The report as a table in Markdown, with standard errors."""
    lines = [["", *FIGURES.values()], ["---"] * (1 + len(FIGURES))]
    lines += [[name, *_cells(figures)] for name, figures in report["quality"].items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _train(
    generator: GeneratorConfig, defects: DefectConfig, settings: TrainConfig, data: Path, out: Path
) -> list[tuple[str, Path]]:
    """The names of the variants and the checkpoints trained of them."""
    critic = replace(settings.critic, learning_rate=CRITIC_RATE * settings.learning_rate)
    alike = replace(settings, critic=critic, autoencoder=None)
    trained: list[tuple[str, Path]] = []
    for name, variant in VARIANTS.items():
        shape = replace(generator, mode=variant.mode, widths=variant.widths or generator.widths)
        own = variant.settings
        if own["objective"] == "latent_inpainter":
            copying = replace(alike, **own | {"objective": "autoencoder"})
            own = own | {
                "autoencoder": str(train(shape, defects, copying, data, out / "autoencoder").resolve())
            }
        trained.append((name, train(shape, defects, replace(alike, **own), data, out / folder(name))))
    return trained


def folder(name: str) -> str:
    """Where a variant is kept: its name without spaces and commas."""
    return name.replace(", ", "-")


def _cells(figures: dict[str, float]) -> list[str]:
    return [
        f"{figures[name]:.{digits}f} ± {figures[f'{name}_se']:.{digits}f}"
        for name in FIGURES
        for digits in [2 if "db" in name else 4]
    ]


def main(
    config: Annotated[
        Path, typer.Option(help="a file of configs/; what a variant does not change is as in its tables")
    ],
    data: Annotated[Path, typer.Option(help="folder of photographs")],
    out: Annotated[Path, typer.Option(help="folder for the results")],
    steps: Annotated[int | None, typer.Option(help="instead of [train] steps", min=1)] = None,
    samples: Annotated[int, typer.Option(help="frames to measure on", min=2)] = 200,
) -> None:
    """Train every variant at equal samples and measure what each repairs."""
    generator = configuration.load(config, "generator", GeneratorConfig)
    frame = configuration.load(config, "frame", Frame)
    check_frame(frame, generator)
    settings = configuration.load(config, "train", TrainConfig)
    if steps is not None:
        settings = replace(settings, steps=steps, validate_every=min(steps, settings.validate_every))
    defects = configuration.load(config, "defects", DefectConfig)
    report = ablation(generator, frame, defects, settings, data, samples, out)
    write_json(out / "ablation.json", report | {"config": config.stem})
    write_text(out / "ablation.md", table(report))
    shown = Table("", *FIGURES.values(), title=f"{config.stem}, {settings.steps} steps, {samples} frames")
    for name, figures in report["quality"].items():
        shown.add_row(name, *_cells(figures))
    console.print(shown)
    note(f"{out / 'ablation.md'}: written")


if __name__ == "__main__":
    run(main)
