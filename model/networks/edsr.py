"""EDSR (Lim et al. 2017): residual blocks without batch norm, their results scaled down; x - mean.

N frames, H rows, W columns of the small image.
"""

from typing import Annotated

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED

MEANS = (0.4488, 0.4371, 0.4040)  # of the colours of DIV2K's photographs, as published


class ResidualBlock(nn.Module):
    """x + scale conv(ReLU(conv(x))), (N, width, H, W) to the same."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.relu(self.conv1(x))) * self.scale


@dataclass(frozen=True, config=CHECKED)
class EDSRConfig:
    """Shape of the super-resolver; the defaults are the published baseline, x2."""

    width: Annotated[int, Field(ge=1)] = 64  # channels of the feature maps
    blocks: Annotated[int, Field(ge=0)] = 16
    scale: Annotated[float, Field(gt=0)] = 0.1  # of each block's result
    factor: Annotated[int, Field(ge=2, le=4)] = 2


class EDSR(nn.Module):
    """Frames (N, 3, H, W) in [0, 1] -> (N, 3, f H, f W), f = factor; not clipped."""

    means: Tensor

    def __init__(self, config: EDSRConfig) -> None:
        super().__init__()
        width = config.width
        self.register_buffer("means", torch.tensor(MEANS).view(1, 3, 1, 1))
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width, config.scale) for _ in range(config.blocks)))
        self.end = nn.Conv2d(width, width, 3, padding=1)
        self.up = nn.Conv2d(width, width * config.factor**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(config.factor)
        self.tail = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        head = self.head(x - self.means)  # N, width, H, W
        y = head + self.end(self.body(head))
        y = self.shuffle(self.up(y))  # N, width, f H, f W
        return self.tail(y) + self.means
