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

The nodes are modelled after FINN's RTL (`swg_template_default.sv`, `replay_buffer.sv`, `vpc.sv`,
`fmpadding.sv`, `thresholding.sv`, `fifo.sv`) and ours; `sim.fifo_check` holds the result against simulation
of the RTL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, inf, lcm, log2, prod
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from pixelmend.native import call, program

SOURCE = Path(__file__).with_suffix(".cpp")
FRAMES = 3  # back to back; the last two give the period
ROWS = 256  # at most, of the image: branches lag by rows (some 80), so that taller frames tell nothing more
BEATS = 40_000_000  # a frame, on all streams, at most: half as many rows where there are more, to save time
FIFO_LATENCY = 3  # cycles through a FIFO in block RAM; one or two less in LUTs
UNIT_LATENCY = 6  # of a matrix unit, beside its adder tree


@dataclass(frozen=True)
class Schedule:
    """What a run of several frames gave: the cycle of each frame's last beat, fewer after a deadlock."""

    frames: int
    ends: tuple[int, ...]
    levels: dict[str, int]  # most beats that each FIFO held, by name

    @property
    def period(self) -> float:
        """Cycles a frame in the steady state; infinite after a deadlock."""
        return inf if len(self.ends) < self.frames else self.ends[-1] - self.ends[-2]


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
        self._model = model
        rows = rows or _rows(model)
        self._streams: list[_Stream] = []
        self._index: dict[str, int] = {}  # of the stream that a tensor is
        self._depths: dict[str, int] = {}
        first, last = model.graph.input[0].name, model.graph.output[0].name
        height = model.get_tensor_shape(first)[1]
        # rows left out of each tensor
        self._left_out = {first: max(0, height - rows) // _reduction(model) * _reduction(model)}
        kept = 1 - Fraction(self._left_out[first], height)
        self._stream(first, 1, 1)
        reader = getCustomOp(model.find_consumer(first))
        beats = prod(reader.get_folded_input_shape()[:-1]) * kept
        self._nodes = [f"source {self._index[first]} {beats}"]
        for node in model.graph.node:
            if node.op_type != "StreamingFIFO_rtl":
                self._nodes.append(self._node(node))
        writer = getCustomOp(model.find_producer(last))
        beats = prod(writer.get_folded_output_shape()[:-1]) * kept
        self._nodes.append(f"sink {self._index[last]} {beats}")

    def run(self, depths: Mapping[str, int] | None = None, frames: int = FRAMES) -> Schedule:
        """Send `frames` frames through; `depths` in beats by FIFO name, where not those of the graph."""
        known = self._depths | dict(depths or {})
        lines = []
        for stream in self._streams:
            places = stream.places + sum(known[name] for name in stream.fifos)
            lines.append(f"stream {places} {stream.latency} {stream.turn}")
        text = "\n".join([*lines, *self._nodes, f"run {frames}", ""])
        ends, levels = call([str(program(SOURCE))], "the pipeline's timing", text=text).splitlines()
        held = [int(level) for level in levels.split()]
        return Schedule(
            frames,
            tuple(int(end) for end in ends.split()),
            {name: held[n] for n, stream in enumerate(self._streams) for name in stream.fifos},
        )

    def _stream(self, tensor: str, places: int, latency: int) -> bool:
        """Number the stream that begins with `tensor`, FIFOs behind it included; whether there are any."""
        fifos = []
        index = self._index[tensor] = len(self._streams)
        while (reader := self._model.find_consumer(tensor)) is not None:
            if reader.op_type != "StreamingFIFO_rtl":
                break
            self._depths[reader.name] = getCustomOp(reader).get_nodeattr("depth")
            fifos.append(reader.name)
            self._left_out[reader.output[0]] = self._left_out[tensor]
            tensor = reader.output[0]
            self._index[tensor] = index
        # a register takes a beat in the cycle in which it hands one on; a counter of places does not
        turn = 0 if places == 1 and not fifos else 1
        # in front of a FIFO, a register adds nothing: its beat is in the FIFO at once
        own = 0 if fifos and places == 1 else places
        self._streams.append(_Stream(own, latency + FIFO_LATENCY * len(fifos), turn, tuple(fifos)))
        return bool(fifos)

    def _node(self, node: Any) -> str:
        operator = getCustomOp(node)
        less = self._left_out[node.input[0]]
        self._left_out |= dict.fromkeys(node.output, int(less * _scale(operator)))
        places, latency = _output(operator)
        in_fifo = [self._stream(tensor, places, latency) for tensor in node.output]
        inputs = [self._index[name] for name in node.input if name in self._index]
        outputs = [self._index[name] for name in node.output]
        match node.op_type:
            case "StreamFork_rtl":
                return _line("fork", *inputs, len(outputs), *outputs)
            case "StreamingDataWidthConverter_rtl":
                numbers = [*_numbers(operator, "inWidth", "outWidth"), int(not any(in_fifo))]
            case "FMPadding_rtl":
                height, width, *pads = _numbers(operator, "ImgDim", "Padding")
                numbers = [operator.get_folded_input_shape()[-2], width, height - less, *pads]
            case "ConvolutionInputGenerator_rtl":
                height, width, rows, columns = _numbers(operator, "IFMDim", "OFMDim")
                kernel, stride = _numbers(operator, "ConvKernelDim", "Stride")[::2]
                numbers = [
                    operator.get_folded_input_shape()[-2], width, height - less, columns,
                    rows - less // stride, kernel, stride, operator.get_buffer_depth(), int(not any(in_fifo)),
                ]  # fmt: skip
            case "MVAU_rtl":
                steps, passes = _folds(operator)
                numbers = [steps, passes, latency % steps]
            case "PyramidHalve_rtl":
                numbers = _numbers(operator, "ImgDim")[1:]
            case "PyramidDouble_rtl":
                height, width = _numbers(operator, "ImgDim")
                numbers = [width, height - self._left_out[node.output[0]]]
            case "PyramidRelax_rtl":
                height, width = _numbers(operator, "ImgDim")
                numbers = [(height - less) * width, operator.lag()]
            case "PixelShuffle_rtl":
                height, width, *others = _numbers(
                    operator, "ImgDim", "Stride", "CropNorth", "CropEast", "CropSouth", "CropWest"
                )
                depths = operator.depths()[:2]
                numbers = [operator.beats_per_pixel(), height - less, width, *others, *depths]
            case _:
                return _line("join", len(inputs), *inputs, *outputs)
        kinds = {
            "StreamingDataWidthConverter_rtl": "convert",
            "FMPadding_rtl": "pad",
            "ConvolutionInputGenerator_rtl": "window",
            "MVAU_rtl": "matrix",
            "PyramidHalve_rtl": "halve",
            "PyramidDouble_rtl": "double",
            "PyramidRelax_rtl": "relax",
            "PixelShuffle_rtl": "shuffle",
        }
        return _line(kinds[node.op_type], *inputs, *outputs, *numbers)


def _scale(operator: Any) -> Fraction:
    """Rows of a node's result for each row of its first input, where the image goes on."""
    match operator.onnx_node.op_type:
        case "ConvolutionInputGenerator_rtl":
            return Fraction(1, operator.get_nodeattr("Stride")[0])
        case "PixelShuffle_rtl":
            return Fraction(operator.get_nodeattr("Stride"))
        case "PyramidHalve_rtl":
            return Fraction(1, 2)
        case "PyramidDouble_rtl":
            return Fraction(2)
        case _:
            return Fraction(1)


def _rows(model: ModelWrapper) -> int:
    height = model.get_tensor_shape(model.graph.input[0].name)[1]
    beats = sum(prod(getCustomOp(node).get_folded_output_shape()[:-1]) for node in model.graph.node)
    return ROWS if beats * min(ROWS, height) <= BEATS * height else ROWS // 2


def _reduction(model: ModelWrapper) -> int:
    """The rows of the image of which every tensor has a whole number."""
    scales = {model.graph.input[0].name: Fraction(1)}
    for node in model.graph.node:
        scales |= dict.fromkeys(node.output, scales[node.input[0]] * _scale(getCustomOp(node)))
    return lcm(*(scale.denominator for scale in scales.values()))


def _output(operator: Any) -> tuple[int, int]:
    """Beats that a node keeps behind its last step, and the cycles they take."""
    match operator.onnx_node.op_type:
        case "Thresholding_rtl":  # two stages a bit of the result, then a queue that holds them all
            stages = 2 * ceil(log2(operator.get_nodeattr("numSteps") + 1))
            return stages + 3, stages + 2
        case "MVAU_rtl":  # stops once a second result waits; those on their way still come
            simd = operator.get_nodeattr("SIMD")
            latency = UNIT_LATENCY + ceil(log2(simd + 1)) + (simd == 1)
            return 2 + latency // _folds(operator)[0], latency
        case "StreamFork_rtl":
            return 1, 0
        case _:
            return 1, 1


def _folds(operator: Any) -> tuple[int, int]:
    """Steps of a pass and passes of a window of a matrix unit."""
    columns, rows, simd, pe = _numbers(operator, "MW", "MH", "SIMD", "PE")
    return columns // simd, rows // pe


def _numbers(operator: Any, *names: str) -> list[int]:
    values = [operator.get_nodeattr(name) for name in names]
    return [int(one) for value in values for one in (value if hasattr(value, "__len__") else [value])]


def _line(kind: str, *numbers: int) -> str:
    return " ".join([kind, *map(str, numbers)])
