"""Pictures of a comparison: single PNGs, and one sheet with all of them side by side."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pixelmend.files import replacing

Pixels = NDArray[np.uint8]

GAP = 8  # px between two pictures
CAPTION = 14  # px above each
LEAST_SIDE = 256  # px; smaller pictures are enlarged by a whole number on the sheet


def write_png(path: Path, pixels: Pixels) -> None:
    """Write uint8 (H, W, 3) as PNG, atomically."""
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")


def absolute_error(clean: Pixels, result: Pixels) -> Pixels:
    """|result - clean| per channel, uint8 (H, W, 3); 0 is black."""
    return np.abs(result.astype(np.int16) - clean.astype(np.int16)).astype(np.uint8)


def signed_error(clean: Pixels, result: Pixels, gain: int = 4) -> Pixels:
    """128 + gain * (result - clean) per channel, clipped to uint8 (H, W, 3); mid grey is no error."""
    error = result.astype(np.int32) - clean.astype(np.int32)
    return (128 + gain * error).clip(0, 255).astype(np.uint8)


def renormalized(clean: Pixels, result: Pixels) -> tuple[Pixels, Pixels]:
    """The signed error on mid grey and the absolute one on black, the largest of all being as far as it goes."""
    error = result.astype(np.float64) - clean.astype(np.float64)
    shown = error / max(1.0, float(np.abs(error).max()))
    return np.rint(127.5 + 127.5 * shown).astype(np.uint8), np.rint(255 * np.abs(shown)).astype(np.uint8)


def sheet(pictures: dict[str, Pixels]) -> Pixels:
    """All pictures (H, W, 3) of one size in a row, their names above, enlarged by pixel repetition."""
    height, width = next(iter(pictures.values())).shape[:2]
    times = max(1, -(-LEAST_SIDE // max(height, width)))
    tall, wide = height * times, width * times
    canvas = Image.new("RGB", (len(pictures) * (wide + GAP) + GAP, tall + 2 * GAP + CAPTION), "white")
    draw = ImageDraw.Draw(canvas)
    for index, (name, pixels) in enumerate(pictures.items()):
        left = GAP + index * (wide + GAP)
        draw.text((left, GAP // 2), name, fill="black")
        enlarged = Image.fromarray(pixels).resize((wide, tall), Image.Resampling.NEAREST)
        canvas.paste(enlarged, (left, GAP + CAPTION))
    return np.asarray(canvas)


def stack(sheets: list[Pixels]) -> Pixels:
    """Sheets below each other, the narrower ones filled up with white on the right."""
    widest = max(one.shape[1] for one in sheets)
    filled = [
        np.pad(one, ((0, 0), (0, widest - one.shape[1]), (0, 0)), constant_values=255) for one in sheets
    ]
    return np.concatenate(filled)
