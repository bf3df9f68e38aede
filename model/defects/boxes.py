"""Boxes in which about half of the pixels are dead or hot: the published defects, and those of one colour.

Axis letters: N frames, H rows, W columns, B boxes of a frame.
"""

import torch

from model.defects.config import DefectConfig
from model.defects.pattern import Pattern, Sides, between, hot
from model.defects.raster import paint, within
from pixelmend.errors import UserError


def dynamic(sides: Sides, config: DefectConfig, generator: torch.Generator) -> Pattern:
    """Boxes of dead or hot pixels; the mask is the whole of every box. The later of two that overlap counts.

    Raises `UserError` where a box could be larger than the frame.
    """
    n, height, width = sides
    if config.side[1] > min(height, width):
        raise UserError(f"defects up to {config.side[1]} px wide need a larger frame, got {height}x{width}")
    most = config.boxes[1]
    # One row of uniform numbers per box and property; every frame draws as many, whatever it then uses.
    u = torch.rand((5, n, most), generator=generator, device=generator.device, dtype=torch.float64)
    side = between(u[0], *config.side)  # N, B
    count = between(u[1, :, :1], *config.boxes)  # N, 1
    top, left = (u[2] * (height - side + 1)).long(), (u[3] * (width - side + 1)).long()
    number = torch.arange(most, device=generator.device)
    code = (2 * (number + 1) + hot(u[4], config)) * (number < count)
    rows, columns = within(height, top, top + side), within(width, left, left + side)
    return Pattern(paint(rows, columns, code.short()), config.fill)


def channels(sides: Sides, config: DefectConfig, generator: torch.Generator) -> Pattern:
    """The boxes of `dynamic` behind a Bayer filter: a broken pixel loses only the colour that it measures.

    Each 2x2 px hold R G / G B; which of the four comes first is drawn for each frame.
    """
    pattern = dynamic(sides, config, generator)
    n, height, width = sides
    device = generator.device
    phase = (torch.rand((2, n, 1), generator=generator, device=device) * 2).long()
    row = (torch.arange(height, device=device) + phase[0]) % 2  # N, H
    column = (torch.arange(width, device=device) + phase[1]) % 2  # N, W
    colour = row.unsqueeze(2) + column.unsqueeze(1)  # N, H, W: 0 red, 1 green, 2 blue
    lost = colour.unsqueeze(1) == torch.arange(3, device=device).view(1, 3, 1, 1)
    return Pattern(pattern.code, pattern.fill, channels=lost)
