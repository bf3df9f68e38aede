"""Random corrections, value by value."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    return Drawn({"ImgDim": size(rng, 6), "inputDataType": "UINT8"}, inputs=2)


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    correction, image = frames
    out = np.zeros_like(correction)
    for y, x, c in np.ndindex(*out.shape):
        change = int(correction[y, x, c]) - 128 if image[y, x, 3] > 127 else 0
        out[y, x, c] = min(255, max(0, int(image[y, x, c]) + change))
    return [out]
