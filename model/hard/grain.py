"""What sensors and files add to a picture: shot and read noise, JPEG's blocks."""

import io

import numpy as np
from PIL import Image

from model.hard.scene import Pen, Picture, blend, colour, soft

MOST_NOISE = 25.0  # levels, standard deviation in a mid tone


def noise(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """A soft picture with edges and shot and read noise of 3 to 25 levels."""
    return noisy(_ground(side, rng), rng.uniform(3, MOST_NOISE), rng)


def jpeg(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """A picture with edges, stored as JPEG of quality 5 to 70."""
    return stored(_ground(side, rng), int(rng.integers(5, 71)))


def noisy(picture: Picture, levels: float, rng: np.random.Generator) -> Picture:
    """With noise of `levels` in a mid tone: a part grows with the root of the light, a part does not."""
    read = rng.uniform(0.2, 0.8)
    size = levels / 255 * np.sqrt(read + (1 - read) * picture * 2)
    grain = rng.standard_normal(picture.shape)
    if rng.random() < 0.5:  # as much in all colours, as film and grey sensors have it
        grain = 0.9 * rng.standard_normal(picture.shape[:2])[..., None] + 0.19**0.5 * grain
    return np.asarray(np.clip(picture + grain * size, 0, 1), np.float32)


def stored(picture: Picture, quality: int) -> Picture:
    """What is read of it after it was written as JPEG."""
    data = io.BytesIO()
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(data, "JPEG", quality=quality)
    return np.asarray(Image.open(data).convert("RGB"), np.float32) / np.float32(255)


def _ground(side: int, rng: np.random.Generator) -> Picture:
    picture = soft(side, rng)
    for _ in range(int(rng.integers(0, 8))):
        pen = Pen(side)
        pen.polygon(rng.uniform(0, side, (int(rng.integers(3, 6)), 2)))
        picture = blend(picture, colour(rng), pen.cover())
    return picture
