"""The multi-scale super-resolver of document 003: one network, the image at twice and at four times its size.

N frames, H rows, W columns of the small image.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED

SLOPE = 0.2  # of the leaky ReLU left of 0


class PlainBlock(nn.Module):
    """A convolution and ReLU, (N, width, H, W) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(x))


class ResidualBlock(nn.Module):
    """ReLU(x + conv(ReLU(conv(x)))), (N, width, H, W) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu2(x + self.conv2(self.relu1(self.conv1(x))))


class DilatedBlock(nn.Module):
    """x + three convolutions of dilation 1, 2 and 4 with leaky ReLU, (N, width, H, W) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=d, dilation=d) for d in (1, 2, 4))
        self.bends = nn.ModuleList(nn.LeakyReLU(SLOPE) for _ in self.convs)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv, bend in zip(self.convs, self.bends, strict=True):
            y = bend(conv(y))
        return x + y


BLOCKS: dict[str, type[nn.Module]] = {
    "plain": PlainBlock, "residual": ResidualBlock, "dilated": DilatedBlock,
}  # fmt: skip


class Double(nn.Module):
    """(N, width, H, W) -> (N, width, 2H, 2W): nearest upsampling and a convolution, or a sub-pixel one."""

    def __init__(self, width: int, how: str) -> None:
        super().__init__()
        subpixel = how == "subpixel"
        self.up = None if subpixel else nn.Upsample(scale_factor=2, mode="nearest")
        self.conv = nn.Conv2d(width, 4 * width if subpixel else width, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2) if subpixel else None
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        if self.up is not None:
            x = self.up(x)
        x = self.conv(x)
        if self.shuffle is not None:
            x = self.shuffle(x)
        return self.relu(x)


@dataclass(frozen=True, config=CHECKED)
class MultiscaleConfig:
    """Shape of the super-resolver."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image, in and out
    width: Annotated[int, Field(ge=1)] = 32  # channels of the feature maps
    blocks: Annotated[int, Field(ge=0)] = 2  # at each of the sizes H and 2H
    block: Literal["plain", "residual", "dilated"] = "residual"
    up: Literal["nearest", "subpixel"] = "nearest"
    outputs: Literal[1, 2] = 2  # with 1, only the large image


class Multiscale(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> (N, channels, 2H, 2W) and (N, channels, 4H, 4W) in (0, 1).

    With `outputs` = 1 the large image alone, as a tensor.
    """

    def __init__(self, config: MultiscaleConfig) -> None:
        super().__init__()
        width, block = config.width, BLOCKS[config.block]
        self.first = nn.Conv2d(config.channels, width, 3, padding=1)
        self.relu = nn.ReLU()
        self.small = nn.Sequential(*(block(width) for _ in range(config.blocks)))
        self.up_mid = Double(width, config.up)
        self.mid = nn.Sequential(*(block(width) for _ in range(config.blocks)))
        self.up_large = Double(width, config.up)
        self.to_mid = nn.Conv2d(width, config.channels, 3, padding=1) if config.outputs == 2 else None
        self.to_large = nn.Conv2d(width, config.channels, 3, padding=1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = self.small(self.relu(self.first(x)))  # N, width, H, W
        mid = self.mid(self.up_mid(x))  # N, width, 2H, 2W
        large = self.sigmoid(self.to_large(self.up_large(mid)))  # N, channels, 4H, 4W
        if self.to_mid is None:
            return large
        return self.sigmoid(self.to_mid(mid)), large
