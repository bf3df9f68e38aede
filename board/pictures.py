"""Picture files in and out. Pixels are handled as they are stored, since a sensor's map belongs to them; the
orientation that the file asks for is kept as its EXIF tag: viewers turn the result as they did before.
"""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from board.device import Pixels
from board.errors import BoardError
from board.files import replacing

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".npy")
LARGEST_MPX = 100  # megapixels; about 7 bytes each are held while a picture is read or written

Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before any pixel is decoded


@dataclass(frozen=True)
class Picture:
    """uint8 pixels (H, W, 3); what was converted on the way; what is written back with the result."""

    pixels: Pixels
    notes: tuple[str, ...] = ()
    keep: dict[str, Any] = field(default_factory=dict)  # EXIF data, colour profile


def read(path: Path, largest_mpx: float = LARGEST_MPX) -> Picture:
    """Read a picture of 8 bits a channel; grey, palette and CMYK are converted to RGB, and noted.

    `BoardError` where it is missing, empty, no picture, cut short, animated, larger than allowed, partly
    transparent, or of more than 8 bits a channel.
    """
    try:
        if not path.is_file():
            raise BoardError(f"{path}: no such file")
        if not path.stat().st_size:
            raise BoardError(f"{path}: the file is empty")
        if path.suffix.lower() == ".npy":
            return Picture(_array(path, largest_mpx))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata, which is not used
            with Image.open(path) as image:
                return _picture(path, image, largest_mpx)
    except UnidentifiedImageError:
        raise BoardError(f"{path}: not a picture that can be read here") from None
    except BoardError:
        raise
    except MemoryError:
        raise BoardError(f"{path}: too large for this machine's memory") from None
    except Exception as error:  # Pillow's readers raise nearly every kind on damaged files
        raise BoardError(f"{path}: damaged or cut short ({error})") from error


def write(path: Path, pixels: Pixels, keep: dict[str, Any] | None = None) -> None:
    """Write uint8 pixels (H, W, 3) atomically, in the format of the name; JPEG as well as it can."""
    with replacing(path) as temporary:
        if path.suffix.lower() == ".npy":
            with temporary.open("wb") as stream:
                np.save(stream, pixels)
            return
        options: dict[str, Any] = dict(keep or {})
        if path.suffix.lower() in (".jpg", ".jpeg"):
            options |= {"quality": 95, "subsampling": 0}
        elif path.suffix.lower() == ".webp":
            options |= {"lossless": True}
        Image.fromarray(pixels).save(temporary, **options)


def read_array(path: Path) -> NDArray[Any]:
    """An .npy array that is read as it is used; `BoardError` where it is none. No pickle is ever loaded."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, TypeError, EOFError, SyntaxError, OverflowError, MemoryError) as error:
        raise BoardError(f"{path}: damaged or cut short, or no array of numbers ({error})") from error


def _array(path: Path, largest_mpx: float) -> Pixels:
    array = read_array(path)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise BoardError(f"{path}: expected a uint8 array (H, W, 3), got {array.dtype} {array.shape}")
    check_size(path, array.shape[1], array.shape[0], largest_mpx)
    return array


def _picture(path: Path, image: Image.Image, largest_mpx: float) -> Picture:
    check_size(path, *image.size, largest_mpx)
    count = getattr(image, "n_frames", 1)
    if count > 1:
        raise BoardError(f"{path}: {count} frames; expected one picture (save its frames one by one)")
    deep = image.mode.startswith("I") or image.mode == "F"
    if deep or any("16" in str(tile[3]) for tile in getattr(image, "tile", ())):
        raise BoardError(f"{path}: more than 8 bits a channel; the network was made for 8, convert it first")
    exif = image.getexif()  # before the pixels: Pillow 9.0, as PYNQ 3.0 has it, closes a TIFF behind them
    if image.format == "TIFF" and exif.get(_ORIENTATION, 1) != 1:
        raise BoardError(
            f"{path}: Pillow turns a TIFF with an orientation tag while it reads; save it upright"
        )
    image.load()
    notes = []
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        alpha = image.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            raise BoardError(f"{path}: partly transparent; expected a camera's picture")
    if image.mode != "RGB":
        notes.append(f"{_KINDS.get(image.mode, image.mode)} converted to RGB")
    if exif.get(_ORIENTATION, 1) != 1:
        notes.append("repaired as stored, its orientation tag is kept")
    keep: dict[str, Any] = {"exif": exif.tobytes()} if len(exif) else {}
    if image.mode == "RGB" and image.info.get("icc_profile"):
        keep["icc_profile"] = image.info["icc_profile"]
    return Picture(np.array(image.convert("RGB"), np.uint8), tuple(notes), keep)


def check_size(path: Path, width: int, height: int, largest_mpx: float) -> None:
    """`BoardError` where a picture has more megapixels than are taken."""
    if width * height > largest_mpx * 1e6:
        raise BoardError(
            f"{path}: {width}x{height} px are {width * height / 1e6:.0f} megapixels, at most {largest_mpx:g} "
            "are taken (--largest)"
        )


_ORIENTATION = 0x0112  # the EXIF tag
_KINDS = {"L": "grey", "1": "black and white", "P": "a palette", "CMYK": "CMYK", "RGBA": "an opaque alpha"}
