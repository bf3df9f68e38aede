"""Random concatenations, value by value."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import any_integer, one_of, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    count, simd = int(one_of(rng, [2, 2, 3, 4])), int(rng.integers(1, 4))
    return Drawn(
        {
            "ImgDim": size(rng),
            "Channels": [simd * int(beats) for beats in rng.integers(1, 5, count)],
            "SIMD": simd,
            "inputDataType": any_integer(rng, 9),
        },
        inputs=count,
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    height, width = drawn.attributes["ImgDim"]
    out = np.zeros((height, width, sum(drawn.attributes["Channels"])), np.int64)
    for y, x in np.ndindex(height, width):
        values = [int(value) for frame in frames for value in frame[y, x]]
        for c, value in enumerate(values):
            out[y, x, c] = value
    return [out]
