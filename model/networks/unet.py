"""U-Nets (Ronneberger et al. 2015) with the choices that restoration networks make.

N frames, H rows, W columns; level i has sides H/2^i and W/2^i, so both must divide.
"""

from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED


class Convs(nn.Sequential):
    """`depth` times 3x3 convolution and ReLU, (N, inputs, H, W) -> (N, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int, depth: int) -> None:
        layers: list[nn.Module] = []
        for n in range(depth):
            layers += [nn.Conv2d(inputs if n == 0 else outputs, outputs, 3, padding=1), nn.ReLU()]
        super().__init__(*layers)


class Down(nn.Module):
    """(N, width, H, W) -> (N, width, H/2, W/2), by max pooling or a convolution of stride 2."""

    def __init__(self, width: int, how: str) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2) if how == "maxpool" else None
        self.conv = nn.Conv2d(width, width, 3, stride=2, padding=1) if how == "stride" else None
        self.relu = nn.ReLU() if how == "stride" else None

    def forward(self, x: Tensor) -> Tensor:
        if self.conv is not None and self.relu is not None:
            return self.relu(self.conv(x))
        assert self.pool is not None
        return self.pool(x)


class Up(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, 2H, 2W), by nearest upsampling and convolution, or transposed."""

    def __init__(self, inputs: int, outputs: int, how: str) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2, mode="nearest") if how == "nearest" else None
        self.conv: nn.Module
        if how == "nearest":
            self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        else:
            self.conv = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        if self.up is not None:
            x = self.up(x)
        return self.relu(self.conv(x))


@dataclass(frozen=True, config=CHECKED)
class UNetConfig:
    """Shape of the U-Net."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image that comes in
    outputs: Annotated[int, Field(ge=1)] = 3  # channels of the image that goes out
    widths: Annotated[tuple[int, ...], Field(min_length=2)] = (32, 64, 128)  # of each level
    depth: Literal[1, 2] = 2  # 3x3 convolutions a level, each way
    down: Literal["maxpool", "stride"] = "maxpool"
    up: Literal["nearest", "transposed"] = "nearest"
    skip: Literal["concat", "add"] = "concat"


class UNet(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> (N, outputs, H, W) in (0, 1)."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        widths, self.skip = config.widths, config.skip
        self.enter = Convs(config.channels, widths[0], config.depth)
        self.downs = nn.ModuleList(Down(width, config.down) for width in widths[:-1])
        self.encoders = nn.ModuleList(Convs(i, o, config.depth) for i, o in pairwise(widths))
        back = list(pairwise(widths[::-1]))
        self.ups = nn.ModuleList(Up(i, o, config.up) for i, o in back)
        joined = 2 if config.skip == "concat" else 1
        self.decoders = nn.ModuleList(Convs(joined * o, o, config.depth) for _, o in back)
        self.leave = nn.Conv2d(widths[0], config.outputs, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)  # N, widths[0], H, W
        kept = []
        for down, encoder in zip(self.downs, self.encoders, strict=True):
            kept.append(x)
            x = encoder(down(x))  # N, widths[i], H/2^i, W/2^i
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            x, skipped = up(x), kept.pop()
            x = decoder(torch.cat([x, skipped], 1) if self.skip == "concat" else x + skipped)
        return self.sigmoid(self.leave(x))
