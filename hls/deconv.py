"""Transposed convolution without wasted zeros: an ordinary convolution, then a pixel shuffle.

Output row Y (before the `pad` rows at the top are dropped: O = Y + pad) receives in[i] * w[u] where
i * s + u = O. Write O = s * j + r with phase r = O mod s; then u = r + s * d and i = j - d for
d = 0 .. t-1, t = ceil(k / s). So every phase r is a convolution of t taps over the *same* window of inputs
j-t+1 .. j, and one convolution with s * s * Cout filters computes all phases at once; the shuffle then
interleaves them. For k = 4, s = 2, window position p holds kernel row r + 2 * (1 - p): [[2, 0], [3, 1]].

MACs per window: (t * s)**2 * Cin * Cout, that is k * k * Cin * Cout per input pixel where s divides k.
"""

from dataclasses import dataclass

import numpy as np

from hls.network import Integers, TransposedConvolution


@dataclass(frozen=True, eq=False)
class PhaseConvolution:
    """The equivalent: pad with zeros, correlate with `weights` at stride 1, shuffle by `stride`, crop."""

    weights: Integers  # (stride * stride * Cout, Cin, taps, taps); filter (r * stride + c) * Cout + channel
    pads: tuple[int, int, int, int]  # top, left, bottom, right
    windows: tuple[int, int]  # convolution output: rows, columns
    crop: tuple[int, int, int, int]  # rows and columns dropped after the shuffle: top, left, bottom, right


def phases(layer: TransposedConvolution) -> PhaseConvolution:
    """Rewrite `layer`; exact for any kernel, stride and padding with result = stride * input."""
    s = layer.stride
    inputs, outputs, k, _ = layer.weights.shape
    taps = -(-k // s)
    kernel = np.zeros((inputs, outputs, taps * s, taps * s), np.int64)
    kernel[:, :, :k, :k] = layer.weights
    # kernel row u = d * s + r at window position p = taps - 1 - d
    split = kernel.reshape(inputs, outputs, taps, s, taps, s)[:, :, ::-1, :, ::-1, :]  # I, O, p, r, q, c
    filters = split.transpose(3, 5, 1, 0, 2, 4).reshape(s * s * outputs, inputs, taps, taps)
    top, bottom, rows, first, last = _span(layer.source.height, s, taps, layer.pad)
    left, right, columns, west, east = _span(layer.source.width, s, taps, layer.pad)
    return PhaseConvolution(filters, (top, left, bottom, right), (rows, columns), (first, west, last, east))


def _span(side: int, s: int, taps: int, pad: int) -> tuple[int, int, int, int, int]:
    """Along one axis: zeros before and after, windows, pixels cropped before and after."""
    begin = pad // s  # the window that makes the first pixel kept
    end = (pad + s * side - 1) // s  # and the last
    return (
        taps - 1 - begin,
        end - (side - 1),
        end - begin + 1,
        pad - s * begin,
        s * (end + 1) - (pad + s * side),
    )
