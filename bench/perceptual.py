"""How natural the results of a task's networks look: BRISQUE, which needs no reference, beside PSNR.

    python -m bench.perceptual configs/srgan.toml mse=build/srgan/float.safetensors gan=build/gan/float.safetensors

BRISQUE (Mittal, Moorthy and Bovik 2012, IEEE TIP 21(12)) compares the statistics of neighbouring pixels with those of
undamaged photographs, 0 to about 100, lower is better; its model comes inside the package `brisque`, which is fetched
into an environment of its own. LPIPS would be the usual measure, but its backbones' weights are in no package. Written:
OUT/perceptual.json, with standard errors over the held-out frames.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.table import Table

from model.metrics import mean_and_error, psnr_db
from model.photos import Photo
from model.sheet import write_png
from model.tasks import load_task
from model.tasks.evaluate import TaskSamples
from pixelmend import config as configuration
from pixelmend.console import console, note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, replacing_folder, write_json
from pixelmend.provenance import made_by
from quant.twin.evaluate import method_of

PACKAGES = ("brisque==0.2.0", "opencv-python-headless>=4.11,<5", "numpy>=2,<2.4", "pillow>=12,<14")
"""brisque 0.2 needs a numpy older than the project's."""
PLACE = Path("build") / "perceptual" / "venv"
ORIGINAL = "photograph"
SCRIPT = Path(__file__).with_name("brisque_scores.py")


def brisque(pictures: dict[str, Photo]) -> dict[str, float]:
    """The package's score of images (H, W, 3) uint8 by name, lower is better.

    `UserError` where the packages can't be fetched, or the package fails.
    """
    python = PLACE / "bin" / "python"
    if not python.is_file():
        note(f"{PLACE}: fetching {', '.join(PACKAGES)}")
        with replacing_folder(PLACE) as work:
            _call([sys.executable, "-m", "venv", str(work)])
            _call([str(work / "bin" / "python"), "-m", "pip", "install", "-q", *PACKAGES])
    with TemporaryDirectory() as folder:
        for name, picture in pictures.items():
            write_png(Path(folder) / f"{name}.png", picture)
        scores: dict[str, float] = json.loads(_call([str(python), str(SCRIPT), folder]))
    return scores


def _call(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def compare(
    config: Path, networks: dict[str, Path], out: Path, samples: int, seed: int = 1
) -> dict[str, Any]:
    """BRISQUE and PSNR of the largest output of networks and baselines; returns what is written.

    `UserError` as `quant.evaluate`.
    """
    if samples < 2:
        raise UserError(f"--samples: at least 2 are needed for a standard error, got {samples}")
    task, frame = load_task(config), configuration.load_frame(config)
    methods = task.baselines() | {name: method_of(path, task) for name, path in networks.items()}
    shown = TaskSamples(task, frame, seed)
    pictures: dict[str, dict[str, Photo]] = {name: {} for name in (ORIGINAL, *methods)}
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in pictures}
    with progress() as bar:
        bar_ = bar.add_task("frames", total=samples, note="")
        for index in range(samples):
            sample = shown[index]
            wanted = sample.wanted[-1]
            found = {ORIGINAL: wanted} | {name: method(sample.given)[-1] for name, method in methods.items()}
            for name, result in found.items():
                pictures[name][f"{index:04d}"] = result
                rows[name].append({} if name == ORIGINAL else {"psnr_db": psnr_db(wanted, result)})
            bar.update(bar_, advance=1)
    for name, ones in pictures.items():
        note(f"BRISQUE of {name}")
        scores = brisque(ones)
        for row, key in zip(rows[name], sorted(ones), strict=True):
            row["brisque"] = scores[key]
    quality = {name: mean_and_error(found) for name, found in rows.items()}
    report: dict[str, Any] = {
        "config": config.stem, "samples": samples, "seed": seed, "methods": quality,
    }  # fmt: skip
    report["made_by"] = made_by() | {
        "stage": "bench.perceptual",
        "packages": list(PACKAGES),
        "checkpoints": {name: file_digest(path) for name, path in networks.items()},
    }
    write_json(out / "perceptual.json", report)
    _show(report)
    note(f"{out / 'perceptual.json'}: written")
    return report


def _show(report: dict[str, Any]) -> None:
    table = Table("", "PSNR, dB", "BRISQUE", title=f"{report['config']}, {report['samples']} frames")
    for name, one in report["methods"].items():
        psnr = f"{one['psnr_db']:.2f} ± {one['psnr_db_se']:.2f}" if "psnr_db" in one else ""
        table.add_row(name, psnr, f"{one['brisque']:.1f} ± {one['brisque_se']:.1f}")
    console.print(table)


def main(
    config: Annotated[Path, typer.Argument(help="configuration of a task")],
    networks: Annotated[list[str], typer.Argument(help="NAME=CHECKPOINT, float or quantized; several")],
    out: Annotated[Path, typer.Option(help="folder for perceptual.json")] = Path("build/perceptual"),
    samples: Annotated[int, typer.Option(help="held-out frames")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="of the frames' places")] = 1,
) -> None:
    """How natural results look, by BRISQUE."""
    named = dict(one.partition("=")[::2] for one in networks)
    wrong = [one for one in networks if "=" not in one]
    if wrong or len(named) < len(networks):
        raise UserError(f"expected NAME=CHECKPOINT with different names, got {' '.join(networks)}")
    compare(config, {name: Path(path) for name, path in named.items()}, out, samples, seed)


if __name__ == "__main__":
    run(main)
