"""Text, line art, hair, grass."""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.hard.scene import Pen, Picture, blend, colour, flat, soft, two_tones

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
TRAINED = ("DejaVuSans", "DejaVuSerif-Bold", "DejaVuSans-Oblique", "STIXGeneral", "cmss10")
JUDGING = ("DejaVuSansMono", "DejaVuSerif", "DejaVuSans-Bold", "cmr10")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;-()/+*'!?%&="


def text(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Lines of words of 9 to 24 px, in two tones or over a soft picture, smoothed or not."""
    names = JUDGING if judge else TRAINED
    size = int(rng.integers(9, 25))
    font = ImageFont.truetype(str(FONTS / f"{names[rng.integers(len(names))]}.ttf"), size)
    image = Image.new("L", (side, side))
    drawing = ImageDraw.Draw(image)
    drawing.fontmode = "L" if rng.random() < 0.7 else "1"
    for y in np.arange(rng.uniform(-size, size), side, size * rng.uniform(1.0, 1.6)):
        words = ["".join(rng.choice(list(LETTERS), int(rng.integers(1, 11)))) for _ in range(side // size)]
        drawing.text((rng.uniform(-20, 20), y), " ".join(words), 255, font)
    paper, ink = two_tones(rng)
    under = flat(side, paper) if rng.random() < 0.7 else soft(side, rng)
    return blend(under, ink, np.asarray(image, np.float32) / 255)


def line_art(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Plots and drawings: thin straight and curved lines, hatching, dots and rings, some with stairs."""
    pen = Pen(side, smooth=rng.random() < 0.7)
    for _ in range(int(rng.integers(3, 25))):
        width = rng.uniform(0.7, 2.5)
        kind = rng.integers(5)
        middle = rng.uniform(0, side, 2)
        if kind == 0:
            pen.line([middle, rng.uniform(0, side, 2)], width)
        elif kind == 1:
            pen.ellipse(middle, rng.uniform(2, side / 3), width)
        elif kind == 2:
            x = np.linspace(0, side, 60)
            waves = middle[1] + rng.uniform(5, 60) * np.sin(x / rng.uniform(4, 40))
            pen.line(np.stack([x, waves], 1), width)
        elif kind == 3:
            step = rng.uniform(3, 9)
            for number in range(12):
                start = middle + number * np.array([step, 0])
                pen.line([start, start + np.array([20, 30])], width)
        else:
            for _ in range(15):
                pen.ellipse(middle + rng.normal(0, 20, 2), rng.uniform(1.2, 3.0))
    paper, ink = two_tones(rng)
    return blend(flat(side, paper) if rng.random() < 0.7 else soft(side, rng), ink, pen.cover())


def hair(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Hair and fur: hundreds of curved strokes side by side, lit differently."""
    picture = soft(side, rng)
    turn, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.02)
    for _ in range(int(rng.integers(3, 7))):
        pen = Pen(side)
        for _ in range(int(rng.integers(20, 90))):
            _stroke(pen, rng.uniform(0, side, 2), turn + rng.normal(0, 0.15), bend, rng, side)
        tone = colour(rng) * rng.uniform(0.2, 1.0) + rng.uniform(0, 0.3)
        picture = blend(picture, tone.clip(0, 1), pen.cover() * rng.uniform(0.4, 1.0))
    return picture


def grass(side: int, rng: np.random.Generator, judge: bool) -> Picture:
    """Blades, twigs and leaves in all directions, bright on dark and dark on bright."""
    picture = soft(side, rng)
    for _ in range(int(rng.integers(3, 7))):
        pen = Pen(side)
        for _ in range(int(rng.integers(20, 120))):
            _stroke(pen, rng.uniform(0, side, 2), rng.uniform(0, 2 * np.pi), rng.normal(0, 0.05), rng, 40)
        for _ in range(int(rng.integers(0, 60))):
            pen.ellipse(rng.uniform(0, side, 2), rng.uniform(1.2, 3))
        picture = blend(picture, colour(rng) * rng.uniform(0.1, 1.0), pen.cover())
    return picture


def _stroke(
    pen: Pen, start: np.ndarray, turn: float, bend: float, rng: np.random.Generator, longest: float
) -> None:
    length, width = rng.uniform(8, max(9, longest)), rng.uniform(0.4, 2.0)
    turns = turn + bend * np.arange(12) * length / 12
    steps = np.stack([np.cos(turns), np.sin(turns)], 1) * length / 12
    pen.line(start + np.concatenate([np.zeros((1, 2)), steps.cumsum(0)]), width)
