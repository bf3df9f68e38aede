"""Random levels of a pyramid, cell by cell in exact arithmetic."""

from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import even_size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    return Drawn({"ImgDim": even_size(rng, 9, 2), "inputDataType": "UINT8"})


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    height, width = drawn.attributes["ImgDim"]
    out = np.zeros((height // 2, width // 2, 4), np.int64)
    for y, x in np.ndindex(*out.shape[:2]):
        cell = [frames[0][2 * y + r, 2 * x + s] for r, s in product(range(2), range(2))]
        sound = [pixel for pixel in cell if pixel[3] < 128]
        for c in range(3):
            mean = Fraction(sum(int(pixel[c]) for pixel in sound), len(sound) or 1)
            out[y, x, c] = floor(mean + Fraction(1, 2)) if sound else 128
        out[y, x, 3] = 0 if sound else 255
    return [out]
