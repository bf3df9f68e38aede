"""PixelSelect_rtl: of two streams of pixels, one of both for every pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.ops.pixels import COLOURS, LIMIT, PixelOp


class PixelSelect_rtl(PixelOp):
    """Takes the colours of input 0 where the flag is at least 128, else those of input 1.

    Attributes beside those of `PixelOp`: FlagInput 0 or 1, the input whose pixels have a fourth channel, the
    flag. The other has three, as the output has.
    """

    core = "pixel_select"

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {"FlagInput": ("i", True, 0, {0, 1})}

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS + (ind == self.attribute("FlagInput")))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.size(), COLOURS)

    def compute(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        flag = inputs[self.attribute("FlagInput")][..., COLOURS:]
        return [np.where(flag >= LIMIT, inputs[0][..., :COLOURS], inputs[1][..., :COLOURS])]

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        parameters: dict[str, int | str] = {"A_FLAG": f"1'b{int(self.attribute('FlagInput') == 0)}"}
        return parameters, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: one LUT for each bit of the pixel and a few for the handshake."""
        return self.get_outstream_width() + 4
