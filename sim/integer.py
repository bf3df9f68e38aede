"""The integer model: the dataflow graph on whole batches, in plain array arithmetic. It defines the result.

Each operator says what it computes (`hls.ops`, facet `evaluate`); of FINN's nodes too, so that no part of it
is FINN's or qonnx's execution, which it is compared with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from board.formats import Port, Ports
from hls import dataflow
from hls.ops import facets
from hls.ports import ports
from pixelmend.errors import UserError

Array = NDArray[Any]


@dataclass(frozen=True)
class IntegerModel:
    """A dataflow graph ready to run; `height`, `width` and `channels` are those of the frames that go in.

    Frames are as `ports` says. Pictures have the channels R, G, B; a network that reads the sensor's map of
    defects has it as the fourth, 255 at broken pixels and 0 at the others.
    """

    graph: ModelWrapper
    height: int
    width: int

    @property
    def ports(self) -> Ports:
        """What goes in and out."""
        return ports(self.graph)

    @property
    def channels(self) -> int:
        """Channels of the frames that go in."""
        return self.ports.input.format.channels

    @classmethod
    def load(cls, path: Path) -> "IntegerModel":
        """Read `dataflow.onnx` of a build."""
        graph = dataflow.read(path)
        _, height, width, _ = graph.get_tensor_shape(graph.graph.input[0].name)
        return cls(graph, height, width)

    def run(self, images: Array) -> Array:
        """Frames (N, H, W, channels) -> the first output's frames."""
        return self.results(self.tensors(images))[0]

    def results(self, tensors: Mapping[str, Array]) -> list[Array]:
        """The frames that leave by each output, of all `tensors`."""
        return [
            tensors[end.name].astype(port.format.dtype)
            for end, port in zip(self.graph.graph.output, self.ports.outputs, strict=True)
        ]

    def tensors(self, images: Array) -> dict[str, Array]:
        """The value of every tensor, (N, H, W, C) integers held in floating point, by name."""
        check_frames(images, self.ports.input)
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


def check_frames(frames: Array, port: Port) -> None:
    """`UserError` where frames are not what the port takes."""
    port.check(frames, UserError)
