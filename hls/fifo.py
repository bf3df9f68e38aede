"""Depths of all FIFOs by construction: skips, rows, windows, and rows inside pixel shuffles.

**Skips** - a skip add joins a deep branch with a copy of the fork's tensor. Its n-th pixel leaves when the
deep branch has made its n-th, at popped(n); the copy's n-th pixel came at pushed(n). The FIFO on the skip
side must hold

    max over n of (number of m with pushed(m) <= popped(n)) - (n - 1)   pixels

for the network to run at the pace of its slowest node; both times come from the folding (`hls.timing`). With
less it runs slower; with less than `hls.order.floor_pixels` it deadlocks.

**Rows** - a sliding window takes in the first rows of a frame only when the last window of the frame before
has left, and a layer's rows come in bursts. A FIFO of a row and a half in front of its padding bridges both.

**Windows** - a matrix-vector unit takes a window in while it makes its first PE outputs and then repeats it
from its own buffer for the other MH / PE - 1 passes. A sliding window narrower than the unit's SIMD would
stretch the first pass; a FIFO of one window, MW / SIMD beats, is filled during the others.

**Pixel shuffles** - s row phases of T beats leave one after the other while all phases arrive together at
the same mean rate. Phase 0 must be kept for the (s - 1) / s of a row's time in which the others are sent, at
1 / s of the rate of the whole: (s - 1) * T / s beats. (The others' FIFOs hold a row; see pixel_shuffle.)
"""

from math import ceil
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls.timing import Timing, level

LUT_BEATS = 257
ROWS_AHEAD = 1.5
NODE_LATENCY = 12  # cycles in a node's own pipeline, which the timing leaves out: an allowance


def window_depth(producer: Any, consumer: Any) -> int:
    """Beats (of the consumer's folding) of the FIFO in front of a matrix unit; 0 where none is needed."""
    if producer is None or consumer.op_type != "MVAU_rtl":
        return 0
    unit, feeder = getCustomOp(consumer), getCustomOp(producer)
    passes = unit.get_nodeattr("MH") // unit.get_nodeattr("PE")
    beats = unit.get_nodeattr("MW") // unit.get_nodeattr("SIMD")
    narrower = feeder.get_outstream_width(0) < unit.get_instream_width(0)
    return max(2, beats) if passes > 1 and narrower else 0


def row_depth(producer: Any, consumer: Any) -> int:
    """Beats (of the consumer's folding) of the FIFO in front of a padding; 0 where none is needed."""
    if producer is None or consumer.op_type != "FMPadding_rtl":
        return 0
    _, _, width, folds, _ = getCustomOp(consumer).get_folded_input_shape()
    return max(2, ceil(ROWS_AHEAD * width * folds))


def skip_depth(model: ModelWrapper, times: Timing, producer: Any, consumer: Any) -> int:
    """Beats (of the producer's folding) of the FIFO between two nodes; 0 where none is needed.

    `times` are those of the graph before anything was inserted into it.
    """
    if producer.op_type != "StreamFork_rtl" or consumer.op_type != "SkipAdd_rtl":
        return 0
    fork = getCustomOp(producer)
    _, height, width, channels = model.get_tensor_shape(producer.input[0])
    late = NODE_LATENCY * len(times.nodes) * height * width / times.period
    pixels = level(times.leaves[producer.output[0]], times.leaves[consumer.output[0]]) + ceil(late)
    return int(pixels * (channels // fork.get_nodeattr("SIMD")))


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
