"""How good a network is on photographs it was not trained on, beside the defective frames and the 3x3 median.

python -m model.evaluate --config configs/tiny.toml --checkpoint build/tiny/float.safetensors --side 64
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from model.checkpoint import fill, load
from model.defects import DefectConfig, damage
from model.generator import Generator, GeneratorConfig
from model.learn import repair
from model.metrics import mean_quality, median3, quality
from model.photos import Photo, crop, held_out
from pixelmend import config
from pixelmend.console import console, run
from pixelmend.errors import UserError

Repair = Callable[[Photo], Photo]
"""A defective frame (H, W, 3) uint8 -> the repaired frame, same shape and type."""


def main(
    configuration: Annotated[Path, typer.Option("--config", help="a file of configs/; [defects] is read")],
    checkpoint: Annotated[Path, typer.Option(help="what model.train wrote")],
    side: Annotated[int, typer.Option(help="px, side of the frames cut out of the photographs")] = 64,
    frames: Annotated[int, typer.Option(help="frames of each photograph")] = 20,
    seed: Annotated[int, typer.Option(help="of the places and the defects")] = 1,
    extra: Annotated[Path, typer.Option(help="folder with further held-out photographs")] = Path(
        "data/heldout"
    ),
) -> None:
    """Print the mean figures on the held-out photographs."""
    defects = config.load(configuration, "defects", DefectConfig)
    network = load_generator(checkpoint)
    methods: dict[str, Repair] = {
        "defective": lambda frame: frame,
        "3x3 median": median3,
        "network": lambda frame: repair(network, frame),
    }
    table = Table("held-out", "dB", "SSIM", "defect dB", "defect SSIM")
    for name, figures in compare(methods, held_out(extra), defects, side, frames, seed).items():
        table.add_row(name, *(f"{figures[key]:.{2 if 'db' in key else 4}f}" for key in figures))
    console.print(table)


def load_generator(checkpoint: Path) -> Generator:
    """The float network of a checkpoint that `model.train` wrote, in evaluation mode."""
    stored = load(checkpoint, "generator")
    shape = config.parse(stored.config, GeneratorConfig, f"{checkpoint}: configuration")
    network = Generator(shape).eval()
    fill(network, stored.state, checkpoint)
    return network


def compare(
    methods: dict[str, Repair],
    photos: dict[str, Photo],
    defects: DefectConfig,
    side: int,
    frames: int,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Mean `quality` of each method over the same `frames` random frames of every photograph."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in methods}
    for photo in photos.values():
        crop(photo, side, side)  # refuses photographs smaller than the frame
        for _ in range(frames):
            at = (int(rng.integers(photo.shape[0] - side + 1)), int(rng.integers(photo.shape[1] - side + 1)))
            clean = crop(photo, side, side, at)
            defective, mask = damage(clean, defects, int(rng.integers(2**31)))
            for name, method in methods.items():
                if mask.any():
                    rows[name].append(quality(clean, method(defective), mask))
    if not all(rows.values()):
        raise UserError("[defects] boxes: no frame got a defect, so there is nothing to measure")
    return {name: mean_quality(values) for name, values in rows.items()}


if __name__ == "__main__":
    run(main)
