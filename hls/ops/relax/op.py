"""PyramidRelax_rtl: one sweep over broken pixels, in place, of the biharmonic equation."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hls.ops.access import Access, Axis
from hls.ops.operator import Array, Frame, Operator, steps
from hls.ops.pixels import COLOURS, LIMIT, PixelOp
from hls.ops.relax import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit

NARROWEST = 6  # columns: a pixel has left the pipeline before its row's next but one is read
LONGEST_IN_LUTS = 128  # columns; the rows of wider frames wait in block RAM
BLOCK_BITS = 36  # that a half block RAM is wide
CLUSTER = 32  # px, side of the largest cluster of broken pixels that tiles repair as the whole picture does
# rows down, columns right, weight: each of four directions' neighbour, corner and next but one
NEIGHBOURS = [(0, 0, -4)] + [
    (down * i - right * j, right * i + down * j, weight)
    for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0))
    for i, j, weight in ((1, 0, 8), (1, 1, -2), (2, 0, -1))
]


class PyramidRelax_rtl(PixelOp):
    """(1, H, W, 4) -> the same, its broken pixels (flag at least 128) replaced, row by row from the top left.

    A pixel becomes the sum of its neighbourhood, weighted 8 for those beside it, above and below, -2 at the
    corners, -1 two pixels away along row and column and -4 itself, / 16, halves rounded up, within 0..255.
    Pixels before it already have their new values (Gauss-Seidel). Above and below, the image goes on with its
    first and last row as they came, left and right with the row's border pixel as it is by then. The weights
    are those of `model.pyramid.STENCIL`. Attributes beside those of `PixelOp`, W at least `NARROWEST`:
    KeepFlag 1, the output has the flag as it came; 0, it is (1, H, W, 3).
    """

    short = "relax"
    core = "pyramid_relax"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

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

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        """Pixels of equal 2 y + x at once, as none needs another."""
        x = inputs[0]
        height, width = x.shape[1:3]
        rows = np.pad(x[..., :COLOURS], ((0, 0), (2, 2), (0, 0), (0, 0)), "edge").astype(np.int64)
        frame, row, column = np.nonzero(x[..., COLOURS] >= LIMIT)
        turns = 2 * row + column
        for turn in np.unique(turns):
            n, y, at = (places[turns == turn] for places in (frame, row + 2, column))
            total = np.full((len(n), COLOURS), 8)
            for down, right, weight in NEIGHBOURS:
                total += weight * rows[n, y + down, np.clip(at + right, 0, width - 1)]
            rows[n, y, at] = np.clip(total // 16, 0, 255)
        kept = [x[..., COLOURS:]] if self.attribute("KeepFlag") else []
        return [np.concatenate([rows[:, 2 : height + 2], *kept], -1).astype(np.float32)]

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        """A pixel leaves `lag` steps after it has come; once the last has come, steps need no input."""
        pixels = np.arange(frame.rows_in[0] * self.size()[1] + self.lag())
        return steps([pixels < len(pixels) - self.lag()], [pixels >= self.lag()])

    def ahead(self, producer: Operator | None) -> int:
        """The least FIFO, as a register: its own tready would run back through sweeps into what fills the pixels."""
        return 2 if producer is not None else 0

    def access(self, index: int) -> Access:
        """Two pixels around; what it changes carries on along a cluster."""
        around = Axis(first=-2, last=2)
        return Access(around, around, delay=self.lag(), carry=CLUSTER - 1)

    def unit(self, place: "Place") -> "Unit":
        height, width = place.numbers("ImgDim")
        constants = {"HEIGHT": height, "WIDTH": width, "KEEP_FLAG": place.number("KeepFlag") == 1}
        return place.simple("relax", "a sweep of the biharmonic equation over broken pixels", constants)

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

    def _waiting_bits(self) -> tuple[int, int, int]:
        """Of the three memories, a column: the pixel that came last, the one that came and the one that left
        before, and the one that left last.
        """
        colours, flag = 8 * COLOURS, 8 if self.attribute("KeepFlag") else 1
        return colours + flag, colours + flag + colours, colours

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: three weighted sums, and, of narrow frames, four rows in LUT memory."""
        rows = sum(self._waiting_bits()) * (self.size()[1] + 63) // 64 * 4 // 3
        return 490 + (0 if self.in_block_ram() else rows)

    def bram_estimation(self, fpgapart: str) -> int:
        """Half blocks of 512 columns."""
        if not self.in_block_ram():
            return 0
        return sum(-(-bits // BLOCK_BITS) for bits in self._waiting_bits()) * -(-self.size()[1] // 512)
