"""The integer network: what a quantized network is once its scales have become thresholds.

Layers over named integer tensors, in the order of execution (`hls.layers` has their kinds). A tensor that two
layers read, or a layer and an output, is a fork. C = channels, H, W = height and width, T = number of
thresholds.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hls.dataflow import Builder

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Tensor:
    """An integer tensor (H, W, C) on a stream; a value v stands for the number `v * scale`."""

    name: str
    height: int
    width: int
    channels: int
    bits: int
    maximum: int  # largest value that can occur, at most what `bits` hold
    scale: float
    minimum: int = 0  # smallest one; a tensor that has negative values is signed, in two's complement

    @property
    def signed(self) -> bool:
        """Whether `bits` counts a sign."""
        return self.minimum < 0

    @property
    def kind(self) -> str:
        """The name of its datatype, as qonnx has it."""
        return f"{'INT' if self.signed else 'UINT'}{self.bits}"

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height, self.width

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.height, self.width, self.channels


class Layer(ABC):
    """What reads tensors and makes tensors; `label` is the name that its author gave it, or empty."""

    name: str
    label: str

    @property
    @abstractmethod
    def inputs(self) -> tuple[Tensor, ...]:
        """The tensors it reads."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[Tensor, ...]:
        """The tensors it makes."""

    def only(self, live: Sequence[Tensor]) -> "Layer":
        """The layer without those of its outputs that are not `live`, where it can do without."""
        return self

    @abstractmethod
    def build(self, graph: "Builder") -> None:
        """Append its operators to the dataflow graph: `graph.read` its inputs, `graph.write` its outputs."""


@dataclass(frozen=True)
class Network:
    """An image in and images, or feature maps, out.

    `least_margin` is in accumulator units (see `hls.thresholds`).
    """

    image_in: Tensor
    images_out: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    least_margin: float

    @property
    def image_out(self) -> Tensor:
        """The one output of a network that has one."""
        (image,) = self.images_out
        return image
