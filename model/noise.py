"""Noise of sensors, and text laid over a picture: what a denoiser is trained on.

Images are (N, H, W, 3) uint8, clean ones in and noisy ones out: rounded and clipped, as a camera stores them.
"""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED

Images = NDArray[np.uint8]
Positive = Annotated[float, Field(gt=0)]

LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))


@dataclass(frozen=True, config=CHECKED)
class NoiseConfig:
    """What noise; where two numbers are given, an image's is drawn uniformly between them."""

    kind: Literal["gaussian", "poisson", "text"] = "gaussian"
    sigma: tuple[Positive, Positive] = (25.0, 25.0)  # gaussian: standard deviation, levels of 255
    photons: tuple[Positive, Positive] = (30.0, 30.0)  # poisson: electrons at white, as N2N's lambda
    cover: tuple[float, float] = (0.0, 0.3)  # text: share of the pixels that text is laid over
    size: tuple[int, int] = (8, 20)  # text: height of a letter, px

    @model_validator(mode="after")
    def _check(self) -> "NoiseConfig":
        for name in ("sigma", "photons", "cover", "size"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: expected the smaller number first, got {low}, {high}")
        if not 0 <= self.cover[0] <= self.cover[1] <= 0.9:
            raise ValueError(f"cover: expected shares of 0 to 0.9, got {self.cover}")
        if self.size[0] < 4:
            raise ValueError(f"size: expected 4 px or more, got {self.size[0]}")
        return self


def noisy(clean: Images, config: NoiseConfig, rng: np.random.Generator) -> Images:
    """Each image with noise of its own; two calls give two independent noisy copies."""
    if config.kind == "text":
        return np.stack([_written_over(image, config, rng) for image in clean])
    shape = (len(clean), 1, 1, 1)
    if config.kind == "gaussian":
        values = clean + rng.uniform(*config.sigma, shape) * rng.standard_normal(clean.shape)
    else:
        photons = rng.uniform(*config.photons, shape)
        values = rng.poisson(clean / 255 * photons) * (255 / photons)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _written_over(image: Images, config: NoiseConfig, rng: np.random.Generator) -> Images:
    """Words of random letters, sizes and colours at random places, until the share of the pixels is covered."""
    height, width = image.shape[:2]
    share = rng.uniform(*config.cover)
    picture = Image.fromarray(image)
    touched = Image.new("1", (width, height))
    on_picture, on_touched = ImageDraw.Draw(picture), ImageDraw.Draw(touched)
    while np.asarray(touched).mean() < share:
        word = "".join(rng.choice(LETTERS, rng.integers(3, 9)))
        font = ImageFont.load_default(int(rng.integers(config.size[0], config.size[1] + 1)))
        place = (int(rng.integers(-8, width)), int(rng.integers(-8, height)))
        colour = tuple(int(one) for one in rng.integers(0, 256, 3))
        on_picture.text(place, word, fill=colour, font=font)
        on_touched.text(place, word, fill=1, font=font)
    return np.asarray(picture)
