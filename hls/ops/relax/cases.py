"""Random sweeps, by the Laplacian of the Laplacian in exact arithmetic."""

from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    height, more = size(rng, 8)
    frame, keep = [height, more + 5], int(rng.integers(2))
    return Drawn({"ImgDim": frame, "KeepFlag": keep, "inputDataType": "UINT8"})


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    """Twice the Laplacian is to vanish; each pixel goes 5/4 of the way there, after all before it have."""
    came = frames[0]
    out = came.copy()
    height, width = came.shape[:2]
    laplacian = {(0, 0): -4, (0, 1): 1, (1, 0): 1, (0, -1): 1, (-1, 0): 1}
    for y, x in np.ndindex(height, width):
        if came[y, x, 3] < 128:
            continue
        bent = np.zeros(3, np.int64)
        for (a, b), (c, d) in product(laplacian, repeat=2):
            row, column = y + a + c, min(max(x + b + d, 0), width - 1)
            pixel = out[row, column] if 0 <= row < height else came[min(max(row, 0), height - 1), column]
            bent += laplacian[a, b] * laplacian[c, d] * pixel[:3].astype(np.int64)
        for n in range(3):
            new = int(out[y, x, n]) - Fraction(5, 4) * Fraction(int(bent[n]), 20)
            out[y, x, n] = min(255, max(0, floor(new + Fraction(1, 2))))
    return [out if drawn.attributes["KeepFlag"] else out[..., :3]]
