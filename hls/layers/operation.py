"""A layer that is one operator."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hls.network import Layer, Tensor
from hls.ops.operator import Operator

if TYPE_CHECKING:
    from hls.dataflow import Builder


@dataclass(frozen=True, eq=False)
class Operation(Layer):
    """One node of `operator`, with the attributes of the dataflow graph.

    The node is called `<name>_<part>`, or `<name>`. A constant, if there is one, is its last input: (values,
    datatype).
    """

    name: str
    operator: type[Operator]
    sources: tuple[Tensor, ...]
    results: tuple[Tensor, ...]
    attributes: dict[str, Any]
    part: str = "pixels"
    constant: tuple[Any, str] | None = None
    label: str = field(default="", kw_only=True)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.sources

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self.results

    @property
    def result(self) -> Tensor:
        """The one tensor it makes."""
        (tensor,) = self.results
        return tensor

    def build(self, graph: "Builder") -> None:
        streams = [graph.read(tensor) for tensor in self.sources]
        if self.constant is not None:
            streams.append(graph.constant(f"{self.name}_constant", *self.constant))
        outputs = [graph.declare(tensor) for tensor in self.results]
        node = f"{self.name}_{self.part}" if self.part else self.name
        graph.node(self.operator, node, streams, outputs, **self.attributes)
        for tensor, stream in zip(self.results, outputs, strict=True):
            graph.write(tensor, stream)
