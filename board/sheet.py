"""Before and after, side by side."""

from pathlib import Path

import numpy as np
from PIL import Image

from board.device import Pixels
from board.files import replacing

GAP = 8  # px, between pictures
LONGEST = 2048  # px; larger pictures are shrunk for the sheet


def write(path: Path, pictures: list[Pixels]) -> None:
    """Write uint8 pictures (H, W, 3) of one size, from left to right, on white."""
    height, width = pictures[0].shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sheet = Image.new("RGB", ((size[0] + GAP) * len(pictures) - GAP, size[1]), "white")
    for number, pixels in enumerate(pictures):
        image = Image.fromarray(np.ascontiguousarray(pixels))
        sheet.paste(image if scale == 1.0 else image.resize(size), (number * (size[0] + GAP), 0))
    with replacing(path) as temporary:
        sheet.save(temporary)
