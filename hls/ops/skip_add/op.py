"""SkipAdd_rtl: the exact sum of two streams."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from qonnx.core.datatype import BaseDataType, DataType

from hls.ops.base import StreamOp


class SkipAdd_rtl(StreamOp):
    """Adds two integer tensors (1, H, W, C).

    Attributes: ImgDim [H, W], NumChannels C, SIMD, inputDataType (input 0), inputDataType1 (input 1),
    outputDataType ("" takes the narrowest that holds every sum: one bit more than the wider operand, where an
    unsigned operand beside a signed one counts with a sign bit).
    """

    core = "skip_add"

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {
            "ImgDim": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "inputDataType": ("s", True, ""),
            "inputDataType1": ("s", True, ""),
            "outputDataType": ("s", False, ""),
        }

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), self.attribute("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return self.get_normal_input_shape()

    def input_type_attribute(self, ind: int) -> str:
        return "inputDataType1" if ind else "inputDataType"

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        return self.integer_type(self.input_type_attribute(ind))

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        exact = self._exact_datatype()
        if not self.get_nodeattr("outputDataType"):
            return exact
        chosen = self.integer_type("outputDataType")
        if chosen.signed() != exact.signed() or chosen.bitwidth() < exact.bitwidth():
            raise self.error(f"outputDataType must be {exact.name} or a wider one, got {chosen.name}")
        return chosen

    def _exact_datatype(self) -> BaseDataType:
        operands = [self.get_input_datatype(ind) for ind in (0, 1)]
        signed = any(operand.signed() for operand in operands)
        widths = [operand.bitwidth() + (signed and not operand.signed()) for operand in operands]
        return DataType[f"{'INT' if signed else 'UINT'}{max(widths) + 1}"]

    def compute(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        return [inputs[0] + inputs[1]]

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        a, b = (self.get_input_datatype(ind) for ind in (0, 1))
        parameters: dict[str, int | str] = {
            "SIMD": self.attribute("SIMD"),
            "A_WIDTH": a.bitwidth(),
            "B_WIDTH": b.bitwidth(),
            "Y_WIDTH": self.get_output_datatype().bitwidth(),
            "A_SIGNED": f"1'b{int(a.signed())}",
            "B_SIGNED": f"1'b{int(b.signed())}",
        }
        return parameters, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: one LUT for each bit of the sums and a few for the handshake."""
        return self.get_outstream_width() + 4
