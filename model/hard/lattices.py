"""Lattices, wire fences, grilles: thin bars before a soft ground."""

import numpy as np

from model.hard.scene import Pen, Picture, blend, soft, two_tones


def lattice(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Masts: uprights, crosspieces and diagonals, 0.6 to 3 px wide."""
    pen = Pen(side)
    for _ in range(int(rng.integers(1, 4))):
        left, width = rng.uniform(-20, side), rng.uniform(10, 60)
        step = width * rng.uniform(0.3, 1.2)
        lean = rng.uniform(-0.3, 0.3)
        thick = rng.uniform(0.6, 3.0)

        def at(
            share: float, y: float, left: float = left, width: float = width, lean: float = lean
        ) -> tuple[float, float]:
            return left + share * width + lean * y, y

        for share in (0.0, 1.0):
            pen.line([at(share, 0), at(share, side)], thick * 1.3)
        for number in range(int(side / step) + 1):
            top, end = number * step, (number + 1) * step
            pen.line([at(0, top), at(1, top)], thick)
            pen.line([at(0, top), at(1, end)], thick * 0.7)
            if judge or rng.random() < 0.7:
                pen.line([at(1, top), at(0, end)], thick * 0.7)
    ground, bars = two_tones(rng)
    under = soft(side, rng) if rng.random() < 0.7 else soft(side, rng) * 0.2 + ground * 0.8
    return blend(np.asarray(under, np.float32), bars, pen.cover())


def fence(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Wire netting: two families of parallel wires, or grilles of one, 0.5 to 2.5 px wide."""
    pen = Pen(side)
    pitch, thick = rng.uniform(3, 24 if judge else 30), rng.uniform(0.5, 2.5)
    angle = rng.uniform(0, np.pi)
    families = (angle, angle + rng.uniform(0.6, 2.4)) if rng.random() < 0.7 else (angle,)
    for turn in families:
        along = np.array([np.cos(turn), np.sin(turn)])
        across = np.array([-along[1], along[0]])
        middle = np.array([side / 2, side / 2])
        for number in np.arange(-side, side, pitch):
            start = middle + across * number
            pen.line([start - along * 1.5 * side, start + along * 1.5 * side], thick)
    _, wires = two_tones(rng)
    return blend(soft(side, rng), wires, pen.cover())
