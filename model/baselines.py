"""What a network is measured against: filters and inpainting that need no training.

Each takes a defective frame (H, W, 3) uint8 and the map of broken pixels (H, W) bool and gives a frame; those
that look at the map end in `_in_map` or say so.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from skimage.restoration import inpaint_biharmonic

from model.metrics import median3
from model.photos import Photo

Map = NDArray[np.bool_]


def defective(frame: Photo, broken: Map) -> Photo:
    """Nothing is done."""
    return frame


def median3_everywhere(frame: Photo, broken: Map) -> Photo:
    """3x3 median of each colour over the whole frame."""
    return median3(frame)


def median5_everywhere(frame: Photo, broken: Map) -> Photo:
    """5x5 median of each colour over the whole frame, edges reflected."""
    return median_filter(frame, size=(5, 5, 1), mode="reflect")


def median3_in_map(frame: Photo, broken: Map) -> Photo:
    """3x3 median of each colour at the broken pixels; the others stay."""
    return np.where(broken[..., None], median3(frame), frame)


def median3_selected(select: Callable[[Photo, Map], Photo], frame: Photo, broken: Map) -> Photo:
    """3x3 median of each colour where `select`, another repair, changes a pixel; the others stay."""
    changed = (select(frame, broken) != frame).any(2)
    return median3_in_map(frame, changed)


def biharmonic_in_map(frame: Photo, broken: Map) -> Photo:
    """Biharmonic inpainting (Damelin and Hoang 2018, scikit-image) of the broken pixels; the others stay."""
    if not broken.any() or broken.all():  # nothing to do, or nothing to do it from
        return frame
    filled = inpaint_biharmonic(frame, broken, channel_axis=2)  # (H, W, 3) in [0, 1]
    return np.where(broken[..., None], np.rint(filled * 255).astype(np.uint8), frame)
