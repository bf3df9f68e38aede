"""Super-resolution: a small image in, the same at one or several larger sizes out."""

from functools import partial

import numpy as np
from PIL import Image

from model.photos import Photo
from model.tasks.task import Method, Outputs, Task, TaskConfig

Filter = Image.Resampling


class SuperResolve(Task):
    """An output for each of the factors; small images are bicubic reductions of clean ones, as published."""

    reference = "bicubic"

    def __init__(self, settings: TaskConfig) -> None:
        super().__init__(settings)
        self.factors = settings.factors
        self.outputs = tuple(f"x{factor}" for factor in self.factors)

    def given(self, clean: Photo, rng: np.random.Generator) -> Photo:
        """Bicubic reductions by the largest factor."""
        return resized(clean, clean.shape[1] // max(self.factors), clean.shape[2] // max(self.factors))

    def wanted(self, clean: Photo) -> Outputs:
        """Bicubic reductions to each output's size; of the largest, the crops themselves."""
        largest = max(self.factors)
        sides = [
            (clean.shape[1] * factor // largest, clean.shape[2] * factor // largest)
            for factor in self.factors
        ]
        return tuple(clean if side == clean.shape[1:3] else resized(clean, *side) for side in sides)

    def baselines(self) -> dict[str, Method]:
        """Interpolations."""
        kinds = {"nearest": Filter.NEAREST, "bicubic": Filter.BICUBIC, "Lanczos": Filter.LANCZOS}
        return {name: partial(enlarged, self.factors, kind) for name, kind in kinds.items()}


def resized(images: Photo, height: int, width: int, kind: Filter = Filter.BICUBIC) -> Photo:
    """Images (N, H, W, 3) to (N, height, width, 3) by Pillow, which smooths where it reduces."""
    made = (Image.fromarray(image).resize((width, height), kind) for image in images)
    return np.stack([np.asarray(image) for image in made])


def enlarged(factors: tuple[int, ...], kind: Filter, image: Photo) -> Outputs:
    """An image (h, w, 3) by each factor."""
    height, width = image.shape[:2]
    return tuple(resized(image[None], height * factor, width * factor, kind)[0] for factor in factors)
