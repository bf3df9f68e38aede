"""The sensor's defect map as a picture: 255 at broken pixels, 0 at the others, one byte a pixel."""

import json
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from board import pictures
from board.device import Pixels
from board.errors import BoardError
from board.files import replacing

BROKEN = 255
SENSOR = "pixelmend sensor"  # of the PNG's text: what calibration knew


def read(path: Path) -> Pixels:
    """The map, uint8 (H, W) of 0 and 255. `BoardError` where it is no map."""
    try:
        with Image.open(path) as image:
            pictures.check_size(path, *image.size, pictures.LARGEST_MPX)
            if image.mode not in ("1", "L"):
                raise BoardError(f"{path}: expected a grey picture of 8 bits, found {image.mode}")
            values = np.array(image.convert("L"), np.uint8)
    except FileNotFoundError:
        raise BoardError(f"{path}: no such file") from None
    except BoardError:
        raise
    except Exception as error:  # Pillow's readers raise nearly every kind on damaged files
        raise BoardError(f"{path}: not a defect map that can be read ({error})") from None
    other = np.unique(values[(values != 0) & (values != BROKEN)])
    if len(other):
        raise BoardError(
            f"{path}: expected 0 (sound) and {BROKEN} (broken) only, found {int(other[0])} as well"
        )
    return values


def write(path: Path, broken: np.ndarray, about: dict[str, object]) -> None:
    """Write a bool array (H, W) as a PNG that says what it was made from."""
    text = PngImagePlugin.PngInfo()
    text.add_text(SENSOR, json.dumps(about))
    with replacing(path) as temporary:
        Image.fromarray(broken.astype(np.uint8) * np.uint8(BROKEN)).save(
            temporary, format="PNG", pnginfo=text
        )
