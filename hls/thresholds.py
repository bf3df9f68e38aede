"""Thresholds: scales, bias, ReLU and rounding folded into integer comparisons, exactly.

A layer computes q = clamp(round_half_even((a * s + b) / r), 0, 2**bits - 1) from an integer accumulator `a`,
with s = weight scale * input scale, b = bias, r = scale of the result. (a * s + b) / r reaches t - 1/2 from
a = ((t - 1/2) * r - b) / s on, so q = sum over t of [a >= threshold_t], with the ceiling of that quotient as
threshold_t; a quotient that is itself an integer is a tie, and ties round to the even neighbour.
"""

from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from hls.network import Integers

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
    result = np.ceil(quotient).astype(np.int64)
    distance = np.abs(quotient - np.round(quotient))
    for channel, step in np.argwhere(distance < TIE * np.maximum(1.0, np.abs(quotient))):
        result[channel, step] = _exact(scale[channel], bias[channel], result_scale, int(steps[step]))
    return result, distance


def _exact(scale: float, bias: float, result_scale: float, step: int) -> int:
    quotient = (Fraction(2 * step - 1, 2) * Fraction(result_scale) - Fraction(bias)) / Fraction(scale)
    tie_rounds_down = quotient.denominator == 1 and step % 2 == 1  # to step - 1, which is even
    return ceil(quotient) + (1 if tie_rounds_down else 0)


def clip(values: Integers, lowest: int, highest: int) -> Integers:
    """Thresholds no accumulator in [lowest, highest] can tell apart made equal; fewer bits hold them."""
    return np.clip(values, lowest, highest + 1)
