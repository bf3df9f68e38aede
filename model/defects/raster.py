"""Rectangles painted into frames.

Axis letters: N frames, H rows, W columns, B rectangles of a frame.
"""

import torch
from torch import Tensor


def within(length: int, first: Tensor, end: Tensor) -> Tensor:
    """Which of the places 0..length-1 lie in the half-open ranges (N, B) -> bool (N, B, length)."""
    places = torch.arange(length, device=first.device)
    return (places >= first.unsqueeze(-1)) & (places < end.unsqueeze(-1))


def paint(rows: Tensor, columns: Tensor, code: Tensor) -> Tensor:
    """For each pixel (N, H, W) the highest code of the rectangles that cover it, or 0.

    Rectangle b covers the rows marked in `rows` (N, B, H) and the columns marked in `columns` (N, B, W), both
    bool; `code` (N, B) is not negative and 0 where the rectangle is not used.
    """
    striped = code.unsqueeze(-1) * rows  # N, B, H
    return (striped.unsqueeze(-1) * columns.unsqueeze(-2)).amax(1)
