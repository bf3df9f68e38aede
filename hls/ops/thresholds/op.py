"""Thresholding_rtl, FINN's: how many thresholds of its channel a value reaches."""

from collections.abc import Iterator
from math import ceil, log2, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.rtl import thresholding_rtl
from qonnx.core.modelwrapper import ModelWrapper

from hls.cost import divisors
from hls.cpp.roms import array, threshold_stages
from hls.cpp.units import Unit, structure
from hls.ops.access import POINTWISE, Access
from hls.ops.finn import FinnOp
from hls.ops.folding import narrowest
from hls.ops.instance import instantiated, unused_axilite
from hls.ops.operator import Array, Frame, Gathers, Operator, Work, steps
from hls.ops.thresholds import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place

SHARED = (
    0.55  # of the LUTs that comparators and memories would take one by one: what Yosys makes of them together
)


class Thresholding_rtl(FinnOp, thresholding_rtl.Thresholding_rtl):
    """(1, Y, X, C) -> (1, Y, X, C): ActVal + how many of the constant's thresholds are reached.

    The constant is (C, T), or (1, T) where all channels have the same: `sameSteps` is 1 then.
    """

    short = "thresholds"
    constants = 1
    synthesis_rank = 1
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {"sameSteps": ("i", False, 0, {0, 1})}

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        x, table = inputs
        result = np.empty(x.shape, np.float32)
        for channel in range(x.shape[-1]):
            row = table[channel % len(table)]
            result[..., channel] = np.searchsorted(row, x[..., channel], side="right")
        return [result + self.number("ActVal")]

    def access(self, index: int) -> Access:
        return POINTWISE

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        return steps([np.ones(1, bool)], [np.ones(1, bool)])

    def registers(self) -> tuple[int, int]:
        """Two stages a bit of the result, then a queue that holds them all."""
        stages = 2 * ceil(log2(self.number("numSteps") + 1))
        return stages + 3, stages + 2

    def gathers(self) -> Gathers:
        return "nothing"

    def ahead(self, producer: Operator | None) -> int:
        return 0

    def limits(self) -> dict[str, int]:
        return {"PE": self.number("NumChannels")}

    def fold(self, target_cycles: int, producer: Operator | None, before: dict[str, int]) -> dict[str, int]:
        """The fewest lanes that keep the pace: behind a matrix unit they are a fraction of its PE.

        The unit gives PE accumulators every SF = MW / SIMD cycles, so PE / SF lanes take them in time. A
        comparator tree costs some 90 LUTs a lane, the converter in between 4 LUTs a bit where the ratio is a
        power of two and 9 where it is not (measured with hls.fit), so only powers of two are taken.
        """
        enough = narrowest(self, target_cycles)
        if producer is None or not {"PE", "SIMD"} <= before.keys():
            return enough
        beats = producer.limits()["SIMD"] // before["SIMD"]
        lanes = [n for n in divisors(before["PE"]) if (before["PE"] // n).bit_count() == 1]
        least = (n for n in lanes if n >= enough["PE"] and n * beats >= before["PE"])
        return {"PE": next(least, before["PE"])}

    def keep_tables(self, block_words: int) -> None:
        self.set_nodeattr("depth_trigger_bram", block_words)

    def footprint(self) -> tuple[float, float]:
        """A comparator and its memory for each stage and lane."""
        lanes, channels, count, same = self.numbers("PE", "NumChannels", "numSteps", "sameSteps")
        rows = lanes if same else channels
        bits, stages = self.get_input_datatype(0).bitwidth(), ceil(log2(count + 1))
        return SHARED * (lanes * stages * (1.2 * bits + 10) + rows * count * bits / 64), 0.0

    def work(self) -> Work:
        return Work()

    def instance(self, model: ModelWrapper) -> Iterator[str]:
        """One set of thresholds; the port that would select another is not used."""
        unused = [".in1_V_TVALID('0)", ".in1_V_TDATA('0)", ".in1_V_TREADY()"]
        return instantiated(self, [*unused_axilite(), *unused])

    def unit(self, place: "Place") -> Unit:
        name, pe, bits = place.node.name, place.number("PE"), place.result().bitwidth()
        kind = place.kind()
        table = place.constant(1)
        same = len(table) == 1
        if same:
            table = np.broadcast_to(table, (pe, table.shape[1]))
        entry = "short" if table.min() >= -(2**15) and table.max() < 2**15 else "int"
        roms, members = "", ""
        type_name = f"ap_{'' if kind.signed() else 'u'}int<{place.kind(1).bitwidth()}>"
        for stage, values in enumerate(threshold_stages(table, pe, bits)):
            rom = f"{name}_stage{stage}"
            roms += array(f"static const {entry} {rom}[{pe}][{values.shape[1]}]", values)
            members += (
                f"  static {type_name} threshold(kernels::Stage<{stage}>, int pe, int fold, int prefix) {{\n"
                "#pragma HLS INLINE  // part of the search's pipeline\n"
                f"#pragma HLS ARRAY_PARTITION variable = {rom} complete dim = 1  // a memory for each lane\n"
                f"    return {rom}[pe][{'' if same else f'fold * {2**stage} + '}prefix];\n  }}\n"
            )
        constants = {
            "CHANNELS": place.number("NumChannels"), "PE": pe,
            "VECTORS": prod(place.numbers("numInputVectors")), "IN_BITS": kind.bitwidth(),
            "IN_SIGNED": bool(kind.signed()), "OUT_BITS": bits,
            "BIAS": place.number("ActVal"),
        }  # fmt: skip
        return Unit(
            roms + structure(name, "activation", constants, members),
            [f"thresholds<{name}>({place.names()});"],
            "thresholds",
        )
