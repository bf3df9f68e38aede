"""The pixel critic: 1x1 receptive field, so it judges every pixel's colour by itself."""

from itertools import pairwise

from pydantic import model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from model.generator import COLOURS
from pixelmend.config import CHECKED


@dataclass(frozen=True, config=CHECKED)
class CriticConfig:
    """Shape of the critic."""

    widths: tuple[int, ...] = (64, 128)  # channels of the hidden layers
    slope: float = 0.2  # of LeakyReLU below zero

    @model_validator(mode="after")
    def _check(self) -> "CriticConfig":
        if not self.widths or min(self.widths) < 1:
            raise ValueError("widths must be one or more positive channel counts")
        return self


class Critic(nn.Module):
    """1x1 convolutions with spectral norm and LeakyReLU; the score has no activation."""

    def __init__(self, config: CriticConfig) -> None:
        super().__init__()
        wide = (COLOURS, *config.widths)
        layers: list[nn.Module] = []
        for i, o in pairwise(wide):
            layers += [spectral_norm(nn.Conv2d(i, o, 1)), nn.LeakyReLU(config.slope)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(wide[-1], 1, 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Frames (N, 3, H, W) -> one unbounded score per pixel (N, 1, H, W); higher is more real."""
        return self.layers(x)
