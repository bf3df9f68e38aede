"""DnCNN (Zhang et al. 2017): a chain of convolutions says what the noise is, which is then taken away.

N frames, H rows, W columns.
"""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED


class Layer(nn.Module):
    """Convolution, batch norm, ReLU; (N, width, H, W) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))


@dataclass(frozen=True, config=CHECKED)
class DnCNNConfig:
    """Shape of the denoiser; the defaults are the published one."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image, in and out
    width: Annotated[int, Field(ge=1)] = 64  # channels of the feature maps
    layers: Annotated[int, Field(ge=0)] = 15  # between the first convolution and the last


class DnCNN(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> denoised ones of the same shape, clipped to [0, 1]."""

    def __init__(self, config: DnCNNConfig) -> None:
        super().__init__()
        self.first = nn.Conv2d(config.channels, config.width, 3, padding=1)
        self.relu = nn.ReLU()
        self.layers = nn.Sequential(*(Layer(config.width) for _ in range(config.layers)))
        self.last = nn.Conv2d(config.width, config.channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        noise = self.last(self.layers(self.relu(self.first(x))))  # N, channels, H, W, any sign
        return (x - noise).clamp(0, 1)
