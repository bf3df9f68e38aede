"""Random pixel shuffles, value by value."""

from itertools import product

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import any_integer, divisor, one_of, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    height, width = size(rng, 5)
    stride, channels = int(one_of(rng, [2, 2, 3])), int(rng.integers(1, 7))
    north, west = (int(rng.integers(0, min(stride * size, 4))) for size in (height, width))
    south = int(rng.integers(0, min(stride * height - north, 4)))
    east = int(rng.integers(0, min(stride * width - west, 4)))
    return Drawn(
        {
            "ImgDim": [height, width],
            "NumChannels": channels,
            "Stride": stride,
            "CropNorth": north,
            "CropEast": east,
            "CropSouth": south,
            "CropWest": west,
            "SIMD": divisor(rng, channels),
            "inputDataType": any_integer(rng, 8),
            "FirstDepth": int(one_of(rng, [2, 2, 5, 17])),
        }
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    node = drawn.attributes
    (height, width), stride, channels = node["ImgDim"], node["Stride"], node["NumChannels"]
    rows = range(node["CropNorth"], stride * height - node["CropSouth"])
    columns = range(node["CropWest"], stride * width - node["CropEast"])
    out = np.zeros((len(rows), len(columns), channels), np.int64)
    for row, column, c in product(rows, columns, range(channels)):
        (y, r), (x, s) = divmod(row, stride), divmod(column, stride)
        value = frames[0][y, x, (r * stride + s) * channels + c]
        out[row - rows.start, column - columns.start, c] = value
    return [out]
