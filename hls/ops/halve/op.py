"""PyramidHalve_rtl: the sound pixels of every 2x2 cell, averaged."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.ops.pixels import BROKEN, COLOURS, LIMIT, PixelOp

NOTHING_KNOWN = 128  # mid grey, the colours of a cell without a sound pixel


class PyramidHalve_rtl(PixelOp):
    """(1, H, W, 4) -> (1, H/2, W/2, 4), one level up the pyramid of sound pixels.

    A cell has the mean of its n sound pixels (flag below 128), (sum + n // 2) // n, and the flag 0; where
    none of the four is sound, mid grey and the flag 255. Attributes are those of `PixelOp`, H and W even.
    """

    core = "pyramid_halve"

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.even_size(), COLOURS + 1)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        height, width = self.even_size()
        return (1, height // 2, width // 2, COLOURS + 1)

    def compute(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        pixels = inputs[0].astype(np.int64)
        sound = pixels[..., COLOURS:] < LIMIT
        count = _cells(sound)
        mean = (_cells(pixels[..., :COLOURS] * sound) + count // 2) // np.maximum(count, 1)
        colours = np.where(count > 0, mean, NOTHING_KNOWN)
        return [np.concatenate([colours, np.where(count > 0, 0, BROKEN)], axis=-1)]

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        width, beat = self.even_size()[1], self.get_instream_width() - 1
        return {"IMG_W": width}, {
            "s_axis_tdata": f"in0_V_TDATA[{beat}:0]",
            "s_axis_tvalid": "in0_V_TVALID",
            "s_axis_tready": "in0_V_TREADY",
            "m_axis_tdata": f"out0_V_TDATA[{beat}:0]",
            "m_axis_tvalid": "out0_V_TVALID",
            "m_axis_tready": "out0_V_TREADY",
        }

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: three dividers by 1 to 4, and half a row of sums of two pixels."""
        return 200 + 29 * (self.even_size()[1] // 2 + 63) // 64


def _cells(values: NDArray[Any]) -> NDArray[np.int64]:
    """(1, H, W, C) -> the sums of all 2x2 cells, (1, H/2, W/2, C)."""
    _, height, width, channels = values.shape
    return values.reshape(1, height // 2, 2, width // 2, 2, channels).sum((2, 4), dtype=np.int64)
