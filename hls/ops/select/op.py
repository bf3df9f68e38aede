"""PixelSelect_rtl: of two streams of pixels, one of both for every pixel."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hls.ops.access import POINTWISE, Access
from hls.ops.operator import Array
from hls.ops.pixels import COLOURS, LIMIT, PixelOp
from hls.ops.select import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit


class PixelSelect_rtl(PixelOp):
    """Takes the colours of input 0 where the flag is at least 128, else those of input 1.

    Attributes beside those of `PixelOp`: FlagInput 0 or 1, the input whose pixels have a fourth channel, the
    flag. The other has three, as the output has.
    """

    short = "select"
    core = "pixel_select"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {"FlagInput": ("i", True, 0, {0, 1})}

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS + (ind == self.attribute("FlagInput")))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        flag = inputs[self.attribute("FlagInput")][..., COLOURS:]
        return [np.where(flag >= LIMIT, inputs[0][..., :COLOURS], inputs[1][..., :COLOURS])]

    def access(self, index: int) -> Access:
        return POINTWISE

    def unit(self, place: "Place") -> "Unit":
        constants = {
            "BEATS": place.beats(0), "PIXELS_PER_BEAT": 1, "FLAG_IN_REPAIRED": place.number("FlagInput") == 0,
        }  # fmt: skip
        return place.simple("select", "repaired pixels where they are bad", constants)

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        parameters: dict[str, int | str] = {"A_FLAG": f"1'b{int(self.attribute('FlagInput') == 0)}"}
        return parameters, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: one LUT for each bit of the pixel and a few for the handshake."""
        return self.get_outstream_width() + 4
