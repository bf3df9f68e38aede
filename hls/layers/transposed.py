"""Transposed convolution without wasted zeros: an ordinary convolution, then a pixel shuffle.

Output row Y (before the `pad` rows at the top are dropped: O = Y + pad) receives in[i] * w[u] where
i * s + u = O. Write O = s * j + r with phase r = O mod s; then u = r + s * d and i = j - d for
d = 0 .. t-1, t = ceil(k / s). So every phase r is a convolution of t taps over the *same* window of inputs
j-t+1 .. j, and one convolution with s * s * Cout filters computes all phases at once; the shuffle then
interleaves them. For k = 4, s = 2, window position p holds kernel row r + 2 * (1 - p): [[2, 0], [3, 1]].

MACs per window: (t * s)**2 * Cin * Cout, that is k * k * Cin * Cout per input pixel where s divides k.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hls.layers.base import Activation, QuantizedSums
from hls.layers.convolution import accumulate, names
from hls.layers.requantization import compare
from hls.network import Integers, Tensor
from hls.ops.pixel_shuffle.op import PixelShuffle_rtl

if TYPE_CHECKING:
    from hls.dataflow import Builder


@dataclass(frozen=True, eq=False)
class TransposedConvolution(QuantizedSums):
    """The adjoint of a convolution: every input pixel adds a k x k stamp of `weights` at stride s.

    in pixel (y, x), kernel element (u, v) -> accumulator at (y*s + u - pad, x*s + v - pad); the result has
    the size that its tensor says, what falls outside is dropped, what no stamp reaches is a sum of nothing.
    Then thresholds as of a convolution. `pad` is of all sides, or of top and left.
    """

    weights: Integers  # (Cin, Cout, k_y, k_x), signed
    weight_bits: int
    thresholds: Integers  # (Cout, T), rising along T
    stride: int
    pad: int | tuple[int, int]
    more: tuple[Activation, ...] = ()

    def build(self, graph: "Builder") -> None:
        lowered = phases(self)
        sets = [self.thresholds, *(steps for steps, _ in self.more)]
        # every phase has the channel's thresholds
        tiled = [np.tile(steps, (self.stride**2, 1)) for steps in sets]
        ends = accumulate(
            graph, self.name, self.source, lowered.weights, self.weight_bits, lowered.pads, (1, 1), (1, 1),
            lowered.windows, tiled,
        )  # fmt: skip
        for (stream, steps), tensor, name in zip(
            ends, self.outputs, names(self.name, len(ends)), strict=True
        ):
            # thresholds come before the shuffle, so that its row buffer holds few-bit words
            channels = self.stride**2 * tensor.channels
            wide = graph.stream(f"{name}_phases", (*lowered.windows, channels), tensor.kind)
            compare(graph, name, stream, steps, tensor, wide, lowered.windows)
            last = graph.declare(tensor)
            shuffle(graph, name, wide, tensor, lowered.windows, self.stride, lowered.crop, last)
            graph.write(tensor, last)


def shuffle(
    graph: "Builder",
    name: str,
    source: str,
    result: Tensor,
    windows: tuple[int, int],
    stride: int,
    crop: tuple[int, int, int, int],  # rows and columns dropped: top, left, bottom, right
    last: str,
) -> None:
    """A pixel shuffle of `windows` (rows, columns) of stride**2 groups of the result's channels."""
    top, left, bottom, right = crop
    graph.node(
        PixelShuffle_rtl,
        f"{name}_shuffle",
        [source],
        [last],
        ImgDim=list(windows),
        NumChannels=result.channels,
        Stride=stride,
        CropNorth=top,
        CropWest=left,
        CropSouth=bottom,
        CropEast=right,
        SIMD=1,
        inputDataType=result.kind,
    )


@dataclass(frozen=True, eq=False)
class PhaseConvolution:
    """The equivalent: pad with zeros, correlate with `weights` at stride 1, shuffle by `stride`, crop."""

    weights: Integers  # (stride**2 * Cout, Cin, taps_y, taps_x); filter (r * stride + c) * Cout + channel
    pads: tuple[int, int, int, int]  # top, left, bottom, right
    windows: tuple[int, int]  # convolution output: rows, columns
    crop: tuple[int, int, int, int]  # rows and columns dropped after the shuffle: top, left, bottom, right


def phases(layer: TransposedConvolution) -> PhaseConvolution:
    """Rewrite `layer`; exact for any kernel, stride, padding and size of the result."""
    s = layer.stride
    inputs, outputs, *sides = layer.weights.shape
    taps = [-(-k // s) for k in sides]
    kernel = np.zeros((inputs, outputs, taps[0] * s, taps[1] * s), np.int64)
    kernel[:, :, : sides[0], : sides[1]] = layer.weights
    # kernel row u = d * s + r at window position p = taps - 1 - d
    split = kernel.reshape(inputs, outputs, taps[0], s, taps[1], s)
    split = split[:, :, ::-1, :, ::-1, :]  # I, O, p, r, q, c
    filters = split.transpose(3, 5, 1, 0, 2, 4).reshape(s * s * outputs, inputs, *taps)
    above, beside = (layer.pad, layer.pad) if isinstance(layer.pad, int) else layer.pad
    top, bottom, rows, first, last = _span(layer.source.height, layer.result.height, s, taps[0], above)
    left, right, columns, west, east = _span(layer.source.width, layer.result.width, s, taps[1], beside)
    return PhaseConvolution(filters, (top, left, bottom, right), (rows, columns), (first, west, last, east))


def _span(side: int, made: int, s: int, taps: int, pad: int) -> tuple[int, int, int, int, int]:
    """Along one axis: zeros before and after, windows, pixels cropped before and after."""
    begin = pad // s  # the window that makes the first pixel kept
    end = (pad + made - 1) // s  # and the last
    return (
        taps - 1 - begin,
        end - (side - 1),
        end - begin + 1,
        pad - s * begin,
        s * (end + 1) - (pad + made),
    )
