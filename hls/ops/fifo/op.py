"""StreamingFIFO_rtl, FINN's: beats wait in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from finn.custom_op.fpgadataflow.rtl import streamingfifo_rtl
from qonnx.core.modelwrapper import ModelWrapper

from hls.ops.access import POINTWISE, Access
from hls.ops.fifo import cases
from hls.ops.fifo.memory import fifo_cells, memories, ram_style
from hls.ops.finn import FinnOp
from hls.ops.operator import Array, Frame, Gathers, Operator, Work

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit


class StreamingFIFO_rtl(FinnOp, streamingfifo_rtl.StreamingFIFO_rtl):
    """(1, H, W, C) as it is; `depth` beats find a place."""

    short = "fifo"
    buffers = True
    synthesis_rank = 3
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        return inputs[:1]

    def access(self, index: int) -> Access:
        return POINTWISE

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        self.left_out("schedule: it is part of the stream it stands in")

    def gathers(self) -> Gathers:
        return "nothing"

    def ahead(self, producer: Operator | None) -> int:
        return 0

    def limits(self) -> dict[str, int]:
        return {}  # it follows its stream

    def fold(self, target_cycles: int, producer: Operator | None, before: dict[str, int]) -> dict[str, int]:
        return {}

    def footprint(self) -> tuple[float, float]:
        return fifo_cells(self.number("depth"), self.get_instream_width())

    def work(self) -> Work:
        return Work()

    def set_depth(self, beats: int) -> None:
        """Its depth, and the memory it is made of."""
        self.set_nodeattr("depth", max(2, beats))
        self.set_nodeattr("ram_style", ram_style(beats))

    def instance(self, model: ModelWrapper) -> Iterator[str]:
        """FINN's fifo, or two of them in a row where that takes less block RAM; the level is of both.

        The top level holds it itself, so that its level can be seen and capped.
        """
        node = self.onnx_node
        width, padded = self.get_instream_width(), self.get_instream_width_padded()
        name, source, result = node.name, node.input[0], node.output[0]
        style = {"srl": "shift"}.get(self.resolve_ram_style(), self.resolve_ram_style())
        depths = memories(self.number("depth"), width)
        yield f"  wire {name}_ready;"
        if padded > width:  # pad bits are not worth memory
            yield f"  assign {result}_tdata[{padded - 1}:{width}] = '0;"
        yield f"  assign {source}_tready = {name}_ready && {name}_open;"
        entry = [f"{source}_tdata[{width - 1}:0]", f"{source}_tvalid && {name}_open", f"{name}_ready"]
        for index, depth in enumerate(depths):
            part = f"{name}_{index}"
            leave = [f"{part}_data", f"{part}_valid", f"{part}_taken"]
            if index == len(depths) - 1:
                leave = [f"{result}_tdata[{width - 1}:0]", f"{result}_tvalid", f"{result}_tready"]
            else:
                yield f"  wire [{width - 1}:0] {part}_data;"
                yield f"  wire {part}_valid, {part}_taken;"
            # the small rest of a large one is not worth a block RAM
            chosen = ram_style(depth) if style == "block" else style
            yield f"  wire [$clog2({depth}+1):0] {part}_count;"
            yield "  fifo #("
            yield f'    .DEPTH({depth}), .DATA_WIDTH({width}), .RAM_STYLE("{chosen}")'
            yield f"  ) i_{part} ("
            yield "    .clk(ap_clk), .rst(!ap_rst_n),"
            yield f"    .idat({entry[0]}), .ivld({entry[1]}), .irdy({entry[2]}),"
            yield f"    .odat({leave[0]}), .ovld({leave[1]}), .ordy({leave[2]}),"
            yield f"    .count({part}_count), .maxcount()"
            yield "  );"
            entry = leave
        level = " + ".join(f"32'({name}_{index}_count)" for index in range(len(depths)))
        yield f"  assign {name}_level = {level};"

    def unit(self, place: "Place") -> "Unit":
        self.left_out("HLS C++: it is the depth of the stream it stands in")
