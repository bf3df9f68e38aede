"""Saturated colours, skies, checkerboards, and pictures inside dark or bright borders."""

import numpy as np

from model.hard.scene import Pen, Picture, blend, colour, flat, soft, two_tones


def saturated(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Areas of pure colours, some with a soft light over them, some beside one another."""
    pure = np.array([[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)], np.float32)
    picture = flat(side, pure[rng.integers(8)])
    for _ in range(int(rng.integers(0, 6))):
        pen = Pen(side)
        middle, radius = rng.uniform(0, side, 2), rng.uniform(4, side / 2)
        turns = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
        pen.polygon([middle + radius * np.array([np.cos(t), np.sin(t)]) for t in turns])
        tone = pure[rng.integers(8)] if rng.random() < 0.7 else colour(rng)
        picture = blend(picture, tone, pen.cover())
    if rng.random() < 0.4:
        picture = picture * (0.6 + 0.4 * soft(side, rng))
    return np.asarray(picture, np.float32)


def sky(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """A gradient that runs into saturation, with a dark skyline of roofs and twigs."""
    down = np.linspace(0, 1, side, dtype=np.float32)[:, None, None]
    top, bottom = colour(rng), 0.7 + 0.6 * colour(rng)
    picture = np.clip(top * (1 - down) + bottom * down + np.zeros((side, side, 3), np.float32), 0, 1)
    pen = Pen(side)
    line: list[tuple[float, float]] = [(0, side)]
    x = 0.0
    while x < side:
        y = side * rng.uniform(0.5, 1.0)
        wide = rng.uniform(2, 40)
        line += [(x, y), (x + wide, y)]
        x += wide
    pen.polygon([*line, (side, side)])
    for _ in range(int(rng.integers(0, 12))):
        x, high = rng.uniform(0, side), side * rng.uniform(0.1, 0.6)
        pen.line([(x, side), (x + rng.uniform(-8, 8), high)], rng.uniform(0.5, 2.0))
    return blend(np.asarray(picture, np.float32), colour(rng) * 0.3, pen.cover())


def checkerboard(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Squares of 1 to 24 px, straight or turned, over the whole or a part of a soft picture."""
    size = float(rng.integers(1, 25)) if rng.random() < 0.7 else rng.uniform(1.5, 24)
    row, column = np.mgrid[:side, :side].astype(np.float32)
    turn = rng.uniform(0, np.pi / 2) if rng.random() < 0.3 else 0.0
    x = column * np.cos(turn) + row * np.sin(turn) + rng.uniform(0, 50)
    y = row * np.cos(turn) - column * np.sin(turn) + rng.uniform(0, 50) + side
    odd = (np.floor(x / size) + np.floor(y / size)) % 2
    first, second = two_tones(rng)
    board = blend(flat(side, first), second, odd)
    if rng.random() < 0.4:
        x0, y0 = rng.uniform(0, side * 0.6, 2)
        window = (row > y0) & (row < y0 + side * 0.5) & (column > x0) & (column < x0 + side * 0.5)
        board = blend(soft(side, rng), board, window)
    return board


def border(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Bars and frames of one tone round a soft picture, from 1 px wide on."""
    picture = soft(side, rng)
    for _ in range(int(rng.integers(1, 4))):
        tone, _other = two_tones(rng)
        wide = int(rng.integers(1, 30))
        place = int(rng.integers(0, side - wide))
        span = slice(place, place + wide) if rng.random() < 0.4 else slice(0, wide)
        edge = int(rng.integers(4))
        rows = span if edge < 2 else slice(None)
        columns = span if edge >= 2 else slice(None)
        picture[rows, columns] = tone
        if rng.random() < 0.5:
            turned = picture[::-1, ::-1]
            turned[rows, columns] = tone
    return picture
