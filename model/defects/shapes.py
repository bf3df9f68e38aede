"""Defects of every kind: a shape, a place, how a broken pixel reads, and which colours it loses.

Axis letters: N frames, H rows, W columns, D defects of a frame, S px of the largest cluster.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.defects.config import CLUSTER_PX, DefectConfig
from model.defects.pattern import Pattern, Sides, between
from model.defects.raster import within
from pixelmend.errors import UserError

VARIANTS = 64  # outlines of clusters, for each number of pixels
LEVELS = 255
ORBIT_SHARE = 26484 / (2844 * 4284)  # of the pixels of a camera on the ISS (design, section 11)
ORBIT_SIZES = {1: 23800, 2: 584, 3: 393, 4: 38, 5: 14, 6: 9, 7: 3, 8: 2, 11: 1, 13: 1}
"""Its 8-connected clusters by their number of pixels."""


def shapes(sides: Sides, config: DefectConfig, generator: torch.Generator) -> Pattern:
    """`config.shape_count` defects a frame, each of a shape of `config.shapes`.

    The mask is the broken pixels and their 8 neighbours; of two defects that overlap the later counts.
    """
    n, height, width = sides
    device, most = generator.device, config.shape_count[1]
    u = torch.rand((12, n, most), generator=generator, device=device, dtype=torch.float64)
    names = sorted(config.shapes)
    shape = _choose(u[0], config.shapes)  # N, D: a name's number in `names`
    number = torch.arange(most, device=device)
    used = number < between(u[1, :, :1], *config.shape_count)
    tall, wide, fill = _extents(shape, names, sides, config, u[2:5])
    place = _choose(u[5], config.places)
    top, left = _positions(place, sorted(config.places), (height, width), (tall, wide), u[6:9])
    rows, columns = within(height, top, top + tall), within(width, left, left + wide)  # N, D, H and N, D, W
    walks = torch.tensor([name == "cluster" for name in names], device=device)[shape] & used
    order = (number + 1) * (used & ~walks)
    owner = (order.unsqueeze(-1) * rows).unsqueeze(-1) * columns.unsqueeze(-2)  # N, D, H, W
    owner = owner.amax(1)
    if walks.any():
        size = between(u[9], *config.cluster_px)
        grown = _outline(size, u[10])  # N, D, S, 2
        row = _inside(top.unsqueeze(-1) + grown[..., 0], height)
        column = _inside(left.unsqueeze(-1) + grown[..., 1], width)
        codes = ((number + 1) * walks).unsqueeze(-1).expand_as(row).flatten(1)
        flat = owner.flatten(1)
        flat.scatter_reduce_(1, (row * width + column).flatten(1), codes, "amax")
        owner = flat.view(n, height, width)
    chance = torch.cat([fill.new_ones(n, 1), fill], 1).gather(1, owner.flatten(1)).view_as(owner)
    hit = torch.rand(sides, generator=generator, device=device) < chance
    hit.flatten(1).scatter_(1, (top * width + left).flatten(1), True)  # a box has one broken pixel at least
    owner = owner * hit
    return _valued(owner, most, config, generator)


def orbit(sides: Sides, config: DefectConfig, generator: torch.Generator) -> Pattern:
    """Clusters as dense and as large as those of a camera in orbit, read as `config` says of `shapes`.

    The clusters of a frame are a Poisson number, at least one.
    """
    n, height, width = sides
    sizes = torch.tensor(list(ORBIT_SIZES), dtype=torch.float64)
    weights = torch.tensor(list(ORBIT_SIZES.values()), dtype=torch.float64)
    expected = ORBIT_SHARE * height * width / float((sizes * weights).sum() / weights.sum())
    device = generator.device
    count = torch.poisson(torch.full((n, 1), expected, device=device), generator=generator).clamp(min=1)
    most = int(count.max())
    u = torch.rand((4, n, most), generator=generator, device=device, dtype=torch.float64)
    size = sizes.to(device)[_choose(u[0], ORBIT_SIZES)].long()
    grown = _outline(size, u[1])
    row = _inside((u[2] * height).long().unsqueeze(-1) + grown[..., 0], height)
    column = _inside((u[3] * width).long().unsqueeze(-1) + grown[..., 1], width)
    number = torch.arange(most, device=device)
    codes = ((number + 1) * (number < count)).long().unsqueeze(-1).expand_as(row).flatten(1)
    owner = torch.zeros((n, height * width), dtype=torch.long, device=device)
    owner.scatter_reduce_(1, (row * width + column).flatten(1), codes, "amax")
    return _valued(owner.view(n, height, width), most, config, generator)


def _valued(owner: Tensor, most: int, config: DefectConfig, generator: torch.Generator) -> Pattern:
    """The pattern of defects `owner` (N, H, W): 0 where sound, else 1 + the number of the defect.

    A broken pixel reads gain * scene + offset: dead 0, saturated 255, `cold` and `warm` by an amplitude off
    the scene, `stuck` at one value a defect, `noisy` at another value a pixel.
    """
    n, height, width = owner.shape
    device = generator.device
    u = torch.rand((5, n, most), generator=generator, device=device)
    value = _choose(u[0].double(), config.values)
    low, high = config.amplitude
    amplitude = (low + u[1] * (high - low)) / LEVELS
    names = sorted(config.values)
    offsets = torch.zeros_like(amplitude)
    gains = torch.zeros_like(amplitude)
    for number, name in enumerate(names):
        here = value == number
        offset = {"saturated": 1.0, "cold": -amplitude, "warm": amplitude, "stuck": u[3]}.get(name, 0.0)
        offsets = torch.where(here, torch.as_tensor(offset, dtype=u.dtype, device=device), offsets)
        gains = torch.where(here, float(name in ("cold", "warm")), gains)
    tint = _choose(u[2].double(), config.tints)
    tints = sorted(config.tints)
    lost = torch.ones((n, most, 3), device=device, dtype=torch.bool)
    colour = (u[4] * 3).long().unsqueeze(-1) == torch.arange(3, device=device)
    for number, wanted in enumerate(tints):
        if wanted in ("red", "green", "blue"):
            one = torch.arange(3, device=device) == ("red", "green", "blue").index(wanted)
            lost = torch.where((tint == number).unsqueeze(-1), one, lost)
        elif wanted == "one":
            lost = torch.where((tint == number).unsqueeze(-1), colour, lost)
    each = torch.tensor([name == "each" for name in tints], device=device)[tint]  # N, D
    noisy = torch.tensor([name == "noisy" for name in names], device=device)[value]
    # the properties of the defect that owns a pixel, for the few that one owns: K broken pixels
    frame, row, column = torch.nonzero(owner, as_tuple=True)
    own = frame, owner[frame, row, column] - 1
    share = torch.rand((len(frame), 3), generator=generator, device=device)
    share = torch.where(each[own].unsqueeze(1), share, share[:, :1])  # K, 3
    gain = gains[own].unsqueeze(1).expand(-1, 3)
    offset = torch.where(noisy[own].unsqueeze(1), share, offsets[own].unsqueeze(1))
    # warm and cold pixels of a cluster are not equally so
    offset = torch.where((gain > 0) & each[own].unsqueeze(1), offset * (0.7 + 0.6 * share), offset)
    maps = torch.zeros((2, n, height, width, 3), device=device)
    maps[:, frame, row, column] = torch.stack([gain, offset])
    taken = torch.zeros((n, height, width, 3), device=device, dtype=torch.bool)
    taken[frame, row, column] = lost[own]
    gain, offset = maps.permute(0, 1, 4, 2, 3)
    return Pattern(
        (2 * (owner > 0)).short(),
        margin=True,
        channels=taken.permute(0, 3, 1, 2),
        gain=gain,
        offset=offset,
    )


def _extents(
    shape: Tensor, names: Sequence[str], sides: Sides, config: DefectConfig, u: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Height and width (N, D) in px of the rectangle of each defect, and the chance that its pixels break."""
    _, height, width = sides
    if config.shape_side[1] > min(height, width):
        raise UserError(
            f"defects up to {config.shape_side[1]} px wide need a larger frame, got {height}x{width}"
        )
    side = between(u[0], *config.shape_side)
    other = torch.where(u[1] < config.square, side, between(u[1] * 7 % 1, *config.shape_side))
    length = between(u[0], *config.segment_px)
    flat = u[1] < 0.5
    one = torch.ones_like(side)
    heights = {"box": side, "row": one, "column": one * height, "segment": torch.where(flat, one, length)}
    widths = {"box": other, "row": one * width, "column": one, "segment": torch.where(flat, length, one)}
    tall, wide, fill = one, one, torch.ones_like(u[0])
    for number, name in enumerate(names):
        tall = torch.where(shape == number, heights.get(name, one), tall)
        wide = torch.where(shape == number, widths.get(name, one), wide)
        if name == "box":
            part = torch.where(u[2] < config.solid, 1.0, 0.3 + 0.7 * (u[2] - config.solid))
            fill = torch.where(shape == number, part, fill)
    return tall.clamp(max=height), wide.clamp(max=width), fill


def _positions(
    place: Tensor, names: Sequence[str], frame: tuple[int, int], extent: tuple[Tensor, Tensor], u: Tensor
) -> tuple[Tensor, Tensor]:
    """Top and left (N, D) of each rectangle: anywhere, at an edge, in a corner."""
    top = (u[0] * (frame[0] - extent[0] + 1)).long()
    left = (u[1] * (frame[1] - extent[1] + 1)).long()
    far = frame[0] - extent[0], frame[1] - extent[1]
    side = (u[2] * 4).long()
    for number, name in enumerate(names):
        here = place == number
        if name == "edge":
            top = torch.where(here & (side < 2), far[0] * side, top)
            left = torch.where(here & (side >= 2), far[1] * (side - 2), left)
        if name == "corner":
            top = torch.where(here, far[0] * (side // 2), top)
            left = torch.where(here, far[1] * (side % 2), left)
    return top, left


def _choose(u: Tensor, chances: Mapping[Any, float]) -> Tensor:
    """Uniform numbers in [0, 1) -> places among the sorted keys, drawn in proportion to the values."""
    weights = torch.tensor([chances[key] for key in sorted(chances)], dtype=torch.float64, device=u.device)
    return torch.bucketize(u, (weights.cumsum(0) / weights.sum())[:-1], right=True)


def _inside(places: Tensor, length: int) -> Tensor:
    """Reflected at the edges of a frame, so that a cluster keeps to it."""
    period = max(1, 2 * (length - 1))
    return (length - 1) - ((places % period) - (length - 1)).abs()


def _outline(size: Tensor, u: Tensor) -> Tensor:
    """Sizes in px (N, D) and uniform numbers -> pixels of a cluster (N, D, S, 2), the last one repeated."""
    variant = (u * VARIANTS).long()
    return torch.from_numpy(_outlines()).to(size.device)[size - 1, variant]


@cache
def _outlines() -> NDArray[np.int64]:
    """(S, VARIANTS, S, 2): 8-connected clusters of 1 to S px, rows and columns from their first pixel on."""
    rng = np.random.default_rng(0)
    result = np.zeros((CLUSTER_PX, VARIANTS, CLUSTER_PX, 2), np.int64)
    for variant in range(VARIANTS):
        pixels = [(0, 0)]
        while len(pixels) < CLUSTER_PX:
            row, column = pixels[int(rng.integers(len(pixels)))]
            down, right = rng.integers(-1, 2, 2)
            found = (row + int(down), column + int(right))
            if found not in pixels:
                pixels.append(found)
        for size in range(1, CLUSTER_PX + 1):
            result[size - 1, variant, :size] = pixels[:size]
            result[size - 1, variant, size:] = pixels[size - 1]
    return result
