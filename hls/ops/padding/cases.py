"""Random paddings, and zeros around a frame by a loop."""

from itertools import product

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import any_integer, divisor, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    channels = int(rng.integers(1, 13))
    top, left, bottom, right = (int(side) for side in rng.integers(0, 3, 4))
    bottom += not (top or left or bottom or right)
    height, width = size(rng)
    simd = divisor(rng, channels)
    return Drawn(
        {
            "ImgDim": [height, width],
            "Padding": [top, left, bottom, right],
            "NumChannels": channels,
            "SIMD": simd,
            "inputDataType": any_integer(rng, 9),
        },
        ahead=(top * (left + width + right) + left) * channels // simd,
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    (height, width), (top, left, bottom, right) = drawn.attributes["ImgDim"], drawn.attributes["Padding"]
    out = np.zeros((top + height + bottom, left + width + right, frames[0].shape[2]), np.int64)
    for y, x in product(range(height), range(width)):
        out[top + y, left + x] = frames[0][y, x]
    return [out]
