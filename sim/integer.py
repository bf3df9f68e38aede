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

from pixelmend.errors import UserError

Array = NDArray[Any]
Pixels = NDArray[np.uint8]

IDENTITIES = ("StreamingFIFO_rtl", "StreamingDataWidthConverter_rtl")
EXACT_FLOAT32 = 2**24


@dataclass(frozen=True)
class IntegerModel:
    """A dataflow graph ready to run; `height` and `width` are those of its frames."""

    graph: ModelWrapper
    height: int
    width: int

    @classmethod
    def load(cls, path: Path) -> "IntegerModel":
        """Read `dataflow.onnx` of a build."""
        if not path.is_file():
            raise UserError(f"{path}: no such file; expected a lowered build, as hls.lower writes")
        try:
            graph = ModelWrapper(str(path))
        except Exception as error:  # protobuf raises many kinds on damaged files
            raise UserError(f"{path}: not a readable dataflow graph; lower again") from error
        _, height, width, _ = graph.get_tensor_shape(graph.graph.input[0].name)
        return cls(graph, height, width)

    def run(self, images: Pixels) -> Pixels:
        """uint8 RGB images (N, H, W, 3) -> repaired images of the same shape."""
        return self.tensors(images)[self.graph.graph.output[0].name].astype(np.uint8)

    def tensors(self, images: Pixels) -> dict[str, Array]:
        """The value of every tensor, (N, H, W, C) integers held in floating point, by name."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (self.height, self.width, 3):
            raise UserError(
                f"expected uint8 images of shape (N, {self.height}, {self.width}, 3), "
                f"got {images.dtype} {images.shape}"
            )
        values: dict[str, Array] = {self.graph.graph.input[0].name: images.astype(np.float32)}
        for node in self.graph.graph.node:
            inputs = [
                values[name] if name in values else self.graph.get_initializer(name) for name in node.input
            ]
            outputs = self._execute(node, inputs)
            values |= zip(node.output, outputs, strict=True)
        return values

    def _execute(self, node: Any, inputs: list[Array]) -> list[Array]:
        if node.op_type in IDENTITIES:
            return inputs[:1]
        try:
            operation = OPERATIONS[node.op_type]
        except KeyError:
            known = ", ".join([*OPERATIONS, *IDENTITIES])
            raise UserError(f"node {node.name} is a {node.op_type}; the integer model has {known}") from None
        return operation(node, *inputs)


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
    "PixelShuffle_rtl": _shuffle,
}


def _ints(node: Any, name: str) -> list[int]:
    return list(get_by_name(node.attribute, name).ints)


def _int(node: Any, name: str) -> int:
    return int(get_by_name(node.attribute, name).i)
