"""Train a float network for a task; `model.train` calls this where the configuration has a table [task].

Written to the folder: `float.safetensors` (the best network by model score), `train.csv`, `train.json`, `train.png`,
and `tensorboard/`; `train_state.pt` while it runs. Resuming and repeating are as `model.train` has them.
"""

from pathlib import Path
from typing import Any

import torch

from model.crops import CropPool
from model.loop import config_json, fit, training_key, write_curve
from model.photos import find_photos, load_photos, split
from model.processes import of_the_first, rank
from model.tasks import load_task
from model.tasks.learn import Held, TaskLearner, TaskSchedule, held_crops
from model.tasks.network import load_choice, read_network, write_network
from model.tasks.task import Task
from model.trainee import seed_of
from pixelmend import config as configuration
from pixelmend.console import note
from pixelmend.errors import UserError
from pixelmend.files import file_digest
from pixelmend.provenance import is_current, made_by, mark_current

FILES = ("float.safetensors", "train.csv", "train.json", "train.png")


def train(config: Path, data: Path, out: Path, start: Path | None = None) -> Path:
    """Train on the photographs under `data`; returns the checkpoint in `out`.

    With `start`, a float checkpoint of the same network, that one is trained further. `UserError` where the
    configuration, the photographs or an old state can't be used. On Ctrl-C the state is saved and `KeyboardInterrupt`
    raised.
    """
    task, choice = load_task(config), load_choice(config)
    settings = configuration.load(config, "train", TaskSchedule)
    paths = find_photos(data)
    key = task_key(config, settings, paths) | ({} if start is None else {"start": file_digest(start)})
    outputs, stamp = [out / name for name in FILES], out / "train.key.json"
    if of_the_first(lambda: is_current(stamp, key, outputs)):
        note(f"{outputs[0]}: already trained with this configuration and these photographs")
        return outputs[0]
    if start is None:
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            network = choice.make()
    else:
        choice, network = read_network(start)
    out.mkdir(parents=True, exist_ok=True)  # refused now rather than after the training
    pool, held = load_crops(task, settings, paths)
    learner = TaskLearner(network, task, settings, pool, held)
    state = out / "train_state.pt"
    fit(learner, state, key, validate_first=start is not None, events=out / "tensorboard" / "train")
    if rank() == 0:
        network.load_state_dict(learner.best_weights)
        maker = made_by() | {"stage": "model.train", "seed": settings.seed, "best": learner.best}
        maker |= {name: key[name] for name in ("task", "train", "data")}
        write_network(outputs[0], choice, network, maker)
        write_curve(learner, out / "train", maker)
        mark_current(stamp, key)
        state.unlink(missing_ok=True)
        note(f"{outputs[0]}: step {learner.best['step']:.0f}, validation {learner.best['psnr_db']:.2f} dB")
    return outputs[0]


def task_key(config: Path, settings: TaskSchedule, paths: list[Path]) -> dict[str, Any]:
    """All that a training depends on, JSON-able."""
    tables = configuration.read(config)
    own = {name: tables.get(name, {}) for name in ("task", "noise")}
    key = training_key(settings, paths, train=settings) | own | {"network": load_choice(config).as_dict()}
    plain: dict[str, Any] = config_json(key)
    return plain


def load_crops(task: Task, settings: TaskSchedule, paths: list[Path]) -> tuple[CropPool, Held]:
    """What is trained on, and fixed crops of other photographs to judge by."""
    if settings.crop % task.multiple:
        raise UserError(f"[train] crop: must be divisible by {task.multiple}, got {settings.crop}")
    held, trained = split(paths, settings.validation_share)
    judging, training = (
        CropPool(
            load_photos(some, settings.crop, settings.memory_mb, settings.reduce),
            settings.crop,
            settings.uniform,
        )
        for some in (held, trained)
    )
    return training, held_crops(task, judging, settings.validation_crops, seed_of(settings.seed, -1))
