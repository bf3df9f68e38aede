"""StreamingDataWidthConverter_rtl, FINN's: the same values in beats of another width."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from math import ceil, gcd, lcm, prod
from typing import TYPE_CHECKING

from finn.custom_op.fpgadataflow.rtl import streamingdatawidthconverter_rtl
from qonnx.core.modelwrapper import ModelWrapper

from hls.cpp.units import Channel, Unit, structure
from hls.ops.access import POINTWISE, Access
from hls.ops.finn import FinnOp
from hls.ops.instance import instantiated
from hls.ops.operator import Array, Frame, Gathers, Operator, Work
from hls.ops.width_converter import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place

LUTS_A_BIT = 1.9  # of the wider side; 1.5 to 2.2 measured with hls.fit


def converter_luts(have: int, wanted: int) -> float:
    """LUTs of a converter between beats of so many bits; none where they are equal."""
    return 0.0 if have == wanted else LUTS_A_BIT * max(have, wanted)


@cache
def turn(have: int, wanted: int) -> int:
    """Cycles in which FINN's `vpc.sv` turns lcm(have, wanted) bits from beats of `have` to beats of `wanted`.

    It holds a beat of each side, takes a beat in while it holds no more than a beat of the output, and gives one
    while it holds as much: full pace where one width divides the other, else some cycles without a beat.
    """
    part = gcd(have, wanted)
    taken, given = have // part, wanted // part
    held = beats = cycle = 0
    ends = [0]
    while len(ends) < 4:  # a first turn fills it
        accepts, gives = held <= given, held >= given
        held += taken * accepts - given * gives
        beats += gives
        cycle += 1
        if gives and beats % taken == 0:
            ends.append(cycle)
    return ends[-1] - ends[-2]


def steps_between(have: int, wanted: int, bits: int, pace: int) -> list[int]:
    """Widths of the beats, from `have` to `wanted`, of a frame of `bits` bits that passes within `pace` cycles.

    One converter where that keeps the pace; else two, by way of beats of lcm(have, wanted) bits, which cost more
    registers and lose no cycle.
    """
    common = lcm(have, wanted)
    if have == wanted:
        return [have]
    if turn(have, wanted) * bits <= pace * common or common in (have, wanted):
        return [have, wanted]
    return [have, common, wanted]


class StreamingDataWidthConverter_rtl(
    FinnOp, streamingdatawidthconverter_rtl.StreamingDataWidthConverter_rtl
):
    """(1, H, W, C) as it is, from beats of `inWidth` bits to beats of `outWidth`."""

    short = "converter"
    synthesis_rank = 3
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        return inputs[:1]

    def access(self, index: int) -> Access:
        return POINTWISE

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        return "convert", [*self.numbers("inWidth", "outWidth"), int(not any(frame.fifo_behind))]

    def get_exp_cycles(self) -> int:
        """Cycles of a frame when no neighbour stalls it."""
        have, wanted = self.numbers("inWidth", "outWidth")
        bits = prod(self.numbers("inShape")) * self.get_input_datatype().bitwidth()
        return ceil(turn(have, wanted) * bits / lcm(have, wanted))

    def gathers(self) -> Gathers:
        return "nothing"

    def ahead(self, producer: Operator | None) -> int:
        return 0

    def limits(self) -> dict[str, int]:
        return {}  # it follows the streams

    def fold(self, target_cycles: int, producer: Operator | None, before: dict[str, int]) -> dict[str, int]:
        return {}

    def footprint(self) -> tuple[float, float]:
        return converter_luts(*self.numbers("inWidth", "outWidth")), 0.0

    def work(self) -> Work:
        return Work()

    def instance(self, model: ModelWrapper) -> Iterator[str]:
        return instantiated(self)

    def unit(self, place: "Place") -> Unit:
        """A converter; two, over the least common multiple, where neither width divides the other."""
        name, have, wanted = place.node.name, place.inputs[0].bits, place.outputs[0].bits
        common = lcm(have, wanted)
        frame = place.beats() * have
        chain = [place.inputs[0], place.outputs[0]]
        if common not in (have, wanted):
            chain.insert(1, Channel(f"{name}_common", common))
        structures, calls = "", []
        for source, result in pairwise(chain):
            kernel = "widen" if result.bits > source.bits else "narrow"
            own = name if len(chain) == 2 else f"{name}_{kernel}"
            wide = kernel == "widen"
            beats = {"OUT_BEATS": frame // result.bits} if wide else {"IN_BEATS": frame // source.bits}
            constants = {"IN_BITS": source.bits, "OUT_BITS": result.bits, **beats}
            structures += structure(own, "beats of another width", constants)
            calls.append(f"{kernel}<{own}>({source.name}, {result.name});")
        return Unit(structures, calls, "width_converter", chain[1:-1])
