"""NearestUpsample_rtl: pixels repeated along rows and columns."""

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from qonnx.core.datatype import BaseDataType

from hls.cost import LUT_WORDS
from hls.ops.access import Access, Axis
from hls.ops.base import StreamOp
from hls.ops.operator import Array
from hls.ops.upsample import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit

BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))  # of a BRAM18


class NearestUpsample_rtl(StreamOp):
    """out[y, x, c] = in[y // f_y, x // f_x, c]

    (1, H, W, C) -> (1, f_y * H, f_x * W, C). Attributes: ImgDim [H, W], NumChannels C, Factors [f_y, f_x] (1
    or more, not both 1), SIMD, inputDataType, RamStyle (of the row that is kept: "distributed", "block", or
    "auto").
    """

    short = "upsample"
    core = "nearest_upsample"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {
            "ImgDim": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "Factors": ("ints", True, [2, 2]),
            "inputDataType": ("s", True, ""),
            "RamStyle": ("s", False, "auto", {"auto", "distributed", "block"}),
        }

    def factors(self) -> tuple[int, int]:
        """Of rows and of columns."""
        found = self.attribute("Factors")
        if len(found) != 2 or min(found) < 1 or max(found) < 2:
            raise self.error(f"Factors must be two numbers of 1 or more, and not both 1, got {found}")
        return found[0], found[1]

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), self.attribute("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        (height, width), (down, right) = self.attribute("ImgDim"), self.factors()
        return (1, down * height, right * width, self.attribute("NumChannels"))

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        return self.integer_type("inputDataType")

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        return self.get_input_datatype()

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        down, right = self.factors()
        return [np.repeat(np.repeat(inputs[0], down, 1), right, 2)]

    def access(self, index: int) -> Access:
        down, right = self.factors()
        return Access(Axis(1, down), Axis(1, right))

    def places(self) -> int:
        """Beats kept: of a row, or of a pixel where rows are not repeated."""
        folds = int(self.get_folded_input_shape()[-2])
        return folds * self.attribute("ImgDim")[1] if self.factors()[0] > 1 else folds

    def in_block_ram(self) -> bool:
        """Whether they are kept there, or in LUTs: "auto" takes block RAM for many words and bits."""
        style = self.get_nodeattr("RamStyle")
        if style != "auto":
            return bool(style == "block")
        return self.places() > LUT_WORDS and self.places() * self.get_instream_width() > LUT_WORDS * 18

    def unit(self, place: "Place") -> "Unit":
        height, width = place.numbers("ImgDim")
        down, right = self.factors()
        constants = {
            "HEIGHT": height, "WIDTH": width, "FOLDS": self.get_folded_input_shape()[-2],
            "FACTOR_H": down, "FACTOR_W": right, "BITS": place.inputs[0].bits,
        }  # fmt: skip
        return place.simple("upsample", "pixels repeated", constants)

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        down, right = self.factors()
        return {
            "WIDTH": self.get_instream_width(),
            "IMG_W": self.attribute("ImgDim")[1],
            "FOLDS": self.get_folded_input_shape()[-2],
            "FACTOR_H": down,
            "FACTOR_W": right,
            "BLOCK_RAM": f"1'b{int(self.in_block_ram())}",
        }, self.through_connections()

    def bram_estimation(self, fpgapart: str) -> int:
        """BRAM18 of the row."""
        if not self.in_block_ram():
            return 0
        width, depth = self.get_instream_width(), self.places()
        return min(ceil(depth / words) * ceil(width / bits) for words, bits in BLOCK_SHAPES)

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: counters, and the row in LUT memory, three bits of 64 words in four LUTs."""
        memory = (
            0 if self.in_block_ram() else ceil(self.get_instream_width() / 3) * 4 * ceil(self.places() / 64)
        )
        return 40 + self.get_instream_width() + memory
