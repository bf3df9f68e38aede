"""Broken rows and columns.

Axis letters: N frames, H rows, W columns, B lines of a frame.
"""

import torch
from torch import Tensor

from model.defects.config import DefectConfig
from model.defects.pattern import Pattern, Sides, between, hot
from model.defects.raster import paint, within
from pixelmend.errors import UserError


def lines(sides: Sides, config: DefectConfig, generator: torch.Generator) -> Pattern:
    """Rows, or columns, of a frame: half of them whole, the others from some place to one of the two edges.

    All lines of a frame run in one direction, since the bounding box of two that cross is the whole frame.
    The mask is the lines. Raises `UserError` where a line could be wider than the frame.
    """
    n, height, width = sides
    if config.line_width[1] > min(height, width):
        raise UserError(
            f"lines up to {config.line_width[1]} px wide need a larger frame, got {height}x{width}"
        )
    device, most = generator.device, config.lines[1]
    u = torch.rand((6, n, most), generator=generator, device=device, dtype=torch.float64)
    upright = torch.rand((n, 1), generator=generator, device=device) < 0.5
    number = torch.arange(most, device=device)
    code = (2 * (number + 1) + hot(u[0], config)) * (number < between(u[1, :, :1], *config.lines))
    thick = between(u[2], *config.line_width)  # N, B
    # From a whole line down to a quarter of one; the half of the numbers below 1/2 are whole lines.
    begin = (2 * u[3] - 1).clamp(min=0) * 0.75
    low = torch.where(u[4] < 0.5, begin, 0.0)
    high = torch.where(u[4] < 0.5, 1.0, 1 - begin)
    place = torch.where(upright, u[5] * (width - thick + 1), u[5] * (height - thick + 1)).long()
    across, along = (place, place + thick), (low, high)
    turned = upright.unsqueeze(-1)
    rows = torch.where(turned, _within_share(height, *along), within(height, *across))  # N, B, H
    columns = torch.where(turned, within(width, *across), _within_share(width, *along))  # N, B, W
    return Pattern(paint(rows, columns, code.short()))


def _within_share(length: int, low: Tensor, high: Tensor) -> Tensor:
    """`within` with the ranges given as shares of the length."""
    return within(length, (low * length).floor(), (high * length).ceil())
