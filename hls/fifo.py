"""Depths of all FIFOs by construction: skips, rows, windows, and rows inside pixel shuffles.

**Skips** - the inputs of a join (a skip add, an operator on two images) come from one fork, on paths of which
one takes longer; what has come on the other waits in a FIFO: the encoder's result for the decoder's, the
image for its score or its correction, a level of a pyramid for whole rows of the level above. Two depths
count (`hls.order` and `hls.timing` say how they come about from kernels, strides, paddings and folding):

    floor   max over n of |{m : own(m) <= others(n)}| - taken(n)  pixels      with less it deadlocks
    depth   the least with period(depths) <= (1 + PACE) * period(unlimited)

with period() the cycles of a frame in the steady state, by the max-plus recurrence of the whole network, all
other FIFOs, windows and replay buffers at their sizes. With deeper FIFOs no beat comes later, so the depth is
found by bisection between the floor and the level reached without a limit; the skips that hold most are
settled first, the rest with them at their depths, so that all of them together keep the pace.

**Rows** - a sliding window takes in the first rows of a frame only when the last window of the frame before
has left, and a layer's rows come in bursts. A FIFO of 1.75 rows in front of its padding bridges both.

**Windows** - a matrix-vector unit takes a window in while it makes its first PE outputs and then repeats it
from its own buffer for the other MH / PE - 1 passes. A sliding window narrower than the unit's SIMD would
stretch the first pass, and so would the layer before, where there is no sliding window; a FIFO of one window,
MW / SIMD beats, is filled during the others.

**Pixel shuffles** - s row phases of T beats leave one after the other while all phases arrive together at
the same mean rate. Phase 0 must be kept for the (s - 1) / s of a row's time in which the others are sent, at
1 / s of the rate of the whole: (s - 1) * T / s beats. (The others' FIFOs hold a row; see pixel_shuffle.)
"""

from math import ceil, prod
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls.cost import weight_memory
from hls.order import floor_pixels
from hls.timing import FRAMES, Pipeline

LUT_BEATS = 257
ROWS_AHEAD = 1.75
PACE = 0.001  # share of a frame's cycles that finite skip FIFOs may cost
LEAST_ADDRESS = 9  # bits; fifo.sv divides no memory that fits one block RAM
RESOLUTION = 128  # a skip's depth is found to within this part of it


def window_depth(producer: Any, consumer: Any) -> int:
    """Beats (of the consumer's folding) of the FIFO in front of a matrix unit; 0 where none is needed."""
    if producer is None or consumer.op_type != "MVAU_rtl":
        return 0
    unit, feeder = getCustomOp(consumer), getCustomOp(producer)
    passes = unit.get_nodeattr("MH") // unit.get_nodeattr("PE")
    beats = unit.get_nodeattr("MW") // unit.get_nodeattr("SIMD")
    slower = producer.op_type != "ConvolutionInputGenerator_rtl"
    narrower = feeder.get_outstream_width(0) < unit.get_instream_width(0)
    return max(2, beats) if passes > 1 and (slower or narrower) else 0


def row_depth(producer: Any, consumer: Any) -> int:
    """Beats (of the consumer's folding) of the FIFO in front of a padding; 0 where none is needed."""
    if producer is None or consumer.op_type != "FMPadding_rtl":
        return 0
    _, _, width, folds, _ = getCustomOp(consumer).get_folded_input_shape()
    return max(2, ceil(ROWS_AHEAD * width * folds))


def is_skip(model: ModelWrapper, join: Any, index: int) -> bool:
    """Whether more than the pixel in passing waits at input `index` of a node for the other inputs."""
    streams = sum(model.get_initializer(tensor) is None for tensor in join.input)
    return streams > 1 and floor_pixels(model, join, index) > 1


def skips(model: ModelWrapper) -> dict[str, int]:
    """The skip FIFOs of a connected graph by name, with their floors in beats."""
    found = {}
    for join in model.graph.node:
        for index in range(len(join.input)):
            if is_skip(model, join, index):
                node = model.find_producer(join.input[index])
                while node.op_type != "StreamingFIFO_rtl":
                    node = model.find_producer(node.input[0])
                beats = prod(getCustomOp(node).get_folded_output_shape()[3:-1])
                found[node.name] = floor_pixels(model, join, index) * beats
    return found


def size_skips(model: ModelWrapper) -> None:
    """Set the depth of every skip FIFO of a connected graph: the least for full pace."""
    floors = skips(model)
    if not floors:
        return
    pipeline = Pipeline(model)
    # places for all beats of all frames
    plenty = {name: FRAMES * prod(_fifo(model, name).get_folded_output_shape()[:-1]) for name in floors}
    free = pipeline.run(plenty)
    depths = {name: free.levels[name] for name in floors}
    enough = free.period * (1 + PACE)
    for name in sorted(floors, key=lambda name: -depths[name] * _fifo(model, name).get_instream_width()):
        low, high = min(floors[name], depths[name]) - 1, depths[name]
        while high - low > max(1, high // RESOLUTION):
            middle = (low + high) // 2
            if pipeline.run(depths | {name: middle}).period <= enough:
                high = middle
            else:
                low = middle
        depths[name] = high
    for name, depth in depths.items():
        operator = _fifo(model, name)
        operator.set_nodeattr("depth", max(2, depth))
        operator.set_nodeattr("ram_style", ram_style(depth))


def _fifo(model: ModelWrapper, name: str) -> Any:
    return getCustomOp(model.get_node_from_name(name))


def size_shuffles(model: ModelWrapper) -> None:
    """Set the depth of phase 0 of every pixel shuffle of a folded graph."""
    for node in model.graph.node:
        if node.op_type == "PixelShuffle_rtl":
            shuffle = getCustomOp(node)
            stride = shuffle.get_nodeattr("Stride")
            kept = -(-(stride - 1) * shuffle.row_beats() // stride)
            shuffle.set_nodeattr("FirstDepth", kept + stride * shuffle.beats_per_pixel())


def ram_style(beats: int) -> str:
    """Memory of a FIFO, in FINN's words: LUTs up to what its fifo.sv puts there itself, block RAM beyond.

    FINN's own choice beyond 2028 beats is UltraRAM, which the Zynq-7000 has not.
    """
    return "auto" if beats <= LUT_BEATS else "block"


def memories(depth: int, width: int) -> list[int]:
    """Depths of one or two FIFOs in a row that hold `depth` beats of `width` bits in least block RAM.

    FINN's fifo.sv keeps one beat in its output register and the others in memories of 2^a + 2^b words, of
    which it rounds the second up, at worst to nearly twice the need. Then a smaller FIFO takes the rest.
    """
    words = depth - 1
    if depth <= LUT_BEATS:
        return [depth]
    high = words.bit_length() - 1
    low = (words - 2**high).bit_length() - 1
    first = 1 + 2**high + (2**low if low >= 0 else 0)
    rest = max(2, depth - first)
    split = block_ram(first, width) + block_ram(rest, width)
    return [first, rest] if first < depth and split < block_ram(depth, width) else [depth]


def block_ram(depth: int, width: int) -> float:
    """BRAM36 of one fifo.sv, by its own division into memories."""
    if depth <= LUT_BEATS:
        return 0.0
    words = depth - 1
    whole = (words - 1).bit_length()
    second = (words - 2 ** (whole - 1) - 1).bit_length()
    parts = [whole - 1, max(1, second)] if whole > LEAST_ADDRESS and second < whole - 1 else [whole]
    return sum(weight_memory(width, 2**bits)[1] for bits in parts)
