"""Random levels of a pyramid, filled by weights of the distance in exact arithmetic."""

from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import even_size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    frame, keep = even_size(rng), int(rng.integers(2))
    return Drawn({"ImgDim": frame, "KeepFlag": keep, "inputDataType": "UINT8"}, inputs=2)


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    """Where cell i has its centre at 2 i + 1/2 of the level's own places, and weights fall linearly to 0."""
    above, level = frames
    out = level.copy()
    for y, x in np.ndindex(*level.shape[:2]):
        if level[y, x, 3] < 128:
            continue
        sums = [Fraction(0)] * 3
        for i, j in product(range(-1, above.shape[0] + 1), range(-1, above.shape[1] + 1)):
            off = (abs(y - 2 * i - Fraction(1, 2)) / 2, abs(x - 2 * j - Fraction(1, 2)) / 2)
            weight = max(Fraction(0), 1 - off[0]) * max(Fraction(0), 1 - off[1])
            cell = above[min(max(i, 0), above.shape[0] - 1), min(max(j, 0), above.shape[1] - 1)]
            sums = [total + weight * int(value) for total, value in zip(sums, cell[:3], strict=True)]
        out[y, x, :3] = [floor(total + Fraction(1, 2)) for total in sums]
    return [out if drawn.attributes["KeepFlag"] else out[..., :3]]
