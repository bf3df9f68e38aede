"""Quantization-aware training of a task's network; `quant.qat` calls this where the configuration has [task].

Writes `qat.safetensors` (best by model score, biases settled), `qat.csv`, `qat.json` and `qat.png`; resumes, survives
Ctrl-C and repeats as the float training does.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from model.checkpoint import kind_of
from model.frames import to_frames
from model.loop import fit, write_curve
from model.photos import find_photos
from model.tasks import load_task
from model.tasks.learn import TaskLearner, TaskSchedule
from model.tasks.network import read_network
from model.tasks.train import load_crops, task_key
from model.trainee import seed_of
from pixelmend import config as configuration
from pixelmend.config import CHECKED
from pixelmend.console import note
from pixelmend.errors import UserError
from pixelmend.files import file_digest
from pixelmend.provenance import code_digest, is_current, made_by, mark_current
from quant.twin import twin
from quant.twin.checkpoint import KIND, read_twin, write_twin
from quant.twin.settings import QuantSettings
from quant.twin.settle import settle

BATCH = 8  # crops at once, while scales are measured


@dataclass(frozen=True, config=CHECKED)
class TaskQatConfig(TaskSchedule):
    """The table [qat] of a task: its training, and what comes before it."""

    calibration_crops: Annotated[int, Field(ge=1)] = 64  # for activation scales


def qat(config: Path, checkpoint: Path, data: Path, out: Path, steps: int | None = None) -> Path:
    """Fine-tune the twin of the float `checkpoint`, or a quantized one further; returns where the result lies.

    `steps` is instead of those of the table [qat]. `UserError` where the configuration, the checkpoint or the
    photographs can't be used. On Ctrl-C the state is saved and `KeyboardInterrupt` raised.
    """
    task = load_task(config)
    settings = configuration.load(config, "qat", TaskQatConfig)
    settings = settings if steps is None else replace(settings, steps=steps)
    quant = configuration.load(config, "quant", QuantSettings)
    paths = find_photos(data)
    key = task_key(config, settings, paths)
    key |= {
        "start": file_digest(checkpoint),
        "code": code_digest("quant"),
        "quant": configuration.read(config).get("quant", {}),
    }
    result, stamp = out / "qat.safetensors", out / "qat.key.json"
    if is_current(stamp, key, [result, out / "qat.csv", out / "qat.json"]):
        note(f"{result}: trained before with this configuration and these photographs")
        return result
    further = kind_of(checkpoint) == KIND
    pool, held = load_crops(task, settings, paths)
    if further:
        choice, module, made = read_twin(checkpoint)
        if made.settings != quant:
            raise UserError(f"{checkpoint}: quantized with {made.settings}, but [quant] asks for {quant}")
    else:
        choice, module = read_network(checkpoint)
        rng = np.random.default_rng(seed_of(settings.seed, -1))
        crops = task.given(pool.draw(settings.calibration_crops, rng), rng)
        made = twin(module, quant, [(batch,) for batch in to_frames(crops).split(BATCH)])
    out.mkdir(parents=True, exist_ok=True)
    learner = TaskLearner(made, task, settings, pool, held, "qat")
    state = out / "qat_state.pt"
    fit(learner, state, key, validate_first=True)
    made.load_state_dict(learner.best_weights)
    made.eval()
    side = settings.crop // task.multiple
    settled = settle(made, [(task.channels, side, side)])
    maker = made_by() | {"stage": "quant.qat", "seed": settings.seed, "best": learner.best}
    maker |= {"least_margin": settled.margin}
    maker |= {name: key[name] for name in ("task", "noise", "train", "data", "start") if name in key}
    write_twin(result, choice, module, made, maker)
    write_curve(learner, result.with_suffix(""), maker)
    mark_current(stamp, key)
    state.unlink(missing_ok=True)
    note(f"{result}: step {learner.best['step']:.0f}, validation {learner.best['psnr_db']:.2f} dB")
    return result
