"""What bits cost a task's network before any training: all layers at once, then each layer alone at few bits.

`quant.drop` calls this where the configuration has [task]. It writes `drop.json` and prints the table by which the bits
in [quant] are chosen: what loses much at few bits alone gets more of them.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table
from torch import Tensor, nn

from model.crops import CropPool
from model.frames import to_frames
from model.photos import find_photos
from model.tasks import load_task
from model.tasks.learn import Held, TaskLearner
from model.tasks.network import read_network
from model.tasks.task import Task
from model.tasks.train import load_crops
from model.trainee import seed_of
from pixelmend import config as configuration
from pixelmend.console import console, note, progress
from pixelmend.files import write_json
from pixelmend.provenance import made_by
from quant.twin import twin
from quant.twin.build import Twin
from quant.twin.qat import BATCH, TaskQatConfig
from quant.twin.settings import QuantSettings

TOGETHER = ((8, 8), (6, 8), (5, 8), (4, 8), (6, 6), (4, 6), (4, 4))  # bits of weights and of activations
FEW = 4  # of the layer that is tried alone


def drops(config: Path, checkpoint: Path, data: Path, out: Path) -> dict[str, Any]:
    """PSNR on the crops on which [qat] validates, of the float `checkpoint` and its twins; returns what is written.

    Raises `UserError` as `quant.qat`.
    """
    task = load_task(config)
    settings = configuration.load(config, "qat", TaskQatConfig)
    chosen = configuration.load(config, "quant", QuantSettings)
    pool, held = load_crops(task, settings, find_photos(data))
    _, module = read_network(checkpoint)
    rng = np.random.default_rng(seed_of(settings.seed, -1))
    crops = task.given(pool.draw(settings.calibration_crops, rng), rng)
    batches: list[tuple[Tensor, ...]] = [(batch,) for batch in to_frames(crops).split(BATCH)]
    tried = list(_tried(twin(module, chosen, batches)))
    rows: list[dict[str, Any]] = [{"what": "float", "psnr_db": _psnr(module, task, settings, pool, held)}]
    with progress() as bar:
        bar_ = bar.add_task("drops", total=len(tried), note="")
        for what, change in tried:
            made = twin(module, replace(chosen, **change), batches)
            rows.append({"what": what, "psnr_db": _psnr(made, task, settings, pool, held)})
            bar.update(bar_, advance=1, note=what)
    report = {"config": config.stem, "rows": rows, "made_by": made_by() | {"stage": "quant.drop"}}
    write_json(out / "drop.json", report)
    _show(config.stem, rows)
    note(f"{out / 'drop.json'}: written")
    return report


def _tried(made: Twin) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is tried, and how it differs from the settings of `made`, those of the configuration."""
    chosen = made.settings
    yield "as [quant] says", {}
    plain: dict[str, Any] = {"layer_weight_bits": {}, "layer_act_bits": {}}
    for weights, acts in TOGETHER:
        yield f"W{weights} A{acts}", plain | {"weight_bits": weights, "act_bits": acts}
    for layer in made.weighted():
        yield f"W{FEW} in {layer}", {"layer_weight_bits": chosen.layer_weight_bits | {layer: FEW}}
    pixels = {name for name, quantizer in made.quantizers().items() if not list(quantizer.parameters())}
    behind: dict[str, list[str]] = {}  # layers that share a quantizer have its bits
    for node in made.body.graph.nodes:
        if node.name in made.quantized:
            behind.setdefault(str(node.target).split(".")[-1], []).append(made.quantized[node.name])
    for quantizer, layers in behind.items():
        if quantizer not in pixels:
            few = dict.fromkeys(layers, FEW)
            yield f"A{FEW} behind {', '.join(layers)}", {"layer_act_bits": chosen.layer_act_bits | few}


def _psnr(network: nn.Module, task: Task, settings: TaskQatConfig, pool: CropPool, held: Held) -> float:
    network.eval()
    return float(TaskLearner(network, task, settings, pool, held).figures()["psnr_db"])


def _show(title: str, rows: list[dict[str, Any]]) -> None:
    table = Table("", "PSNR, dB", "below float, dB", title=f"{title}: calibrated, not trained")
    first = rows[0]["psnr_db"]
    for row in rows:
        table.add_row(escape(row["what"]), f"{row['psnr_db']:.2f}", f"{first - row['psnr_db']:.2f}")
    console.print(table)
