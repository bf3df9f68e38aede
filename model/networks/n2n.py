"""The Noise2Noise denoiser of document 001: two strided convolutions in, two transposed ones out, a sigmoid.

N frames, H rows, W columns; both divisible by 4.
"""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pixelmend.config import CHECKED


@dataclass(frozen=True, config=CHECKED)
class N2NConfig:
    """Shape of the denoiser."""

    channels: Annotated[int, Field(ge=1)] = 3  # of the image, in and out
    hidden: Annotated[int, Field(ge=1)] = 48  # after each layer but the last


class N2N(nn.Module):
    """Frames (N, channels, H, W) in [0, 1] -> denoised ones of the same shape, in (0, 1)."""

    def __init__(self, config: N2NConfig) -> None:
        super().__init__()
        hidden = config.hidden
        self.conv1 = nn.Conv2d(config.channels, hidden, 2, stride=2)
        self.conv2 = nn.Conv2d(hidden, hidden, 2, stride=2)
        self.up1 = nn.ConvTranspose2d(hidden, hidden, 3, stride=2, padding=1, output_padding=1)
        self.up2 = nn.ConvTranspose2d(hidden, config.channels, 3, stride=2, padding=1, output_padding=1)
        self.relu = nn.ReLU()
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))  # N, hidden, H/2, W/2
        x = self.relu(self.conv2(x))  # N, hidden, H/4, W/4
        x = self.relu(self.up1(x))  # N, hidden, H/2, W/2
        return self.sigmoid(self.up2(x))  # N, channels, H, W
