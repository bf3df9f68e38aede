"""A network of depthwise-separable convolutions with ReLU6, as MobileNet (Howard et al. 2017) builds them.

N frames, H rows, W columns.
"""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED


class Separable(nn.Module):
    """A 3x3 convolution of each channel alone, then a 1x1 one: (N, inputs, H, W) -> (N, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU6()
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.bn1(self.depthwise(x)))
        return self.relu2(self.bn2(self.pointwise(x)))


@dataclass(frozen=True, config=CHECKED)
class SeparableConfig:
    """Shape of the network."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image, in and out
    width: Annotated[int, Field(ge=1)] = 32  # channels of the feature maps
    blocks: Annotated[int, Field(ge=1)] = 4


class SeparableNet(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> frames of the same shape in [0, 1]."""

    def __init__(self, config: SeparableConfig) -> None:
        super().__init__()
        self.first = nn.Conv2d(config.channels, config.width, 3, padding=1)
        self.relu = nn.ReLU6()
        self.blocks = nn.Sequential(*(Separable(config.width, config.width) for _ in range(config.blocks)))
        self.last = nn.Conv2d(config.width, config.channels, 1)
        self.clip = nn.Hardtanh(0.0, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.clip(self.last(self.blocks(self.relu(self.first(x)))))
