"""The integer network: what a quantized generator is once its scales have become thresholds.

A chain of layers over integer tensors, in the order of execution. Tensors are named; a tensor read by two
layers is a fork. C = channels, H, W = height and width, k = kernel side, T = number of thresholds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Tensor:
    """An unsigned integer tensor (H, W, C) on a stream; a value v stands for the number `v * scale`."""

    name: str
    height: int
    width: int
    channels: int
    bits: int
    maximum: int  # largest value that can occur, at most 2**bits - 1
    scale: float


@dataclass(frozen=True, eq=False)
class Convolution:
    """Cross-correlation with `weights`, then `thresholds`; `transposed` layers are those before any lowering.

    a[c] = sum over i, u, v of weights[c, i, u, v] * in[i, y*s + u - top, x*s + v - left]
    out[c] = sum over t of (a[c] >= thresholds[c, t]), the number of thresholds the accumulator reaches.
    """

    name: str
    source: Tensor
    result: Tensor
    weights: Integers  # (Cout, Cin, k, k), signed
    weight_bits: int
    thresholds: Integers  # (Cout, T), rising along T
    stride: int
    pads: tuple[int, int, int, int]  # zeros at top, left, bottom, right


@dataclass(frozen=True, eq=False)
class TransposedConvolution:
    """The adjoint of a convolution: every input pixel adds a k x k stamp of `weights` at stride s.

    in pixel (y, x), kernel element (u, v) -> accumulator at (y*s + u - pad, x*s + v - pad); the result has
    exactly s times the sides of the input, what falls outside is dropped. Then thresholds as above.
    """

    name: str
    source: Tensor
    result: Tensor
    weights: Integers  # (Cin, Cout, k, k), signed
    weight_bits: int
    thresholds: Integers  # (Cout, T), rising along T
    stride: int
    pad: int


@dataclass(frozen=True, eq=False)
class SkipAdd:
    """Exact sum of two tensors of one shape and one scale."""

    name: str
    sources: tuple[Tensor, Tensor]
    result: Tensor


@dataclass(frozen=True, eq=False)
class Select:
    """Pixel by pixel one of two uint8 images: out[c] = sources[0][c] if flag >= 128 else sources[1][c].

    One of the two has a fourth channel, which is the flag; the result has three.
    """

    name: str
    sources: tuple[Tensor, Tensor]
    result: Tensor


@dataclass(frozen=True, eq=False)
class Requantization:
    """Thresholds without a convolution: out[c] = number of thresholds[c] that in[c] reaches."""

    name: str
    source: Tensor
    result: Tensor
    thresholds: Integers  # (C, T), rising along T


Layer = Convolution | TransposedConvolution | SkipAdd | Select | Requantization


@dataclass(frozen=True)
class Network:
    """uint8 image in, of 3 channels or 4 with the defect map, and uint8 image out, of 3.

    `least_margin` is in accumulator units (see `hls.thresholds`).
    """

    image_in: Tensor
    image_out: Tensor
    layers: tuple[Layer, ...]
    least_margin: float


def sources(layer: Layer) -> tuple[Tensor, ...]:
    """The tensors a layer reads."""
    return layer.sources if isinstance(layer, SkipAdd | Select) else (layer.source,)
