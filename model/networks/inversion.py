"""Modules of document 004 that give a layer's input back from its output: two layers, one of them transposed.

N frames; a feature map has `channels` channels, H rows, W columns.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED

KERNEL = 3  # px, side of a convolution's kernel


@dataclass(frozen=True, config=CHECKED)
class InversionConfig:
    """Shape of one module."""

    kind: Literal["conv-deconv", "deconv-conv", "deconv-deconv"] = "conv-deconv"
    channels: Annotated[int, Field(ge=1)] = 64  # of the feature map that comes in
    hidden: Annotated[int, Field(ge=1)] = 64  # between the two layers
    outputs: Annotated[int, Field(ge=1)] = 64  # of the feature map, or image, that goes out
    stride: Literal[1, 2] = 2  # of each transposed convolution: how much the inverted layer had shrunk it
    last: Literal["relu", "none"] = "relu"  # feature maps behind a ReLU are >= 0


class Inversion(nn.Module):
    """Feature maps (N, channels, H, W) -> (N, outputs, s H, s W), s = stride of each transposed one."""

    def __init__(self, config: InversionConfig) -> None:
        super().__init__()
        first, second = config.kind.split("-")
        self.first = _layer(first, config.channels, config.hidden, config.stride)
        self.relu = nn.ReLU()
        self.second = _layer(second, config.hidden, config.outputs, config.stride)
        self.last = nn.ReLU() if config.last == "relu" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first(x))  # N, hidden, ..
        return self.last(self.second(x))  # N, outputs, s H, s W


def _layer(kind: str, inputs: int, outputs: int, stride: int) -> nn.Module:
    if kind == "conv":
        return nn.Conv2d(inputs, outputs, KERNEL, padding=1)
    if stride == 1:
        return nn.ConvTranspose2d(inputs, outputs, KERNEL, padding=1)
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)  # exactly twice the sides
