"""Hard sets: sound pictures that a finder of defects takes for broken ones, generated from a seed.

`lattices`, `flats`, `codes`, `lights`, `strokes` and `grain` draw them; `scene` is what they stand before.
Those that train and those that judge have other seeds, and where they can other fonts and parameters.
"""

from collections.abc import Callable
from zlib import crc32

import numpy as np

from model.hard import codes, flats, grain, lattices, lights, strokes
from model.hard.scene import Picture
from model.photos import Photo
from pixelmend.errors import UserError

__all__ = ["HARD", "LEAST_SIDE", "hard_picture", "hard_pictures"]

Draw = Callable[[int, np.random.Generator, bool], Picture]
"""Side in px, random numbers, and whether it is to judge -> float (S, S, 3) in [0, 1]."""

LEAST_SIDE = 64  # px, what is drawn needs room

HARD: dict[str, Draw] = {
    "lattice": lattices.lattice,
    "fence": lattices.fence,
    "saturated": flats.saturated,
    "sky": flats.sky,
    "checkerboard": flats.checkerboard,
    "border": flats.border,
    "code": codes.code,
    "screen": codes.screen,
    "halftone": codes.halftone,
    "dither": codes.dither,
    "lamps": lights.lamps,
    "stars": lights.stars,
    "glints": lights.glints,
    "text": strokes.text,
    "line_art": strokes.line_art,
    "hair": strokes.hair,
    "grass": strokes.grass,
    "noise": grain.noise,
    "jpeg": grain.jpeg,
}


def hard_picture(name: str, side: int, seed: int, judge: bool = False) -> Photo:
    """Picture number `seed` of a set, uint8 (S, S, 3); with `judge` one that no training sees.

    `UserError` where there is no such set, or the picture would have a side under `LEAST_SIDE`.
    """
    if side < LEAST_SIDE:
        raise UserError(f"hard pictures have sides of at least {LEAST_SIDE} px, got {side}")
    if name not in HARD:
        raise UserError(f"no hard set '{name}'; there are {', '.join(HARD)}")
    rng = np.random.default_rng([crc32(name.encode()), int(judge), seed])
    picture = HARD[name](side, rng, judge)
    return np.asarray((np.clip(picture, 0, 1) * 255).round(), np.uint8)


def hard_pictures(side: int, count: int, seed: int) -> list[Photo]:
    """`count` pictures of every set to train on."""
    return [hard_picture(name, side, seed * count + number) for name in HARD for number in range(count)]
