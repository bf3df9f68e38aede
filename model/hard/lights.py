"""Small and bright: lamps at night, stars, glints."""

import numpy as np
from numpy.typing import NDArray

from model.hard.scene import Picture, soft

LEAST_PSF = 0.7  # px, standard deviation of the narrowest point


def lamps(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Lamps at night: saturated cores with halos, of 0.7 to 4 px, and their rows in the distance."""
    picture = soft(side, rng) * np.float32(rng.uniform(0.02, 0.3))
    for _ in range(int(rng.integers(5, 60))):
        place, width = rng.uniform(0, side, 2), rng.uniform(LEAST_PSF, 4)
        light = rng.uniform(0.3, 6) * (0.5 + 0.5 * rng.random(3))
        _add(picture, place, width, light)
        if rng.random() < 0.5:
            _add(picture, place, width * rng.uniform(3, 6), light * 0.1)
    if rng.random() < 0.5:
        start, step = rng.uniform(0, side, 2), rng.uniform(-12, 12, 2)
        light = rng.uniform(0.5, 4) * (0.5 + 0.5 * rng.random(3))
        for number in range(40):
            _add(picture, start + number * step, rng.uniform(LEAST_PSF, 1.5), light)
    return picture.clip(0, 1)


def stars(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """A star field: one point spread of 0.7 to 2.5 px, many faint ones to each bright, a slow glow, noise."""
    width = rng.uniform(LEAST_PSF, 2.5)
    picture = soft(side, rng) * np.float32(rng.uniform(0.0, 0.15))
    count = int(rng.integers(50, 900) * (side / 256) ** 2)
    flux = 0.05 * rng.random(count) ** (-1 / rng.uniform(1.0, 1.6))
    for light in flux:
        tint = 1 + rng.uniform(-0.25, 0.25, 3)
        _add(picture, rng.uniform(0, side, 2), width, min(light, 30.0) * tint)
    picture += rng.normal(0, rng.uniform(0, 0.02), picture.shape)
    return picture.clip(0, 1)


def glints(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Specular highlights: elongated, saturated, on rippled surfaces."""
    picture = soft(side, rng) * np.float32(rng.uniform(0.2, 0.8))
    row, column = np.mgrid[:side, :side].astype(np.float32)
    for _ in range(int(rng.integers(1, 4))):
        pitch, turn = rng.uniform(4, 40), rng.uniform(0, np.pi)
        wave = np.sin((column * np.cos(turn) + row * np.sin(turn)) * 2 * np.pi / pitch + rng.uniform(0, 6))
        picture *= 1 + 0.2 * wave[..., None]
    turn = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(10, 120))):
        place, width = rng.uniform(0, side, 2), rng.uniform(LEAST_PSF, 2)
        if judge or rng.random() < 0.5:
            turn = rng.uniform(0, np.pi)
        for step in np.arange(int(rng.integers(1, 8))):
            _add(
                picture,
                place + step * width * np.array([np.sin(turn), np.cos(turn)]),
                width,
                rng.uniform(0.2, 1.5) * np.ones(3),
            )
    return picture.clip(0, 1)


def _add(picture: Picture, place: NDArray[np.float64], width: float, light: NDArray[np.float64]) -> None:
    """A Gaussian point at `place` (row, column), its peak `light` (3,), into the picture."""
    reach = int(np.ceil(3.5 * width))
    top, left = (round(float(value)) - reach for value in place)
    bottom, right = top + 2 * reach + 1, left + 2 * reach + 1
    rows = np.arange(max(0, top), min(len(picture), bottom))
    columns = np.arange(max(0, left), min(len(picture), right))
    if not len(rows) or not len(columns):
        return
    down = np.exp(-((rows - place[0]) ** 2) / (2 * width**2))
    across = np.exp(-((columns - place[1]) ** 2) / (2 * width**2))
    spot = down[:, None, None] * across[None, :, None] * light
    picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += spot.astype(np.float32)
