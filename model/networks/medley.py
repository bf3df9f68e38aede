"""A network of nobody's, which holds the layers that the others lack, for tests of what reads networks.

N frames, H rows, W columns; both divisible by 4.
"""

from typing import Annotated

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from pixelmend.config import CHECKED


@dataclass(frozen=True, config=CHECKED)
class MedleyConfig:
    """Shape of the network."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image, in and out
    half: Annotated[int, Field(ge=2, multiple_of=2)] = 4  # channels of each half of the feature map


class Medley(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> frames of the same shape in [0, 1]."""

    gains: Tensor

    def __init__(self, config: MedleyConfig) -> None:
        super().__init__()
        half = config.half
        self.wide = nn.Conv2d(config.channels, half, (1, 5), padding=(0, 2))
        self.high = nn.Conv2d(half, 2 * half, (3, 1), stride=(2, 1), padding=(1, 0))
        self.narrow = nn.Conv2d(2 * half, 2 * half, (1, 4), stride=(1, 2), padding=(0, 1))
        self.elu = nn.ELU()
        self.mean = nn.AvgPool2d(2)
        self.nearest = nn.Upsample(scale_factor=2)
        self.grouped = nn.Conv2d(half, half, 3, padding=1, groups=2)
        self.largest = nn.MaxPool2d(3, stride=1, padding=1)
        self.pad = nn.ZeroPad2d((1, 0, 0, 1))
        self.corner = nn.Conv2d(2 * half, 2 * half, 2)
        self.register_buffer("gains", torch.linspace(-1.0, 1.5, 2 * half).view(1, -1, 1, 1))
        self.up = nn.ConvTranspose2d(2 * half, 2 * half, 4, stride=2, padding=1, groups=2)
        self.unshuffle = nn.PixelUnshuffle(2)
        self.small = nn.Conv2d(4 * config.channels, half, 3, padding=1)
        self.squeeze = nn.Conv2d(half, 2 * half, 1)
        self.taken = half // 2
        self.last = nn.Conv2d(2 * half + self.taken, config.channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.wide(x))  # N, half, H, W
        y = self.elu(self.high(y))  # N, 2 half, H/2, W
        y = functional.leaky_relu(self.narrow(y), 0.125)  # N, 2 half, H/2, W/2
        first, second = y.chunk(2, 1)
        first = self.nearest(functional.hardsigmoid(self.mean(first)))  # N, half, H/2, W/2
        second = torch.relu(self.grouped(second))
        y = torch.cat([self.largest(second), first], 1)  # N, 2 half, H/2, W/2
        y = (self.corner(self.pad(y)) * self.gains).clamp(-1, 1)
        small = functional.relu6(self.small(self.unshuffle(x)))  # N, half, H/2, W/2
        y = y - self.squeeze(small)  # N, 2 half, H/2, W/2
        y = functional.elu(self.up(y))  # N, 2 half, H, W
        fine = self.nearest(small[:, : self.taken])  # N, half/2, H, W
        return self.last(torch.cat([y, fine], 1)).clamp(min=0)
