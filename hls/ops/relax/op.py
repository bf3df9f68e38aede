"""PyramidRelax_rtl: one sweep over broken pixels, in place, towards the surface that bends least."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.ops.pixels import COLOURS, LIMIT, PixelOp

NARROWEST = 6  # columns: a pixel has left the pipeline before its row's next but one is read
LONGEST_IN_LUTS = 128  # columns; the rows of wider frames wait in block RAM
BLOCK_BITS = 36  # that a half block RAM is wide


class PyramidRelax_rtl(PixelOp):
    """(1, H, W, 4) -> the same, its broken pixels (flag at least 128) replaced, row by row from the top left.

    A pixel becomes the sum of its neighbourhood, weighted 8 for those beside it, above and below, -2 at the
    corners, -1 two pixels away along row and column and -4 itself, / 16, halves rounded up, within 0..255.
    Pixels before it already have their new values (Gauss-Seidel). Above and below, the image goes on with its
    first and last row as they came, left and right with the row's border pixel as it is by then. The weights
    are those of `model.pyramid.STENCIL`. Attributes beside those of `PixelOp`, W at least `NARROWEST`:
    KeepFlag 1, the output has the flag as it came; 0, it is (1, H, W, 3).
    """

    core = "pyramid_relax"

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {"KeepFlag": ("i", True, 0, {0, 1})}

    def size(self) -> tuple[int, int]:
        """(H, W) of `ImgDim`, W at least `NARROWEST`."""
        height, width = super().size()
        if height < 1 or width < NARROWEST:
            raise self.error(
                f"ImgDim must be a row or more of at least {NARROWEST} px, got {[height, width]}"
            )
        return height, width

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS + 1)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS + self.attribute("KeepFlag"))

    def compute(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        image = inputs[0][0].astype(np.int64)
        broken = image[..., COLOURS] >= LIMIT
        last = image.shape[1] - 1
        # a row of the border twice at each end, which stays as it came
        rows = np.pad(image[..., :COLOURS], ((2, 2), (0, 0), (0, 0)), "edge")
        for y, x in zip(*np.nonzero(broken), strict=True):
            above2, above, row, below, below2 = rows[y : y + 5]
            left, right = max(x - 1, 0), min(x + 1, last)
            beside = row[left] + row[right] + above[x] + below[x]
            corners = above[left] + above[right] + below[left] + below[right]
            ends = row[max(x - 2, 0)] + row[min(x + 2, last)] + above2[x] + below2[x]
            row[x] = np.clip((8 * beside - 2 * corners - ends - 4 * row[x] + 8) >> 4, 0, 255)
        kept = [image[..., COLOURS:]] if self.attribute("KeepFlag") else []
        return [np.concatenate([rows[2:-2], *kept], axis=-1)[np.newaxis]]

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        height, width = self.size()
        parameters: dict[str, int | str] = {
            "IMG_H": height,
            "IMG_W": width,
            "KEEP_FLAG": f"1'b{self.attribute('KeepFlag')}",
            "BLOCK_RAM": f"1'b{int(self.in_block_ram())}",
        }
        return parameters, {
            "s_axis_tdata": f"in0_V_TDATA[{self.get_instream_width() - 1}:0]",
            "s_axis_tvalid": "in0_V_TVALID",
            "s_axis_tready": "in0_V_TREADY",
            "m_axis_tdata": f"out0_V_TDATA[{self.get_outstream_width() - 1}:0]",
            "m_axis_tvalid": "out0_V_TVALID",
            "m_axis_tready": "out0_V_TREADY",
        }

    def in_block_ram(self) -> bool:
        """Whether the rows wait there, or in LUTs."""
        return self.size()[1] > LONGEST_IN_LUTS

    def lag(self) -> int:
        """Pixels that come after one before it leaves, if there are any: two rows, and the pipeline."""
        return 2 * self.size()[1] + 3

    def get_exp_cycles(self) -> int:
        """A pixel in or out a cycle; the last two rows and three pixels leave after the last has come."""
        height, width = self.size()
        return height * width + self.lag()

    def _waiting_bits(self) -> tuple[int, int]:
        """Of the two memories, a column: two pixels that came, and two that left."""
        flag = 8 if self.attribute("KeepFlag") else 1
        return 2 * (8 * COLOURS + flag), 2 * 8 * COLOURS

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: three weighted sums, and, of narrow frames, four rows in LUT memory."""
        rows = sum(self._waiting_bits()) * (self.size()[1] + 63) // 64 * 4 // 3
        return 450 + (0 if self.in_block_ram() else rows)

    def bram_estimation(self, fpgapart: str) -> int:
        """Half blocks of 512 columns, two to a block."""
        if not self.in_block_ram():
            return 0
        halves = sum(-(-bits // BLOCK_BITS) for bits in self._waiting_bits()) * -(-self.size()[1] // 512)
        return (halves + 1) // 2
