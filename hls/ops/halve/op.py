"""PyramidHalve_rtl: the sound pixels of every 2x2 cell, averaged."""

from typing import TYPE_CHECKING

import numpy as np

from hls.ops.access import Access, Axis
from hls.ops.halve import cases
from hls.ops.operator import Array
from hls.ops.pixels import BROKEN, COLOURS, LIMIT, PixelOp

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit

NOTHING_KNOWN = 128  # mid grey, the colours of a cell without a sound pixel


class PyramidHalve_rtl(PixelOp):
    """(1, H, W, 4) -> (1, H/2, W/2, 4), one level up the pyramid of sound pixels.

    A cell has the mean of its n sound pixels (flag below 128), (sum + n // 2) // n, and the flag 0; where
    none of the four is sound, mid grey and the flag 255. Attributes are those of `PixelOp`, H and W even.
    """

    short = "halve"
    core = "pyramid_halve"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.even_size(), COLOURS + 1)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        height, width = self.even_size()
        return (1, height // 2, width // 2, COLOURS + 1)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        x = inputs[0]
        corners = np.stack([x[:, row::2, column::2] for row, column in np.ndindex(2, 2)])
        sound = corners[..., COLOURS:] < LIMIT
        total, count = (corners[..., :COLOURS] * sound).sum(0), sound.sum(0)
        mean = np.floor((2 * total + count) / np.maximum(2 * count, 1))
        colours, flag = np.where(count, mean, NOTHING_KNOWN), np.where(count, 0, BROKEN)
        return [np.concatenate([colours, flag], -1).astype(np.float32)]

    def access(self, index: int) -> Access:
        return Access(Axis(2, last=1), Axis(2, last=1))

    def registers(self) -> tuple[int, int]:
        """Two cells on their way are counted; one leaves three cycles after its last pixel has come."""
        return 2, 3

    def unit(self, place: "Place") -> "Unit":
        height, width = place.numbers("ImgDim")
        return place.simple("halve", "means of the sound pixels", {"HEIGHT": height, "WIDTH": width})

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
        """Rough: three sums and their means, and half a row of sums of two pixels."""
        cells = self.even_size()[1] // 2
        return 118 + (20 if cells <= 32 else 40 * -(-cells // 64)) + (29 if cells > 64 else 0)
