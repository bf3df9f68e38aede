"""Random repetitions, value by value."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import any_integer, divisor, one_of, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    channels = int(rng.integers(1, 7))
    return Drawn(
        {
            "ImgDim": size(rng),
            "NumChannels": channels,
            "Factors": list(one_of(rng, [(2, 2), (2, 2), (1, 2), (2, 1), (3, 2), (1, 3), (3, 3), (4, 1)])),
            "SIMD": divisor(rng, channels),
            "inputDataType": any_integer(rng, 9),
            "RamStyle": one_of(rng, ["auto", "distributed", "block"]),
        }
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    (height, width), (down, right) = drawn.attributes["ImgDim"], drawn.attributes["Factors"]
    out = np.zeros((down * height, right * width, drawn.attributes["NumChannels"]), np.int64)
    for y, x, r, s in np.ndindex(height, width, down, right):
        out[down * y + r, right * x + s] = frames[0][y, x]
    return [out]
