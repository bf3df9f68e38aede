"""Layers that reduce each window to a pixel, channel by channel: maximum, sum, depthwise convolution."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from qonnx.core.datatype import DataType

from hls.layers.base import Activation, OneInput, QuantizedSums
from hls.layers.convolution import names, pair, within
from hls.layers.requantization import compare
from hls.network import Integers
from hls.ops.fork.op import StreamFork_rtl
from hls.ops.integers import holding
from hls.ops.padding.op import FMPadding_rtl
from hls.ops.slice.op import TensorSlice_rtl
from hls.ops.window.op import SlidingWindow_rtl
from hls.ops.window_reduce.op import WindowReduce_rtl
from hls.thresholds import clip
from pixelmend.errors import UserError

if TYPE_CHECKING:
    from hls.dataflow import Builder

Pads = tuple[int, int, int, int]
NO_PADS: Pads = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class _Windows(OneInput):
    """Zeros around, windows, their reduction; then, of sums, thresholds where there are any.

    `kernel`, `stride` and `dilation` are of both axes, or a pair of rows and columns; `pads` are rows and
    columns of zeros at top, left, bottom, right. The result has as many windows as its tensor says.
    """

    kernel: int | tuple[int, int]
    stride: int | tuple[int, int]
    pads: Pads = NO_PADS
    dilation: int | tuple[int, int] = 1

    def _activations(self) -> list[Activation]:
        return []

    def _reduction(self) -> tuple[dict[str, Any], Integers | None, tuple[int, int]]:
        """Attributes of the reduction, its weights (taps, C), and the smallest and the largest result."""
        raise NotImplementedError

    def build(self, graph: "Builder") -> None:
        stream = self._windows(graph)
        attributes, weights, (lowest, highest) = self._reduction()
        activations = self._activations()
        sets = [clip(steps, lowest, highest) for steps, _ in activations]
        sources = [stream]
        if weights is not None:
            sources.append(graph.constant(f"{self.name}_weights", weights, attributes["weightDataType"]))
        if not sets:
            last = graph.declare(self.result)
            if attributes["Mode"] != "max":
                attributes["outputDataType"] = self.result.kind
            self._reduce(graph, sources, last, attributes)
            graph.write(self.result, last)
            return
        sums = self._sums(attributes, lowest, max(highest, *(int(steps.max()) for steps in sets)))
        if attributes["Mode"] != "max":
            attributes["outputDataType"] = sums
        out = graph.stream(f"{self.name}_sums", self.result.shape, sums)
        self._reduce(graph, sources, out, attributes)
        copies = [out]
        if len(sets) > 1:
            copies = [graph.stream(f"{out}_{n}", self.result.shape, sums) for n in range(len(sets))]
            graph.node(
                StreamFork_rtl,
                f"{self.name}_sums_fork",
                [out],
                copies,
                ImgDim=list(self.result.size),
                NumChannels=self.result.channels,
                NumOutputs=len(copies),
                SIMD=1,
                inputDataType=sums,
            )
        for copy, steps, (_, tensor), name in zip(
            copies, sets, activations, names(self.name, len(sets)), strict=True
        ):
            last = graph.declare(tensor)
            compare(graph, name, copy, steps, tensor, last, self.result.size)
            graph.write(tensor, last)

    def _sums(self, attributes: dict[str, Any], lowest: int, highest: int) -> str:
        """The narrowest type of the reduction's results."""
        if attributes["Mode"] == "max":
            return self.source.kind
        signed = attributes["Mode"] == "weighted" or self.source.signed
        least = 1 if attributes["Mode"] == "weighted" else self.source.bits
        if signed:
            return str(holding(lowest, highest, least).name)
        return f"UINT{max(highest.bit_length(), least)}"

    def _reduce(self, graph: "Builder", sources: list[str], out: str, attributes: dict[str, Any]) -> None:
        graph.node(
            WindowReduce_rtl,
            f"{self.name}_reduce",
            sources,
            [out],
            OutDim=list(self.result.size),
            Kernel=list(pair(self.kernel)),
            NumChannels=self.source.channels,
            SIMD=1,
            inputDataType=self.source.kind,
            **attributes,
        )

    def _windows(self, graph: "Builder") -> str:
        stream, (height, width), channels = graph.read(self.source), self.source.size, self.source.channels
        kernel, stride, dilation = (pair(value) for value in (self.kernel, self.stride, self.dilation))
        spans = [(taps - 1) * apart + 1 for taps, apart in zip(kernel, dilation, strict=True)]
        top, left, bottom, right = self.pads
        padded = (height + top + bottom, width + left + right)
        windows = [(side - span) // step + 1 for side, span, step in zip(padded, spans, stride, strict=True)]
        if windows != list(self.result.size) or self.result.channels != channels:
            raise UserError(
                f"layer {self.label or self.name}: expected a result of {windows[0]}x{windows[1]} with "
                f"{channels} channels, got {self.result.height}x{self.result.width} with "
                f"{self.result.channels}"
            )
        # rows and columns at the end that no window reaches are not padded; those that are there are dropped
        less = [(side - span) % step for side, span, step in zip(padded, spans, stride, strict=True)]
        south, east = max(0, less[0] - bottom), max(0, less[1] - right)
        bottom, right = max(0, bottom - less[0]), max(0, right - less[1])
        if south or east:
            out = graph.stream(
                f"{self.name}_reached", (height - south, width - east, channels), self.source.kind
            )
            graph.node(
                TensorSlice_rtl,
                f"{self.name}_crop",
                [stream],
                [out],
                ImgDim=[height, width],
                NumChannels=channels,
                CropSouth=south,
                CropEast=east,
                SIMD=1,
                inputDataType=self.source.kind,
            )
            stream, height, width = out, height - south, width - east
        if top or left or bottom or right:
            out = graph.stream(
                f"{self.name}_padded",
                (height + top + bottom, width + left + right, channels),
                self.source.kind,
            )
            graph.node(
                FMPadding_rtl,
                f"{self.name}_pad",
                [stream],
                [out],
                ImgDim=[height, width],
                Padding=[top, left, bottom, right],
                NumChannels=channels,
                SIMD=1,
                inputDataType=self.source.kind,
            )
            stream, height, width = out, height + top + bottom, width + left + right
        stride = within(stride, (height, width))
        if kernel == (1, 1) and stride == (1, 1):
            return stream
        out = graph.stream(
            f"{self.name}_windows", (*windows, kernel[0] * kernel[1] * channels), self.source.kind
        )
        graph.node(
            SlidingWindow_rtl,
            f"{self.name}_window",
            [stream],
            [out],
            Kernel=list(kernel),
            NumChannels=channels,
            ImgDim=[height, width],
            SIMD=1,
            Stride=list(stride),
            Dilation=list(dilation),
            inputDataType=self.source.kind,
        )
        return out


@dataclass(frozen=True, eq=False)
class MaxPool(_Windows):
    """The largest value of each window.

    Zeros around it must not count, so that a tensor with negative values can't be padded.
    """

    def _reduction(self) -> tuple[dict[str, Any], Integers | None, tuple[int, int]]:
        if any(self.pads) and self.source.minimum < 0:
            raise UserError(
                f"layer {self.label or self.name}: a maximum with padding {self.pads} of values down to "
                f"{self.source.minimum}: the padding is zeros, which would win over negative values; "
                "expected an unsigned tensor or no padding; put the activation before the pooling"
            )
        return {"Mode": "max"}, None, (self.source.minimum, self.source.maximum)


@dataclass(frozen=True, eq=False)
class SumPool(_Windows, QuantizedSums):
    """The sum of each window; with `thresholds` (C, T) out[c] = result.minimum + how many of them it reaches.

    So an average is a sum whose thresholds are as many times larger. `more`: further thresholds of the same
    sums.
    """

    thresholds: Integers | None = field(default=None, kw_only=True)
    more: tuple[Activation, ...] = field(default=(), kw_only=True)

    def _activations(self) -> list[Activation]:
        return [] if self.thresholds is None else self.activations

    def _reduction(self) -> tuple[dict[str, Any], Integers | None, tuple[int, int]]:
        rows, columns = pair(self.kernel)
        ends = self.source.minimum, self.source.maximum
        lowest, highest = (rows * columns * end for end in ends)
        if any(self.pads):
            lowest, highest = min(0, lowest, self.source.minimum), max(0, highest)
        return {"Mode": "sum"}, None, (lowest, highest)


@dataclass(frozen=True, eq=False)
class Depthwise(_Windows, QuantizedSums):
    """Cross-correlation of every channel with weights of its own, then thresholds as of a convolution.

    a[c] = sum over u, v of weights[c, u, v] * in[c, y*s + u*d - top, x*s + v*d - left]
    """

    weights: Integers = field(kw_only=True)  # (C, k_y, k_x), signed
    weight_bits: int = field(kw_only=True)
    thresholds: Integers = field(kw_only=True)  # (C, T), rising along T
    more: tuple[Activation, ...] = field(default=(), kw_only=True)

    def _activations(self) -> list[Activation]:
        return self.activations

    def _reduction(self) -> tuple[dict[str, Any], Integers | None, tuple[int, int]]:
        channels, *kernel = self.weights.shape
        if tuple(kernel) != pair(self.kernel) or channels != self.source.channels:
            raise UserError(
                f"layer {self.label or self.name}: expected depthwise weights of {self.source.channels} "
                f"channels and kernel {pair(self.kernel)}, got {self.weights.shape}"
            )
        matrix = self.weights.reshape(channels, -1).T  # taps, C
        kind = DataType[f"INT{max(2, self.weight_bits)}"]
        # a tap may stand on padding
        ends = min(0, self.source.minimum), max(0, self.source.maximum)
        products = np.stack([matrix * end for end in ends])
        lowest, highest = products.min(0).sum(0).min(), products.max(0).sum(0).max()
        return {"Mode": "weighted", "weightDataType": kind.name}, matrix, (int(lowest), int(highest))
