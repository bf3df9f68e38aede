"""MVAU_rtl, FINN's: the products of a convolution, DSP slices with several products each."""

from collections.abc import Iterator
from math import ceil, log2, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.rtl import matrixvectoractivation_rtl
from qonnx.core.modelwrapper import ModelWrapper

from hls.cost import Option, divisors, options, weight_memory
from hls.cpp.roms import array, weight_words
from hls.cpp.units import Unit, structure
from hls.ops.access import POINTWISE, Access
from hls.ops.finn import FinnOp
from hls.ops.instance import instantiated, stream_ports
from hls.ops.matrix import cases
from hls.ops.operator import Array, Frame, Gathers, Operator, Work
from hls.parts import Part, find

if TYPE_CHECKING:
    from hls.cpp.units import Place

EXACT_FLOAT32 = 2**24
LATENCY = 6  # cycles through the unit, beside its adder tree
DSP_PORT_BITS = {"xc7": 25, "xcup": 27}
"""Width of a DSP slice's wider multiplier port, by family: DSP48E1, DSP48E2."""


class MVAU_rtl(FinnOp, matrixvectoractivation_rtl.MVAU_rtl):
    """(1, Y, X, MW) times a constant (MW, MH) -> (1, Y, X, MH), PE outputs of SIMD inputs a cycle."""

    short = "matrix"
    constants = 1
    multiplies = True
    cautious = True  # where a pass is one step
    synthesis_rank = 0
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        """Exact: products are summed in float32 where 2**24 bounds them, else in float64 (2**53)."""
        x, weights = inputs
        bound = np.abs(weights).sum(0).max() * np.abs(x).max(initial=0)
        kind = np.float32 if bound < EXACT_FLOAT32 else np.float64
        return [x.astype(kind) @ weights.astype(kind)]

    def access(self, index: int) -> Access:
        return POINTWISE

    def _folds(self) -> tuple[int, int]:
        """Steps of a pass and passes of a window."""
        columns, rows, simd, pe = self.numbers("MW", "MH", "SIMD", "PE")
        return columns // simd, rows // pe

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        lanes, passes = self._folds()
        return "matrix", [lanes, passes, self.registers()[1] % lanes]

    def registers(self) -> tuple[int, int]:
        """It stops once a second result waits; those on their way still come."""
        simd = self.number("SIMD")
        latency = LATENCY + ceil(log2(simd + 1)) + (simd == 1)
        return 2 + latency // self._folds()[0], latency

    def gathers(self) -> Gathers:
        return "all"

    def ahead(self, producer: Operator | None) -> int:
        """A unit takes a window in while it makes its first PE outputs and then repeats it from its own
        buffer for the other MH / PE - 1 passes. A sliding window narrower than SIMD would stretch the first
        pass, and so would a layer before, where there is no sliding window; a FIFO of one window, MW / SIMD
        beats, is filled during the others.
        """
        beats, passes = self._folds()
        if producer is None or passes == 1:
            return 0
        per_beat = producer.get_outstream_width(0)  # type: ignore[attr-defined]
        narrower = per_beat < self.get_instream_width(0)
        return max(2, beats) if narrower or not producer.repeats else 0

    def limits(self) -> dict[str, int]:
        return {"PE": self.number("MH"), "SIMD": self.number("MW")}

    def fold(self, target_cycles: int, producer: Operator | None, before: dict[str, int]) -> dict[str, int]:
        """The fewest multipliers within the target."""
        columns, rows = self.numbers("MW", "MH")
        windows = prod(self.numbers("numInputVectors"))
        fits = [
            (pe * simd, abs(pe - simd), pe, simd)
            for pe in divisors(rows)
            for simd in divisors(columns)
            if windows * (rows // pe) * (columns // simd) <= target_cycles
        ]
        _, _, pe, simd = min(fits, default=(0, 0, rows, columns))
        return {"PE": pe, "SIMD": simd}

    def folded(self) -> None:
        """Where the weights are kept: shallow memories in LUTs, the others in block RAM."""
        style = weight_memory(self.get_instream_width(1), self.calc_wmem())[0]
        self.set_nodeattr("ram_style", style)

    def options(self, part: Part) -> list[Option]:
        return options(self, part)

    def footprint(self) -> tuple[float, float]:
        self.left_out("rough cost: its folding is chosen by its options")

    def work(self) -> Work:
        weights = self.number("MW") * self.number("MH")
        vectors = prod(self.numbers("numInputVectors"))
        return Work(vectors * weights, weights, self.get_input_datatype(1).bitwidth())

    def instance(self, model: ModelWrapper) -> Iterator[str]:
        """With the weight memory, which streams its words round and round."""
        width, padded = self.get_instream_width(1), self.get_instream_width_padded(1)
        name = f"{self.onnx_node.name}_weights"
        yield f"  wire [{padded - 1}:0] {name}_tdata;"
        yield f"  wire {name}_tvalid, {name}_tready;"
        if padded > width:
            yield f"  assign {name}_tdata[{padded - 1}:{width}] = '0;"
        yield "  memstream #("
        yield f"    .SETS(1), .DEPTH({self.calc_wmem()}), .WIDTH({width}),"
        yield f'    .INIT_FILE("memory/{name}.dat"), .RAM_STYLE("{self.get_nodeattr("ram_style")}")'
        yield f"  ) i_{name} ("
        yield "    .clk(ap_clk), .rst(!ap_rst_n),"
        yield "    .config_ce('0), .config_we('0), .config_address('0), .config_d0('0),"
        yield "    .config_rack(), .config_q0(), .sidx('0), .svld('0), .srdy(),"
        yield f"    .ordy({name}_tready), .ovld({name}_tvalid), .odat({name}_tdata[{width - 1}:0])"
        yield "  );"
        yield from instantiated(self, [".ap_clk2x(ap_clk)", *stream_ports("in1_V", name)])

    def unit(self, place: "Place") -> Unit:
        name, pe, simd = place.node.name, place.number("PE"), place.number("SIMD")
        matrix, weight_bits = place.constant(1), place.kind(1).bitwidth()
        words = weight_words(matrix, pe, simd, weight_bits)
        constants = {
            "MW": matrix.shape[0], "MH": matrix.shape[1], "SIMD": simd, "PE": pe,
            "VECTORS": prod(place.numbers("numInputVectors")), "IN_BITS": place.kind().bitwidth(),
            "IN_SIGNED": bool(place.kind().signed()),
            "WEIGHT_BITS": weight_bits, "OUT_BITS": place.result().bitwidth(),
            "LANES": lanes(matrix, place), "TILES": words.shape[0], "WORDS": words.shape[1],
        }  # fmt: skip
        rom = array(
            f"static const unsigned long long {name}_weights[{words.shape[0]}][{words.shape[1]}]", words
        )
        macro = {"block": "KERNELS_ROM_BRAM", "distributed": "KERNELS_ROM_LUTRAM"}.get(
            place.text("ram_style")
        )
        return Unit(
            rom + structure(name, "sums of a convolution", constants),
            [f"matrix_vector<{name}>({place.names()}, {name}_weights);"],
            "matrix_vector",
            bindings=[f"{macro}({name}_weights)"] if macro else [],
        )


def lanes(matrix: Any, place: "Place") -> int:
    """Products a DSP slice makes at once, as multiply.hpp packs them; 1 without narrow-range weights."""
    bits = place.kind(1).bitwidth()
    if matrix.min() == -(2 ** (bits - 1)):
        return 1
    room = DSP_PORT_BITS[find(place.part).family] - bits
    return min(1 + max(0, room) // (bits + place.kind().bitwidth() - 1), place.number("PE"))
