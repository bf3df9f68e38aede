"""The operators: random nodes of each, and what they compute, in loops that share nothing with the rest.

Attributes are those of the dataflow graph (`hls.dataflow`, `hls.streams`); tensors are (H, W, C).
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import floor
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hls import fifo
from hls.cost import divisors
from hls.dataflow import holding

Array = NDArray[Any]
Attributes = dict[str, Any]


@dataclass(frozen=True)
class Drawn:
    """A node: its attributes, how many streams it has, and the constant at its last input, if any.

    `ahead`: beats that it gives of the next frame before that begins, the first zeros of a padding; a beat
    more is an error.
    """

    attributes: Attributes
    inputs: int = 1
    outputs: int = 1
    constant: Array | None = None
    constant_type: str = ""
    ahead: int = 0


@dataclass(frozen=True)
class Operator:
    """`draw` gives a random node, `naive` the outputs of one frame, a list for a list of inputs."""

    kind: str
    draw: Callable[[Generator], Drawn]
    naive: Callable[[Drawn, list[Array]], list[Array]]


def one_of(rng: Generator, values: Any) -> Any:
    """One of some Python values."""
    return values[int(rng.integers(len(values)))]


def divisor(rng: Generator, number: int) -> int:
    """A divisor of `number`."""
    return int(one_of(rng, divisors(number)))


def _size(rng: Generator, most: int = 4, least: int = 1) -> list[int]:
    return [int(side) for side in rng.integers(least, most + 1, 2)]


def _unsigned(rng: Generator) -> str:
    return f"UINT{rng.integers(2, 10)}"


def _any_integer(rng: Generator, most: int = 12) -> str:
    return f"{one_of(rng, ['INT', 'UINT'])}{rng.integers(2, most + 1)}"


def _draw_pad(rng: Generator) -> Drawn:
    channels = int(rng.integers(1, 13))
    top, left, bottom, right = (int(side) for side in rng.integers(0, 3, 4))
    bottom += not (top or left or bottom or right)
    height, width = _size(rng)
    simd = divisor(rng, channels)
    return Drawn(
        {
            "ImgDim": [height, width],
            "Padding": [top, left, bottom, right],
            "NumChannels": channels,
            "SIMD": simd,
            "inputDataType": _unsigned(rng),
        },
        ahead=(top * (left + width + right) + left) * channels // simd,
    )


def _pad(drawn: Drawn, frames: list[Array]) -> list[Array]:
    (height, width), (top, left, bottom, right) = drawn.attributes["ImgDim"], drawn.attributes["Padding"]
    out = np.zeros((top + height + bottom, left + width + right, frames[0].shape[2]), np.int64)
    for y, x in product(range(height), range(width)):
        out[top + y, left + x] = frames[0][y, x]
    return [out]


def _draw_window(rng: Generator) -> Drawn:
    kernel = int(rng.integers(2, 6))
    stride = int(rng.integers(1, kernel + 1))
    channels = int(rng.integers(1, 9))
    # the last window reaches the last row and column, as hls.qonnx_reader asks
    windows = _size(rng)
    kind = _unsigned(rng)
    return Drawn(
        {
            "ConvKernelDim": [kernel, kernel],
            "IFMChannels": channels,
            "IFMDim": [kernel + (count - 1) * stride for count in windows],
            "OFMDim": windows,
            "SIMD": divisor(rng, channels),
            "Stride": [stride, stride],
            "Dilation": [1, 1],
            "inputDataType": kind,
            "outputDataType": kind,
            "ram_style": "auto",
        }
    )


def _window(drawn: Drawn, frames: list[Array]) -> list[Array]:
    (rows, columns), (kernel, _) = drawn.attributes["OFMDim"], drawn.attributes["ConvKernelDim"]
    stride, channels = drawn.attributes["Stride"][0], drawn.attributes["IFMChannels"]
    out = np.zeros((rows, columns, kernel * kernel * channels), np.int64)
    for y, x, u, v, c in np.ndindex(rows, columns, kernel, kernel, channels):
        out[y, x, (u * kernel + v) * channels + c] = frames[0][y * stride + u, x * stride + v, c]
    return [out]


def _draw_matrix(rng: Generator) -> Drawn:
    columns, rows = (int(side) for side in rng.integers(1, 17, 2))
    bits, weight_bits = int(rng.integers(2, 10)), int(rng.integers(2, 9))
    limit = 2 ** (weight_bits - 1) - 1  # narrow range, as all weights of a network
    weights = rng.integers(-limit, limit + 1, (columns, rows))
    weights[rng.random(weights.shape) < 0.2] = limit
    most = 2**bits - 1
    lowest = int(np.minimum(weights, 0).sum(0).min()) * most
    highest = int(np.maximum(weights, 0).sum(0).max()) * most
    sums = holding(lowest, highest, weight_bits + bits).name
    pe = divisor(rng, rows)
    return Drawn(
        {
            "MW": columns,
            "MH": rows,
            "PE": pe,
            "SIMD": int(one_of(rng, [n for n in divisors(columns) if n * pe <= 48])),
            "resType": "dsp",
            "noActivation": 1,
            "numInputVectors": [1, *_size(rng)],
            "mem_mode": "internal_decoupled",
            "ram_style": one_of(rng, ["auto", "block", "distributed"]),
            "inputDataType": f"UINT{bits}",
            "weightDataType": f"INT{weight_bits}",
            "outputDataType": sums,
            "accDataType": sums,
        },
        constant=weights,
        constant_type=f"INT{weight_bits}",
    )


def _matrix(drawn: Drawn, frames: list[Array]) -> list[Array]:
    assert drawn.constant is not None
    x, weights = frames[0], drawn.constant
    out = np.zeros((*x.shape[:2], weights.shape[1]), np.int64)
    for y, column, row in np.ndindex(*out.shape):
        for i in range(weights.shape[0]):
            out[y, column, row] += int(x[y, column, i]) * int(weights[i, row])
    return [out]


def _draw_thresholds(rng: Generator) -> Drawn:
    channels, out_bits = int(rng.integers(1, 9)), int(rng.integers(2, 7))
    signed, in_bits = bool(rng.integers(2)), int(rng.integers(3, 17))
    low, high = (-(2 ** (in_bits - 1)), 2 ** (in_bits - 1)) if signed else (0, 2**in_bits)
    steps = np.sort(rng.integers(low, high, (channels, 2**out_bits - 1)), axis=1)
    steps[:, 0] = np.where(rng.random(channels) < 0.3, low, steps[:, 0])  # one that every value reaches
    kind = step_kind = f"{'INT' if signed else 'UINT'}{in_bits}"
    if not signed and rng.random() < 0.3:  # one that no value reaches
        steps[:, -1], step_kind = high, f"UINT{in_bits + 1}"
    return Drawn(
        {
            "PE": divisor(rng, channels),
            "NumChannels": channels,
            "numSteps": 2**out_bits - 1,
            "inputDataType": kind,
            "weightDataType": step_kind,
            "outputDataType": f"UINT{out_bits}",
            "numInputVectors": [1, *_size(rng)],
            "ActVal": 0,
        },
        constant=steps,
        constant_type=step_kind,
    )


def _thresholds(drawn: Drawn, frames: list[Array]) -> list[Array]:
    assert drawn.constant is not None
    out = np.zeros_like(frames[0])
    for y, x, c in np.ndindex(*out.shape):
        out[y, x, c] = sum(int(frames[0][y, x, c]) >= int(step) for step in drawn.constant[c])
    return [out]


def _draw_fork(rng: Generator) -> Drawn:
    channels, copies = int(rng.integers(1, 13)), int(rng.integers(2, 5))
    return Drawn(
        {
            "ImgDim": _size(rng),
            "NumChannels": channels,
            "NumOutputs": copies,
            "SIMD": divisor(rng, channels),
            "inputDataType": _any_integer(rng),
        },
        outputs=copies,
    )


def _fork(drawn: Drawn, frames: list[Array]) -> list[Array]:
    return [frames[0] for _ in range(drawn.outputs)]


def _draw_add(rng: Generator) -> Drawn:
    channels = int(rng.integers(1, 13))
    return Drawn(
        {
            "ImgDim": _size(rng),
            "NumChannels": channels,
            "SIMD": divisor(rng, channels),
            "inputDataType": _any_integer(rng, 9),
            "inputDataType1": _any_integer(rng, 9),
        },
        inputs=2,
    )


def _add(drawn: Drawn, frames: list[Array]) -> list[Array]:
    left, right = frames
    out = np.zeros_like(left)
    for at in np.ndindex(*out.shape):
        out[at] = int(left[at]) + int(right[at])
    return [out]


def _draw_select(rng: Generator) -> Drawn:
    size, flag = _size(rng, 12, 4), int(rng.integers(2))
    return Drawn({"ImgDim": size, "FlagInput": flag, "inputDataType": "UINT8"}, inputs=2)


def _select(drawn: Drawn, frames: list[Array]) -> list[Array]:
    first, second = frames
    out = np.zeros((*drawn.attributes["ImgDim"], 3), np.int64)
    for y, x in np.ndindex(*out.shape[:2]):
        flag = frames[drawn.attributes["FlagInput"]][y, x, 3]
        out[y, x] = (first if flag > 127 else second)[y, x, :3]
    return [out]


def _draw_mark(rng: Generator) -> Drawn:
    return Drawn({"ImgDim": _size(rng, 12, 4), "inputDataType": "UINT8"}, inputs=2)


def _mark(drawn: Drawn, frames: list[Array]) -> list[Array]:
    score, image = frames
    out = np.zeros((*drawn.attributes["ImgDim"], 4), np.int64)
    for y, x in np.ndindex(*out.shape[:2]):
        out[y, x] = [*image[y, x], 255 if score[y, x, 0] > 127 else 0]
    return [out]


def _even_size(rng: Generator, most: int = 5, least: int = 1) -> list[int]:
    return [2 * side for side in _size(rng, most, least)]


def _draw_halve(rng: Generator) -> Drawn:
    return Drawn({"ImgDim": _even_size(rng, 9, 2), "inputDataType": "UINT8"})


def _halve(drawn: Drawn, frames: list[Array]) -> list[Array]:
    height, width = drawn.attributes["ImgDim"]
    out = np.zeros((height // 2, width // 2, 4), np.int64)
    for y, x in np.ndindex(*out.shape[:2]):
        cell = [frames[0][2 * y + r, 2 * x + s] for r, s in product(range(2), range(2))]
        sound = [pixel for pixel in cell if pixel[3] < 128]
        for c in range(3):
            mean = Fraction(sum(int(pixel[c]) for pixel in sound), len(sound) or 1)
            out[y, x, c] = floor(mean + Fraction(1, 2)) if sound else 128
        out[y, x, 3] = 0 if sound else 255
    return [out]


def _draw_double(rng: Generator) -> Drawn:
    size, keep = _even_size(rng), int(rng.integers(2))
    return Drawn({"ImgDim": size, "KeepFlag": keep, "inputDataType": "UINT8"}, inputs=2)


def _double(drawn: Drawn, frames: list[Array]) -> list[Array]:
    """Where cell i has its centre at 2 i + 1/2 of the level's own places, and weights fall linearly to 0."""
    above, level = frames
    out = level.copy()
    for y, x in np.ndindex(*level.shape[:2]):
        if level[y, x, 3] < 128:
            continue
        sums = [Fraction(0)] * 3
        for i, j in product(range(-1, above.shape[0] + 1), range(-1, above.shape[1] + 1)):
            off = (abs(y - 2 * i - Fraction(1, 2)) / 2, abs(x - 2 * j - Fraction(1, 2)) / 2)
            weight = max(Fraction(0), 1 - off[0]) * max(Fraction(0), 1 - off[1])
            cell = above[min(max(i, 0), above.shape[0] - 1), min(max(j, 0), above.shape[1] - 1)]
            sums = [total + weight * int(value) for total, value in zip(sums, cell[:3], strict=True)]
        out[y, x, :3] = [floor(total + Fraction(1, 2)) for total in sums]
    return [out if drawn.attributes["KeepFlag"] else out[..., :3]]


def _draw_relax(rng: Generator) -> Drawn:
    height, more = _size(rng, 8)
    size, keep = [height, more + 5], int(rng.integers(2))
    return Drawn({"ImgDim": size, "KeepFlag": keep, "inputDataType": "UINT8"})


def _relax(drawn: Drawn, frames: list[Array]) -> list[Array]:
    """Twice the Laplacian is to vanish; each pixel goes 5/4 of the way there, after all before it have."""
    came = frames[0]
    out = came.copy()
    height, width = came.shape[:2]
    laplacian = {(0, 0): -4, (0, 1): 1, (1, 0): 1, (0, -1): 1, (-1, 0): 1}
    for y, x in np.ndindex(height, width):
        if came[y, x, 3] < 128:
            continue
        bent = np.zeros(3, np.int64)
        for (a, b), (c, d) in product(laplacian, repeat=2):
            row, column = y + a + c, min(max(x + b + d, 0), width - 1)
            pixel = out[row, column] if 0 <= row < height else came[min(max(row, 0), height - 1), column]
            bent += laplacian[a, b] * laplacian[c, d] * pixel[:3].astype(np.int64)
        for n in range(3):
            new = int(out[y, x, n]) - Fraction(5, 4) * Fraction(int(bent[n]), 20)
            out[y, x, n] = min(255, max(0, floor(new + Fraction(1, 2))))
    return [out if drawn.attributes["KeepFlag"] else out[..., :3]]


def _draw_correct(rng: Generator) -> Drawn:
    return Drawn({"ImgDim": _size(rng, 6), "inputDataType": "UINT8"}, inputs=2)


def _correct(drawn: Drawn, frames: list[Array]) -> list[Array]:
    correction, image = frames
    out = np.zeros_like(correction)
    for y, x, c in np.ndindex(*out.shape):
        change = int(correction[y, x, c]) - 128 if image[y, x, 3] > 127 else 0
        out[y, x, c] = min(255, max(0, int(image[y, x, c]) + change))
    return [out]


def _draw_shuffle(rng: Generator) -> Drawn:
    height, width = _size(rng, 5)
    stride, channels = int(one_of(rng, [2, 2, 3])), int(rng.integers(1, 7))
    north, west = (int(rng.integers(0, min(stride * size, 4))) for size in (height, width))
    south = int(rng.integers(0, min(stride * height - north, 4)))
    east = int(rng.integers(0, min(stride * width - west, 4)))
    return Drawn(
        {
            "ImgDim": [height, width],
            "NumChannels": channels,
            "Stride": stride,
            "CropNorth": north,
            "CropEast": east,
            "CropSouth": south,
            "CropWest": west,
            "SIMD": divisor(rng, channels),
            "inputDataType": _any_integer(rng, 8),
            "FirstDepth": int(one_of(rng, [2, 2, 5, 17])),
        }
    )


def _shuffle(drawn: Drawn, frames: list[Array]) -> list[Array]:
    node = drawn.attributes
    (height, width), stride, channels = node["ImgDim"], node["Stride"], node["NumChannels"]
    rows = range(node["CropNorth"], stride * height - node["CropSouth"])
    columns = range(node["CropWest"], stride * width - node["CropEast"])
    out = np.zeros((len(rows), len(columns), channels), np.int64)
    for row, column, c in product(rows, columns, range(channels)):
        (y, r), (x, s) = divmod(row, stride), divmod(column, stride)
        value = frames[0][y, x, (r * stride + s) * channels + c]
        out[row - rows.start, column - columns.start, c] = value
    return [out]


def _draw_converter(rng: Generator) -> Drawn:
    """Between any two divisors of the channels, or, as at the ends, between channels and whole pixels."""
    (height, width), channels = _size(rng), int(rng.integers(2, 13))
    kind = _unsigned(rng)
    bits = int(kind.removeprefix("UINT"))
    lanes = [*divisors(channels), *(n * channels for n in divisors(width) if n > 1)]
    have = int(one_of(rng, lanes))
    wanted = int(one_of(rng, [n for n in lanes if n != have and (have <= channels or n <= channels)]))
    shape = [1, height, width, channels]
    widths = {"inWidth": have * bits, "outWidth": wanted * bits}
    return Drawn({"inShape": shape, "outShape": shape, **widths, "dataType": kind})


def _draw_fifo(rng: Generator) -> Drawn:
    (height, width), channels = _size(rng, 6), int(rng.integers(1, 9))
    lanes = divisor(rng, channels)
    # beyond 257 beats it is block RAM, and there may be two in a row
    depth = int(one_of(rng, [2, 3, 7, 33, int(rng.integers(2, 258)), 300, int(rng.integers(513, 1600))]))
    shape = [1, height, width, channels]
    return Drawn(
        {
            "depth": depth,
            "folded_shape": [*shape[:-1], channels // lanes, lanes],
            "normal_shape": shape,
            "dataType": _unsigned(rng),
            "ram_style": fifo.ram_style(depth),
        }
    )


def _same(drawn: Drawn, frames: list[Array]) -> list[Array]:
    return [frames[0]]


OPERATORS = {
    "pad": Operator("FMPadding_rtl", _draw_pad, _pad),
    "window": Operator("ConvolutionInputGenerator_rtl", _draw_window, _window),
    "matrix": Operator("MVAU_rtl", _draw_matrix, _matrix),
    "thresholds": Operator("Thresholding_rtl", _draw_thresholds, _thresholds),
    "converter": Operator("StreamingDataWidthConverter_rtl", _draw_converter, _same),
    "fifo": Operator("StreamingFIFO_rtl", _draw_fifo, _same),
    "fork": Operator("StreamFork_rtl", _draw_fork, _fork),
    "add": Operator("SkipAdd_rtl", _draw_add, _add),
    "select": Operator("PixelSelect_rtl", _draw_select, _select),
    "shuffle": Operator("PixelShuffle_rtl", _draw_shuffle, _shuffle),
    "mark": Operator("PixelMark_rtl", _draw_mark, _mark),
    "halve": Operator("PyramidHalve_rtl", _draw_halve, _halve),
    "double": Operator("PyramidDouble_rtl", _draw_double, _double),
    "relax": Operator("PyramidRelax_rtl", _draw_relax, _relax),
    "correct": Operator("PixelCorrect_rtl", _draw_correct, _correct),
}
"""Every node type that `hls` puts into a graph, by a short name."""
