"""Channels of a float generator that can only go together, what they are worth, and a network without them.

A skip add joins channel c of the encoder's output with channel c of the decoder's, and everything that reads
either or their sum; without skips, and around the centre, the sets are apart, but `GeneratorConfig` has one
width a level, so sets of one level lose equally many channels, each set its own.

Axis letters: O outputs, I inputs of a layer, k kernel side; weights are (O, I, k, k), of transposed
convolutions (I, O, k, k).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from model.generator import Generator, GeneratorConfig
from quant.bits import layer_names, layer_of


@dataclass(frozen=True)
class ChannelSet:
    """Channels of one level: `producers` write them, `consumers` read them."""

    level: int  # counted from 1, as in enc1
    producers: tuple[str, ...]
    consumers: tuple[str, ...]


def channel_sets(config: GeneratorConfig) -> list[ChannelSet]:
    """All sets, from the outer level to the innermost; the image's channels are in none."""
    levels, sets = config.levels, []
    for level in range(1, levels):
        encoder, decoder = f"enc{level}", f"dec{levels - level}"
        inner, outer = f"enc{level + 1}", f"dec{levels - level + 1}"
        if config.skips:
            sets.append(ChannelSet(level, (encoder, decoder), (inner, outer)))
        else:
            sets += [ChannelSet(level, (encoder,), (inner,)), ChannelSet(level, (decoder,), (outer,))]
    chain = [name for name in layer_names(config) if name[:3] not in ("enc", "dec")]
    chain = [f"enc{levels}", *chain, "dec1"]
    return sets + [ChannelSet(levels, (before,), (after,)) for before, after in pairwise(chain)]


def magnitudes(generator: Generator, channels: ChannelSet) -> Tensor:
    """What each channel of a set is worth, (O,), as a share of the set's whole: they sum to 1.

    The norm of all weights that write the channel (with their biases) times the norm of all that read it, as
    scaling a channel up and its readers down by the same factor changes nothing.
    """
    written = torch.stack([_norms(layer_of(generator, name), True) for name in channels.producers])
    read = torch.stack([_norms(layer_of(generator, name), False) for name in channels.consumers])
    worth = written.norm(dim=0) * read.norm(dim=0)
    shares: Tensor = worth / worth.sum().clamp_min(torch.finfo(worth.dtype).tiny)
    return shares


def sliced(generator: Generator, kept: Mapping[ChannelSet, Tensor]) -> Generator:
    """The same network with only the channels `kept` (indices, rising) of each set; all others as they are.

    Spectral norm must be folded. The function is that of `generator` with the other channels' values at 0.
    """
    widths = list(generator.config.widths)
    for channels, indices in kept.items():
        widths[channels.level - 1] = len(indices)
    result = Generator(replace(generator.config, widths=tuple(widths)))
    outputs = {name: indices for channels, indices in kept.items() for name in channels.producers}
    inputs = {name: indices for channels, indices in kept.items() for name in channels.consumers}
    with torch.no_grad():
        for name in layer_names(generator.config):
            source, target = layer_of(generator, name), layer_of(result, name)
            weight, bias = source.weight.detach(), source.bias.detach()
            if name in outputs:
                weight = weight.index_select(_axis(source, True), outputs[name])
                bias = bias.index_select(0, outputs[name])
            if name in inputs:
                weight = weight.index_select(_axis(source, False), inputs[name])
            target.weight.copy_(weight)
            target.bias.copy_(bias)
    return result.to(bias.dtype).train(generator.training)


def _norms(layer: nn.Module, output: bool) -> Tensor:
    """The norm of the weights of each output (or input) channel of a layer, in float64."""
    weight: Tensor = layer.weight.detach().double()  # type: ignore[operator]
    squares = weight.movedim(_axis(layer, output), 0).flatten(1).square().sum(1)
    if output:
        squares = squares + layer.bias.detach().double().square()  # type: ignore[operator]
    return squares.sqrt()


def _axis(layer: nn.Module, output: bool) -> int:
    """The axis of the output (or input) channels in the layer's weights."""
    return int(output == isinstance(layer, nn.ConvTranspose2d))
