"""What the operators on whole pixels have in common: bytes R, G, B and sometimes a flag, a pixel a beat."""

from typing import Any

from qonnx.core.datatype import BaseDataType, DataType

from hls.ops.base import StreamOp

COLOURS = 3  # R, G, B; a fourth channel is the flag
LIMIT = 128  # a flag from here on says that the pixel is broken
BROKEN = 255  # the flag that is given to a broken pixel; sound ones have 0


class PixelOp(StreamOp):
    """Base of operators whose beats are pixels of UINT8 channels; there is no SIMD.

    Attributes: ImgDim [H, W]; inputDataType, which must be UINT8.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        return {name: kind for name, kind in super().get_nodeattr_types().items() if name != "SIMD"} | {
            "ImgDim": ("ints", True, []),
            "inputDataType": ("s", True, ""),
        }

    def size(self) -> tuple[int, int]:
        """(H, W) of `ImgDim`."""
        height, width = self.attribute("ImgDim")
        return height, width

    def even_size(self) -> tuple[int, int]:
        """(H, W) of `ImgDim`, both even, of cells of 2x2 px."""
        height, width = self.size()
        if height < 2 or width < 2 or height % 2 or width % 2:
            raise self.error(f"ImgDim must be two even sides of at least 2 px, got {[height, width]}")
        return height, width

    def _folded(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], 1, shape[-1])

    def get_instream_width(self, ind: int = 0) -> int:
        return self.get_input_datatype(ind).bitwidth() * self.get_normal_input_shape(ind)[-1]

    def get_outstream_width(self, ind: int = 0) -> int:
        return self.get_output_datatype(ind).bitwidth() * self.get_normal_output_shape(ind)[-1]

    def limits(self) -> dict[str, int]:
        """None: always a whole pixel a beat."""
        return {}

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        if self.integer_type("inputDataType") != DataType["UINT8"]:
            raise self.error(f"inputDataType must be UINT8, got {self.get_nodeattr('inputDataType')}")
        return DataType["UINT8"]

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        return self.get_input_datatype()
