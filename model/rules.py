"""Rules that cameras and raw converters find defective pixels by: a pixel against its neighbours.

Each takes a frame (H, W, 3) uint8 and gives one; every colour is looked at by itself.
"""

import numpy as np
from numpy.typing import NDArray

from model.metrics import median3
from model.photos import Photo

HOT_FROM = 0.05 ** (1 / 2.2) * 255  # levels; darktable's threshold 0.05 is linear, our levels are not
HOT_TIMES = 0.125 ** (1 / 2.2)  # its strength 0.25 / 2, alike
OUTLIER = 40  # levels


def hot_pixels(frame: Photo) -> Photo:
    """darktable's module `hotpixels` with its defaults, on colours instead of a mosaic.

    A value over `HOT_FROM` whose four neighbours are all below `HOT_TIMES` of it becomes the largest of
    them; border pixels stay.
    """
    values = frame.astype(np.float32)
    four = np.stack([values[:-2, 1:-1], values[2:, 1:-1], values[1:-1, :-2], values[1:-1, 2:]])
    inner = values[1:-1, 1:-1]
    highest = four.max(0)
    hot = (inner > HOT_FROM) & (highest < HOT_TIMES * inner)
    result = frame.copy()
    result[1:-1, 1:-1] = np.where(hot, highest, inner).astype(np.uint8)
    return result


def outliers(frame: Photo) -> Photo:
    """A value more than `OUTLIER` levels over the highest or below the lowest of its eight neighbours becomes
    the median of the nine, as sensors' own correction does; borders are reflected.
    """
    wide = np.pad(frame.astype(np.int16), ((1, 1), (1, 1), (0, 0)), mode="reflect")
    around: list[NDArray[np.int16]] = [
        wide[1 + down : wide.shape[0] - 1 + down, 1 + right : wide.shape[1] - 1 + right]
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        if (down, right) != (0, 0)
    ]
    highest, lowest = np.maximum.reduce(around), np.minimum.reduce(around)
    off = (frame > highest + OUTLIER) | (frame < lowest - OUTLIER)
    return np.where(off, median3(frame), frame)
