"""What the tensors of a QONNX file stand for while it is read.

Tensors that the file has not are named with a colon, as no tensor is that qonnx has cleaned up.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hls.functions import Affine, Chain
from hls.network import Integers, Tensor

Floats = NDArray[np.float64]
PIXEL_SCALE = float(np.float32(1 / 255))
MOST_BITS = 8  # of weights and activations
Pads = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True)
class Part:
    """Channels `first` .. `last` - 1 of a tensor; with `flag`, whether they are at least one half."""

    tensor: Tensor
    first: int
    last: int
    flag: bool = False


@dataclass(frozen=True)
class Padded:
    """A tensor with zeros around it, for the convolution or pooling that reads it."""

    tensor: Tensor
    pads: Pads


@dataclass(frozen=True, eq=False)
class Sums:
    """Integer sums (H, W, C) of a convolution (weights (Cout, Cin, k, k)), or the values of a tensor themselves.

    `weights` of a transposed convolution are (Cin, Cout, k, k), of a depthwise one (C, 1, k, k); empty where the sums
    are the tensor's values.
    """

    node: Any
    kind: Literal["tensor", "convolution", "transposed", "depthwise"]
    source: Tensor
    weights: Integers
    weight_bits: int
    size: tuple[int, int]
    channels: int
    stride: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Shuffle:
    """Groups (r, s, c) of channels become blocks of `block` x `block` pixels."""

    block: int


@dataclass(frozen=True)
class Repeat:
    """Every pixel becomes `rows` x `columns` pixels."""

    rows: int
    columns: int


@dataclass(frozen=True)
class Largest:
    """The largest value of every window."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: Pads
    dilation: tuple[int, int]


@dataclass(frozen=True)
class Cut:
    """Rows and columns dropped at top, left, bottom and right."""

    crop: Pads


Move = Shuffle | Repeat | Largest | Cut
"""What moves values, or chooses among them, and so may as well happen once they are quantized."""


@dataclass(frozen=True, eq=False)
class Pending:
    """`chain` of the channels of `sums`, then `moves`; integers once a quantizer follows."""

    sums: Sums
    chain: Chain
    moves: tuple[Move, ...] = ()

    @property
    def groups(self) -> int:
        """How many of the sums' channels became one: after a shuffle, a channel has them all."""
        count = 1
        for move in self.moves:
            if isinstance(move, Shuffle):
                count *= move.block**2
        return count

    @property
    def channels(self) -> int:
        """Channels behind the moves."""
        return self.sums.channels // self.groups


@dataclass(frozen=True, eq=False)
class Joined:
    """A concatenation of parts that have no scale in common: a quantizer behind it is moved in front of each."""

    node: Any
    parts: tuple["Tensor | Pending", ...]
    chains: tuple[Any, ...] = field(default=())


@dataclass(frozen=True)
class Correction:
    """`image` + `correction`; `shifted` once the neutral value is taken off, `finished` once quantized."""

    image: Tensor  # of four channels, the flag the last
    correction: Tensor
    shifted: bool = False
    finished: bool = False


@dataclass(frozen=True)
class Refused:
    """What a refused node would have made: nothing that reads it can be judged."""


Value = Tensor | Part | Padded | Pending | Joined | Correction | Refused


@dataclass(frozen=True)
class Quantizer:
    """A QONNX Quant: round(x / scale), halves to even, within the integers of `bits` bits."""

    scale: Floats
    bits: int
    signed: bool
    narrow: bool


def whole(tensor: Tensor, node: Any) -> Pending:
    """The values of a tensor, as a pending expression."""
    sums = Sums(node, "tensor", tensor, np.zeros((0,), np.int64), 0, tensor.size, tensor.channels)
    scale = np.full((tensor.channels, 1), tensor.scale)
    return Pending(sums, (Affine(scale, np.zeros_like(scale)),))
