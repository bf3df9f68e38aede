"""PixelCorrect_rtl: a signed correction of the broken pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.ops.pixels import COLOURS, LIMIT, PixelOp

NEUTRAL = 128  # the correction that changes nothing
HIGHEST = 255


class PixelCorrect_rtl(PixelOp):
    """Input 0 is a correction (1, H, W, 3), input 1 a filled image with its flags (1, H, W, 4).

    The output (1, H, W, 3) is image + correction - 128, clipped to 0 .. 255, where the flag is at least 128,
    else the image. Attributes are those of `PixelOp`.
    """

    core = "pixel_correct"

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS + ind)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS)

    def compute(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        correction, image = inputs
        colours, flag = image[..., :COLOURS], image[..., COLOURS:]
        corrected = np.clip(colours + correction - NEUTRAL, 0, HIGHEST)
        return [np.where(flag >= LIMIT, corrected, colours)]

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        return {}, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: an adder, two comparisons and a multiplexer for each bit."""
        return 3 * self.get_outstream_width()
