"""When each beat passes each stream: the pipeline as a max-plus recurrence instead of a simulation.

Let in(n) and out(n) be the cycles at which beat n enters and leaves a stream that holds d beats and delays
each by l cycles. Whatever stands at its ends,

    in(n)  >= out(n - d) + 1        there is a free place (back-pressure)
    out(n) >= in(n) + l             the beat has arrived
    in(n)  >= in(n - 1) + 1,  out(n) >= out(n - 1) + 1

and a node adds what it needs: thresholds in_result(n) = out_source(n), a join the latest of its inputs, a
sliding window each element it hands on and, to read on, the fetch that freed the place it overwrites, a
matrix unit MW / SIMD steps for each of its MH / PE passes, the first of which waits for the window's beats,
a pixel shuffle the places in its row FIFOs, a level of a pyramid the rows of the level above, and these the
place of an earlier row, a sweep the two rows below. All constraints have the form max(... + constant), so the
earliest cycles that satisfy them are unique, and with deeper FIFOs no beat comes later. `timing.cpp`
computes them, one evaluation a beat; where frames are left and no beat's cycle can be computed, the network
is deadlocked.

Each operator says its own (facet `schedule`): a recurrence in the file `timing.hpp` of its folder, or the
steps that follow from its access. FINN's nodes are modelled after its RTL (`replay_buffer.sv`,
`vpc.sv`, `fmpadding.sv`, `thresholding.sv`, `fifo.sv`) and ours; `sim.fifo_check` holds the result against
simulation of the RTL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf, lcm, prod
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from hls.graph import Graph
from hls.ops import facets, operators
from hls.ops.operator import Frame
from pixelmend.native import call, program

BASE = Path(__file__).with_suffix(".hpp")
SOURCE = Path(__file__).with_suffix(".cpp")
FRAMES = 3  # back to back; the last two give the period
ROWS = 256  # at most, of the image: branches lag by rows (some 80), so that taller frames tell nothing more
BEATS = 40_000_000  # a frame, on all streams, at most: half as many rows where there are more, to save time
FIFO_LATENCY = 3  # cycles through a FIFO in block RAM; one or two less in LUTs


@dataclass(frozen=True)
class Schedule:
    """What a run of several frames gave: for each output the cycle of each frame's last beat, fewer after a
    deadlock.
    """

    frames: int
    ends: tuple[tuple[int, ...], ...]
    levels: dict[str, int]  # most beats that each FIFO held, by name

    @property
    def period(self) -> float:
        """Cycles a frame in the steady state; infinite after a deadlock."""
        if min(len(ends) for ends in self.ends) < self.frames:
            return inf
        return max(ends[-1] - ends[-2] for ends in self.ends)


@dataclass
class _Stream:
    """Places for beats, cycles from entering to leaving; `turn`: cycles until a place can be used again."""

    places: int
    latency: int
    turn: int
    fifos: tuple[str, ...]


class Pipeline:
    """A folded graph with its width converters and FIFOs, ready to be evaluated with any FIFO depths.

    A graph for frames of more than `rows` rows (by default `ROWS`, or half of them) is evaluated as one for
    fewer, as near to `rows` as its strides allow. The periods are those of such frames, whose borders weigh
    more: their skips fill a few percent higher.
    """

    def __init__(self, model: ModelWrapper, rows: int | None = None) -> None:
        self._graph = Graph(model)
        self._streams: list[_Stream] = []
        self._index: dict[str, int] = {}  # of the stream that a tensor is
        self._depths: dict[str, int] = {}
        height = self._graph.shape(self._graph.inputs[0])[1]
        growth = _growth(self._graph)
        whole = lcm(*(scale.denominator for scale in growth.values()))
        less = max(0, height - (rows or _rows(self._graph))) // whole * whole
        self.taller = height / (height - less)
        """How many times as tall the frame is as the one that is evaluated."""
        # rows of each tensor in the frame that is evaluated
        self._rows = {name: self._graph.shape(name)[1] - int(less * scale) for name, scale in growth.items()}
        self._nodes: list[str] = []
        for name in self._graph.inputs:
            self._stream(name, 1, 1)
            reader = self._graph.consumer(name)
            shape = facets(reader).get_folded_input_shape(facets(reader).streams().index(name))
            beats = _beats(shape, self._rows[name], self._graph.shape(name)[1])
            self._nodes.append(_line("source", [], [self._index[name]], [beats]))
        for node in self._graph.nodes:
            if not facets(node).buffers:
                self._nodes.append(self._node(node))
        for name in self._graph.outputs:
            writer = self._graph.producer(name)
            shape = facets(writer).get_folded_output_shape(list(writer.output).index(name))
            beats = _beats(shape, self._rows[name], self._graph.shape(name)[1])
            self._nodes.append(_line("sink", [self._index[name]], [], [beats]))

    def run(self, depths: Mapping[str, int] | None = None, frames: int = FRAMES) -> Schedule:
        """Send `frames` frames through; `depths` in beats by FIFO name, where not those of the graph."""
        known = self._depths | dict(depths or {})
        lines = []
        for stream in self._streams:
            places = stream.places + sum(known[name] for name in stream.fifos)
            lines.append(f"stream {places} {stream.latency} {stream.turn}")
        text = "\n".join([*lines, *self._nodes, f"run {frames}", ""])
        *ends, levels = call([str(_program())], "the pipeline's timing", text=text).splitlines()
        held = [int(level) for level in levels.split()]
        return Schedule(
            frames,
            tuple(tuple(int(end) for end in line.split()) for line in ends),
            {name: held[n] for n, stream in enumerate(self._streams) for name in stream.fifos},
        )

    def _stream(self, tensor: str, places: int, latency: int, in_row: bool = False) -> bool:
        """Number the stream that begins with `tensor`, FIFOs behind it included; whether there are any."""
        fifos = []
        index = self._index[tensor] = len(self._streams)
        while (reader := self._graph.consumer(tensor)) is not None:
            if not facets(reader).buffers:
                break
            self._depths[reader.name] = facets(reader).number("depth")
            fifos.append(reader.name)
            tensor = reader.output[0]
            self._index[tensor] = index
        # registers take a beat in the cycle in which they hand one on; a counter of places does not
        turn = 0 if (places == 1 or in_row) and not fifos else 1
        # in front of a FIFO, a register adds nothing: its beat is in the FIFO at once
        own = 0 if fifos and places == 1 else places
        self._streams.append(_Stream(own, latency + FIFO_LATENCY * len(fifos), turn, tuple(fifos)))
        return bool(fifos)

    def _node(self, node: Any) -> str:
        operator = facets(node)
        places, latency = operator.registers()
        in_fifo = tuple(self._stream(tensor, places, latency, operator.in_row) for tensor in node.output)
        streams = operator.streams()
        frame = Frame(
            tuple(self._rows[name] for name in streams),
            tuple(self._rows[name] for name in node.output),
            in_fifo,
        )
        kind, numbers = operator.schedule(frame)
        return _line(
            kind,
            [self._index[name] for name in streams],
            [self._index[name] for name in node.output],
            numbers,
        )


def _program() -> Path:
    own = [path for operator in operators().values() for path in operator.recurrences()]
    return program(BASE, *dict.fromkeys(own), SOURCE)


def _growth(graph: Graph) -> dict[str, Fraction]:
    """Rows of each tensor for each row of the image, where the image goes on."""
    height = graph.shape(graph.inputs[0])[1]
    growth = {name: Fraction(graph.shape(name)[1], height) for name in graph.inputs}
    for node in graph.nodes:
        operator = facets(node)
        growth |= dict.fromkeys(node.output, growth[operator.streams()[0]] * operator.growth())
    return growth


def _rows(graph: Graph) -> int:
    height = graph.shape(graph.inputs[0])[1]
    beats = sum(prod(facets(node).get_folded_output_shape()[:-1]) for node in graph.nodes)
    return ROWS if beats * min(ROWS, height) <= BEATS * height else ROWS // 2


def _beats(folded: tuple[int, ...], rows: int, whole: int) -> int:
    """Beats of `rows` rows of a frame of `whole`; a beat may hold several pixels."""
    beats = Fraction(prod(int(side) for side in folded[:-1]) * rows, whole)
    if beats.denominator != 1:
        raise ValueError(
            f"{rows} of {whole} rows of a stream folded to {folded} are no whole number of beats"
        )
    return int(beats)


def _line(kind: str, inputs: list[int], outputs: list[int], numbers: list[int]) -> str:
    return " ".join([kind, *map(str, [len(inputs), *inputs, len(outputs), *outputs, *numbers])])
