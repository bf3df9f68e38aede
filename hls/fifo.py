"""Depths of all FIFOs by construction: skips, windows in front of matrix units, rows inside pixel shuffles.

**Skips** - from which input pixel on each output pixel can exist. For every operator, need(n) is the number
of its input pixels (raster order) that must have been consumed before its n-th output pixel can leave. Along
a branch these compose. Where a skip add joins a deep branch with a copy of the fork's tensor, its n-th pixel
needs deep(n) pixels through the fork, of which the skip side has passed on only n - 1; the FIFO on the skip
side must hold the difference,

    floor = max over n of (deep(n) - (n - 1))  pixels,

or the network deadlocks, whatever the folding. One row more decouples the branches: the sliding windows of
the deep branch read ahead, and their latency must not stall the fork.

**Windows** - a matrix-vector unit takes a window in while it makes its first PE outputs and then repeats it
from its own buffer for the other MH / PE - 1 passes. A sliding window narrower than the unit's SIMD would
stretch the first pass; a FIFO of one window, MW / SIMD beats, is filled during the others.

**Pixel shuffles** - s row phases of T beats leave one after the other while all phases arrive together at
the same mean rate. Phase 0 must be kept for the (s - 1) / s of a row's time in which the others are sent, at
1 / s of the rate of the whole: (s - 1) * T / s beats. (The others' FIFOs hold a row; see pixel_shuffle.)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

Counts = NDArray[np.int64]

LUT_BEATS = 257


def window_depth(producer: Any, consumer: Any) -> int:
    """Beats (of the consumer's folding) of the FIFO in front of a matrix unit; 0 where none is needed."""
    if producer is None or consumer.op_type != "MVAU_rtl":
        return 0
    unit, feeder = getCustomOp(consumer), getCustomOp(producer)
    passes = unit.get_nodeattr("MH") // unit.get_nodeattr("PE")
    beats = unit.get_nodeattr("MW") // unit.get_nodeattr("SIMD")
    narrower = feeder.get_outstream_width(0) < unit.get_instream_width(0)
    return max(2, beats) if passes > 1 and narrower else 0


def size_shuffles(model: ModelWrapper) -> None:
    """Set the depth of phase 0 of every pixel shuffle of a folded graph."""
    for node in model.graph.node:
        if node.op_type == "PixelShuffle_rtl":
            shuffle = getCustomOp(node)
            stride = shuffle.get_nodeattr("Stride")
            kept = -(-(stride - 1) * shuffle.row_beats() // stride)
            shuffle.set_nodeattr("FirstDepth", kept + stride * shuffle.beats_per_pixel())


def skip_depth(model: ModelWrapper, producer: Any, consumer: Any) -> int:
    """Beats (of the producer's folding) of the FIFO between two nodes; 0 where none is needed."""
    if producer.op_type != "StreamFork_rtl" or consumer.op_type != "SkipAdd_rtl":
        return 0
    fork = getCustomOp(producer)
    height, width, channels = model.get_tensor_shape(producer.input[0])[1:]
    pixels = floor_pixels(model, producer, consumer) + width
    return min(pixels, height * width) * (channels // fork.get_nodeattr("SIMD"))


def ram_style(beats: int) -> str:
    """Memory of a FIFO, in FINN's words: LUTs up to what its fifo.sv puts there itself, block RAM beyond.

    FINN's own choice beyond 2028 beats is UltraRAM, which the Zynq-7000 has not.
    """
    return "auto" if beats <= LUT_BEATS else "block"


def floor_pixels(model: ModelWrapper, fork: Any, join: Any) -> int:
    """Pixels that the skip FIFO between `fork` and `join` must hold at least."""
    deep: Counts = np.zeros(1, np.int64)
    for tensor in join.input:
        found = _need(model, tensor, fork)
        if found is not None:
            deep = np.maximum(deep, found)
    order = np.arange(len(deep))
    return int((deep - order).max())


def _need(model: ModelWrapper, tensor: str, fork: Any) -> Counts | None:
    """need(n) for n = 1.. of `tensor` in pixels through `fork`; None where it does not come from there."""
    if tensor in fork.output:
        height, width = model.get_tensor_shape(tensor)[1:3]
        return np.arange(1, height * width + 1)
    producer = model.find_producer(tensor)
    if producer is None:
        return None
    before = [
        _need(model, source, fork) for source in producer.input if model.get_initializer(source) is None
    ]
    known = [need for need in before if need is not None]
    if not known:
        return None
    through: Counts = np.maximum.reduce(known)
    needed = last_input(producer)
    return through if needed is None else np.maximum.accumulate(through[needed])


def last_input(node: Any) -> Counts | None:
    """For each output pixel of `node`, the index of the last input pixel it needs; None: its own."""
    operator = getCustomOp(node)
    match node.op_type:
        case "FMPadding_rtl":
            height, width = operator.get_nodeattr("ImgDim")
            top, left, bottom, right = operator.get_nodeattr("Padding")
            rows = np.arange(top + height + bottom) - top
            columns = np.arange(left + width + right) - left
            # a zero needs no pixel but leaves after those before it
            row, column = np.meshgrid(rows, columns, indexing="ij")
            last = np.where(row < 0, -1, row * width + np.clip(column, -1, width - 1))
            last = np.where(row >= height, height * width - 1, last)
            return np.maximum(last, 0).reshape(-1)
        case "ConvolutionInputGenerator_rtl":
            width = operator.get_nodeattr("IFMDim")[1]
            windows, kernel, stride = (
                operator.get_nodeattr(key) for key in ("OFMDim", "ConvKernelDim", "Stride")
            )
            rows = np.arange(windows[0]) * stride[0] + kernel[0] - 1
            columns = np.arange(windows[1]) * stride[1] + kernel[1] - 1
            return (rows[:, None] * width + columns).reshape(-1)
        case "PixelShuffle_rtl":
            height, width = operator.get_nodeattr("ImgDim")
            stride = operator.get_nodeattr("Stride")
            north, west = operator.get_nodeattr("CropNorth"), operator.get_nodeattr("CropWest")
            shape = operator.get_normal_output_shape()
            rows = (np.arange(shape[1]) + north) // stride
            columns = (np.arange(shape[2]) + west) // stride
            return (rows[:, None] * width + columns).reshape(-1)
        case _:
            return None
