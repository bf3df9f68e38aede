"""How far the steps of quantized results lie from integers, and the shift that brings them farther."""

import numpy as np
from numpy.typing import NDArray

MARGIN = 0.05  # accumulator units; float32 errs by some 1e-4 in 4-bit networks

LEAST = 0.01  # of them; sums of some 10,000 units err by some 1e-3
MOST_SCALING = 0.01  # of a channel's weights, to either side


def best_shift(crossings: NDArray[np.float64], wanted: float = MARGIN) -> tuple[float, float]:
    """The smallest shift in (-1/2, 1/2] after which no crossing (T,) is nearer than `wanted` to an integer.

    Where there is none, the shift with the largest distance. Returns the shift and that distance.
    """
    places = np.unique(crossings % 1.0)
    gaps = np.diff(np.append(places, places[0] + 1.0))
    reach = min(wanted, gaps.max() / 2)
    # an integer must come to lie within [place + reach, next place - reach] of some wide enough gap
    wide = gaps / 2 >= reach - 1e-12
    low, high = places[wide] + reach, (places + gaps)[wide] - reach
    # shifting the crossings by d moves place p to p + d: an integer n stands where n - d was
    nearest = [
        min((np.clip(target, a, max(a, b)) - target for target in (0.0, 1.0, 2.0)), key=abs)
        for a, b in zip(low, high, strict=True)
    ]
    shift = -float(min(nearest, key=abs))
    moved = (places + shift) % 1.0
    return shift, float(np.minimum(moved, 1.0 - moved).min())
