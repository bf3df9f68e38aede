"""Coupled channels: which go together, what they are worth, and that nothing but them goes."""

from typing import Any

import pytest
import torch
from torch import Tensor

from model.generator import Generator, GeneratorConfig
from quant.bits import layer_of
from quant.channels import ChannelSet, channel_sets, magnitudes, sliced

SKIPS = GeneratorConfig(widths=(6, 8, 10), spectral_norm=False)
PLAIN = GeneratorConfig(widths=(6, 8), skips=False, spectral_norm=False)
NO_CENTER = GeneratorConfig(widths=(6, 8), center=False, spectral_norm=False)
ONE = GeneratorConfig(widths=(6,), kernel=3, spectral_norm=False)
MIDDLE = GeneratorConfig(widths=(6,), center=False, middle=2, spectral_norm=False)


def whole_numbers(config: GeneratorConfig, seed: int = 1) -> Generator:
    """A network of small integers in float64: sums are exact in any order."""
    rng = torch.Generator().manual_seed(seed)
    network = Generator(config).double().eval()
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(torch.randint(-3, 4, value.shape, generator=rng))
    return network


def frames(seed: int = 2) -> Tensor:
    return torch.randint(0, 5, (2, 3, 16, 24), generator=torch.Generator().manual_seed(seed)).double()


def test_a_skip_add_ties_encoder_and_decoder() -> None:
    assert channel_sets(SKIPS) == [
        ChannelSet(1, ("enc1", "dec2"), ("enc2", "dec3")),
        ChannelSet(2, ("enc2", "dec1"), ("enc3", "dec2")),
        ChannelSet(3, ("enc3",), ("center",)),
        ChannelSet(3, ("center",), ("dec1",)),
    ]


def test_without_skips_and_without_centre() -> None:
    assert channel_sets(PLAIN) == [
        ChannelSet(1, ("enc1",), ("enc2",)),
        ChannelSet(1, ("dec1",), ("dec2",)),
        ChannelSet(2, ("enc2",), ("center",)),
        ChannelSet(2, ("center",), ("dec1",)),
    ]
    assert channel_sets(NO_CENTER)[1:] == [ChannelSet(2, ("enc2",), ("dec1",))]
    assert channel_sets(ONE)[0] == ChannelSet(1, ("enc1",), ("center",))
    chain = [("enc1", "mid1"), ("mid1", "mid2"), ("mid2", "dec1")]
    assert channel_sets(MIDDLE) == [ChannelSet(1, (before,), (after,)) for before, after in chain]


@pytest.mark.parametrize(
    "config", [SKIPS, PLAIN, NO_CENTER, ONE, MIDDLE], ids=["skips", "plain", "no centre", "one", "middle"]
)
def test_channels_that_are_0_can_go(config: GeneratorConfig) -> None:
    """Exactly equal, and not because the network says nothing."""
    network = whole_numbers(config)
    rng = torch.Generator().manual_seed(3)
    kept = {}
    for channels in channel_sets(config):
        width = config.widths[channels.level - 1]
        order = torch.randperm(width, generator=rng)
        kept[channels] = order[2:].sort().values
        with torch.no_grad():
            for name in channels.producers:
                layer = layer_of(network, name)
                layer.weight[output(name, order[:2])] = 0.0
                layer.bias[order[:2]] = 0.0
    small = sliced(network, kept)
    assert small.config.widths == tuple(width - 2 for width in config.widths)
    with torch.no_grad():
        wanted, came = network(frames()), small(frames())
    assert torch.equal(wanted, came)
    assert len(wanted.unique()) > 100
    assert type(small) is Generator


def output(name: str, channels: Tensor) -> Any:
    return (slice(None), channels) if name.startswith("dec") else channels


@pytest.mark.parametrize("config", [SKIPS, PLAIN], ids=["skips", "plain"])
def test_slicing_is_setting_to_0(config: GeneratorConfig) -> None:
    """Channels that are worth something: the same network with their producers at 0."""
    network = whole_numbers(config)
    for channels in channel_sets(config):
        gone = torch.tensor([1, 4])
        stay = torch.tensor([c for c in range(config.widths[channels.level - 1]) if c not in gone.tolist()])
        same_level = [other for other in channel_sets(config) if other.level == channels.level]
        zeroed = whole_numbers(config)
        with torch.no_grad():
            for other in same_level:
                for name in other.producers:
                    layer_of(zeroed, name).weight[output(name, gone)] = 0.0
                    layer_of(zeroed, name).bias[gone] = 0.0
            came = sliced(network, dict.fromkeys(same_level, stay))(frames())
            assert torch.equal(came, zeroed(frames()))
            assert not torch.equal(came, network(frames()))


def test_magnitudes_by_hand() -> None:
    network = whole_numbers(ONE)
    layers = {name: layer_of(network, name) for name in ("enc1", "center", "dec1")}
    into, out_of = (channels for channels in channel_sets(ONE))
    for channels, writer, reader in ((into, "enc1", "center"), (out_of, "center", "dec1")):
        worth = []
        for c in range(6):
            written = layers[writer].weight[c].square().sum() + layers[writer].bias[c] ** 2
            read = layers[reader].weight[:, c] if reader == "center" else layers[reader].weight[c]
            worth.append(float((written.sqrt() * read.norm()).detach()))
        wanted = torch.tensor(worth, dtype=torch.float64) / sum(worth)
        assert torch.allclose(magnitudes(network, channels), wanted)


def test_magnitudes_know_no_scale() -> None:
    """A channel written twice as large and read half as large is the same channel."""
    network = whole_numbers(SKIPS)
    channels = channel_sets(SKIPS)[0]
    before = magnitudes(network, channels)
    with torch.no_grad():
        wanted = network(frames())
        for name in channels.producers:
            layer_of(network, name).weight[output(name, torch.tensor([2]))] *= 2.0
            layer_of(network, name).bias[2] *= 2.0
        layer_of(network, "enc2").weight[:, 2] /= 2.0
        layer_of(network, "dec3").weight[2] /= 2.0
        assert torch.equal(network(frames()), wanted)
    assert torch.allclose(magnitudes(network, channels), before)
    assert float(before.sum()) == pytest.approx(1.0)
