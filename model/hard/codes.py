"""Made of cells: matrix codes, screens seen from near, halftones and dithering."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.hard.scene import Picture, blend, colour, flat, soft, two_tones


def code(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Matrix and bar codes with modules of 1 to 9 px, with the three finder squares of a QR code."""
    picture = soft(side, rng)
    for _ in range(int(rng.integers(1, 4))):
        module = int(rng.integers(1, 10))
        count = int(rng.integers(11, 42))
        bits = rng.random((count, count)) < (0.5 if judge else rng.uniform(0.35, 0.65))
        if rng.random() < 0.2:
            bits[:] = bits[0]
        else:
            finder = np.zeros((8, 8), bool)
            finder[:7, :7] = True
            finder[1:6, 1:6] = False
            finder[2:5, 2:5] = True
            bits[:8, :8], bits[:8, -8:], bits[-8:, :8] = finder, finder[:, ::-1], finder[::-1]
        bits = np.pad(bits, 2)
        cells = np.kron(bits, np.ones((module, module)))
        paper, ink = two_tones(rng)
        top, left = rng.integers(-20, side - 20, 2)
        first = max(0, -top), max(0, -left)
        part = cells[first[0] :, first[1] :][: side - max(0, top), : side - max(0, left)]
        area = (
            slice(max(0, top), max(0, top) + part.shape[0]),
            slice(max(0, left), max(0, left) + part.shape[1]),
        )
        picture[area] = np.where(part[..., None] > 0, ink, paper)
    return picture


def screen(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """A display whose red, green and blue stripes are resolved: 1 to 3 px each, with dark gaps."""
    wide = int(rng.integers(1, 4))
    under = soft(side, rng)
    row, column = np.mgrid[:side, :side]
    stripe = column // wide % 3
    mask = np.stack([stripe == number for number in range(3)], 2).astype(np.float32)
    if rng.random() < 0.6:
        mask *= (row % (3 * wide) > 0)[..., None]
    leak = rng.uniform(0.0, 0.4)
    return np.asarray(
        under * (leak + (1 - leak) * mask) * (2.0 if rng.random() < 0.3 else 1.0), np.float32
    ).clip(0, 1)


def halftone(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Printed dots of a pitch of 3 to 10 px at an angle, one ink or three."""
    under = soft(side, rng)
    row, column = np.mgrid[:side, :side].astype(np.float32)
    pitch = rng.uniform(3, 10)
    paper, ink = two_tones(rng)
    if rng.random() < 0.5:
        cells = _screened(row, column, pitch, rng.uniform(0, np.pi))
        return blend(flat(side, paper), ink, under[..., 1] > cells)
    planes = [under[..., n] > _screened(row, column, pitch, rng.uniform(0, np.pi)) for n in range(3)]
    return np.stack(planes, 2).astype(np.float32)


def dither(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Few colours: Floyd and Steinberg's diffusion, or an ordered pattern of 2 to 8 px."""
    under = soft(side, rng)
    if rng.random() < 0.5:
        image = Image.fromarray((under * 255).astype(np.uint8))
        if rng.random() < 0.5:
            return np.asarray(image.convert("1").convert("RGB"), np.float32) / np.float32(255)
        few = image.quantize(int(rng.integers(2, 17)), dither=Image.Dither.FLOYDSTEINBERG)
        return np.asarray(few.convert("RGB"), np.float32) / np.float32(255)
    order: NDArray[Any] = np.zeros((1, 1))
    for _ in range(int(rng.integers(1, 4))):
        order = np.block([[4 * order, 4 * order + 2], [4 * order + 3, 4 * order + 1]])
    steps = int(rng.integers(1, 4))
    limit = np.resize((order + 0.5) / order.size, (len(order), len(order)))
    tiled = np.tile(limit, (side // len(order) + 1,) * 2)[:side, :side, None]
    return np.asarray(
        np.floor(under * steps + tiled).clip(0, steps) / steps * (colour(rng) * 0.5 + 0.5), np.float32
    )


def _screened(row: Picture, column: Picture, pitch: float, turn: float) -> Picture:
    """The limit above which a pixel is inked, (S, S) in [0, 1]: cosine hills."""
    x = (column * np.cos(turn) + row * np.sin(turn)) * 2 * np.pi / pitch
    y = (row * np.cos(turn) - column * np.sin(turn)) * 2 * np.pi / pitch
    return np.asarray((2 + np.cos(x) + np.cos(y)) / 4, np.float32)
