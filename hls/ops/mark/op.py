"""PixelMark_rtl: a flag on every pixel that a score calls broken."""

from typing import TYPE_CHECKING

import numpy as np

from hls.ops.access import POINTWISE, Access
from hls.ops.mark import cases
from hls.ops.operator import Array
from hls.ops.pixels import BROKEN, COLOURS, LIMIT, PixelOp

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit


class PixelMark_rtl(PixelOp):
    """Input 0 is a score (1, H, W, 1), input 1 an image (1, H, W, 3); the output (1, H, W, 4) is the image
    and a flag, 255 where the score is at least 128 and 0 elsewhere. Attributes are those of `PixelOp`.
    """

    short = "mark"
    core = "pixel_mark"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS if ind else 1)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS + 1)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        score, image = inputs
        flag = np.where(score >= LIMIT, float(BROKEN), 0.0)
        return [np.concatenate([image, flag], -1).astype(np.float32)]

    def access(self, index: int) -> Access:
        return POINTWISE

    def unit(self, place: "Place") -> "Unit":
        return place.simple("mark", "flags of broken pixels", {"BEATS": place.beats()})

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        return {}, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: a few for the handshake; pixels only pass a register."""
        return 4
