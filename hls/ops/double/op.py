"""PyramidDouble_rtl: broken pixels filled from the level above."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.ops.pixels import COLOURS, LIMIT, PixelOp


class PyramidDouble_rtl(PixelOp):
    """Input 0 is the level above (1, H/2, W/2, 4), input 1 a level (1, H, W, 4); one level down the pyramid.

    The output has the level's own colours where its flag is below 128, and elsewhere those of the level above
    at twice its size, bilinear: of the four nearest cells 9/16, 3/16, 3/16 and 1/16, rounded half up, the
    cells at the border repeated outwards. Attributes beside those of `PixelOp`, H and W even: KeepFlag 1, the
    output is (1, H, W, 4) with the level's flag; 0, it is (1, H, W, 3).
    """

    core = "pyramid_double"

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {"KeepFlag": ("i", True, 0, {0, 1})}

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        height, width = self.even_size()
        return (1, height, width, COLOURS + 1) if ind else (1, height // 2, width // 2, COLOURS + 1)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.even_size(), COLOURS + self.attribute("KeepFlag"))

    def compute(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        above, level = (tensor.astype(np.int64) for tensor in inputs)
        flag = level[..., COLOURS:]
        guess = (_spread(_spread(above[..., :COLOURS], 1), 2) + 8) // 16
        colours = np.where(flag >= LIMIT, guess, level[..., :COLOURS])
        return [np.concatenate([colours, flag], axis=-1) if self.attribute("KeepFlag") else colours]

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        height, width = self.even_size()
        parameters: dict[str, int | str] = {
            "IMG_H": height,
            "IMG_W": width,
            "KEEP_FLAG": f"1'b{self.attribute('KeepFlag')}",
        }
        return parameters, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: four weighted sums, and four rows of cells in LUT memory."""
        return 360 + 32 * (4 * (self.even_size()[1] // 2) + 63) // 64


def _spread(values: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
    """Twice as many along an axis, each 3 times the nearest value and once the next nearest."""
    count = values.shape[axis]
    places = np.arange(2 * count)
    near = places // 2
    far = np.clip(near + np.where(places % 2, 1, -1), 0, count - 1)
    return 3 * values.take(near, axis) + values.take(far, axis)
