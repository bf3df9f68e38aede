"""Feature extractors of VGG's form (Simonyan and Zisserman 2015) and AlexNet's (Krizhevsky et al. 2012).

Layers have the names that papers give them: conv1_1, relu1_1, conv1_2, relu1_2, pool1, conv2_1, ... of VGG; conv1,
relu1, lrn1, pool1, conv2, ... of AlexNet. The modules stand as in torchvision's `features`, whose files can be read.
N frames, C channels, H rows, W columns.
"""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from model.checkpoint import fill, load
from pixelmend.config import CHECKED, parse
from pixelmend.errors import UserError
from pixelmend.provenance import ROOT

KIND = "features"  # of the checkpoint
SHIPPED = "checkpoints/features/vgg-small.safetensors"
ALEXNET_SHIPPED = "checkpoints/features/alexnet-small.safetensors"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of R, G and B, as torchvision's files expect
PREFIX = "features."  # of torchvision's convolutions


@dataclass(frozen=True, config=CHECKED)
class ExtractorConfig:
    """Shape of an extractor; the defaults are those of the one that ships."""

    form: Literal["vgg", "alexnet"] = "vgg"
    widths: tuple[Annotated[int, Field(ge=1)], ...] = (16, 32, 64, 96)  # of VGG's blocks, of AlexNet's layers
    convolutions: tuple[Annotated[int, Field(ge=1)], ...] = (2, 2, 2, 2)  # in each of VGG's blocks
    normalized: bool = True  # AlexNet: local response normalization, which torchvision's has not
    whole: bool = True  # AlexNet: padded so that each stride divides the sides, which torchvision's is not


class Extractor(nn.Module):
    """Frames (N, 3, H, W) in [0, 1] -> the results of layers by name, each (N, C, H / stride, W / stride)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: ExtractorConfig, scales: dict[str, float] | None = None) -> None:
        """`scales`: for each layer the value that nearly none is above, where it is known."""
        super().__init__()
        self.config, self.scales = config, scales or {}
        named = _vgg(config) if config.form == "vgg" else _alexnet(config)
        self.names = tuple(name for name, _ in named)
        self._layers = [layer for _, layer in named]
        self.features = nn.Sequential(*(layer for _, layer in named))
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """The last layer's result."""
        return self.results(frames, self.names[-1:])[self.names[-1]]

    def results(self, frames: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Those of the layers `names`, by name; no layer behind the last of them is computed."""
        wanted = {self._index(name): name for name in names}
        found = {}
        x = (frames - self.mean) / self.deviation
        for index, layer in enumerate(self._layers[: max(wanted, default=-1) + 1]):
            x = layer(x)
            if index in wanted:
                found[wanted[index]] = x
        return found

    def channels(self, name: str) -> int:
        """C of a layer."""
        return next(
            int(layer.out_channels)
            for layer in reversed(self._layers[: self._index(name) + 1])
            if isinstance(layer, nn.Conv2d)
        )

    def stride(self, name: str) -> int:
        """By how much a layer's sides are shorter than the frame's."""
        stride = 1
        for layer in self._layers[: self._index(name) + 1]:
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                own = layer.stride
                stride *= own if isinstance(own, int) else own[0]
        return stride

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise UserError(f"features: no layer '{name}'; there are {', '.join(self.names)}")
        return self.names.index(name)


def load_extractor(path: Path) -> Extractor:
    """One in evaluation, its weights fixed: of `pretext.py`, or a state dict of torchvision's VGG or AlexNet.

    A relative path starts at the working folder, or at the project. `UserError` where it can't be used.
    """
    place = path if path.is_file() else ROOT / path
    if not place.is_file():
        raise UserError(
            f"features: {path}: no such file; expected torchvision's state dict of VGG or AlexNet, or {SHIPPED}"
        )
    if place.suffix == ".safetensors":
        stored = load(place, KIND)
        config = parse(stored.config.get("shape", {}), ExtractorConfig, f"{place}: shape")
        extractor = Extractor(config, stored.config.get("scales", {}))
        fill(extractor, stored.state, place)
    else:
        extractor = _theirs(place)
    return extractor.eval().requires_grad_(False)


def _theirs(path: Path) -> Extractor:
    """Of a file of torchvision's: its shape follows from its tensors."""
    try:
        loaded: Any = torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for what is no file of its own
        raise UserError(
            f"features: {path}: expected a state dict of torch ({type(error).__name__})"
        ) from error
    state = {
        name: tensor
        for name, tensor in (loaded.items() if isinstance(loaded, dict) else ())
        if name.startswith(PREFIX)
    }
    kernels = {
        int(name.split(".")[1]): tensor for name, tensor in state.items() if getattr(tensor, "ndim", 0) == 4
    }
    if not kernels or 0 not in kernels:
        raise UserError(
            f"features: {path}: expected tensors features.N.weight of torchvision's VGG or AlexNet"
        )
    places = sorted(kernels)
    widths = tuple(int(kernels[place].shape[0]) for place in places)
    if kernels[0].shape[-1] == ALEXNET[0].kernel:
        config = ExtractorConfig("alexnet", widths, normalized=False, whole=False)
    else:
        counts, ends = [1], []
        for before, place in pairwise(places):  # a convolution and its ReLU are two modules, a pooling one
            if place - before == 2:
                counts[-1] += 1
            else:
                ends.append(before)
                counts.append(1)
        blocks = tuple(int(kernels[place].shape[0]) for place in [*ends, places[-1]])
        config = ExtractorConfig("vgg", blocks, tuple(counts))
    extractor = Extractor(config)
    fill(extractor, state, path)
    return extractor


def _vgg(config: ExtractorConfig) -> list[tuple[str, nn.Module]]:
    if len(config.widths) != len(config.convolutions):
        raise UserError(
            f"features: expected as many convolutions as widths, got {config.convolutions} for {config.widths}"
        )
    layers: list[tuple[str, nn.Module]] = []
    before = 3
    for block, (width, count) in enumerate(zip(config.widths, config.convolutions, strict=True), 1):
        for number in range(1, count + 1):
            layers.append((f"conv{block}_{number}", nn.Conv2d(before, width, 3, padding=1)))
            layers.append((f"relu{block}_{number}", nn.ReLU()))
            before = width
        layers.append((f"pool{block}", nn.MaxPool2d(2)))
    return layers


@dataclass(frozen=True)
class _Layer:
    kernel: int
    stride: int
    padding: int
    pooled: bool  # and normalized, as published
    normalized: bool


ALEXNET = (
    _Layer(11, 4, 2, True, True),
    _Layer(5, 1, 2, True, True),
    _Layer(3, 1, 1, False, False),
    _Layer(3, 1, 1, False, False),
    _Layer(3, 1, 1, True, False),
)


def _alexnet(config: ExtractorConfig) -> list[tuple[str, nn.Module]]:
    if len(config.widths) != len(ALEXNET):
        raise UserError(f"features: AlexNet has {len(ALEXNET)} layers, got widths {config.widths}")
    layers: list[tuple[str, nn.Module]] = []
    before = 3
    for number, (width, one) in enumerate(zip(config.widths, ALEXNET, strict=True), 1):
        padding = (one.kernel - 1) // 2 if config.whole else one.padding
        layers.append((f"conv{number}", nn.Conv2d(before, width, one.kernel, one.stride, padding)))
        layers.append((f"relu{number}", nn.ReLU()))
        if one.normalized and config.normalized:
            layers.append((f"lrn{number}", nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)))
        if one.pooled:
            layers.append((f"pool{number}", nn.MaxPool2d(3, stride=2, padding=int(config.whole))))
        before = width
    return layers
