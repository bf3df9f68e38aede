"""ChannelConcat_rtl: the channels of two or more streams behind one another."""

from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np
from qonnx.core.datatype import BaseDataType

from hls.cpp.units import Channel, Unit, structure
from hls.ops.access import POINTWISE, Access
from hls.ops.base import StreamOp
from hls.ops.concat import cases
from hls.ops.operator import Array, Frame, steps

if TYPE_CHECKING:
    from hls.cpp.units import Place

MOST_BEATS = 2**16  # of a pixel of one input, beyond what the core counts


class ChannelConcat_rtl(StreamOp):
    """(1, H, W, C_i) of every input i -> (1, H, W, C_0 + C_1 + ..), the channels of input 0 first.

    Attributes: ImgDim [H, W], Channels [C_0, C_1, ..] (two or more, as many as the node has inputs), SIMD
    (divides every C_i), inputDataType (of all inputs and the output).
    """

    short = "concat"
    core = "channel_concat"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {
            "ImgDim": ("ints", True, []),
            "Channels": ("ints", True, []),
            "inputDataType": ("s", True, ""),
        }

    def channels(self) -> list[int]:
        """Of every input."""
        found: list[int] = self.attribute("Channels")
        if len(found) < 2 or len(found) != self.n_inputs or min(found) < 1:
            raise self.error(
                f"Channels must be a number for each of the node's {self.n_inputs} inputs, two or more, "
                f"got {found}"
            )
        return found

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), self.channels()[ind])

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), sum(self.channels()))

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        return self.integer_type("inputDataType")

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        return self.get_input_datatype()

    def infer_node_datatype(self, model: Any) -> None:
        kinds = [model.get_tensor_datatype(name).name for name in self.streams()]
        if len(set(kinds)) > 1:
            raise self.error(f"inputs must have one datatype, got {', '.join(kinds)}")
        super().infer_node_datatype(model)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        return [np.concatenate(inputs, -1)]

    def access(self, index: int) -> Access:
        return POINTWISE

    def limits(self) -> dict[str, int]:
        return {"SIMD": gcd(*self.channels())}

    def beats(self) -> list[int]:
        """Of a pixel, of every input."""
        found = [int(self.get_folded_input_shape(ind)[-2]) for ind in range(len(self.channels()))]
        if max(found) >= MOST_BEATS:
            raise self.error(f"a pixel of an input must have fewer than {MOST_BEATS} beats, got {max(found)}")
        return found

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        """A step gives the beat that it takes, of one input after the other."""
        beats = self.beats()
        turns = np.tile(
            np.repeat(np.arange(len(beats)), beats), frame.rows_out[0] * self.attribute("ImgDim")[1]
        )
        return steps([turns == ind for ind in range(len(beats))], [np.ones(len(turns), bool)])

    def unit(self, place: "Place") -> Unit:
        """A chain of joins of two streams."""
        name, bits, beats = place.node.name, place.inputs[0].bits, self.beats()
        height, width = place.numbers("ImgDim")
        joined = [Channel(f"{name}_joined{n}", bits) for n in range(1, len(beats) - 1)]
        left, results = [place.inputs[0], *joined], [*joined, place.outputs[0]]
        structures, calls = "", []
        for n, (source, result) in enumerate(zip(left, results, strict=True), start=1):
            own = name if n == 1 else f"{name}_{n}"
            constants = {
                "PIXELS": height * width, "BITS": bits, "FIRST_BEATS": sum(beats[:n]),
                "SECOND_BEATS": beats[n],
            }  # fmt: skip
            structures += structure(own, "channels of two streams", constants)
            calls.append(f"concat<{own}>({source.name}, {place.inputs[n].name}, {result.name});")
        return Unit(structures, calls, "concat", joined)

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        beats, bits = self.beats(), self.get_instream_width()
        names = [f"in{ind}_V" for ind in reversed(range(len(beats)))]  # input 0 in the low bits
        parameters: dict[str, int | str] = {
            "WIDTH": bits,
            "INPUTS": len(beats),
            "BEATS": "{" + ", ".join(f"16'd{count}" for count in reversed(beats)) + "}",
        }
        return parameters, {
            "s_axis_tdata": f"{{{', '.join(f'{name}_TDATA[{bits - 1}:0]' for name in names)}}}",
            "s_axis_tvalid": f"{{{', '.join(f'{name}_TVALID' for name in names)}}}",
            "s_axis_tready": f"{{{', '.join(f'{name}_TREADY' for name in names)}}}",
            "m_axis_tdata": f"out0_V_TDATA[{bits - 1}:0]",
            "m_axis_tvalid": "out0_V_TVALID",
            "m_axis_tready": "out0_V_TREADY",
        }

    def get_exp_cycles(self) -> int:
        """The output's beats."""
        return int(np.prod(self.get_folded_output_shape()[:-1]))

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: a multiplexer of the inputs and two counters."""
        return self.get_instream_width() * (1 + len(self.channels()) // 5) + 15
