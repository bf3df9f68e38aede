"""PyramidDouble_rtl: broken pixels filled from the level above."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hls.ops.access import POINTWISE, Access, Axis
from hls.ops.double import cases
from hls.ops.operator import Array, Frame
from hls.ops.pixels import COLOURS, LIMIT, PixelOp

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit

STEPS = 4  # from the pixel to the output, each with a register
ROWS_HELD = 4  # of the level above, from the first that its row needs


class PyramidDouble_rtl(PixelOp):
    """Input 0 is the level above (1, H/2, W/2, 4), input 1 a level (1, H, W, 4); one level down the pyramid.

    The output has the level's own colours where its flag is below 128, and elsewhere those of the level above
    at twice its size, bilinear: of the four nearest cells 9/16, 3/16, 3/16 and 1/16, rounded half up, the
    cells at the border repeated outwards. Attributes beside those of `PixelOp`, H and W even: KeepFlag 1, the
    output is (1, H, W, 4) with the level's flag; 0, it is (1, H, W, 3).
    """

    short = "double"
    core = "pyramid_double"
    in_row = True
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {"KeepFlag": ("i", True, 0, {0, 1})}

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        height, width = self.even_size()
        return (1, height, width, COLOURS + 1) if ind else (1, height // 2, width // 2, COLOURS + 1)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.even_size(), COLOURS + self.attribute("KeepFlag"))

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        """The level, with the bilinear image of the level above in its broken pixels, halves rounded up."""
        above, level = inputs
        grown = above[..., :COLOURS]
        for axis in (1, 2):
            ends = np.pad(grown, [(int(side == axis),) * 2 for side in range(4)], "edge")
            before, after = (np.delete(ends, end, axis) for end in ([-2, -1], [0, 1]))
            both = np.stack([3 * grown + before, 3 * grown + after], axis + 1)
            shape = list(grown.shape)
            shape[axis] *= 2
            grown = both.reshape(shape)
        broken = level[..., COLOURS:] >= LIMIT
        colours = np.where(broken, np.floor(grown / 16 + 0.5), level[..., :COLOURS])
        kept = [level[..., COLOURS:]] if self.attribute("KeepFlag") else []
        return [np.concatenate([colours, *kept], -1).astype(np.float32)]

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        return "double", [self.even_size()[1], frame.rows_out[0]]

    def registers(self) -> tuple[int, int]:
        return STEPS, STEPS

    def access(self, index: int) -> Access:
        """Of the level above the cell above and the next nearest, of which whole rows are taken."""
        if index:
            return POINTWISE
        cells = Axis(1, 2, first=-1, last=1)
        return Access(cells, cells, whole_rows=True, rows_held=ROWS_HELD)

    def unit(self, place: "Place") -> "Unit":
        height, width = place.numbers("ImgDim")
        constants = {"HEIGHT": height, "WIDTH": width, "KEEP_FLAG": place.number("KeepFlag") == 1}
        return place.simple("grow", "broken pixels from the level above", constants)  # `double` is a C++ type

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        height, width = self.even_size()
        parameters: dict[str, int | str] = {
            "IMG_H": height,
            "IMG_W": width,
            "KEEP_FLAG": f"1'b{self.attribute('KeepFlag')}",
        }
        return parameters, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: four sums of each colour, and four rows of cells in LUT memory."""
        return 180 + 64 * -(-self.even_size()[1] // 64) + (48 if self.even_size()[1] > 64 else 0)
