"""Random marks, pixel by pixel."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    return Drawn({"ImgDim": size(rng, 12, 4), "inputDataType": "UINT8"}, inputs=2)


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    score, image = frames
    out = np.zeros((*drawn.attributes["ImgDim"], 4), np.int64)
    for y, x in np.ndindex(*out.shape[:2]):
        out[y, x] = [*image[y, x], 255 if score[y, x, 0] > 127 else 0]
    return [out]
