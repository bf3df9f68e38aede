"""The critic: it judges every pixel's colour by itself (1x1 receptive field), or whole frames.

Axis letters: N frames, C channels, H rows, W columns.
"""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from model.generator import COLOURS
from pixelmend.config import CHECKED


@dataclass(frozen=True, config=CHECKED)
class CriticConfig:
    """Shape of the critic, its loss, and how it is trained; the defaults are the published ones."""

    # gan: binary cross entropy; cgan: the same, and it sees the defective frame too
    loss: Literal["wgan", "gan", "cgan"] = "wgan"
    judges: Literal["pixel", "global"] = "pixel"  # what gets a score: every pixel, or the frame
    widths: tuple[int, ...] = (64, 128)  # channels of the hidden layers
    slope: float = 0.2  # of LeakyReLU below zero
    spectral_norm: bool = True
    gradient_penalty: Annotated[float, Field(ge=0)] = 0.0  # its weight; 10 is usual
    learning_rate: Annotated[float, Field(gt=0)] = 4e-4  # at the start, falls as the generator's does
    steps: Annotated[int, Field(ge=1)] = 1  # of the critic for each of the generator

    @model_validator(mode="after")
    def _check(self) -> "CriticConfig":
        if not self.widths or min(self.widths) < 1:
            raise ValueError("widths must be one or more positive channel counts")
        return self

    @property
    def inputs(self) -> int:
        """Channels that it sees: R, G, B, and with `cgan` those of the defective frame."""
        return 2 * COLOURS if self.loss == "cgan" else COLOURS


class Critic(nn.Module):
    """Convolutions with LeakyReLU and no normalization but spectral norm; the score has no activation.

    A pixel critic has kernels of 1x1 and keeps the frame's size. A global one halves the sides in each hidden
    layer (kernel 4) and averages over what is left, so frames of any size have one score.
    """

    def __init__(self, config: CriticConfig) -> None:
        super().__init__()
        self.config = config
        norm = spectral_norm if config.spectral_norm else _plain
        shape = (1, 1, 0) if config.judges == "pixel" else (4, 2, 1)  # kernel, stride, padding
        wide = (config.inputs, *config.widths)
        layers: list[nn.Module] = []
        for i, o in pairwise(wide):
            layers += [norm(nn.Conv2d(i, o, *shape)), nn.LeakyReLU(config.slope)]
        # In a difference of scores an offset has no gradient but rounding, with which Adam would walk.
        self.layers = nn.Sequential(*layers, norm(nn.Conv2d(wide[-1], 1, 1, bias=config.loss != "wgan")))

    def forward(self, x: Tensor) -> Tensor:
        """Frames (N, inputs, H, W) -> unbounded scores, higher is more real: (N, 1, H, W), or (N, 1, 1, 1)
        of a global critic.
        """
        scores: Tensor = self.layers(x)
        return scores if self.config.judges == "pixel" else scores.mean((2, 3), keepdim=True)


def _plain(layer: nn.Module) -> nn.Module:
    return layer
