"""Pictures of any size as frames of the accelerator's.

The result is that of one network as large as the picture, to the last bit: a frame that was cut out of it is
right wherever its pixels see nothing beyond a cut. A frame's own zero padding is right where the frame ends
with the picture, so there nothing is left out. Sides that the network's strides don't divide, and pictures
smaller than a frame, are mirrored at the right and at the bottom (the last row itself is not repeated).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from board.device import Pixels
from board.errors import BoardError
from board.overlay import Overlay


@dataclass(frozen=True)
class Span:
    """A frame along one axis of a picture: it starts at `at`, and is right in `first` .. `last` - 1."""

    at: int
    first: int
    last: int


@dataclass(frozen=True)
class Tile:
    """A frame of a picture."""

    row: int  # of the tiles
    rows: Span
    columns: Span


def spans(side: int, frame: int, before: int, after: int, multiple: int) -> list[Span]:
    """Frames of `frame` px that cover 0 .. `side` - 1, each pixel in the first that has it right.

    `BoardError` where the frame is too small for its inside to be right anywhere.
    """
    padded = max(frame, -(-side // multiple) * multiple)
    found: list[Span] = []
    at = first = 0
    while first < side:
        last = padded if at + frame == padded else at + frame - after
        if last <= first:
            raise BoardError(
                f"frames of {frame} px are too small to be joined: a pixel sees {before} px before and "
                f"{after} behind it; pictures may be {frame} px at most"
            )
        found.append(Span(at, first, min(last, side)))
        first = last
        at = min((last - before) // multiple * multiple, padded - frame)
    return found


class Tiling:
    """The frames of a picture (height, width), row by row."""

    def __init__(self, overlay: Overlay, height: int, width: int) -> None:
        reach = overlay.before, overlay.after, overlay.multiple
        self.height, self.width = height, width
        self.rows = spans(height, overlay.height, *reach)
        self.columns = spans(width, overlay.width, *reach)
        self._frame = overlay.height, overlay.width

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def __iter__(self) -> Iterator[Tile]:
        for row, rows in enumerate(self.rows):
            for columns in self.columns:
                yield Tile(row, rows, columns)

    def cut(self, tile: Tile, picture: NDArray[np.uint8], frame: Pixels) -> None:
        """Copy the tile's part of `picture` (height, width[, 3]) into `frame`, mirrored beyond it."""
        spans = (tile.rows, self._frame[0], self.height), (tile.columns, self._frame[1], self.width)
        inside = [span.at + length <= side for span, length, side in spans]
        if all(inside):
            rows, columns = (slice(span.at, span.at + length) for span, length, _ in spans)
            np.copyto(frame, picture[rows, columns])
        else:
            rows_at, columns_at = (
                mirrored(np.arange(span.at, span.at + length), side) for span, length, side in spans
            )
            np.copyto(frame, picture[rows_at[:, None], columns_at])


def mirrored(places: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Places within 0 .. side - 1 that stand for `places` (>= 0), mirrored as often as needed."""
    if side == 1:
        return np.zeros_like(places)
    period = 2 * (side - 1)
    folded = places % period
    return np.minimum(folded, period - folded)
