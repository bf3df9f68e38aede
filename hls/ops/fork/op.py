"""StreamFork_rtl: one stream to several, each output with its own handshake."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from qonnx.core.datatype import BaseDataType

from hls.ops.base import StreamOp


class StreamFork_rtl(StreamOp):
    """Copies a tensor (1, H, W, C) to every output of the node.

    Attributes: ImgDim [H, W], NumChannels C, NumOutputs (2 or more, the node's outputs), SIMD, inputDataType.
    """

    core = "stream_fork"

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {
            "ImgDim": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "NumOutputs": ("i", True, 2),
            "inputDataType": ("s", True, ""),
        }

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), self.attribute("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return self.get_normal_input_shape()

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        return self.integer_type("inputDataType")

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        return self.get_input_datatype()

    def compute(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        return [inputs[0].copy() for _ in range(self.outputs())]

    def outputs(self) -> int:
        """Number of copies."""
        count = self.attribute("NumOutputs")
        if count < 2 or count != self.n_outputs:
            raise self.error(
                f"NumOutputs must be 2 or more and the node's {self.n_outputs} outputs, got {count}"
            )
        return int(count)

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        width = self.get_instream_width()
        names = [f"out{i}_V" for i in reversed(range(self.outputs()))]  # output 0 in the low bits
        return {"WIDTH": width, "OUTPUTS": self.outputs()}, {
            "s_axis_tdata": f"in0_V_TDATA[{width - 1}:0]",
            "s_axis_tvalid": "in0_V_TVALID",
            "s_axis_tready": "in0_V_TREADY",
            "m_axis_tdata": f"{{{', '.join(f'{name}_TDATA[{width - 1}:0]' for name in names)}}}",
            "m_axis_tvalid": f"{{{', '.join(f'{name}_TVALID' for name in names)}}}",
            "m_axis_tready": f"{{{', '.join(f'{name}_TREADY' for name in names)}}}",
        }

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: two LUTs for each output's valid and done bit, one for the ready."""
        return 2 * self.outputs() + 1
