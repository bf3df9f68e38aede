"""Photographs to train on in a test: smooth, so that there is something to learn."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter


def write_photographs(folder: Path, count: int = 4) -> Path:
    """Write seeded PNGs of 48x56 px into `folder`, and return it."""
    rng = np.random.default_rng(2)
    for i in range(count):
        smooth = gaussian_filter(rng.random((48, 56, 3)) * 1500 - 620, (4, 4, 0))
        Image.fromarray(smooth.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return folder
