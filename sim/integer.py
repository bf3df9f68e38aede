"""The integer model: the dataflow graph on whole batches, in plain array arithmetic. It defines the result.

Each operator says what it computes (`hls.ops`, facet `evaluate`); of FINN's nodes too, so that no part of it
is FINN's or qonnx's execution, which it is compared with.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from hls import dataflow
from hls.ops import facets
from pixelmend.errors import UserError

Array = NDArray[Any]
Pixels = NDArray[np.uint8]


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

    `UserError` where there is no such operator, or its inputs and attributes don't fit each other.
    """
    try:
        outputs: list[Array] = facets(node).evaluate(inputs)
    except (ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise UserError(
            f"node {node.name} ({node.op_type}): its inputs and attributes don't fit each other "
            f"({error}); the graph is damaged, lower again"
        ) from error
    return outputs


def check_frames(frames: Array, height: int, width: int, channels: int) -> None:
    """`UserError` where frames are not uint8 (N, height, width, channels)."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1:] != (height, width, channels):
        raise UserError(
            f"expected uint8 frames of shape (N, {height}, {width}, {channels}), "
            f"got {frames.dtype} {frames.shape}"
        )
