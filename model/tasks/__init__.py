"""What networks are trained for, beside repair: a task says what goes in, what should come out, and who judges.

`task.py` is the interface, each other file of it a task. A configuration with a table [task] is for one of them;
without it, it is for repair, with a generator and defects (`model.train`).
"""

from pathlib import Path

from model.noise import NoiseConfig
from model.tasks.denoise import Denoise
from model.tasks.invert import Invert
from model.tasks.super_resolve import SuperResolve
from model.tasks.task import Task, TaskConfig
from pixelmend import config as configuration

__all__ = ["Task", "TaskConfig", "has_task", "load_task", "task_of"]


def has_task(path: Path) -> bool:
    """Whether the configuration is for a task other than repair."""
    return "task" in configuration.read(path)


def task_of(path: Path | None) -> Task | None:
    """The task of a configuration, where there is one and it is for one."""
    return load_task(path) if path is not None and has_task(path) else None


def load_task(path: Path) -> Task:
    """The task of a configuration; `UserError` where its tables hold what can't be."""
    settings = configuration.load(path, "task", TaskConfig)
    if settings.name == "denoise":
        return Denoise(settings, configuration.load(path, "noise", NoiseConfig))
    return Invert(settings) if settings.name == "invert" else SuperResolve(settings)
