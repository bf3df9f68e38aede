"""Thresholds: scales, biases, monotone functions and rounding folded into integer comparisons, exactly.

A layer computes q = clamp(round_half_even((a * s + b) / r), 0, 2**bits - 1) from an integer accumulator `a`,
with s = weight scale * input scale, b = bias, r = scale of the result. (a * s + b) / r reaches t - 1/2 from
a = ((t - 1/2) * r - b) / s on, so q = sum over t of [a >= threshold_t], with the ceiling of that quotient as
threshold_t; a quotient that is itself an integer is a tie, and ties round to the even neighbour. Any other monotone
function of the accumulator has thresholds as well, by its inverse (`hls.functions`); of a falling one the
accumulator's sign is turned.
"""

from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from hls.functions import Affine, Chain, crossings, exactly, signs
from hls.network import Integers

FAR = 2.0**62  # stands for infinity among integers
TIE = 1e-6  # a quotient this near to an integer is decided in exact arithmetic


def thresholds(
    scale: NDArray[np.float64], bias: NDArray[np.float64], result_scale: float, bits: int
) -> tuple[Integers, NDArray[np.float64]]:
    """Thresholds (C, 2**bits - 1) of channels with accumulator `scale` (C,) > 0 and `bias` (C,).

    Also returns the quotients' distances to the nearest integer, of the same shape: how far, in accumulator
    units, a float evaluation of the same layer may err before it rounds to another result.
    """
    steps = np.arange(1, 2**bits)
    quotient = ((steps - 0.5) * result_scale - bias[:, None]) / scale[:, None]  # C, T
    result = np.ceil(np.clip(quotient, -FAR, FAR)).astype(np.int64)
    distance = np.abs(quotient - np.round(quotient))
    for channel, step in np.argwhere(distance < TIE * np.maximum(1.0, np.abs(quotient))):
        result[channel, step] = _exact(scale[channel], bias[channel], result_scale, int(steps[step]))
    return result, distance


def _exact(scale: float, bias: float, result_scale: float, step: int) -> int:
    quotient = (Fraction(2 * step - 1, 2) * Fraction(result_scale) - Fraction(bias)) / Fraction(scale)
    tie_rounds_down = quotient.denominator == 1 and step % 2 == 1  # to step - 1, which is even
    return _within(ceil(quotient) + (1 if tie_rounds_down else 0))


def _within(value: int) -> int:
    """A threshold so far away that no accumulator comes there, as one that int64 holds."""
    return max(int(-FAR), min(int(FAR), value))


def close(
    chain: Chain, channels: int, result_scale: float, bits: int, signed: bool, narrow: bool
) -> tuple[Integers, NDArray[np.float64], Integers]:
    """Thresholds (C, 2**bits - 1) of `chain`, whose channels' argument is the accumulator, quantized.

    The result is the lowest number of `bits` bits and so many more as thresholds are reached. Also the distances to
    the nearest integer as of `thresholds`, and for each channel 1, or -1 where the chain falls: there the thresholds
    are of the accumulator's negative. A level that every value reaches, or none, is far away.
    """
    lowest = -(2 ** (bits - 1)) if signed else 0
    steps = lowest + np.arange(1, 2**bits)
    if lowest == 0 and not narrow and len(chain) == 1 and isinstance(chain[0], Affine):
        gain, offset = (np.broadcast_to(one, (channels, 1))[:, 0] for one in (chain[0].gain, chain[0].offset))
        if (gain > 0).all():
            return *thresholds(gain, offset, result_scale, bits), np.ones(channels, np.int64)
    levels = (steps - 0.5) * result_scale
    # where the function stays at a level, the tie rounds down to an even number
    levels = np.where(steps % 2, np.nextafter(levels, np.inf), levels)
    sign = signs(chain, channels)
    quotient = crossings(chain, levels, channels) * sign[:, None]
    finite = np.isfinite(quotient)
    near = np.where(finite, quotient, 0.0)
    distance = np.where(finite, np.abs(near - np.round(near)), 0.5)
    result = np.ceil(np.clip(quotient, -FAR, FAR)).astype(np.int64)
    for channel, step in np.argwhere(finite & (distance < TIE * np.maximum(1.0, np.abs(near)))):
        level = Fraction(2 * int(steps[step]) - 1, 2) * Fraction(result_scale)
        exact = exactly(chain, level, int(channel), channels)
        if exact is not None:
            exact *= int(sign[channel])
            tie_rounds_down = exact.denominator == 1 and steps[step] % 2 == 1
            result[channel, step] = _within(ceil(exact) + (1 if tie_rounds_down else 0))
    if narrow:  # one number fewer: below where there is a sign, above where there is none
        end = 0 if signed else -1
        result[:, end], distance[:, end] = int(-FAR if signed else FAR), 0.5
    return result, distance, sign


def clip(values: Integers, lowest: int, highest: int) -> Integers:
    """Thresholds no accumulator in [lowest, highest] can tell apart made equal; fewer bits hold them."""
    clipped: Integers = np.clip(values, lowest, highest + 1)
    return clipped
