"""PixelSelect_rtl: of two streams of pixels, one of both for every pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.datatype import BaseDataType, DataType

from hls.ops.base import StreamOp

COLOURS = 3  # R, G, B; a fourth channel is the flag
LIMIT = 128  # a flag from here on takes the first stream's pixel


class PixelSelect_rtl(StreamOp):
    """Takes the colours of input 0 where the flag is at least 128, else those of input 1.

    Attributes: ImgDim [H, W]; FlagInput 0 or 1, the input whose pixels have a fourth channel, the flag. The
    other has three, as the output has. All are UINT8; a beat is a whole pixel.
    """

    core = "pixel_select"

    def get_nodeattr_types(self) -> dict[str, Any]:
        return {name: kind for name, kind in super().get_nodeattr_types().items() if name != "SIMD"} | {
            "ImgDim": ("ints", True, []),
            "FlagInput": ("i", True, 0, {0, 1}),
            "inputDataType": ("s", True, ""),
        }

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), COLOURS + (ind == self.attribute("FlagInput")))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), COLOURS)

    def _folded(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], 1, shape[-1])

    def get_instream_width(self, ind: int = 0) -> int:
        return self.get_input_datatype(ind).bitwidth() * self.get_normal_input_shape(ind)[-1]

    def get_outstream_width(self, ind: int = 0) -> int:
        return self.get_output_datatype(ind).bitwidth() * COLOURS

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        if self.integer_type("inputDataType") != DataType["UINT8"]:
            raise self.error(f"inputDataType must be UINT8, got {self.get_nodeattr('inputDataType')}")
        return DataType["UINT8"]

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        return self.get_input_datatype()

    def compute(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        flag = inputs[self.attribute("FlagInput")][..., COLOURS:]
        return [np.where(flag >= LIMIT, inputs[0][..., :COLOURS], inputs[1][..., :COLOURS])]

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        parameters: dict[str, int | str] = {"A_FLAG": f"1'b{int(self.attribute('FlagInput') == 0)}"}
        return parameters, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: one LUT for each bit of the pixel and a few for the handshake."""
        return self.get_outstream_width() + 4
