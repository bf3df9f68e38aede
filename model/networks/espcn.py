"""ESPCN (Shi et al. 2016): convolutions on the small image, the last one's channels become pixels.

N frames, H rows, W columns of the small image.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED


@dataclass(frozen=True, config=CHECKED)
class ESPCNConfig:
    """Shape of the super-resolver; the defaults are the published one, of three colours."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image, in and out
    widths: tuple[int, int] = (64, 32)  # channels after the first and the second layer
    factor: Annotated[int, Field(ge=1, le=4)] = 3
    bend: Literal["tanh", "relu"] = "tanh"  # between the layers


class ESPCN(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> (N, channels, f H, f W), f = factor; not clipped."""

    def __init__(self, config: ESPCNConfig) -> None:
        super().__init__()
        first, second = config.widths
        bend = nn.Tanh if config.bend == "tanh" else nn.ReLU
        self.conv1 = nn.Conv2d(config.channels, first, 5, padding=2)
        self.bend1 = bend()
        self.conv2 = nn.Conv2d(first, second, 3, padding=1)
        self.bend2 = bend()
        self.conv3 = nn.Conv2d(second, config.channels * config.factor**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(config.factor)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bend1(self.conv1(x))  # N, widths[0], H, W
        x = self.bend2(self.conv2(x))  # N, widths[1], H, W
        return self.shuffle(self.conv3(x))  # N, channels, f H, f W
