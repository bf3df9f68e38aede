"""Synthetic sensor defects: boxes in which about half of the pixels are dead (black) or hot (white).

Axis letters: N frames, H rows, W columns, B boxes of a frame.
"""

from dataclasses import dataclass as plain_dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor

from pixelmend.config import CHECKED
from pixelmend.errors import UserError


@dataclass(frozen=True, config=CHECKED)
class DefectConfig:
    """How defects are drawn; the defaults are the published dynamic defects."""

    boxes: tuple[int, int] = (1, 3)  # fewest and most boxes of a frame
    side: tuple[int, int] = (7, 12)  # px, shortest and longest side of a box
    colour: Literal["black", "white", "both"] = "both"  # 'both' draws one for each box
    fill: float = 0.5  # chance that a pixel of a box is defective
    black: tuple[float, float] = (0.0, 0.2)  # amplitude range (lo, hi) of a dead pixel
    white: tuple[float, float] = (0.8, 1.0)  # amplitude range (lo, hi) of a hot pixel

    @model_validator(mode="after")
    def _check(self) -> "DefectConfig":
        if not 0 <= self.boxes[0] <= self.boxes[1] or self.boxes[1] < 1:
            raise ValueError("boxes must be (fewest, most) with 0 <= fewest <= most and most >= 1")
        if not 1 <= self.side[0] <= self.side[1]:
            raise ValueError("side must be (shortest, longest) in px with 1 <= shortest <= longest")
        if not 0.0 < self.fill <= 1.0:
            raise ValueError("fill must be greater than 0 and at most 1")
        for low, high in (self.black, self.white):
            if not 0.0 <= low <= high <= 1.0:
                raise ValueError("black and white must be (lo, hi) with 0 <= lo <= hi <= 1")
        return self


@plain_dataclass(frozen=True)
class _Boxes:
    """Boxes (N, B): the corner nearest the origin, the side, whether it is drawn, whether it is white."""

    top: Tensor
    left: Tensor
    side: Tensor
    used: Tensor
    white: Tensor


def synthesize(clean: Tensor, config: DefectConfig, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Damage frames: (N, 3, H, W) in [0, 1] -> defective frames, same shape, and the mask (N, 1, H, W) bool.

    The mask is the whole of every box. A defective pixel has the same amplitude clamp(|n| * hi, lo, hi),
    n from N(0, 1), in R, G and B. The result lies on the 8-bit grid k/255, as a sensor delivers it. Draws
    come from `generator`, which lives on the device of `clean`; where boxes overlap the later one counts.
    Raises `UserError` where a box could be larger than the frame.
    """
    n, _, height, width = clean.shape
    if config.side[1] > min(height, width):
        raise UserError(f"defects up to {config.side[1]} px wide need a larger frame, got {height}x{width}")
    boxes = _draw_boxes(n, height, width, config, generator)
    index = _cover(boxes, height, width)  # N, H, W: 0 outside, else 1 + the box that counts
    white = torch.cat([boxes.white[:, :1], boxes.white], 1)  # N, 1 + B
    bright = white.gather(1, index.flatten(1)).unflatten(1, (height, width))  # N, H, W
    low, high = (torch.where(bright, config.white[i], config.black[i]) for i in (0, 1))
    shape = (n, height, width)
    noise = torch.randn(shape, generator=generator, device=clean.device, dtype=clean.dtype).abs()
    hit = torch.rand(shape, generator=generator, device=clean.device) < config.fill
    amplitude = torch.clamp(noise * high, low, high)
    inside = index > 0
    broken = (hit & inside).unsqueeze(1)  # N, 1, H, W, the same for R, G, B
    defective = torch.where(broken, amplitude.unsqueeze(1), clean)
    return (defective * 255).round() / 255, inside.unsqueeze(1)


def damage(
    image: NDArray[np.uint8], config: DefectConfig, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Damage one image: uint8 (H, W, 3) -> the defective image, same shape, and its mask (H, W) bool."""
    clean = torch.from_numpy(image.copy()).permute(2, 0, 1).unsqueeze(0) / 255  # 1, 3, H, W
    defective, mask = synthesize(clean, config, torch.Generator().manual_seed(seed))
    pixels = (defective[0].permute(1, 2, 0) * 255).round().to(torch.uint8)  # H, W, 3
    return pixels.numpy(), mask[0, 0].numpy()


def _draw_boxes(n: int, height: int, width: int, config: DefectConfig, generator: torch.Generator) -> _Boxes:
    """One row of uniform numbers per box and property; every frame draws as many, whatever it then uses."""
    most = config.boxes[1]
    place = generator.device
    u = torch.rand((5, n, most), generator=generator, device=place, dtype=torch.float64)
    side = _between(u[0], *config.side)
    count = _between(u[1, :, :1], *config.boxes)  # N, 1
    white = {"black": torch.zeros_like(u[4], dtype=torch.bool), "white": u[4] >= 0, "both": u[4] >= 0.5}
    return _Boxes(
        top=(u[2] * (height - side + 1)).long(),
        left=(u[3] * (width - side + 1)).long(),
        side=side,
        used=torch.arange(most, device=place) < count,
        white=white[config.colour],
    )


def _between(u: Tensor, first: int, last: int) -> Tensor:
    """Uniform numbers in [0, 1) -> integers first..last, both included."""
    return first + (u * (last - first + 1)).long()


def _cover(boxes: _Boxes, height: int, width: int) -> Tensor:
    """For each pixel (N, H, W) 1 + the index of the last box that covers it, or 0."""
    rows = torch.arange(height, device=boxes.top.device).view(1, 1, -1)
    columns = torch.arange(width, device=boxes.top.device).view(1, 1, -1)
    end_row, end_column = boxes.top + boxes.side, boxes.left + boxes.side
    in_rows = (rows >= boxes.top.unsqueeze(-1)) & (rows < end_row.unsqueeze(-1))  # N, B, H
    in_columns = (columns >= boxes.left.unsqueeze(-1)) & (columns < end_column.unsqueeze(-1))  # N, B, W
    number = torch.arange(1, boxes.top.shape[1] + 1, device=boxes.top.device) * boxes.used  # N, B
    inside = in_rows.unsqueeze(-1) & in_columns.unsqueeze(-2)  # N, B, H, W
    return (inside * number[..., None, None]).amax(1)
