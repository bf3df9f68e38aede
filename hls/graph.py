"""The dataflow graph with its look-ups at hand: qonnx's own search the whole graph each time."""

from typing import Any

from qonnx.core.modelwrapper import ModelWrapper


class Graph:
    """A view of a graph as it is now; make another once nodes have changed."""

    def __init__(self, model: ModelWrapper) -> None:
        self.model = model
        self.nodes = list(model.graph.node)
        self.inputs = [value.name for value in model.graph.input]
        self.outputs = [value.name for value in model.graph.output]
        self._producers = {name: node for node in self.nodes for name in node.output}
        self._consumers = {name: node for node in self.nodes for name in node.input}
        values = (*model.graph.input, *model.graph.output, *model.graph.value_info)
        self._shapes = {
            value.name: tuple(side.dim_value for side in value.type.tensor_type.shape.dim) for value in values
        }

    def producer(self, tensor: str) -> Any:
        """The node that makes a tensor, or None."""
        return self._producers.get(tensor)

    def consumer(self, tensor: str) -> Any:
        """The node that reads a stream, or None; a stream has one reader."""
        return self._consumers.get(tensor)

    def shape(self, tensor: str) -> tuple[int, ...]:
        """(1, H, W, C)."""
        return self._shapes[tensor]
