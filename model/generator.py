"""The Defect Generator: a strided encoder, a 1x1 centre, a transposed-convolution decoder with added skips.

Axis letters: N frames, C channels, H rows, W columns; L levels; at level i the sides are H/s^i and W/s^i.
"""

from dataclasses import replace
from itertools import pairwise
from math import ceil

import torch
from pydantic import model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pixelmend.config import CHECKED, Frame
from pixelmend.errors import UserError

COLOURS = 3  # R, G, B


@dataclass(frozen=True, config=CHECKED)
class GeneratorConfig:
    """Shape of the generator; the defaults are the published network of 5,775,235 parameters."""

    widths: tuple[int, ...] = (64, 128, 256, 512)  # channels after each encoder level, 1 to 5 levels
    kernel: int = 4  # px, side of every kernel except the centre's
    stride: int = 2  # factor by which a level shrinks H and W
    skips: bool = True  # add the encoder's outputs to the decoder's
    center: bool = True  # 1x1 convolution between encoder and decoder
    spectral_norm: bool = True  # training regularization; `fold_spectral_norm` removes it
    dropout: float = 0.0  # probability at the centre, training only

    @model_validator(mode="after")
    def _check(self) -> "GeneratorConfig":
        if not 1 <= len(self.widths) <= 5 or min(self.widths) < 1:
            raise ValueError("widths must be 1 to 5 positive channel counts")
        if self.stride < 2:
            raise ValueError("stride must be at least 2")
        if self.kernel < self.stride:
            raise ValueError("kernel must be at least stride, else pixels are never looked at")
        if self.output_padding >= self.stride:
            raise ValueError("no padding gives sides of exactly in / stride and in * stride")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError("dropout must be at least 0 and less than 1")
        return self

    @property
    def levels(self) -> int:
        """L, the number of encoder (and of decoder) layers."""
        return len(self.widths)

    @property
    def padding(self) -> int:
        """Zeros around each side, so that a convolution gives exactly side / stride."""
        return ceil((self.kernel - self.stride) / 2)

    @property
    def output_padding(self) -> int:
        """Rows and columns a transposed convolution adds at the end to give exactly side * stride."""
        return 2 * self.padding - (self.kernel - self.stride)

    @property
    def multiple(self) -> int:
        """Both sides of a frame must be divisible by this."""
        return self.stride**self.levels


def check_frame(frame: Frame, config: GeneratorConfig) -> None:
    """`UserError` where the strides don't divide the sides of the frame."""
    if frame.height % config.multiple or frame.width % config.multiple:
        raise UserError(
            f"frame {frame.height}x{frame.width}: this generator has {config.levels} levels of stride "
            f"{config.stride}, so both sides must be multiples of {config.multiple}"
        )


class EncoderDecoder(nn.Module):
    """What training needs of a network, float or quantized: two halves, so that a loss sees the latent."""

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Frames (N, 3, H, W) in [0, 1] -> the latent and every encoder output."""
        raise NotImplementedError

    def decode(self, latent: Tensor, outputs: list[Tensor]) -> Tensor:
        """The latent and the encoder outputs -> frames (N, 3, H, W)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Frames (N, 3, H, W) in [0, 1] -> repaired frames (N, 3, H, W)."""
        return self.decode(*self.encode(x))


class Generator(EncoderDecoder):
    """The float network; `enc`, `center` and `dec` are the names its quantized twin shares.

    `dec[i]` is the i-th layer the data meets, so `dec[-1]` maps `widths[0]` channels to R, G, B.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        wide = (COLOURS, *config.widths)
        down = list(pairwise(wide))
        norm = spectral_norm if config.spectral_norm else _plain
        shape = (config.kernel, config.stride, config.padding)
        self.enc = nn.ModuleList(norm(nn.Conv2d(i, o, *shape)) for i, o in down)
        self.center = norm(nn.Conv2d(wide[-1], wide[-1], 1)) if config.center else None
        self.dec = nn.ModuleList(
            norm(nn.ConvTranspose2d(o, i, *shape, config.output_padding)) for i, o in reversed(down)
        )
        # Mid grey to start with: around zero the last ReLU would stop half of the gradients.
        for name, bias in self.dec[-1].named_parameters():
            if name == "bias":
                nn.init.constant_(bias, 0.5)

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Frames (N, 3, H, W) -> the latent (N, widths[-1], H/s^L, W/s^L) and every encoder output."""
        sides = tuple(x.shape[-2:])
        if any(side % self.config.multiple for side in sides):
            raise UserError(f"frame sides must be divisible by {self.config.multiple}, got {sides}")
        outputs = []
        for layer in self.enc:
            x = torch.relu(layer(x))  # N, widths[i], H/s^(i+1), W/s^(i+1)
            outputs.append(x)
        if self.center is not None:
            x = torch.relu(self.center(x))
        return x, outputs

    def decode(self, latent: Tensor, outputs: list[Tensor]) -> Tensor:
        """The latent and the encoder outputs -> frames (N, 3, H, W)."""
        x = nn.functional.dropout(latent, self.config.dropout, self.training)
        for i, layer in enumerate(self.dec):
            x = torch.relu(layer(x))
            if self.config.skips and i < self.config.levels - 1:
                x = x + outputs[-2 - i]  # same channels and sides, by construction
        return x

    def latent(self, x: Tensor) -> Tensor:
        """Frames (N, 3, H, W) in [0, 1] -> the centre's output, (N, widths[-1], H/s^L, W/s^L), >= 0."""
        return self.encode(x)[0]

    def forward(self, x: Tensor) -> Tensor:
        """Frames (N, 3, H, W) in [0, 1] -> repaired frames (N, 3, H, W), >= 0 and not clipped at 1.

        Raises `UserError` where H or W is not divisible by `config.multiple`.
        """
        return self.decode(*self.encode(x))


def fold_spectral_norm(generator: Generator) -> Generator:
    """A copy with ordinary weights and the same outputs in evaluation; the argument stays as it is."""
    was_training = generator.training
    generator.eval()  # in training, reading a weight would advance the power iteration
    plain = Generator(replace(generator.config, spectral_norm=False))
    layers = dict(generator.named_modules())
    state = {}
    for name in plain.state_dict():
        layer, field = name.rsplit(".", 1)
        state[name] = getattr(layers[layer], field).detach()
    plain.load_state_dict(state)
    generator.train(was_training)
    return plain.train(was_training)


def _plain(layer: nn.Module) -> nn.Module:
    return layer
