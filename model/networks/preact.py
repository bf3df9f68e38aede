"""Residual blocks that normalize first (He et al. 2016): batch norm that no convolution stands before.

N frames, H rows, W columns.
"""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED


class Block(nn.Module):
    """x + conv(ReLU(BN(conv(ReLU(BN(x)))))), (N, width, H, W) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.relu(self.bn1(x)))
        return x + self.conv2(self.relu(self.bn2(y)))


@dataclass(frozen=True, config=CHECKED)
class PreActConfig:
    """Shape of the network."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image, in and out
    width: Annotated[int, Field(ge=1)] = 32  # channels of the feature maps
    blocks: Annotated[int, Field(ge=1)] = 4


class PreAct(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> frames of the same shape in (0, 1)."""

    def __init__(self, config: PreActConfig) -> None:
        super().__init__()
        self.first = nn.Conv2d(config.channels, config.width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(config.width) for _ in range(config.blocks)))
        self.last = nn.Conv2d(config.width, config.channels, 3, padding=1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.sigmoid(self.last(self.blocks(self.first(x))))
