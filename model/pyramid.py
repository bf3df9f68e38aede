"""Filling broken pixels from a pyramid of the sound ones: what the hardware does, as tensors.

Pull and push (Gortler et al. 1996, The Lumigraph, section 4.3.2), in integers: going up, a cell has the mean
of the sound ones of its four pixels, going down, a broken pixel has the bilinear image of the level above.
Axis letters: N frames, H rows, W columns.
"""

import torch
from torch import Tensor

NOTHING_KNOWN = 128  # mid grey, a cell without a sound pixel
HIGHEST = 255
STEP = torch.tensor(1 / HIGHEST)  # float32, of the grid k/255 as quantizers have it


@torch.no_grad()
def fill(images: Tensor, broken: Tensor, levels: int) -> Tensor:
    """Images (N, 3, H, W) in [0, 1], their broken pixels (N, 1, H, W) bool -> the same, these filled.

    Sound pixels keep their values, which need not lie on the grid k/255 of the result; there is no gradient.
    H and W are divisible by 2**levels.
    """
    pyramid = [(torch.round(images.float() * HIGHEST), ~broken)]
    for _ in range(levels):
        pyramid.append(_halved(*pyramid[-1]))
    filled = pyramid.pop()[0]
    for values, sound in reversed(pyramid):
        filled = torch.where(sound, values, _doubled(filled))
    return torch.where(broken, filled * STEP.to(filled.device), images)


def corrected(images: Tensor, correction: Tensor) -> Tensor:
    """Images and corrections, both on the grid k/255 -> their sum less 128/255, not clipped."""
    return images + correction - NOTHING_KNOWN * STEP.to(images.device)


def _halved(values: Tensor, sound: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of the sound pixels of every 2x2 cell, halves rounded up, and whether there is one."""
    count = _cells(sound.to(values.dtype))
    # exact: a quotient of small integers is no nearer to the next integer than one part of the divisor
    mean = torch.floor((_cells(values * sound) + torch.floor(count / 2)) / count.clamp(min=1))
    return torch.where(count > 0, mean, NOTHING_KNOWN), count > 0


def _cells(values: Tensor) -> Tensor:
    """(N, C, H, W) -> the sums of all 2x2 cells, (N, C, H/2, W/2)."""
    rows = values[..., 0::2, :] + values[..., 1::2, :]
    return rows[..., 0::2] + rows[..., 1::2]


def _doubled(values: Tensor) -> Tensor:
    """(N, 3, H, W) -> its bilinear image (N, 3, 2H, 2W), halves rounded up, borders repeated."""
    for axis in (2, 3):
        count = values.shape[axis]
        first, last = values.narrow(axis, 0, 1), values.narrow(axis, count - 1, 1)
        before = torch.cat([first, values.narrow(axis, 0, count - 1)], axis)
        after = torch.cat([values.narrow(axis, 1, count - 1), last], axis)
        both = torch.stack([3 * values + before, 3 * values + after], axis + 1)
        values = both.flatten(axis, axis + 1)
    return torch.floor((values + 8) / 16)
