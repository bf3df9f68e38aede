"""What a node becomes in HLS C++: a structure of constants and the calls of the kernels it stands for.

The operators make it (`hls.ops`, facet `unit`); this is what it is made of.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import get_by_name

from pixelmend.errors import UserError


@dataclass(frozen=True)
class Channel:
    """A stream within the top function; `depth` in beats, `style` how a FIFO so deep is made."""

    name: str
    bits: int
    depth: int = 2  # what the tool gives a stream that needs none
    style: str = "auto"
    count: int = 0  # of an array of streams


@dataclass(frozen=True)
class Unit:
    """What one node becomes."""

    structures: str  # C++ before the top function
    calls: list[str]
    header: str  # of the kernel
    channels: list[Channel] = field(default_factory=list)  # streams of its own
    bindings: list[str] = field(default_factory=list)  # pragmas of the top function


@dataclass(frozen=True)
class Place:
    """A node and the streams at its ports."""

    model: ModelWrapper
    node: Any
    inputs: list[Channel]
    outputs: list[Channel]
    part: str

    def number(self, name: str) -> int:
        """An integer attribute; 0 where it is not set."""
        attribute = get_by_name(self.node.attribute, name)
        return 0 if attribute is None else int(attribute.i)

    def numbers(self, name: str) -> list[int]:
        """A list of integers."""
        return [int(item) for item in get_by_name(self.node.attribute, name).ints]

    def text(self, name: str) -> str:
        """A word."""
        return str(get_by_name(self.node.attribute, name).s.decode())

    def kind(self, index: int = 0) -> Any:
        """Datatype of input tensor `index`."""
        return self.model.get_tensor_datatype(self.node.input[index])

    def result(self) -> Any:
        """Datatype of the first output."""
        return self.model.get_tensor_datatype(self.node.output[0])

    def beats(self, index: int = 0) -> int:
        """Beats of a frame at input `index`."""
        shape = self.model.get_tensor_shape(self.node.input[index])
        return prod(shape) * self.kind(index).bitwidth() // self.inputs[index].bits

    def constant(self, index: int) -> Any:
        """An initializer as int64."""
        return self.model.get_initializer(self.node.input[index]).astype(np.int64)

    def names(self) -> str:
        """The streams, inputs first, as arguments of a call."""
        return ", ".join(channel.name for channel in [*self.inputs, *self.outputs])

    def simple(self, kernel: str, what: str, constants: dict[str, Any]) -> Unit:
        """A unit of one call of a kernel, whose header has its name."""
        name = self.node.name
        return Unit(structure(name, what, constants), [f"{kernel}<{name}>({self.names()});"], kernel)

    def error(self, message: str) -> UserError:
        """About this node."""
        return UserError(f"{self.node.op_type} '{self.node.name}': {message}")


def structure(name: str, what: str, constants: dict[str, int | bool], members: str = "") -> str:
    """A structure of named constants, which a kernel takes as its parameter."""
    lines = [f"struct {name} {{  // {what}"]
    for key, value in constants.items():
        kind = "bool" if isinstance(value, bool) else "int"
        lines.append(f"  static const {kind} {key} = {str(value).lower()};")
    return "\n".join(lines) + f"\n{members}}};\n"
