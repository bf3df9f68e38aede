"""Photographs: reading one or a folder of them, cropping, the held-out set.

A photograph is an array (H, W, 3) of uint8, R, G, B. Whatever else a file holds is converted, and said.
"""

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pixelmend.console import note
from pixelmend.errors import UserError
from pixelmend.files import text_digest

Photo = NDArray[np.uint8]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm")
BUNDLED = ("astronaut", "chelsea", "coffee", "rocket")  # functions of skimage.data


def read_photo(path: Path) -> Photo:
    """Read an image file as uint8 (H, W, 3), turned as its EXIF orientation says.

    Grey is replicated to R, G, B; palettes are looked up; 16 bits are scaled to 8 (v / 257, rounded); opaque
    alpha is dropped and transparent pixels are laid over white; of an animation the first frame is taken.
    Each conversion is noted on the console. `UserError` where the file is missing, truncated or no image.
    """
    photo, notes = decode(path)
    for text in notes:
        note(f"{path}: {text}")
    return photo


def decode(path: Path, reduce: int = 1) -> tuple[Photo, list[str]]:
    """`read_photo` with the notes returned; JPEGs are shrunk by `reduce` (1, 2, 4 or 8) while decoding."""
    if not path.is_file():
        raise UserError(
            f"{path}: expected a photograph, found {'a folder' if path.is_dir() else 'no such file'}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata, which is not used
            with Image.open(path) as image:
                if reduce > 1:
                    image.draft(None, (image.width // reduce, image.height // reduce))
                notes = _depth_notes(image)
                image.load()
                return _to_rgb(path, ImageOps.exif_transpose(image), notes), notes
    except UserError:
        raise
    except Exception as error:  # Pillow's readers raise nearly every kind on damaged files
        raise UserError(
            f"{path}: expected a photograph (JPEG, PNG, ...), got a file with: {error}"
        ) from error


def crop(photo: Photo, height: int, width: int, at: tuple[int, int] | None = None) -> Photo:
    """Cut (height, width) px out of (H, W, 3), top left pixel `at` (row, column), or from the centre.

    `UserError` where the photograph is smaller, or `at` puts the frame partly outside.
    """
    rows, columns = photo.shape[:2]
    if rows < height or columns < width:
        raise UserError(f"the frame needs {height}x{width} px, the photograph has only {rows}x{columns}")
    top, left = at if at is not None else ((rows - height) // 2, (columns - width) // 2)
    if not (0 <= top <= rows - height and 0 <= left <= columns - width):
        raise UserError(
            f"a frame of {height}x{width} px at row {top}, column {left} leaves "
            f"the photograph of {rows}x{columns}"
        )
    return photo[top : top + height, left : left + width]


def find_photos(folder: Path) -> list[Path]:
    """All image files under `folder`, in an order that depends on each file's own name only.

    The order is by a digest of the relative name, so a share of it is a fair sample, and a file that comes or
    goes moves no other. `UserError` where there are none.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: expected a folder of photographs; 'make data' fetches the default ones")
    paths = [path for path in folder.rglob("*") if _is_photo(path)]
    if not paths:
        raise UserError(f"{folder}: no photograph in it; expected files ending in {', '.join(SUFFIXES)}")
    return sorted(paths, key=lambda path: text_digest(path.relative_to(folder).as_posix()))


def load_photos(paths: list[Path], least: int, cap_mb: int, reduce: int = 2) -> list[Photo]:
    """Read photographs for training, JPEGs shrunk by `reduce` (which hides most of their block artefacts).

    What can't be read is left out, and photographs with a side under `least` px, and all after the first
    `cap_mb` MB of pixels; that is noted, as are the conversions, once for each kind.
    `UserError` where none is left.
    """
    photos: list[Photo] = []
    notes: Counter[str] = Counter()
    used = 0
    for i, path in enumerate(paths):
        try:
            photo, told = decode(path, reduce)
        except UserError as error:
            notes[f"left out, {error}"] += 1
            continue
        notes.update(told)
        if min(photo.shape[:2]) < least:
            notes[f"left out, a side is shorter than {least} px"] += 1
        elif used + photo.nbytes > cap_mb * 1_000_000:
            notes[f"left out, {cap_mb} MB of photographs are loaded"] += len(paths) - i
            break
        else:
            photos.append(photo)
            used += photo.nbytes
    for text, count in notes.items():
        note(f"{count} photograph{'s' if count > 1 else ''}: {text}")
    if not photos:
        raise UserError(
            f"no photograph of at least {least}x{least} px (after shrinking by {reduce}) was found"
        )
    return photos


def load_folder(folder: Path, least: int = 1, cap_mb: int = 1000, reduce: int = 1) -> list[Photo]:
    """Read all photographs under `folder`, in `find_photos` order; see `load_photos`."""
    return load_photos(find_photos(folder), least, cap_mb, reduce)


def split(paths: list[Path], share: float) -> tuple[list[Path], list[Path]]:
    """Photographs to judge by, about this share of them, and those to train on: none is in both.

    `UserError` where there are fewer than two.
    """
    if len(paths) < 2:
        raise UserError(
            f"training needs at least 2 photographs, one of them to validate on; got {len(paths)}"
        )
    count = max(1, round(len(paths) * share))
    return paths[:count], paths[count:]


def held_out(extra: Path | None = None) -> dict[str, Photo]:
    """The photographs no network is trained on, by name, each uint8 (H, W, 3).

    Seven come inside scikit-image and scikit-learn; those in the folder `extra` (`data/heldout`, where
    `python -m model.fetch` puts kodim23) are added where it exists.
    """
    from skimage import data  # slow to import, and only needed here
    from sklearn.datasets import load_sample_image

    photos = {name: np.asarray(getattr(data, name)(), np.uint8) for name in BUNDLED}
    photos["motorcycle_left"] = np.asarray(data.stereo_motorcycle()[0], np.uint8)
    for name in ("china", "flower"):
        photos[name] = np.asarray(load_sample_image(f"{name}.jpg"), np.uint8)
    if extra is not None and extra.is_dir():
        for path in sorted(extra.iterdir()):
            if _is_photo(path):
                photos[path.stem] = read_photo(path)
    return dict(sorted(photos.items()))


def _is_photo(path: Path) -> bool:
    """By its name; hidden files are what writers and file managers leave behind."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _depth_notes(image: Image.Image) -> list[str]:
    """What must be asked before the pixels are loaded: several frames, 16-bit colour (read as 8)."""
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append("several frames, the first is taken")
    if image.mode in ("RGB", "RGBA") and any("16" in str(tile[3]) for tile in getattr(image, "tile", ())):
        notes.append("16 bits a colour, the upper 8 are taken")
    return notes


def _to_rgb(path: Path, image: Image.Image, notes: list[str]) -> Photo:
    if image.mode == "RGB":
        return np.asarray(image, np.uint8)
    if image.mode.startswith("I"):
        return _from_16_bits(path, image, notes)
    if image.mode == "F":
        raise UserError(f"{path}: floating-point pixels have no fixed range; expected 8 or 16 bits")
    if image.mode in ("1", "L", "LA", "La"):
        notes.append("grey, replicated to R, G and B")
    elif image.mode in ("P", "PA"):
        notes.append("a palette, looked up")
    elif image.mode not in ("RGBA", "RGBa", "RGBX"):
        notes.append(f"colours converted from {image.mode} to RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() == (255, 255):
            notes.append("an opaque alpha channel, dropped")
        else:
            notes.append("transparent pixels, laid over white")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"), np.uint8)


def _from_16_bits(path: Path, image: Image.Image, notes: list[str]) -> Photo:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise UserError(f"{path}: expected 8 or 16 bits a pixel, got values {values.min()}..{values.max()}")
    notes.append("16-bit grey scaled to 8 bits and replicated to R, G and B")
    return np.repeat(((values + 128) // 257).astype(np.uint8)[..., None], 3, axis=2)
