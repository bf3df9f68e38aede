"""Kinds of weights: uniform, power-of-two and binary, each a subset of the integers the hardware takes.

Every kind gives integers in the signed narrow range of its bit width times one scale per output channel, so
export, lowering and the matrix units know nothing of it. With b bits, s the scale and w the float weights of
a channel:

- `uniform`: {0, ±1, .., ±(2^(b-1) - 1)}, s from the largest |w|;
- `power_of_two`: {0, ±1, ±2, ±4, .., ±2^(b-2)}, the nearest of them (ties outwards), s from the largest |w|;
- `binary`: {-1, +1}, s the mean of |w| (XNOR-Net); held in 2 bits, since 1-bit words have no -1.
"""

from typing import Any, cast

import torch
from brevitas.inject.enum import StatsOp
from brevitas.quant import Int8WeightPerChannelFloat
from torch import Tensor, nn

from quant.bits import BINARY_BITS, WeightKind


class _StraightThrough(torch.autograd.Function):
    """Gives the rounded values exactly, as `x + (rounded - x)` would not, and passes the gradient to `x`."""

    @staticmethod
    def forward(_ctx: Any, _x: Tensor, rounded: Tensor) -> Tensor:
        return rounded

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class PowerOfTwoRound(nn.Module):
    """Rounds to the nearest of 0, ±1, ±2, .., ±2^(bit_width - 2); the gradient passes as if it did not."""

    def __init__(self, bit_width: int) -> None:
        super().__init__()
        self.largest = power_of_two_limit(bit_width)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same."""
        size = x.detach().abs()
        # 3/4 * 2^e is the middle between 2^(e-1) and 2^e
        power = torch.exp2(torch.floor(torch.log2(size.clamp_min(0.5) / 0.75)).clamp_min(0.0))
        power = power.clamp_max(float(self.largest))
        rounded = torch.where(size < 0.5, torch.zeros_like(size), power) * torch.sign(x.detach())
        return cast(Tensor, _StraightThrough.apply(x, rounded))


class SignRound(nn.Module):
    """+1 where x >= 0, else -1; the gradient passes as if it did not."""

    def __init__(self) -> None:  # Brevitas' injection refuses the *args of nn.Module's own
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same."""
        rounded = torch.where(x.detach() >= 0, 1.0, -1.0).to(x.dtype)
        return cast(Tensor, _StraightThrough.apply(x, rounded))


class PowerOfTwoScaling(nn.Module):
    """The integer that the largest weight of a channel becomes."""

    def __init__(self) -> None:
        super().__init__()

    def forward(self, bit_width: Tensor, _signed: bool | None = None) -> Tensor:
        """Bit width, as a tensor, to the integer as one."""
        return torch.exp2(bit_width - 2)


class PowerOfTwoWeight(Int8WeightPerChannelFloat):
    """Brevitas quantizer of the kind `power_of_two`."""

    float_to_int_impl = PowerOfTwoRound
    int_scaling_impl = PowerOfTwoScaling


class BinaryWeight(Int8WeightPerChannelFloat):
    """Brevitas quantizer of the kind `binary`; its largest integer is 1, so that the scale is the mean."""

    float_to_int_impl = SignRound
    scaling_stats_op = StatsOp.AVE
    bit_width = BINARY_BITS


QUANTIZERS: dict[WeightKind, type] = {
    "uniform": Int8WeightPerChannelFloat,
    "power_of_two": PowerOfTwoWeight,
    "binary": BinaryWeight,
}


def power_of_two_limit(bits: int) -> int:
    """The largest integer of `power_of_two` weights of `bits`."""
    return int(2 ** (bits - 2))


def weight_levels(kind: WeightKind, bits: int) -> list[int]:
    """All integers a weight of this kind can be, rising."""
    if kind == "binary":
        return [-1, 1]
    if kind == "power_of_two":
        powers = [2**e for e in range(bits - 1)]
        return sorted([0, *powers, *(-power for power in powers)])
    limit = 2 ** (bits - 1) - 1
    return list(range(-limit, limit + 1))
