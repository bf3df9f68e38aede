"""Random boxes of random tensors, value by value."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import any_integer, one_of, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    (height, width), simd, beats = size(rng, 6), int(rng.integers(1, 4)), int(rng.integers(1, 6))
    north, west = (int(rng.integers(0, min(side, 3))) for side in (height, width))
    south = int(rng.integers(0, min(height - north, 3)))
    east = int(rng.integers(0, min(width - west, 3)))
    first = int(rng.integers(0, beats))
    last = int(rng.integers(first + 1, beats + 1))
    return Drawn(
        {
            "ImgDim": [height, width],
            "NumChannels": simd * beats,
            "First": simd * first,
            "Last": int(one_of(rng, [simd * last, simd * last, 0])),
            "CropNorth": north,
            "CropEast": east,
            "CropSouth": south,
            "CropWest": west,
            "SIMD": simd,
            "inputDataType": any_integer(rng, 9),
        }
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    node = drawn.attributes
    height, width = node["ImgDim"]
    rows = range(node["CropNorth"], height - node["CropSouth"])
    columns = range(node["CropWest"], width - node["CropEast"])
    channels = range(node["First"], node["Last"] or node["NumChannels"])
    out = np.zeros((len(rows), len(columns), len(channels)), np.int64)
    for y, x, c in np.ndindex(*out.shape):
        out[y, x, c] = frames[0][rows[y], columns[x], channels[c]]
    return [out]
