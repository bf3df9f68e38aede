"""What layers of one input have in common, and those whose sums are quantized once or more often."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from hls.network import Integers, Layer, Tensor

Activation = tuple[Integers, Tensor]
"""Thresholds (C, T) of a layer's sums, and the tensor that they give."""


@dataclass(frozen=True, eq=False)
class OneInput(Layer):
    """A layer that makes `result` of `source`."""

    name: str
    source: Tensor
    result: Tensor
    label: str = field(default="", kw_only=True)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.source,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (self.result,)


class QuantizedSums(OneInput):
    """Sums, then thresholds. A subclass has the fields `thresholds` of `result`, and `more`.

    `more`: further thresholds of the same sums, each with the tensor that they make, where the file
    quantizes one layer more than once.
    """

    thresholds: Any  # (C, T) integers, rising along T; a field of the subclass
    more: Any  # tuple of Activation; a field of the subclass

    @property
    def activations(self) -> list[Activation]:
        """All thresholds of the sums with their tensors, those of `result` first."""
        return [(self.thresholds, self.result), *self.more]

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return tuple(tensor for _, tensor in self.activations)

    def only(self, live: Sequence[Tensor]) -> Self:
        (steps, result), *more = [one for one in self.activations if one[1] in live]
        changed: dict[str, Any] = {"thresholds": steps, "result": result, "more": tuple(more)}
        return replace(self, **changed)
