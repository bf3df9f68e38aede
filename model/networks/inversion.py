"""Modules of document 004 that give a layer's input back from its output: two layers, one of them transposed; and a
stack of them, from a deep feature map to the image.

N frames; a feature map has `channels` channels, H rows, W columns.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED

KERNEL = 3  # px, side of a convolution's kernel

Kind = Literal["conv-deconv", "deconv-conv", "deconv-deconv"]
Stride = Literal[1, 2, 4]


@dataclass(frozen=True, config=CHECKED)
class InversionConfig:
    """Shape of one module."""

    kind: Kind = "conv-deconv"
    channels: Annotated[int, Field(ge=1)] = 64  # of the feature map that comes in
    hidden: Annotated[int, Field(ge=1)] = 64  # between the two layers
    outputs: Annotated[int, Field(ge=1)] = 64  # of the feature map, or image, that goes out
    stride: Stride = 2  # of each transposed convolution: how much the inverted layer had shrunk it
    second_stride: Stride | None = None  # of the second transposed one; none: as the first
    last: Literal["relu", "none"] = "relu"  # feature maps behind a ReLU are >= 0


class Inversion(nn.Module):
    """Feature maps (N, channels, H, W) -> (N, outputs, s H, s W), s = the product of the strides."""

    def __init__(self, config: InversionConfig) -> None:
        super().__init__()
        first, second = config.kind.split("-")
        both = first == second
        self.first = _layer(first, config.channels, config.hidden, config.stride)
        self.relu = nn.ReLU()
        last = config.second_stride if both and config.second_stride is not None else config.stride
        self.second = _layer(second, config.hidden, config.outputs, last)
        self.last = nn.ReLU() if config.last == "relu" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first(x))  # N, hidden, ..
        return self.last(self.second(x))  # N, outputs, s H, s W


@dataclass(frozen=True, config=CHECKED)
class InverterConfig:
    """Shape of a stack: the defaults fit the layers relu3_2, relu2_2 and relu1_2 of the extractor that ships."""

    kind: Kind = "deconv-conv"
    channels: tuple[Annotated[int, Field(ge=1)], ...] = (
        64,
        32,
        16,
    )  # that go into each module, the deepest first
    strides: tuple[Stride, ...] = (2, 2, 1)  # by how much each module lengthens the sides
    hidden: tuple[
        Annotated[int, Field(ge=1)], ...
    ] = ()  # between a module's two layers; none: as many as go in
    outputs: Annotated[int, Field(ge=1)] = 3  # of the last module: an image

    @model_validator(mode="after")
    def _check(self) -> "InverterConfig":
        if len({len(self.channels), len(self.strides), len(self.hidden or self.channels)}) != 1:
            raise ValueError(
                f"expected as many strides as channels, and as many of hidden or none; got {self.channels}, "
                f"{self.strides}, {self.hidden}"
            )
        return self


class Inverter(nn.Module):
    """Feature maps (N, channels[0], H, W) -> images (N, outputs, f H, f W), f = the product of the strides.

    A module for each layer, in `stages`: module i takes what a layer gave, channels[i], and gives what had gone into
    it, channels[i + 1] or the image.
    """

    def __init__(self, config: InverterConfig) -> None:
        super().__init__()
        results = (*config.channels[1:], config.outputs)
        last = len(results) - 1
        self.stages = nn.ModuleList(
            Inversion(
                InversionConfig(
                    config.kind, channels, hidden, result, stride, 1, "relu" if index < last else "none"
                )
            )
            for index, (channels, hidden, result, stride) in enumerate(
                zip(config.channels, config.hidden or config.channels, results, config.strides, strict=True)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = stage(x)  # N, channels of the next, ..
        return x


def _layer(kind: str, inputs: int, outputs: int, stride: int) -> nn.Module:
    if kind == "conv":
        return nn.Conv2d(inputs, outputs, KERNEL, padding=1)
    if stride == 1:
        return nn.ConvTranspose2d(inputs, outputs, KERNEL, padding=1)
    # exactly `stride` times the sides
    return nn.ConvTranspose2d(inputs, outputs, 2 * stride, stride=stride, padding=stride // 2)
