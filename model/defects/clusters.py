"""Irregular clusters of broken pixels, and single ones.

Axis letters: N frames, H rows, W columns, B clusters of a frame, K steps of a walk.
"""

import torch
from torch import Tensor

from model.defects.config import DefectConfig
from model.defects.pattern import Pattern, Sides, between, hot


def irregular(sides: Sides, config: DefectConfig, generator: torch.Generator) -> Pattern:
    """Clusters with ragged outlines and holes: all pixels that a random walk visits are broken.

    A step goes to one of the four neighbours, and a walk that meets an edge of the frame is reflected.
    The later of two clusters that overlap counts. The mask is the clusters and their 8 neighbours.
    """
    n, height, width = sides
    device, most, longest = generator.device, config.clusters[1], config.cluster_steps[1]
    u = torch.rand((5, n, most), generator=generator, device=device, dtype=torch.float64)
    steps = torch.randint(4, (n, most, longest - 1), generator=generator, device=device)
    row = _walk((u[0] * height).long(), (steps == 0).long() - (steps == 1).long(), height)  # N, B, K
    column = _walk((u[1] * width).long(), (steps == 2).long() - (steps == 3).long(), width)
    number = torch.arange(most, device=device)
    code = (2 * (number + 1) + hot(u[2], config)) * (number < between(u[3, :, :1], *config.clusters))  # N, B
    visited = torch.arange(longest, device=device) < between(u[4], *config.cluster_steps).unsqueeze(-1)
    painted = torch.zeros((n, height * width), dtype=torch.int16, device=device)
    values = (code.unsqueeze(-1) * visited).short().flatten(1)
    painted.scatter_reduce_(1, (row * width + column).flatten(1), values, "amax")
    return Pattern(painted.view(n, height, width), margin=True)


def single(sides: Sides, config: DefectConfig, generator: torch.Generator) -> Pattern:
    """Pixels broken one by one, a share of the frame drawn for each frame, and at least one.

    The mask is the broken pixels and their 8 neighbours.
    """
    n, height, width = sides
    device = generator.device
    u = torch.rand((2, n, 1), generator=generator, device=device)
    share = config.single_share[0] + u[0] * (config.single_share[1] - config.single_share[0])  # N, 1
    chance = torch.rand((n, height * width), generator=generator, device=device)
    chance.scatter_(1, (u[1] * height * width).long(), 0.0)  # one that surely breaks
    broken = chance <= share
    tint = hot(torch.rand((n, height * width), generator=generator, device=device), config)
    return Pattern(((2 + tint) * broken).view(n, height, width), margin=True)


def _walk(start: Tensor, steps: Tensor, length: int) -> Tensor:
    """Places (N, B, K) in 0..length-1, from `start` (N, B) on by `steps` (N, B, K - 1) of -1, 0 or 1."""
    path = torch.cat([start.unsqueeze(-1), steps], -1).cumsum(-1)
    period = max(1, 2 * (length - 1))
    return (length - 1) - ((path % period) - (length - 1)).abs()
