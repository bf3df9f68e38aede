"""Random selections, pixel by pixel."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    frame, flag = size(rng, 12, 4), int(rng.integers(2))
    return Drawn({"ImgDim": frame, "FlagInput": flag, "inputDataType": "UINT8"}, inputs=2)


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    first, second = frames
    out = np.zeros((*drawn.attributes["ImgDim"], 3), np.int64)
    for y, x in np.ndindex(*out.shape[:2]):
        flag = frames[drawn.attributes["FlagInput"]][y, x, 3]
        out[y, x] = (first if flag > 127 else second)[y, x, :3]
    return [out]
