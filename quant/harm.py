"""Does a network harm what is sound, and what does it find? Beside the rules that cameras have.

    python -m quant.harm checkpoints/z2-256/qat.safetensors --config configs/z2-256.toml --out build/harm.json

Any number of checkpoints, float or quantized, whose networks find defects themselves (`model.generator`,
modes with a score), on photographs and hard pictures that none was trained on. Prints a table and writes all
figures as JSON, with the ROC of each network over the threshold of its score.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.table import Table

from model.defects import named_set
from model.generator import check_frame
from model.hard import LEAST_SIDE
from model.harm import (
    NOISES,
    Repair,
    Scored,
    harm_to_hard,
    harm_to_noise,
    harm_to_photographs,
    on_defects,
    recall_by_kind,
    roc,
    tiles,
)
from model.photos import Photo, find_photos, held_out, read_photo
from model.rules import hot_pixels, outliers
from model.samples import Samples
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import console, note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, write_json
from pixelmend.provenance import ROOT, made_by
from quant.evaluate import load_network

SETS = ("dynamic", "irregular", "lines", "single", "detector", "orbit", "shapes")
RULES: dict[str, Repair] = {"hot_pixels": hot_pixels, "outliers": outliers}
LEAST_SAMPLES = 2


def harm(
    methods: dict[str, Repair], photos: dict[str, Photo], frame: Frame, samples: int, pictures: int, seed: int
) -> dict[str, Any]:
    """All figures of every method, by its name: `samples` frames with dynamic defects, a fifth as many of
    each other set, a 25th of each kind, `pictures` of every hard set.
    """
    result = {}
    counts = {kind: samples if kind == "dynamic" else max(LEAST_SAMPLES, samples // 5) for kind in SETS}
    for name, method in methods.items():
        started = time.monotonic()
        images = list(photos.values())
        figures: dict[str, Any] = {
            "photographs": harm_to_photographs(method, photos, frame),
            "noise": {f"{levels:.0f}": harm_to_noise(method, photos, frame, levels) for levels in NOISES},
            "hard": harm_to_hard(method, max(frame.height, LEAST_SIDE), pictures),
            "defects": {
                kind: on_defects(method, Samples(images, frame, named_set(kind), seed), count)
                for kind, count in counts.items()
            },
            "kinds": recall_by_kind(method, images, frame, max(LEAST_SAMPLES, samples // 25), seed),
        }
        if isinstance(method, Scored):
            sound = [tile for photo in images for tile in tiles(photo, frame)]
            figures["roc"] = roc(method, Samples(images, frame, named_set("dynamic"), seed), samples, sound)
        result[name] = figures
        note(f"{name}: {time.monotonic() - started:.0f} s")
    return result


def table(figures: dict[str, Any]) -> Table:
    """One row a figure, one column a method."""
    shown = Table("", *figures, title="harm and recall")
    rows: list[tuple[str, Callable[[Any], str]]] = [
        ("undamaged photographs: false/Mpx, mean", _photographs("mean", "false_per_mpx")),
        ("  worst", _photographs("worst", "false_per_mpx")),
        ("  of it", lambda f: f["photographs"]["worst"]["photograph"]),
        ("  changed by more than 8, mean", _photographs("mean", "false_over_8_per_mpx")),
        ("  by more than 32, mean", _photographs("mean", "false_over_32_per_mpx")),
        ("  PSNR dB, mean", _photographs("mean", "psnr_db")),
        ("  PSNR dB, least", lambda f: f"{f['photographs']['least_psnr_db']:.1f}"),
    ]
    first = next(iter(figures.values()))
    for levels in first["noise"]:
        rows.append((f"with noise of {levels}: false/Mpx (dB)", _sound("noise", levels)))
    for name in first["hard"]:
        rows.append((f"{name}: false/Mpx (dB)", _sound("hard", name)))
    for name in first["defects"]:
        rows.append((f"{name}: dB (in defects), precision, recall, false/Mpx", _damaged(name)))
    for name in first["kinds"]:
        rows.append((f"recall, {name}", _kind(name)))
    for label, cell in rows:
        shown.add_row(label, *(cell(value) for value in figures.values()))
    return shown


def _photographs(which: str, name: str) -> Callable[[Any], str]:
    return lambda f: f"{f['photographs'][which][name]:.1f}"


def _sound(group: str, name: str) -> Callable[[Any], str]:
    return lambda f: f"{f[group][name]['false_per_mpx']:.0f} ({f[group][name]['psnr_db']:.1f})"


def _damaged(name: str) -> Callable[[Any], str]:
    def cell(figures: Any) -> str:
        row = figures["defects"][name]
        decibels = f"{row['psnr_db']:.2f} ({row['defect_psnr_db']:.2f})"
        return f"{decibels}, {row['precision']:.3f}, {row['recall']:.3f}, {row['false_per_mpx']:.0f}"

    return cell


def _kind(name: str) -> Callable[[Any], str]:
    return lambda f: f"{f['kinds'][name]['recall']:.3f}"


def main(
    checkpoints: Annotated[list[Path], typer.Argument(help="networks that find defects, float or quantized")],
    config: Annotated[Path, typer.Option(help="a file of configs/; [frame] is read")],
    out: Annotated[Path, typer.Option(help="JSON file to write")] = Path("build/harm.json"),
    folder: Annotated[
        Path | None,
        typer.Option("--photos", help="folder of photographs; without it those held out from training"),
    ] = None,
    rules: Annotated[bool, typer.Option(help="the camera rules beside the networks")] = True,
    samples: Annotated[int, typer.Option(help="frames with dynamic defects; fewer of the others")] = 200,
    pictures: Annotated[int, typer.Option(help="of every hard set", min=1)] = 8,
    shift: Annotated[float, typer.Option(help="added to every score, to move along the ROC")] = 0.0,
    seed: Annotated[int, typer.Option(help="of the places and the defects", min=0)] = 1,
) -> None:
    """False alarms, precision, recall by kind, PSNR of undamaged frames, ROC: networks beside rules."""
    if samples < LEAST_SAMPLES:
        raise UserError(f"--samples: at least {LEAST_SAMPLES} are needed, got {samples}")
    frame = configuration.load(config, "frame", Frame)
    networks = {_name(path): load_network(path) for path in checkpoints}
    if len(networks) < len(checkpoints):
        raise UserError(f"expected checkpoints of different names, got {', '.join(map(str, checkpoints))}")
    for network in networks.values():
        check_frame(frame, network.config)
    methods = (RULES if rules else {}) | {name: Scored(network, shift) for name, network in networks.items()}
    torch.set_num_threads(1)
    photos = _photographs_of(folder, frame)
    figures = harm(methods, photos, frame, samples, pictures, seed)
    console.print(table(figures))
    digests = {str(path): file_digest(path) for path in checkpoints}
    settings = {"samples": samples, "pictures": pictures, "shift": shift, "seed": seed}
    maker = made_by() | settings | {"stage": "quant.harm", "checkpoints": digests}
    write_json(out, {"figures": figures, "made_by": maker})
    note(f"{out}: written")


def _photographs_of(folder: Path | None, frame: Frame) -> dict[str, Photo]:
    """By name, at full size; those smaller than a frame are left out. `UserError` where none is left."""
    if folder is None:
        found = held_out(ROOT / "data" / "heldout")
    else:
        found = {path.name: read_photo(path) for path in find_photos(folder)}
    large = {
        name: photo
        for name, photo in found.items()
        if photo.shape[0] >= frame.height and photo.shape[1] >= frame.width
    }
    if not large:
        raise UserError(f"no photograph of at least {frame.height}x{frame.width} px to judge by")
    return large


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


if __name__ == "__main__":
    run(main)
