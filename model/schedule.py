"""How any network is trained: steps, crops, rates, what is read and what is validated on."""

import math
from typing import Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED

COUNTS = ("steps", "batch", "crop", "validate_every", "validation_crops", "memory_mb", "threads")


@dataclass(frozen=True, config=CHECKED)
class Schedule:
    """What every training has, whatever its network and its losses are."""

    steps: int = 60000  # optimizer steps
    batch: int = 16  # crops a step
    crop: int = 256  # px, side of a crop
    uniform: float = 0.25  # share of crops from anywhere; the rest come from where photographs have detail
    optimizer: Literal["adam", "muon"] = (
        "adam"  # muon: for the kernels, with Adam for the rest (`model.optimizer`)
    )
    learning_rate: float = 2e-4  # of Adam, at the start
    muon_rate: float = 0.01  # of Muon, at the start
    final_rate: float = 1.0  # share of the learning rate left at the last step, on a half cosine
    warm_up: int = 0  # first steps, in which the learning rate rises from nothing
    betas: tuple[float, float] = (0.0, 0.999)  # of Adam
    validate_every: int = 1000  # steps
    patience: int = (
        0  # validations without a better score after which it ends; 0: it goes on to the last step
    )
    validation_crops: int = 500  # fixed crops with fixed defects
    validation_share: float = 0.1  # of the photographs, none of which is trained on
    reduce: Literal[1, 2, 4, 8] = 2  # JPEGs are shrunk by this when read
    memory_mb: int = 1000  # most MB of photographs held, for training and for validation each
    threads: int = 1  # CPU threads; another number gives slightly other weights, and on busy cores loses time
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["float32", "bfloat16"] = "float32"  # bfloat16: mixed, weights and losses stay float32
    seed: int = 1

    @model_validator(mode="after")
    def _check_schedule(self) -> "Schedule":
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if not 0.0 <= self.uniform <= 1.0:
            raise ValueError("uniform must be 0 to 1")
        if not 0.0 < self.validation_share < 1.0:
            raise ValueError("validation_share must be greater than 0 and less than 1")
        if min(self.learning_rate, self.muon_rate) <= 0 or not 0.0 <= self.final_rate <= 1.0:
            raise ValueError("learning_rate and muon_rate must be positive, final_rate 0 to 1")
        if self.warm_up < 0:
            raise ValueError("warm_up must not be negative")
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise ValueError("betas must be at least 0 and less than 1")
        if self.patience < 0:
            raise ValueError("patience must not be negative")
        if self.seed < 0:
            raise ValueError("seed must not be negative")
        return self

    def rate(self, step: int) -> float:
        """The share of the learning rate at `step`: rising for `warm_up` steps, at last `final_rate`."""
        least = self.final_rate
        share = least + (1 - least) * (1 + math.cos(math.pi * step / self.steps)) / 2
        return share * min(1.0, (step + 1) / (self.warm_up + 1))
