"""What the hard pictures stand before: soft light, colours, and shapes drawn without stairs.

A picture is float32 (S, S, 3) in [0, 1] while it is drawn; S is its side in px.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import zoom

Picture = NDArray[np.float32]

FINE = 4  # times as large are strokes drawn, then averaged


def soft(side: int, rng: np.random.Generator, cells: int | None = None) -> Picture:
    """Smooth light of a few cells over the picture, coloured a little."""
    cells = int(rng.integers(2, 7)) if cells is None else cells
    light = rng.random((cells, cells, 1)) * np.ones(3)
    tint = rng.random((cells, cells, 3))
    colour = rng.uniform(0.0, 0.6)
    coarse = light * (1 - colour) + tint * colour
    smooth = zoom(coarse, (side / cells, side / cells, 1), order=3, mode="nearest", grid_mode=True)
    low, high = np.sort(rng.random(2))
    return np.asarray(np.clip(low + smooth * (high - low + 0.1), 0, 1), np.float32)


def flat(side: int, colour: Any) -> Picture:
    """One colour (3,) all over."""
    return np.asarray(np.broadcast_to(np.asarray(colour, np.float32), (side, side, 3)).copy(), np.float32)


def colour(rng: np.random.Generator) -> NDArray[np.float32]:
    """Any colour, (3,)."""
    return rng.random(3).astype(np.float32)


def two_tones(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two colours that differ: often black and white, or nearly."""
    if rng.random() < 0.5:
        dark, bright = np.full(3, rng.uniform(0, 0.15)), np.full(3, rng.uniform(0.85, 1.0))
    else:
        dark, bright = rng.random(3) * 0.5, 0.3 + rng.random(3) * 0.7
    pair = (dark, bright) if rng.random() < 0.5 else (bright, dark)
    return pair[0].astype(np.float32), pair[1].astype(np.float32)


def blend(under: Picture, over: Any, cover: NDArray[Any]) -> Picture:
    """`over` where `cover` (S, S) is 1, `under` where it is 0."""
    share = cover.astype(np.float32)[..., None]
    return np.asarray(under * (1 - share) + np.asarray(over, np.float32) * share, np.float32)


class Pen:
    """Strokes on a sheet `FINE` times as large; `cover` is what share of each pixel they hide."""

    def __init__(self, side: int, smooth: bool = True) -> None:
        self.side, self.fine = side, FINE if smooth else 1
        self._image = Image.new("L", (side * self.fine, side * self.fine))
        self._draw = ImageDraw.Draw(self._image)

    def line(self, points: Any, width: float) -> None:
        """A line through points (K, 2) of x and y in px, `width` px wide."""
        path = [(float(x) * self.fine, float(y) * self.fine) for x, y in points]
        self._draw.line(path, 255, max(1, round(width * self.fine)), joint="curve")

    def ellipse(self, middle: Any, radius: float, width: float | None = None) -> None:
        """A disc round x and y in px, or where a width is given a ring."""
        x, y = (float(value) for value in middle)
        box = [value * self.fine for value in (x - radius, y - radius, x + radius, y + radius)]
        if width is None:
            self._draw.ellipse(box, 255)
        else:
            self._draw.ellipse(box, outline=255, width=max(1, round(width * self.fine)))

    def polygon(self, points: Any) -> None:
        """A filled polygon of x and y in px."""
        self._draw.polygon([(float(x) * self.fine, float(y) * self.fine) for x, y in points], 255)

    def cover(self) -> NDArray[np.float32]:
        """(S, S) in [0, 1]."""
        drawn = np.asarray(self._image, np.float32) / 255
        return drawn.reshape(self.side, self.fine, self.side, self.fine).mean((1, 3))
