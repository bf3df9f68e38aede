"""StreamFork_rtl: one stream to several, each output with its own handshake."""

from typing import TYPE_CHECKING, Any

from qonnx.core.datatype import BaseDataType

from hls.cpp.units import Channel, Unit, structure
from hls.ops.access import POINTWISE, Access
from hls.ops.base import StreamOp
from hls.ops.folding import narrowest
from hls.ops.fork import cases
from hls.ops.operator import Array, Frame, Operator

if TYPE_CHECKING:
    from hls.cpp.units import Place


class StreamFork_rtl(StreamOp):
    """Copies a tensor (1, H, W, C) to every output of the node.

    Attributes: ImgDim [H, W], NumChannels C, NumOutputs (2 or more, the node's outputs), SIMD, inputDataType.
    """

    short = "fork"
    core = "stream_fork"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

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

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        return [inputs[0]] * self.outputs()

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        return "fork", []

    def registers(self) -> tuple[int, int]:
        return 1, 0

    def fold(self, target_cycles: int, producer: Operator | None, before: dict[str, int]) -> dict[str, int]:
        """Whole pixels where it comes by them: its readers do so too, and no lane costs anything."""
        whole = producer is not None and not producer.limits()
        return {"SIMD": self.number("NumChannels")} if whole else narrowest(self, target_cycles)

    def access(self, index: int) -> Access:
        return POINTWISE

    def unit(self, place: "Place") -> Unit:
        """A chain of forks, one output each and two at the last."""
        name, bits = place.node.name, place.inputs[0].bits
        rest = [Channel(f"{name}_rest{n}", bits) for n in range(1, len(place.outputs) - 1)]
        sources = [place.inputs[0], *rest]
        last = [*rest, place.outputs[-1]]
        calls = [
            f"fork<{name}>({source.name}, {place.outputs[n].name}, {last[n].name});"
            for n, source in enumerate(sources)
        ]
        constants = {"BEATS": place.beats(), "BITS": bits}
        return Unit(structure(name, "one stream to several", constants), calls, "fork", rest)

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
