"""Which pixels of an input an operator's output pixels need: written once for each operator.

What a tile needs around it, how far one branch lags behind another, the depth of FIFOs and the steps of an
operator that works in step with its streams all follow from it (`hls.reach`, `hls.order`, `hls.timing`).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Size = tuple[int, int]  # rows, columns


@dataclass(frozen=True)
class Axis:
    """Along one axis, the places (step*o + first) // per to (step*o + last) // per, of place o of the output.

    Places outside the input stand for borders: zeros, or the border repeated; they need nothing.
    """

    step: int = 1
    per: int = 1
    first: int = 0
    last: int = 0

    def low(self, places: Counts) -> Counts:
        """The first place that each output place needs."""
        return (self.step * places + self.first) // self.per

    def high(self, places: Counts) -> Counts:
        """The last one."""
        return (self.step * places + self.last) // self.per


@dataclass(frozen=True)
class Access:
    """What the pixels of an output need of one input, along rows and along columns.

    delay: output pixel n leaves with input pixel n + delay, or the last, where that says more than the axes;
    whole_rows: the input is taken in whole rows;
    rows_held: rows of the input that find a place before they are needed, from the first that the output's
    row needs; None: a pixel is taken when it is needed;
    carry: pixels either way along which a result comes from neighbours that are results themselves.
    """

    rows: Axis = field(default_factory=Axis)
    columns: Axis = field(default_factory=Axis)
    delay: int | None = None
    whole_rows: bool = False
    rows_held: int | None = None
    carry: int = 0

    def needed(self, have: Size, made: Size) -> Counts:
        """For each output pixel of a frame in raster order, the last input pixel that must have come.

        `have` and `made` are the sizes of input and output. A pixel that needs none counts as the first.
        """
        (height, width), count = have, made[0] * made[1]
        if self.delay is not None:
            return np.minimum(np.arange(count) + self.delay, height * width - 1)
        rows = self.rows.high(np.arange(made[0]))[:, None]
        columns = self.columns.high(np.arange(made[1]))
        places = np.full_like(columns, width - 1) if self.whole_rows else np.clip(columns, -1, width - 1)
        inside = np.minimum(rows, height - 1) if self.whole_rows else rows
        last = np.where(inside < 0, -1, inside * width + places)
        last = np.where(inside >= height, height * width - 1, last)
        return np.maximum(last, 0).reshape(-1)

    def taken(self, have: Size, made: Size) -> Counts:
        """For each output pixel in raster order, the input pixels that are taken before it leaves."""
        if self.rows_held is None:
            needed = np.maximum.accumulate(self.needed(have, made))
            return np.concatenate([[0], needed[:-1] + 1])
        rows = np.maximum(self.rows.low(np.arange(made[0])), 0) + self.rows_held
        return np.repeat(np.minimum(rows, have[0]) * have[1], made[1])


POINTWISE = Access()
