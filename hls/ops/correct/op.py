"""PixelCorrect_rtl: a signed correction of the broken pixels."""

from typing import TYPE_CHECKING

import numpy as np

from hls.ops.access import POINTWISE, Access
from hls.ops.correct import cases
from hls.ops.operator import Array
from hls.ops.pixels import COLOURS, LIMIT, PixelOp

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit

NEUTRAL = 128  # the correction that changes nothing
HIGHEST = 255


class PixelCorrect_rtl(PixelOp):
    """Input 0 is a correction (1, H, W, 3), input 1 a filled image with its flags (1, H, W, 4).

    The output (1, H, W, 3) is image + correction - 128, clipped to 0 .. 255, where the flag is at least 128,
    else the image. Attributes are those of `PixelOp`.
    """

    short = "correct"
    core = "pixel_correct"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS + ind)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        correction, image = inputs
        colours = image[..., :COLOURS]
        corrected = np.clip(colours + correction - NEUTRAL, 0, HIGHEST)
        return [np.where(image[..., COLOURS:] >= LIMIT, corrected, colours)]

    def access(self, index: int) -> Access:
        return POINTWISE

    def unit(self, place: "Place") -> "Unit":
        return place.simple("correct", "broken pixels corrected", {"BEATS": place.beats()})

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        return {}, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: an adder, two comparisons and a multiplexer for each bit."""
        return 3 * self.get_outstream_width()
