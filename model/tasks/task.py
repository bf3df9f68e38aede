"""The interface of a task. Axis letters: N images, S side of a crop, H, W rows and columns; images are uint8."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from model.features import SHIPPED
from model.photos import Photo
from model.sheet import absolute_error
from pixelmend.config import CHECKED

Outputs = tuple[Photo, ...]
Method = Callable[[Photo], Outputs]
"""What is given, (h, w, channels), to an image for every output of the task."""


@dataclass(frozen=True, config=CHECKED)
class TaskConfig:
    """The table [task]."""

    name: Literal["denoise", "super-resolve", "invert"]
    pairs: bool = False  # denoise: the target is a second noisy image, never a clean one (Noise2Noise)
    factors: tuple[Annotated[int, Field(ge=2, le=8)], ...] = (4,)  # super-resolve: of each output's sides
    features: str = SHIPPED  # invert: the frozen extractor; see `model.features`
    layers: tuple[str, ...] = (
        "relu3_2",
        "relu2_2",
        "relu1_2",
    )  # invert: the deepest first, a module for each
    least_gain_db: float = 0.0  # over the task's reference; a build that has less fails

    @model_validator(mode="after")
    def _check(self) -> "TaskConfig":
        largest = max(self.factors, default=0)
        if not self.factors or list(self.factors) != sorted(set(self.factors)):
            raise ValueError(
                f"factors: expected one or more, each larger than the one before, got {self.factors}"
            )
        if any(largest % factor for factor in self.factors):
            raise ValueError(f"factors: expected divisors of the largest, got {self.factors}")
        return self


class Task(ABC):
    """One task, as configured."""

    reference: ClassVar[str]  # of the baselines, the one to beat
    outputs: tuple[str, ...]  # their names, in the order of the network's results
    factors: tuple[int, ...]  # each output's sides over those of the input
    channels: int = 3  # of the input

    def __init__(self, settings: TaskConfig) -> None:
        self.settings = settings

    @property
    def multiple(self) -> int:
        """The side of a crop of the largest output must be divisible by this."""
        return max(self.factors)

    @abstractmethod
    def given(self, clean: Photo, rng: np.random.Generator) -> Photo:
        """What the network is given for clean crops (N, S, S, 3) of the largest output's size: (N, s, s, channels)."""

    @abstractmethod
    def wanted(self, clean: Photo) -> Outputs:
        """What each output should be: judged by this."""

    def between(self, clean: Photo) -> Outputs:
        """What the modules of a stack should give, all but the last, where the task knows; see `Invert`."""
        return ()

    def seen(self, given: Photo) -> Photo:
        """What is given, (h, w, channels), as a picture (h, w, 3)."""
        return given

    def errors(self, wanted: Photo, result: Photo) -> dict[str, Photo]:
        """Pictures of the error of one output, by caption."""
        return {"absolute error": absolute_error(wanted, result)}

    def targets(self, clean: Photo, rng: np.random.Generator) -> Outputs:
        """What each output is trained towards: what is wanted, unless the task has something else."""
        return self.wanted(clean)

    @abstractmethod
    def baselines(self) -> dict[str, Method]:
        """What needs no training, by name."""
