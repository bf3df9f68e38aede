"""SkipAdd_rtl: the exact sum or difference of two streams."""

from typing import TYPE_CHECKING, Any

from qonnx.core.datatype import BaseDataType, DataType

from hls.cpp.units import Unit, structure
from hls.ops.access import POINTWISE, Access
from hls.ops.base import StreamOp
from hls.ops.integers import fits
from hls.ops.operator import Array
from hls.ops.skip_add import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place


class SkipAdd_rtl(StreamOp):
    """Adds two integer tensors (1, H, W, C), or subtracts the second.

    Attributes: ImgDim [H, W], NumChannels C, SIMD, inputDataType (input 0), inputDataType1 (input 1),
    Subtract (0 or 1: in0 - in1, which is signed), outputDataType ("" takes the narrowest that holds every
    sum: one bit more than the wider operand, where an unsigned operand beside a signed one counts with a sign
    bit). One that is narrower, but no narrower than an operand, is for operands that are known not to come so
    large together; `evaluate` says where they do.
    """

    short = "add"
    core = "skip_add"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {
            "ImgDim": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "inputDataType": ("s", True, ""),
            "inputDataType1": ("s", True, ""),
            "outputDataType": ("s", False, ""),
            "Subtract": ("i", False, 0, {0, 1}),
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
        widest = max(self.get_input_datatype(ind).bitwidth() for ind in (0, 1))
        if chosen.signed() != exact.signed() or chosen.bitwidth() < widest:
            least = f"{'INT' if exact.signed() else 'UINT'}{widest}"
            raise self.error(
                f"outputDataType must be {exact.name} or a wider one, down to {least} where no result is "
                f"larger, got {chosen.name}"
            )
        return chosen

    def _exact_datatype(self) -> BaseDataType:
        operands = [self.get_input_datatype(ind) for ind in (0, 1)]
        signed = any(operand.signed() for operand in operands)
        widths = [operand.bitwidth() + (signed and not operand.signed()) for operand in operands]
        return DataType[f"{'INT' if signed or self.attribute('Subtract') else 'UINT'}{max(widths) + 1}"]

    def narrow(self) -> bool:
        """Whether the result's type is narrower than any operands could make it."""
        return bool(self.get_output_datatype().bitwidth() < self._exact_datatype().bitwidth())

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        left, right = inputs
        return [
            fits(
                self, left - right if self.attribute("Subtract") else left + right, self.get_output_datatype()
            )
        ]

    def access(self, index: int) -> Access:
        return POINTWISE

    def unit(self, place: "Place") -> Unit:
        constants = {
            "BEATS": place.beats(), "SIMD": place.number("SIMD"),
            "A_BITS": place.kind(0).bitwidth(), "A_SIGNED": bool(place.kind(0).signed()),
            "B_BITS": place.kind(1).bitwidth(), "B_SIGNED": bool(place.kind(1).signed()),
            "OUT_BITS": place.result().bitwidth(),
        }  # fmt: skip
        name, subtract, narrow = place.node.name, bool(self.attribute("Subtract")), self.narrow()
        chosen = f", {str(subtract).lower()}, {str(narrow).lower()}" if subtract or narrow else ""
        what = f"{'difference' if subtract else 'sum'} of two streams"
        return Unit(
            structure(name, what, constants), [f"skip_add<{name}{chosen}>({place.names()});"], "skip_add"
        )

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        a, b = (self.get_input_datatype(ind) for ind in (0, 1))
        parameters: dict[str, int | str] = {
            "SIMD": self.attribute("SIMD"),
            "A_WIDTH": a.bitwidth(),
            "B_WIDTH": b.bitwidth(),
            "Y_WIDTH": self.get_output_datatype().bitwidth(),
            "A_SIGNED": f"1'b{int(a.signed())}",
            "B_SIGNED": f"1'b{int(b.signed())}",
            "SUBTRACT": f"1'b{self.attribute('Subtract')}",
            "NARROW": f"1'b{int(self.narrow())}",
        }
        return parameters, self.join_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: one LUT for each bit of the sums and a few for the handshake."""
        return self.get_outstream_width() + 4
