"""Random adders, and their sums by a loop."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import any_integer, divisor, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    channels = int(rng.integers(1, 13))
    return Drawn(
        {
            "ImgDim": size(rng),
            "NumChannels": channels,
            "SIMD": divisor(rng, channels),
            "inputDataType": any_integer(rng, 9),
            "inputDataType1": any_integer(rng, 9),
        },
        inputs=2,
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    left, right = frames
    out = np.zeros_like(left)
    for at in np.ndindex(*out.shape):
        out[at] = int(left[at]) + int(right[at])
    return [out]
