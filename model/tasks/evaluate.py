"""Any methods on the same samples of a task: frames of photographs that never train, drawn from the seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.metrics import mean_and_error, psnr_db, ssim
from model.photos import Photo, crop
from model.samples import HELD_OUT, photographs
from model.sheet import sheet
from model.tasks.task import Method, Outputs, Task
from pixelmend.config import Frame
from pixelmend.console import progress
from pixelmend.errors import UserError

Figures = dict[str, float]


@dataclass(frozen=True)
class TaskSample:
    """What is given, (h, w, channels) of the frame's size, and what is wanted of each output."""

    given: Photo
    wanted: Outputs


class TaskSamples:
    """Sample i is the same whatever the number of samples; see `model.samples`."""

    def __init__(self, task: Task, frame: Frame, seed: int, folder: Path | None = None) -> None:
        """Of the photographs in `folder`, or those held out. `UserError` where none is as large as an output."""
        largest = max(task.factors)
        self.task, self.seed = task, seed
        self.height, self.width = frame.height * largest, frame.width * largest
        fits = [
            photo
            for photo in photographs(folder, Frame(1, 1))
            if photo.shape[0] >= self.height and photo.shape[1] >= self.width
        ]
        if not fits:
            raise UserError(
                f"no photograph of {folder or HELD_OUT} has the {self.height}x{self.width} px of the largest output"
            )
        self.photos = fits

    def __getitem__(self, index: int) -> TaskSample:
        rng = np.random.default_rng([self.seed, index])
        photo = self.photos[index % len(self.photos)]
        top = int(rng.integers(photo.shape[0] - self.height + 1))
        left = int(rng.integers(photo.shape[1] - self.width + 1))
        return sample_of(self.task, crop(photo, self.height, self.width, (top, left)), rng)


def sample_of(task: Task, clean: Photo, rng: np.random.Generator) -> TaskSample:
    """The sample that a clean image of the largest output's size makes."""
    (given,) = task.given(clean[None], rng)
    return TaskSample(given, tuple(one[0] for one in task.wanted(clean[None])))


def figures_of(task: Task, wanted: Outputs, results: Outputs) -> Figures:
    """`psnr_db` and `ssim` of the largest output, and of each under `<output>_psnr_db` where there are several."""
    pairs = list(zip(task.outputs, wanted, results, strict=True))
    _, last, found = pairs[-1]
    figures = {"psnr_db": psnr_db(last, found), "ssim": ssim(last, found)}
    if len(pairs) > 1:
        for name, one, result in pairs:
            figures |= {f"{name}_psnr_db": psnr_db(one, result), f"{name}_ssim": ssim(one, result)}
    return figures


def measure(samples: TaskSamples, count: int, methods: dict[str, Method]) -> dict[str, list[Figures]]:
    """The figures of each method on samples 0..count-1."""
    rows: dict[str, list[Figures]] = {name: [] for name in methods}
    with progress() as bar:
        bar_ = bar.add_task(f"samples, {samples.task.settings.name}", total=count, note="")
        for index in range(count):
            sample = samples[index]
            for name, method in methods.items():
                rows[name].append(figures_of(samples.task, sample.wanted, method(sample.given)))
            bar.advance(bar_)
    return rows


def means(rows: dict[str, list[Figures]]) -> dict[str, Figures]:
    """Mean and standard error of each figure, by method."""
    return {name: mean_and_error(values) for name, values in rows.items()}


def picture_sheet(task: Task, sample: TaskSample, results: dict[str, Outputs]) -> Photo:
    """Of the largest output: what is wanted, what was given (pixels repeated), the results, the last one's errors."""
    wanted = sample.wanted[-1]
    times = wanted.shape[0] // sample.given.shape[0]
    pictures: dict[str, Any] = {
        "wanted": wanted,
        "given": task.seen(sample.given).repeat(times, 0).repeat(times, 1),
    }
    pictures |= {name: found[-1] for name, found in results.items() if found[-1] is not sample.given}
    last = next(reversed(results))
    errors = task.errors(wanted, results[last][-1])
    return sheet(pictures | {f"{name} of {last}": error for name, error in errors.items()})


def check_gain(task: Task, quality: dict[str, Figures], method: str) -> None:
    """`UserError` where `method` does not have the gain in PSNR over the task's reference that [task] asks for."""
    ours, theirs = (quality[name]["psnr_db"] for name in (method, task.reference))
    least = task.settings.least_gain_db
    if ours < theirs + least:
        wanted = f"; [task] least_gain_db asks for {least:g} dB more" if least else ""
        raise UserError(f"{method} has {ours:.2f} dB, {task.reference} {theirs:.2f} dB{wanted}")
