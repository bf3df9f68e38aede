"""Convolution: padding, sliding window, matrix-vector unit, thresholds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qonnx.core.datatype import DataType

from hls.layers.base import Activation, QuantizedSums
from hls.layers.requantization import compare
from hls.network import Integers, Tensor
from hls.ops.fork.op import StreamFork_rtl
from hls.ops.integers import holding
from hls.ops.matrix.op import MVAU_rtl
from hls.ops.padding.op import FMPadding_rtl
from hls.ops.window.op import SlidingWindow_rtl
from hls.thresholds import clip

if TYPE_CHECKING:
    from hls.dataflow import Builder


@dataclass(frozen=True, eq=False)
class Convolution(QuantizedSums):
    """Cross-correlation with `weights`, then thresholds.

    a[c] = sum over i, u, v of weights[c, i, u, v] * in[i, y*s + u*d - top, x*s + v*d - left]
    out[c] = result.minimum + sum over t of (a[c] >= thresholds[c, t])

    `stride` s and `dilation` d are of both axes, or a pair of rows and columns. Padding with no zeros and the
    sliding window of a 1x1 kernel are left out of the hardware.
    """

    weights: Integers  # (Cout, Cin, k_y, k_x), signed
    weight_bits: int
    thresholds: Integers  # (Cout, T), rising along T
    stride: int | tuple[int, int]
    pads: tuple[int, int, int, int]  # zeros at top, left, bottom, right
    dilation: int | tuple[int, int] = 1
    more: tuple[Activation, ...] = ()

    def build(self, graph: "Builder") -> None:
        ends = accumulate(
            graph, self.name, self.source, self.weights, self.weight_bits, self.pads, pair(self.stride),
            pair(self.dilation), self.result.size, [self.thresholds, *(steps for steps, _ in self.more)],
        )  # fmt: skip
        for (stream, steps), tensor, name in zip(
            ends, self.outputs, names(self.name, len(ends)), strict=True
        ):
            last = graph.declare(tensor)
            compare(graph, name, stream, steps, tensor, last, self.result.size)
            graph.write(tensor, last)


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """One number for both axes, or a pair as it is."""
    return (value, value) if isinstance(value, int) else value


def within(stride: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The stride between windows; along an axis with one window at most the input: a pixel needs no window then."""
    return min(stride[0], size[0]), min(stride[1], size[1])


def names(layer: str, count: int) -> list[str]:
    """Of a layer's thresholds: its own, then numbered."""
    return [layer, *(f"{layer}_{n}" for n in range(1, count))]


def accumulate(
    graph: "Builder",
    name: str,
    source: Tensor,
    weights: Integers,  # (Cout, Cin, k_y, k_x)
    weight_bits: int,
    pads: tuple[int, int, int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    windows: tuple[int, int],
    thresholds: list[Integers],
) -> list[tuple[str, Integers]]:
    """Padding, sliding window and matrix-vector unit.

    Returns for each set of thresholds a copy of the stream of accumulators and the set within what the
    accumulators can reach: a phase of a transposed convolution sums a part of the kernel only.
    """
    outputs, channels, *kernel = weights.shape
    stream, (height, width) = graph.read(source), source.size
    if any(pads):
        padded = (height + pads[0] + pads[2], width + pads[1] + pads[3])
        out = graph.stream(f"{name}_padded", (*padded, channels), source.kind)
        graph.node(
            FMPadding_rtl,
            f"{name}_pad",
            [stream],
            [out],
            ImgDim=[height, width],
            Padding=list(pads),
            NumChannels=channels,
            SIMD=1,
            inputDataType=source.kind,
        )
        stream, (height, width) = out, padded
    stride = within(stride, (height, width))
    if kernel != [1, 1] or stride != (1, 1):
        out = graph.stream(f"{name}_windows", (*windows, kernel[0] * kernel[1] * channels), source.kind)
        graph.node(
            SlidingWindow_rtl,
            f"{name}_window",
            [stream],
            [out],
            Kernel=kernel,
            NumChannels=channels,
            ImgDim=[height, width],
            SIMD=1,
            Stride=list(stride),
            Dilation=list(dilation),
            inputDataType=source.kind,
        )
        stream = out
    matrix = weights.transpose(2, 3, 1, 0).reshape(-1, outputs)  # MW = (u, v, Cin), MH = Cout
    lowest, highest = reach(matrix, source)
    sets = [clip(steps, lowest, highest) for steps in thresholds]
    # FINN's unit wants room for one full product, even where the weights never make one
    product = weight_bits + source.bits
    sums = holding(lowest, max(highest, *(int(steps.max()) for steps in sets)), product)
    weight_type = DataType[f"INT{weight_bits}"]
    out = graph.stream(f"{name}_sums", (*windows, outputs), sums.name)
    graph.node(
        MVAU_rtl,
        f"{name}_mvau",
        [stream, graph.constant(f"{name}_weights", matrix, weight_type.name)],
        [out],
        MW=matrix.shape[0],
        MH=outputs,
        SIMD=1,
        PE=1,
        resType="dsp",
        noActivation=1,
        numInputVectors=[1, *windows],
        mem_mode="internal_decoupled",
        ram_style="auto",
        inputDataType=source.kind,
        weightDataType=weight_type.name,
        outputDataType=sums.name,
        accDataType=sums.name,
    )
    copies = [out]
    if len(sets) > 1:
        copies = [graph.stream(f"{out}_{n}", (*windows, outputs), sums.name) for n in range(len(sets))]
        graph.node(
            StreamFork_rtl,
            f"{name}_sums_fork",
            [out],
            copies,
            ImgDim=list(windows),
            NumChannels=outputs,
            NumOutputs=len(copies),
            SIMD=1,
            inputDataType=sums.name,
        )
    return list(zip(copies, sets, strict=True))


def reach(matrix: Integers, source: Tensor) -> tuple[int, int]:
    """The smallest and the largest sum of a column of weights (MW, MH) times values of `source`."""
    low, high = matrix * source.minimum, matrix * source.maximum
    return int(np.minimum(low, high).sum(0).min()), int(np.maximum(low, high).sum(0).max())
