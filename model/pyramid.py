"""Filling broken pixels from a pyramid of the sound ones: what the hardware does, as tensors.

Pull and push (Gortler et al. 1996, The Lumigraph, section 4.3.2), in integers: going up, a cell has the mean
of the sound ones of its four pixels, going down, a broken pixel has the bilinear image of the level above.
Sweeps then draw what is filled towards the solution of the biharmonic equation: the pyramid
has brought the distant near, a few sweeps over the full size do the rest.
Axis letters: N frames, H rows, W columns, P broken pixels.
"""

import torch
from torch import Tensor

NOTHING_KNOWN = 128  # mid grey, a cell without a sound pixel
HIGHEST = 255
MOST_SWEEPS = 4
STEP = torch.tensor(1 / HIGHEST)  # float32, of the grid k/255 as quantizers have it


# The thirteen-point stencil of the biharmonic operator (Abramowitz and Stegun 1964, 25.3.33: 20, -8, 2, 1),
# solved for its centre and overrelaxed by 5/4, so that sixteenths remain: (rows down, columns right, weight).
STENCIL = (
    (-1, 0, 8), (0, -1, 8), (0, 1, 8), (1, 0, 8),
    (-1, -1, -2), (-1, 1, -2), (1, -1, -2), (1, 1, -2),
    (-2, 0, -1), (0, -2, -1), (0, 2, -1), (2, 0, -1),
    (0, 0, -4),
)  # fmt: skip
REACH = 2  # px, of the stencil


@torch.no_grad()
def fill(images: Tensor, broken: Tensor, levels: int, sweeps: int = 0) -> Tensor:
    """Images (N, 3, H, W) in [0, 1], their broken pixels (N, 1, H, W) bool -> the same, these filled.

    Sound pixels keep their values, which need not lie on the grid k/255 of the result; there is no gradient.
    H and W are divisible by 2**levels. The result is swept `sweeps` times, see `relaxed`.
    """
    pyramid = [(torch.round(images.float() * HIGHEST), ~broken)]
    for _ in range(levels):
        pyramid.append(_halved(*pyramid[-1]))
    filled = pyramid.pop()[0]
    for values, sound in reversed(pyramid):
        filled = torch.where(sound, values, _doubled(filled))
    for _ in range(sweeps):
        filled = relaxed(filled, broken)
    filled = filled.to(images.dtype) * STEP.to(images)
    return torch.where(broken, filled, images)


@torch.no_grad()
def relaxed(values: Tensor, broken: Tensor) -> Tensor:
    """Images (N, 3, H, W) of integers 0..255, their broken pixels (N, 1, H, W) bool -> the same, swept once.

    Each broken pixel in turn, row by row from the top left, becomes the sum of its neighbourhood weighted by
    `STENCIL`, / 16, halves rounded up, within 0..255; pixels before it already have their new values
    (Gauss-Seidel). The image goes on above and below with its first and last row as they came, left and
    right with the row's border pixel as it is by then.
    """
    count, _, height, width = values.shape
    frame, row, column = torch.nonzero(broken[:, 0], as_tuple=True)
    if not len(frame):
        return values
    # A pixel waits for the one to its left, and for two places more of the row above than of its own.
    turns, order = torch.sort(2 * row + column)
    frame, row, column = frame[order], row[order], column[order]
    borders = values[:, :, :1], values[:, :, -1:]
    tall = torch.cat([borders[0]] * REACH + [values] + [borders[1]] * REACH, 2)
    pixels = tall.permute(0, 2, 3, 1).reshape(-1, values.shape[1])  # of all frames, one after the other
    down, right, weights = torch.tensor(STENCIL, device=values.device).unsqueeze(-1).unbind(1)
    rows = frame * (height + 2 * REACH) + row + REACH + down  # 13, P
    places = rows * width + (column + right).clamp(0, width - 1)
    weights = weights.to(values.dtype).unsqueeze(-1)
    for now in places.split(torch.unique_consecutive(turns, return_counts=True)[1].tolist(), dim=1):
        sums = (pixels[now] * weights).sum(0)  # exact, small integers
        pixels[now[-1]] = torch.floor((sums + 8) / 16).clamp(0, HIGHEST)
    tall = pixels.reshape(count, height + 2 * REACH, width, -1).permute(0, 3, 1, 2)
    return tall[:, :, REACH:-REACH]


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
