"""Random sliding windows, and the elements of each window by a loop."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import any_integer, divisor, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    square = bool(rng.random() < 0.6)
    kernel = [int(side) for side in rng.integers(1, 6, 2)]
    dilation = [1, 1] if rng.random() < 0.6 else [int(step) for step in rng.integers(1, 4, 2)]
    if square:
        kernel, dilation = [max(2, kernel[0])] * 2, [dilation[0]] * 2
    dilation = [step if taps > 1 else 1 for step, taps in zip(dilation, kernel, strict=True)]
    spans = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilation, strict=True)]
    most = 3 if rng.random() < 0.2 else 1  # pixels between windows that none of them holds
    stride = [int(rng.integers(1, span + most)) for span in spans]
    if square:
        stride = [stride[0]] * 2
    channels = int(rng.integers(1, 9))
    windows = size(rng)
    if kernel == [1, 1]:  # which is no window unless it leaves pixels out
        stride, windows = [2, 2], [max(2, side) for side in windows]
    spare = [
        int(rng.integers(0, step)) if rng.random() < 0.3 else 0 for step in stride
    ]  # that no window reaches
    kind = any_integer(rng, 9)
    return Drawn(
        {
            "ImgDim": [
                span + (count - 1) * step + more
                for span, count, step, more in zip(spans, windows, stride, spare, strict=True)
            ],
            "NumChannels": channels,
            "Kernel": kernel,
            "SIMD": divisor(rng, channels),
            "Stride": stride,
            "Dilation": dilation,
            "inputDataType": kind,
        }
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    node = drawn.attributes
    (height, width), (down, right) = node["Kernel"], node["Stride"]
    channels, (apart_y, apart_x) = node["NumChannels"], node["Dilation"]
    rows, columns = (
        len(range(0, side - (taps - 1) * apart, step))
        for side, taps, apart, step in zip(
            node["ImgDim"], node["Kernel"], node["Dilation"], node["Stride"], strict=True
        )
    )
    out = np.zeros((rows, columns, height * width * channels), np.int64)
    for y, x, u, v, c in np.ndindex(rows, columns, height, width, channels):
        value = frames[0][y * down + u * apart_y, x * right + v * apart_x, c]
        out[y, x, (u * width + v) * channels + c] = value
    return [out]
