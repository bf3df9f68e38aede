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
class Mark:
    """The image with a flag as its fourth channel: 255 where the score is at least 128, else 0."""

    name: str
    sources: tuple[Tensor, Tensor]  # score, image
    result: Tensor


@dataclass(frozen=True, eq=False)
class Halve:
    """One level up the pyramid: the mean of the sound pixels of every 2x2 cell, with a flag where none is."""

    name: str
    source: Tensor
    result: Tensor


@dataclass(frozen=True, eq=False)
class Double:
    """One level down: where the level is flagged, the bilinear image of the level above.

    The result has the flags as its fourth channel, or three channels.
    """

    name: str
    sources: tuple[Tensor, Tensor]  # level above, level
    result: Tensor


@dataclass(frozen=True, eq=False)
class Relax:
    """Sweeps over the flagged pixels, in place, towards the surface that bends least.

    The result has the flags as its fourth channel, or three channels.
    """

    name: str
    source: Tensor
    result: Tensor
    sweeps: int


@dataclass(frozen=True, eq=False)
class Correct:
    """Where the image's fourth channel flags a pixel, image + correction - 128 within 0..255."""

    name: str
    sources: tuple[Tensor, Tensor]  # correction, image
    result: Tensor


@dataclass(frozen=True, eq=False)
class Requantization:
    """Thresholds without a convolution: out[c] = number of thresholds[c] that in[c] reaches."""

    name: str
    source: Tensor
    result: Tensor
    thresholds: Integers  # (C, T), rising along T


Join = SkipAdd | Select | Mark | Double | Correct
Layer = Convolution | TransposedConvolution | Join | Halve | Relax | Requantization


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
    return layer.sources if isinstance(layer, Join) else (layer.source,)


def filling(
    marked: Tensor, levels: int, keep_flag: bool, name: str, sweeps: int = 0
) -> tuple[list[Layer], Tensor]:
    """The layers that fill the flagged pixels of an image (H, W, 4), and the filled image, called `name`.

    Both sides are divisible by 2**levels. With `keep_flag` the result has the flags as its fourth channel.
    """
    up: list[Tensor] = [marked]
    layers: list[Layer] = []
    for n in range(1, levels + 1):
        size = marked.height >> n, marked.width >> n
        up.append(Tensor(f"{marked.name}_level{n}", *size, 4, 8, 255, marked.scale))
        layers.append(Halve(f"halve{n}", up[n - 1], up[n]))
    filled = up.pop()
    for n in range(levels, 0, -1):
        level = up.pop()
        channels = 4 if keep_flag or sweeps or n > 1 else 3
        own = name if n == 1 and not sweeps else f"{level.name}_filled"
        result = Tensor(own, level.height, level.width, channels, 8, 255, marked.scale)
        layers.append(Double(f"double{n}", (filled, level), result))
        filled = result
    if sweeps:
        result = Tensor(name, marked.height, marked.width, 4 if keep_flag else 3, 8, 255, marked.scale)
        layers.append(Relax("relax1", filled, result, sweeps))
        filled = result
    return layers, filled
