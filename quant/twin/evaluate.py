"""The networks of a task beside its baselines; `quant.evaluate` calls this where the configuration has [task].

Written into the build folder: `quality.json`, and `quality/<task>.png` with the first sample.
"""

import time
from functools import partial
from pathlib import Path
from typing import Any

from rich.table import Table

from model.checkpoint import kind_of
from model.samples import HELD_OUT
from model.sheet import write_png
from model.tasks import load_task
from model.tasks.evaluate import TaskSamples, means, measure, picture_sheet
from model.tasks.learn import restore
from model.tasks.network import KIND as FLOAT
from model.tasks.network import read_network
from model.tasks.task import Method, Task
from pixelmend import config as configuration
from pixelmend.console import console, note
from pixelmend.errors import UserError
from pixelmend.files import file_digest, write_json
from pixelmend.provenance import made_by
from quant.twin.checkpoint import KIND as QUANTIZED
from quant.twin.checkpoint import read_twin

FLOAT_FILE = "float.safetensors"


def evaluate(
    config: Path,
    folder: Path,
    samples: int,
    seed: int = 0,
    photos: Path | None = None,
    checkpoint: Path | None = None,
) -> dict[str, Any]:
    """Evaluate the float and the quantized network of `folder`, or `checkpoint` as the latter; returns the report.

    A float network that `folder` has not is looked for beside `checkpoint`.

    `UserError` where there is no network, or too few samples for a standard error.
    """
    if samples < 2:
        raise UserError(f"--samples: at least 2 are needed for a standard error, got {samples}")
    task, frame = load_task(config), configuration.load_frame(config)
    quantized = checkpoint or folder / "qat.safetensors"
    floats = [path for path in (folder / FLOAT_FILE, quantized.with_name(FLOAT_FILE)) if path.is_file()]
    places = {"float": (floats or [folder / FLOAT_FILE])[0], "quantized": quantized}
    networks = {name: path for name, path in places.items() if path.is_file()}
    if not networks:
        raise UserError(f"{folder}: expected float.safetensors or qat.safetensors, found neither")
    methods = task.baselines() | {name: method_of(path, task) for name, path in networks.items()}
    shown = TaskSamples(task, frame, seed, photos)
    began = time.monotonic()
    quality = means(measure(shown, samples, methods))
    report = {
        "config": config.stem,
        "task": task.settings.name,
        "samples": samples,
        "seed": seed,
        "photos": HELD_OUT if photos is None else str(photos),
        "quality": quality,
        "made_by": made_by() | {
            "stage": "quant.evaluate",
            "checkpoints": {name: file_digest(path) for name, path in networks.items()},
            "seconds": round(time.monotonic() - began, 1),
        },
    }  # fmt: skip
    first = shown[0]
    results = {name: method(first.given) for name, method in methods.items()}
    write_png(folder / "quality" / f"{task.settings.name}.png", picture_sheet(task, first, results))
    write_json(folder / "quality.json", report)
    show(config.stem, samples, quality)
    note(f"{folder / 'quality.json'}: written")
    return report


def method_of(path: Path, task: Task) -> Method:
    """The network of a float or a quantized checkpoint of a task."""
    kind = kind_of(path)
    if kind not in (FLOAT, QUANTIZED):
        raise UserError(f"{path}: expected a checkpoint of a task's network, got kind '{kind}'")
    network = read_network(path)[1] if kind == FLOAT else read_twin(path)[2]
    return partial(restore, network, task)


def show(title: str, samples: int, quality: dict[str, dict[str, float]]) -> None:
    """The table, with standard errors."""
    names = [name for name in next(iter(quality.values())) if not name.endswith("_se")]
    table = Table(title=f"{title}, {samples} frames")
    for heading in ("", *(name.replace("_", " ") for name in names)):
        table.add_column(heading, justify="right" if heading else "left")
    for method, figures in quality.items():
        digits = {name: 2 if name.endswith("db") else 4 for name in names}
        cells = [
            f"{figures[name]:.{digits[name]}f} ± {figures[f'{name}_se']:.{digits[name]}f}" for name in names
        ]
        table.add_row(method, *cells)
    console.print(table)
