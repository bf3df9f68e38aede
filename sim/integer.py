"""The integer model: the dataflow graph on whole batches, in plain array arithmetic. It defines the result.

No part of it is FINN's or qonnx's execution, which it is compared with. Accumulators are exact: products are
summed in float32 where 2**24 bounds them, in float64 (2**53) where it does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import get_by_name

from hls import dataflow
from pixelmend.errors import UserError

Array = NDArray[Any]
Pixels = NDArray[np.uint8]

IDENTITIES = ("StreamingFIFO_rtl", "StreamingDataWidthConverter_rtl")
EXACT_FLOAT32 = 2**24
# rows down, columns right, weight: each of four directions' neighbour, corner and next but one
RELAXING = [(0, 0, -4)] + [
    (down * i - right * j, right * i + down * j, weight)
    for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0))
    for i, j, weight in ((1, 0, 8), (1, 1, -2), (2, 0, -1))
]


@dataclass(frozen=True)
class IntegerModel:
    """A dataflow graph ready to run; `height`, `width` and `channels` are those of its frames.

    Frames have 3 channels, R, G, B, or 4: a network that reads the sensor's defect map has it as the last,
    255 at broken pixels and 0 at the others.
    """

    graph: ModelWrapper
    height: int
    width: int

    @property
    def channels(self) -> int:
        """Channels of its frames."""
        return int(self.graph.get_tensor_shape(self.graph.graph.input[0].name)[-1])

    @classmethod
    def load(cls, path: Path) -> "IntegerModel":
        """Read `dataflow.onnx` of a build."""
        graph = dataflow.read(path)
        _, height, width, _ = graph.get_tensor_shape(graph.graph.input[0].name)
        return cls(graph, height, width)

    def run(self, images: Pixels) -> Pixels:
        """uint8 frames (N, H, W, channels) -> repaired images (N, H, W, 3)."""
        return self.tensors(images)[self.graph.graph.output[0].name].astype(np.uint8)

    def tensors(self, images: Pixels) -> dict[str, Array]:
        """The value of every tensor, (N, H, W, C) integers held in floating point, by name."""
        check_frames(images, self.height, self.width, self.channels)
        values: dict[str, Array] = {self.graph.graph.input[0].name: images.astype(np.float32)}
        for node in self.graph.graph.node:
            inputs = [
                values[name] if name in values else self.graph.get_initializer(name) for name in node.input
            ]
            outputs = execute_node(node, inputs)
            values |= zip(node.output, outputs, strict=True)
        return values


def execute_node(node: Any, inputs: list[Array]) -> list[Array]:
    """The outputs of one node for batches (N, H, W, C) and constants at its inputs.

    `UserError` where the model has no such node, or its inputs and attributes don't fit each other.
    """
    if node.op_type in IDENTITIES:
        return inputs[:1]
    try:
        operation = OPERATIONS[node.op_type]
    except KeyError:
        known = ", ".join([*OPERATIONS, *IDENTITIES])
        raise UserError(f"node {node.name} is a {node.op_type}; the integer model has {known}") from None
    try:
        return operation(node, *inputs)
    except (ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise UserError(
            f"node {node.name} ({node.op_type}): its inputs and attributes don't fit each other "
            f"({error}); the graph is damaged, lower again"
        ) from error


def check_frames(frames: Array, height: int, width: int, channels: int) -> None:
    """`UserError` where frames are not uint8 (N, height, width, channels)."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1:] != (height, width, channels):
        raise UserError(
            f"expected uint8 frames of shape (N, {height}, {width}, {channels}), "
            f"got {frames.dtype} {frames.shape}"
        )


def _pad(node: Any, x: Array) -> list[Array]:
    top, left, bottom, right = _ints(node, "Padding")
    return [np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))]


def _window(node: Any, x: Array) -> list[Array]:
    (k, _), (s, _) = _ints(node, "ConvKernelDim"), _ints(node, "Stride")
    views = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))[:, ::s, ::s]  # N, Y, X, C, k, k
    count, rows, columns, channels = views.shape[:4]
    # window row, column, channel
    return [views.transpose(0, 1, 2, 4, 5, 3).reshape(count, rows, columns, k * k * channels)]


def _matrix(node: Any, x: Array, weights: Array) -> list[Array]:
    bound = np.abs(weights).sum(0).max() * x.max(initial=0)
    kind = np.float32 if bound < EXACT_FLOAT32 else np.float64
    return [x.astype(kind) @ weights.astype(kind)]


def _thresholds(node: Any, x: Array, steps: Array) -> list[Array]:
    """The number of thresholds of its channel that each value reaches."""
    result = np.empty(x.shape, np.float32)
    for channel in range(x.shape[-1]):
        result[..., channel] = np.searchsorted(steps[channel], x[..., channel], side="right")
    return [result]


def _fork(node: Any, x: Array) -> list[Array]:
    return [x] * len(node.output)


def _add(node: Any, left: Array, right: Array) -> list[Array]:
    return [left + right]


def _select(node: Any, left: Array, right: Array) -> list[Array]:
    flag = (left, right)[_int(node, "FlagInput")][..., 3:]
    return [np.where(flag >= 128, left[..., :3], right[..., :3])]


def _mark(node: Any, score: Array, image: Array) -> list[Array]:
    return [np.concatenate([image, np.where(score >= 128, 255.0, 0.0)], -1).astype(np.float32)]


def _halve(node: Any, x: Array) -> list[Array]:
    """The mean of the sound pixels of each 2x2 cell, halves rounded up; mid grey, and broken, without any."""
    corners = np.stack([x[:, row::2, column::2] for row, column in np.ndindex(2, 2)])
    sound = corners[..., 3:] < 128
    total, count = (corners[..., :3] * sound).sum(0), sound.sum(0)
    mean = np.floor((2 * total + count) / np.maximum(2 * count, 1))
    return [np.concatenate([np.where(count, mean, 128), np.where(count, 0, 255)], -1).astype(np.float32)]


def _double(node: Any, above: Array, level: Array) -> list[Array]:
    """The level, with the bilinear image of the level above in its broken pixels, halves rounded up."""
    grown = above[..., :3]
    for axis in (1, 2):
        ends = np.pad(grown, [(int(side == axis),) * 2 for side in range(4)], "edge")
        before, after = (np.delete(ends, end, axis) for end in ([-2, -1], [0, 1]))
        both = np.stack([3 * grown + before, 3 * grown + after], axis + 1)
        shape = list(grown.shape)
        shape[axis] *= 2
        grown = both.reshape(shape)
    broken = level[..., 3:] >= 128
    colours = np.where(broken, np.floor(grown / 16 + 0.5), level[..., :3])
    kept = level[..., 3:] if _int(node, "KeepFlag") else level[..., :0]
    return [np.concatenate([colours, kept], -1).astype(np.float32)]


def _relax(node: Any, x: Array) -> list[Array]:
    """One sweep in place over the broken pixels; those of equal 2 y + x at once, as none needs another."""
    height, width = x.shape[1:3]
    rows = np.pad(x[..., :3], ((0, 0), (2, 2), (0, 0), (0, 0)), "edge").astype(np.int64)
    frame, row, column = np.nonzero(x[..., 3] >= 128)
    turns = 2 * row + column
    for turn in np.unique(turns):
        n, y, at = (places[turns == turn] for places in (frame, row + 2, column))
        total = np.full((len(n), 3), 8)
        for down, right, weight in RELAXING:
            total += weight * rows[n, y + down, np.clip(at + right, 0, width - 1)]
        rows[n, y, at] = np.clip(total // 16, 0, 255)
    kept = x[..., 3:] if _int(node, "KeepFlag") else x[..., :0]
    return [np.concatenate([rows[:, 2 : height + 2], kept], -1).astype(np.float32)]


def _correct(node: Any, correction: Array, image: Array) -> list[Array]:
    colours = image[..., :3]
    return [np.where(image[..., 3:] >= 128, np.clip(colours + correction - 128, 0, 255), colours)]


def _shuffle(node: Any, x: Array) -> list[Array]:
    s = _int(node, "Stride")
    count, rows, columns, channels = x.shape
    blocks = x.reshape(count, rows, columns, s, s, channels // s**2)
    whole = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(count, rows * s, columns * s, channels // s**2)
    north, south, west, east = (_int(node, f"Crop{side}") for side in ("North", "South", "West", "East"))
    return [whole[:, north : rows * s - south, west : columns * s - east]]


OPERATIONS: dict[str, Callable[..., list[Array]]] = {
    "FMPadding_rtl": _pad,
    "ConvolutionInputGenerator_rtl": _window,
    "MVAU_rtl": _matrix,
    "Thresholding_rtl": _thresholds,
    "StreamFork_rtl": _fork,
    "SkipAdd_rtl": _add,
    "PixelSelect_rtl": _select,
    "PixelMark_rtl": _mark,
    "PyramidHalve_rtl": _halve,
    "PyramidDouble_rtl": _double,
    "PyramidRelax_rtl": _relax,
    "PixelCorrect_rtl": _correct,
    "PixelShuffle_rtl": _shuffle,
}


def _ints(node: Any, name: str) -> list[int]:
    return list(get_by_name(node.attribute, name).ints)


def _int(node: Any, name: str) -> int:
    return int(get_by_name(node.attribute, name).i)
