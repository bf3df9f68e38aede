"""The Defect Generator: a strided encoder, a 1x1 centre, a transposed-convolution decoder with added skips.

Axis letters: N frames, C channels, H rows, W columns; L levels; at level i the sides are H/s^i and W/s^i.
"""

from dataclasses import replace
from itertools import pairwise
from math import ceil, lcm
from typing import Any, Literal, NamedTuple

import torch
from pydantic import model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from model.pyramid import MOST_SWEEPS, NOTHING_KNOWN, corrected, fill
from pixelmend.config import CHECKED, Frame
from pixelmend.errors import UserError

COLOURS = 3  # R, G, B
HALF = 0.5  # a score or a map value from here on selects the network's pixel
CONTRAST = 8.0  # of differences between pixels over the pixels, as a correcting network first weighs them
SLOPE = 10.0  # of the sigmoid by which training sees the score's threshold

Mode = Literal["direct", "selective", "mapped", "residual", "filled", "corrected"]
MAPPED: tuple[Mode, ...] = ("mapped", "corrected")  # a frame's fourth channel is the sensor's defect map
FILLED: tuple[Mode, ...] = ("filled", "corrected")  # broken pixels are filled from the sound ones
SCORED: tuple[Mode, ...] = ("selective", "filled")  # the network says itself which pixels are broken


@dataclass(frozen=True, config=CHECKED)
class GeneratorConfig:
    """Shape of the generator; the defaults are the published network of 5,775,235 parameters."""

    widths: tuple[int, ...] = (64, 128, 256, 512)  # channels after each encoder level, 1 to 5 levels
    kernel: int = 4  # px, side of every kernel except the centre's
    stride: int = 2  # factor by which a level shrinks H and W
    skips: bool = True  # add the encoder's outputs to the decoder's
    center: bool = True  # 1x1 convolution between encoder and decoder
    middle: int = 0  # 3x3 convolutions behind it, at the deepest level
    spectral_norm: bool = True  # training regularization; `fold_spectral_norm` removes it
    batch_norm: bool = False  # of every layer but the last; training too, `fold_batch_norm` removes it
    dropout: float = 0.0  # probability at the centre, training only
    last: Literal["relu", "tanh", "none"] = "relu"  # last activation, see `Generator.activate`
    mode: Mode = "direct"  # what becomes of the network's output, see `EncoderDecoder`
    fill_levels: int = 3  # halvings of the pyramid that fills, modes `filled` and `corrected` only
    fill_sweeps: int = 0  # of the biharmonic equation, over what it filled

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
        if not 0 <= self.middle <= 8:
            raise ValueError("middle must be 0 to 8")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError("dropout must be at least 0 and less than 1")
        if self.mode == "residual" and self.last == "tanh":
            raise ValueError("mode 'residual' has no last activation, so last can't be 'tanh'")
        if not 1 <= self.fill_levels <= 6:
            raise ValueError("fill_levels must be 1 to 6")
        if not 0 <= self.fill_sweeps <= MOST_SWEEPS:
            raise ValueError(f"fill_sweeps must be 0 to {MOST_SWEEPS}")
        return self

    @property
    def inputs(self) -> int:
        """Channels of a frame that goes in: R, G, B, and in modes of `MAPPED` the sensor's map (0 or 1)."""
        return COLOURS + (self.mode in MAPPED)

    @property
    def outputs(self) -> int:
        """Channels of the last layer: R, G, B (none with `filled`), and in modes of `SCORED` the score."""
        return COLOURS * (self.mode != "filled") + (self.mode in SCORED)

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
        return lcm(self.stride**self.levels, 2**self.fill_levels if self.mode in FILLED else 1)


def check_frame(frame: Frame, config: GeneratorConfig) -> None:
    """`UserError` where the strides don't divide the sides of the frame."""
    if frame.height % config.multiple or frame.width % config.multiple:
        pyramid = f" and fills from {config.fill_levels} halvings" if config.mode in FILLED else ""
        raise UserError(
            f"frame {frame.height}x{frame.width}: this generator has {config.levels} levels of stride "
            f"{config.stride}{pyramid}, so both sides must be multiples of {config.multiple}"
        )


class Painted(NamedTuple):
    """What a network says of its frames, before they are put together."""

    colours: Tensor  # (N, 3, H, W), its pixels
    choice: Tensor  # (N, 1, H, W) in [0, 1], how far it takes its own pixel instead of the frame's
    score: Tensor | None  # (N, 1, H, W), what `choice` comes from in modes of `SCORED`


def compose(x: Tensor, colours: Tensor, chosen: Tensor) -> Tensor:
    """The network's colours (N, 3, H, W) where `chosen` (N, 1, H, W) bool, else those of the frames `x`."""
    return torch.where(chosen, colours, x[:, :COLOURS])


def expected_image(x: Tensor, painted: Painted) -> Tensor:
    """The mean over the draw of `choice`, (N, 3, H, W): what `compose` gives once the choice is sharp."""
    return painted.choice * painted.colours + (1 - painted.choice) * x[:, :COLOURS]


class EncoderDecoder(nn.Module):
    """What training needs of a network, float or quantized: its halves, so that a loss sees the latent.

    Modes: `direct` takes every pixel from the network, as published; `selective` where the network's fourth
    output is at least `HALF`; `mapped` where the frame's fourth channel is, the sensor's known defects;
    `residual` adds the network's signed output to the frame. `filled`: the network's one output is the score,
    and where it is at least `HALF`, a pixel is filled from the sound ones (`model.pyramid`); `corrected`: so
    are the defects of the map before the network sees the frame, which adds a correction to what was filled.
    """

    config: GeneratorConfig

    def enter(self, x: Tensor) -> Tensor:
        """Frames (N, inputs, H, W) in [0, 1] as the network takes them in; filled in mode `corrected`."""
        if self.config.mode != "corrected":
            return x
        return torch.cat([self.fill(x[:, :COLOURS], x[:, COLOURS:] >= HALF), x[:, COLOURS:]], 1)

    def fill(self, images: Tensor, broken: Tensor) -> Tensor:
        """`model.pyramid.fill` with the pyramid of this network."""
        return fill(images, broken, self.config.fill_levels, self.config.fill_sweeps)

    def replace(self, x: Tensor, values: Tensor, broken: Tensor) -> Tensor:
        """What a network of the modes `SCORED` makes of frames of which it calls these pixels `broken`."""
        if self.config.mode == "filled":
            return self.fill(x, broken)
        return compose(x, values[:, :COLOURS], broken)

    def sharpen(self, images: Tensor) -> Tensor:
        """Corrected images (N, 3, H, W) within what a pixel can be."""
        return images.clamp(0, 1)

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Frames that have entered -> the latent and every encoder output."""
        raise NotImplementedError

    def decode(self, latent: Tensor, outputs: list[Tensor]) -> Tensor:
        """The latent and the encoder outputs -> the last layer's sums (N, outputs, H, W)."""
        raise NotImplementedError

    def activate(self, sums: Tensor) -> Tensor:
        """The last layer's sums (N, outputs, H, W) -> values, in the network's own range."""
        raise NotImplementedError

    def paint(self, x: Tensor, sums: Tensor) -> Painted:
        """What training looks at of frames `x` that have entered.

        `choice` is a sigmoid of the score, so that it has a gradient; what is filled has none.
        """
        sums = sums.float()  # losses are summed in full precision
        if self.config.mode in SCORED:
            score = sums[:, -1:]
            choice = torch.sigmoid(SLOPE * (score - HALF))
            if self.config.mode == "filled":
                return Painted(self.fill(x, score >= HALF), choice, score)
            return Painted(self.activate(sums)[:, :COLOURS], choice, score)
        values = self.activate(sums)
        if self.config.mode in MAPPED:
            own = corrected(x[:, :COLOURS], values) if self.config.mode == "corrected" else values
            return Painted(own, (x[:, COLOURS:] >= HALF).to(values.dtype), None)
        if self.config.mode == "residual":
            values = x + values
        return Painted(values, torch.ones_like(values[:, :1]), None)

    def forward(self, x: Tensor) -> Tensor:
        """Frames (N, inputs, H, W) in [0, 1] -> repaired frames (N, 3, H, W).

        Raises `UserError` where H or W is not divisible by `config.multiple`.
        """
        x = self.enter(x)
        values = self.activate(self.decode(*self.encode(x)))
        match self.config.mode:
            case "selective" | "filled":
                return self.replace(x, values, values[:, -1:] >= HALF)
            case "mapped":
                return compose(x, values, x[:, COLOURS:] >= HALF)
            case "corrected":
                return compose(x, self.sharpen(corrected(x[:, :COLOURS], values)), x[:, COLOURS:] >= HALF)
            case "residual":
                return x + values
        return values


class Generator(EncoderDecoder):
    """The float network; `enc`, `center`, `mid` and `dec` are the names its quantized twin shares.

    `dec[i]` is the i-th layer the data meets, so `dec[-1]` maps `widths[0]` channels to `config.outputs`.
    `norms` holds the batch normalization between a layer and its ReLU, by the layer's name, if there is one.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        wide = (config.inputs, *config.widths)
        down = list(pairwise(wide))
        up = [(o, i) for i, o in reversed(list(pairwise((config.outputs, *config.widths))))]
        norm = spectral_norm if config.spectral_norm else _plain
        shape = (config.kernel, config.stride, config.padding)
        self.enc = nn.ModuleList(norm(nn.Conv2d(i, o, *shape)) for i, o in down)
        self.center = norm(nn.Conv2d(wide[-1], wide[-1], 1)) if config.center else None
        self.mid = nn.ModuleList(norm(nn.Conv2d(wide[-1], wide[-1], 3, 1, 1)) for _ in range(config.middle))
        self.dec = nn.ModuleList(norm(nn.ConvTranspose2d(i, o, *shape, config.output_padding)) for i, o in up)
        self.norms = nn.ModuleDict(_norms(config) if config.batch_norm else {})
        # Mid grey to start with: around zero the last ReLU would stop half of the gradients. As a correction
        # it changes nothing.
        grey = NOTHING_KNOWN / 255 if config.mode == "corrected" else 0.5
        if config.mode == "residual" or config.last == "tanh":
            grey = 0.0
        for name, bias in self.dec[-1].named_parameters():
            if name == "bias":
                nn.init.constant_(bias, grey)
                if config.mode in SCORED:
                    nn.init.constant_(bias[-1:], 0.0)  # most pixels are sound
        if config.mode == "corrected" and not config.spectral_norm:
            self._start_from_the_filling()

    @torch.no_grad()
    def _start_from_the_filling(self) -> None:
        """No correction at first, since a bad one would spoil a good filling; and filters that see
        differences between pixels, which tell of what a filling misses, and not how bright it is there.
        Against such small values the usual biases would silence half of the channels for good.
        """
        layers: list[Any] = [*self.enc, *([self.center] if self.center else []), *self.mid, *self.dec]
        for layer in layers[:-1]:
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(layers[-1].weight)
        colours = layers[0].weight[:, :COLOURS]
        colours.sub_(colours.mean((2, 3), keepdim=True)).mul_(CONTRAST)

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Frames (N, inputs, H, W) -> the latent (N, widths[-1], H/s^L, W/s^L) and every encoder output."""
        sides = tuple(x.shape[-2:])
        if any(side % self.config.multiple for side in sides):
            raise UserError(f"frame sides must be divisible by {self.config.multiple}, got {sides}")
        outputs = []
        for i, layer in enumerate(self.enc):
            x = torch.relu(self._normed(f"enc{i}", layer(x)))  # N, widths[i], H/s^(i+1), W/s^(i+1)
            outputs.append(x)
        if self.center is not None:
            x = torch.relu(self._normed("center", self.center(x)))
        for i, layer in enumerate(self.mid):
            x = torch.relu(self._normed(f"mid{i}", layer(x)))
        return x, outputs

    def decode(self, latent: Tensor, outputs: list[Tensor]) -> Tensor:
        """The latent and the encoder outputs -> the last layer's sums (N, outputs, H, W)."""
        x = nn.functional.dropout(latent, self.config.dropout, self.training)
        for i, layer in enumerate(self.dec[:-1]):
            x = torch.relu(self._normed(f"dec{i}", layer(x)))
            if self.config.skips:
                x = x + outputs[-2 - i]  # same channels and sides, by construction
        return self.dec[-1](x)

    def activate(self, sums: Tensor) -> Tensor:
        """With `last` = relu >= 0 and not clipped at 1, and with a gradient below 0 too, else a colour that
        was once 0 everywhere would stay so; with tanh the colours as (1 + tanh) / 2, which is the usual image
        in [-1, 1] on our scale; with none, and in mode `residual`, as they are.
        """
        if self.config.mode == "residual" or self.config.last == "none":
            return sums
        if self.config.last == "relu":
            return sums + (torch.relu(sums) - sums).detach()
        colours = self.config.outputs - (self.config.mode in SCORED)
        return torch.cat([(1 + torch.tanh(sums[:, :colours])) / 2, sums[:, colours:]], 1)

    def latent(self, x: Tensor) -> Tensor:
        """Frames (N, inputs, H, W) in [0, 1] -> the decoder's input, (N, widths[-1], H/s^L, W/s^L), >= 0."""
        return self.encode(x)[0]

    def _normed(self, name: str, x: Tensor) -> Tensor:
        return self.norms[name](x) if name in self.norms else x


def folded(generator: Generator) -> Generator:
    """A copy of ordinary layers only, with the same outputs in evaluation; the argument stays as it is."""
    return fold_batch_norm(fold_spectral_norm(generator))


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


def fold_batch_norm(generator: Generator) -> Generator:
    """A copy whose layers hold what their normalization did; spectral norm must be folded before.

    With the running mean m and variance v, and the learned g and b: w' = w g / sqrt(v + eps) for each output
    channel, and bias' = (bias - m) g / sqrt(v + eps) + b.
    """
    if generator.config.spectral_norm:
        raise ValueError("fold_spectral_norm must come first: it has no place for a weight of its own")
    plain = Generator(replace(generator.config, batch_norm=False))
    state = {name: value for name, value in generator.state_dict().items() if not name.startswith("norms.")}
    for name, norm in generator.norms.items():
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None
        layer = name if name == "center" else f"{name[:3]}.{name[3:]}"
        gain = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
        shape = (1, -1, 1, 1) if name.startswith("dec") else (-1, 1, 1, 1)  # of transposed ones I, O, k, k
        state[f"{layer}.weight"] = state[f"{layer}.weight"] * gain.view(shape)
        state[f"{layer}.bias"] = (state[f"{layer}.bias"] - norm.running_mean) * gain + norm.bias.detach()
    plain.load_state_dict(state)
    return plain.train(generator.training)


def _norms(config: GeneratorConfig) -> dict[str, nn.Module]:
    widths = {f"enc{i}": width for i, width in enumerate(config.widths)}
    widths |= {"center": config.widths[-1]} if config.center else {}
    widths |= {f"mid{i}": config.widths[-1] for i in range(config.middle)}
    widths |= {f"dec{i}": width for i, width in enumerate(config.widths[-2::-1])}
    return {name: nn.BatchNorm2d(width) for name, width in widths.items()}


def _plain(layer: nn.Module) -> nn.Module:
    return layer
