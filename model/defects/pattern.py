"""A drawn pattern of defects, and what becomes of frames.

Axis letters: N frames, H rows, W columns.
"""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from model.defects.config import DefectConfig

Sides = tuple[int, int, int]
"""N, H, W of the frames a pattern is drawn for."""


class Damage(NamedTuple):
    """Damaged frames: `defective` (N, 3, H, W) in [0, 1]; `mask` and `broken` (N, 1, H, W) bool.

    `broken` marks the pixels that lost their value, or that of one colour, which is what a sensor's factory
    map lists; `mask` the region that losses and figures call the defect, sound pixels between the broken ones
    included.
    """

    defective: Tensor
    mask: Tensor
    broken: Tensor


@dataclass(frozen=True)
class Pattern:
    """Where pixels can break, and how.

    `code` (N, H, W) int16: 0 where the frame is sound, 2 or more where a pixel can break, and then odd where
    it is hot and even where it is dead. Such a pixel breaks with the chance `fill`. The mask is the pattern
    itself, or with `margin` the pattern and its 8 neighbours. `channels` (N, 3, H, W) bool, where given,
    marks the colours a broken pixel loses. `gain` and `offset` (N, 3, H, W), where given, say what it reads
    in place of a drawn amplitude: gain * scene + offset, in [0, 1].
    """

    code: Tensor
    fill: float = 1.0
    margin: bool = False
    channels: Tensor | None = None
    gain: Tensor | None = None
    offset: Tensor | None = None


def hot(u: Tensor, config: DefectConfig) -> Tensor:
    """Uniform numbers in [0, 1) -> 1 for hot, 0 for dead, by the configured colour; int16."""
    return (u >= {"black": 1.0, "white": 0.0, "both": 0.5}[config.colour]).short()


def between(u: Tensor, least: int, most: int) -> Tensor:
    """Uniform numbers in [0, 1) -> integers least..most, both included."""
    return least + (u * (most - least + 1)).long()


def with_neighbours(inside: Tensor) -> Tensor:
    """The region (N, H, W) grown by one pixel in all eight directions."""
    tall = inside.clone()
    tall[:, 1:] |= inside[:, :-1]
    tall[:, :-1] |= inside[:, 1:]
    grown = tall.clone()
    grown[:, :, 1:] |= tall[:, :, :-1]
    grown[:, :, :-1] |= tall[:, :, 1:]
    return grown
