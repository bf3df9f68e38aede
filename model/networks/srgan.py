"""SRGAN's generator, SRResNet (Ledig et al. 2017; document 002): residual blocks, sub-pixel convolutions.

N frames, H rows, W columns of the small image.
"""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED


class ResidualBlock(nn.Module):
    """x + BN(conv(PReLU(BN(conv(x))))), (N, width, H, W) to the same; the sum has no activation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.prelu(self.bn1(self.conv1(x)))
        return x + self.bn2(self.conv2(y))


class SubPixel(nn.Module):
    """(N, width, H, W) -> (N, width, 2H, 2W): four times the channels, which become 2x2 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, 4 * width, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.prelu = nn.PReLU(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.prelu(self.shuffle(self.conv(x)))


@dataclass(frozen=True, config=CHECKED)
class SRGANConfig:
    """Shape of the generator; the defaults are the published one."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image, in and out
    width: Annotated[int, Field(ge=1)] = 64  # channels of the feature maps
    blocks: Annotated[int, Field(ge=0)] = 16
    doublings: Annotated[int, Field(ge=0, le=3)] = 2  # sub-pixel convolutions; the factor is 2**doublings


class SRGAN(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> (N, channels, f H, f W) in (0, 1), f = 2**doublings."""

    def __init__(self, config: SRGANConfig) -> None:
        super().__init__()
        width = config.width
        self.first = nn.Conv2d(config.channels, width, 9, padding=4)
        self.prelu = nn.PReLU(width)
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(config.blocks))
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.ups = nn.ModuleList(SubPixel(width) for _ in range(config.doublings))
        self.last = nn.Conv2d(width, config.channels, 9, padding=4)
        self.tanh = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        first = self.prelu(self.first(x))  # N, width, H, W
        y = first
        for block in self.blocks:
            y = block(y)  # N, width, H, W
        y = first + self.bn(self.conv(y))  # the global skip
        for up in self.ups:
            y = up(y)  # N, width, and both sides twice as long
        return (self.tanh(self.last(y)) + 1) / 2  # N, channels, f H, f W
