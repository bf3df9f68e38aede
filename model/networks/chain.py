"""A chain of 3x3 convolutions, as long as one likes: what shows where work grows faster than the network.

N frames, H rows, W columns.
"""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED


@dataclass(frozen=True, config=CHECKED)
class ChainConfig:
    """Shape of the chain."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image, in and out
    width: Annotated[int, Field(ge=1)] = 8  # channels of the feature maps
    layers: Annotated[int, Field(ge=2)] = 50  # convolutions, first and last counted


class Chain(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> frames of the same shape, >= 0."""

    def __init__(self, config: ChainConfig) -> None:
        super().__init__()
        widths = [config.channels, *[config.width] * (config.layers - 1), config.channels]
        self.convs = nn.ModuleList(
            nn.Conv2d(widths[n], widths[n + 1], 3, padding=1) for n in range(config.layers)
        )
        self.relus = nn.ModuleList(nn.ReLU() for _ in self.convs)

    def forward(self, x: Tensor) -> Tensor:
        for conv, relu in zip(self.convs, self.relus, strict=True):
            x = relu(conv(x))
        return x
