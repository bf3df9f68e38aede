"""Where pruning goes: to the target, by multiples, always the block worth least for what it frees."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from model.generator import Generator, GeneratorConfig
from pixelmend.config import Frame, parse
from pixelmend.errors import UserError
from quant.bits import QuantConfig, layer_of
from quant.channels import channel_sets, magnitudes
from quant.footprint import float_bytes, footprint
from quant.shrink import PruneConfig, hardware_cost, limits, next_width, prune_to, round_target

NET = GeneratorConfig(widths=(16, 24, 32), spectral_norm=False)
QUANT = QuantConfig()
FRAME = Frame(64, 64)


def network(seed: int = 1) -> Generator:
    torch.manual_seed(seed)
    return Generator(NET).eval()


def pruned(settings: PruneConfig, source: Generator | None = None) -> Generator:
    end = limits(settings, NET, QUANT)
    source = source or network()
    return prune_to(source, end, end.bytes, QUANT, hardware_cost(settings, NET, QUANT, FRAME))


def test_widths_are_met_exactly() -> None:
    assert pruned(PruneConfig(widths=(8, 20, 12))).config == replace(NET, widths=(8, 20, 12))
    assert pruned(PruneConfig(widths=(7, 24, 30))).config.widths == (7, 24, 30)  # asked for, multiple or not
    assert pruned(PruneConfig(widths=NET.widths)).config.widths == NET.widths


@pytest.mark.parametrize("wanted", [4_000, 9_000, 15_000])
def test_bytes_are_met_with_no_block_to_spare(wanted: int) -> None:
    settings = PruneConfig(bytes=wanted, multiples=(4, 8, 4))
    config = pruned(settings).config
    assert [width % m for width, m in zip(config.widths, (4, 8, 4), strict=True)] == [0, 0, 0]
    assert footprint(config, QUANT, FRAME).bytes <= wanted
    larger = [
        replace(config, widths=tuple(w + (m if i == level else 0) for i, w in enumerate(config.widths)))
        for level, m in enumerate((4, 8, 4))
    ]
    assert max(footprint(candidate, QUANT, FRAME).bytes for candidate in larger) > wanted


def test_a_ratio_counts_from_float32() -> None:
    settings = PruneConfig(ratio=20.0)
    assert limits(settings, NET, QUANT).bytes == int(float_bytes(NET) / 20)
    assert float_bytes(NET) / footprint(pruned(settings).config, QUANT, FRAME).bytes >= 20


def test_rounds_take_equal_factors() -> None:
    settings = PruneConfig(bytes=5_000, rounds=3)
    targets = [round_target(settings, NET, QUANT, number) for number in (1, 2, 3)]
    before = footprint(NET, QUANT, FRAME).bytes
    steps = [after / now for now, after in zip([before, *targets], targets, strict=False)]
    assert steps == pytest.approx([(5_000 / before) ** (1 / 3)] * 3)
    assert targets[-1] == 5_000


def test_the_least_channels_go_from_each_set() -> None:
    source = network()
    small = pruned(PruneConfig(widths=(16, 24, 20)), source)
    for channels in channel_sets(NET)[2:]:
        stay = magnitudes(source, channels).argsort()[12:].sort().values
        (name,) = channels.producers
        assert torch.equal(layer_of(small, name).bias, layer_of(source, name).bias[stay])
    enc3, center = (layer_of(small, name).bias for name in ("enc3", "center"))
    assert not torch.equal(enc3, center)


def test_a_level_of_little_worth_goes_first() -> None:
    source = network()
    with torch.no_grad():  # half of level 2 hardly says anything
        layer_of(source, "enc2").weight[12:] *= 1e-3
        layer_of(source, "dec1").weight[:, 12:] *= 1e-3
        layer_of(source, "enc2").bias[12:] *= 1e-3
        layer_of(source, "dec1").bias[12:] *= 1e-3
    settings = PruneConfig(bytes=footprint(replace(NET, widths=(16, 12, 32)), QUANT, FRAME).bytes)
    assert pruned(settings, source).config.widths == (16, 12, 32)


def only(name: str, **settings: Any) -> PruneConfig:
    weights = dict.fromkeys(("memory_weight", "cycles_weight", "fifo_weight"), 0.0) | {name: 2.0}
    return PruneConfig(**weights, **settings)


def test_the_cost_decides_where() -> None:
    """At the same bytes, counting skip FIFOs alone gives far smaller ones."""
    fifo, memory = (pruned(only(name, bytes=10_000)).config for name in ("fifo_weight", "memory_weight"))
    assert fifo.widths[2] == 32  # where there are none
    assert footprint(fifo, QUANT, FRAME).skip_bits < footprint(memory, QUANT, FRAME).skip_bits / 2


def test_costs_are_shares_of_the_whole() -> None:
    whole, small = footprint(NET, QUANT, FRAME), replace(NET, widths=(8, 8, 16))
    size, bits = footprint(small, QUANT, FRAME), whole.weight_bits + whole.skip_bits
    shares = {
        "memory_weight": size.weight_bits / bits,
        "fifo_weight": size.skip_bits / bits,
        "cycles_weight": size.products / whole.products,
    }
    for name, share in shares.items():
        assert hardware_cost(only(name, bytes=1), NET, QUANT, FRAME)(small) == pytest.approx(2.0 * share)
    cost = hardware_cost(PruneConfig(), NET, QUANT, FRAME)
    assert cost(NET) == pytest.approx(2.0)
    assert cost(small) == pytest.approx(sum(shares.values()))


@pytest.mark.parametrize(
    ("width", "multiple", "floor", "fewer"),
    [(16, 4, 4, 12), (18, 4, 4, 16), (18, 8, 17, 17), (4, 4, 4, 4), (5, 4, 4, 4), (32, 1, 1, 31)],
)
def test_the_next_width(width: int, multiple: int, floor: int, fewer: int) -> None:
    assert next_width(width, multiple, floor) == fewer


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bytes": 0}, "bytes: Input should be greater than or equal to 1; got 0"),
        ({"ratio": 1.0}, "ratio: Input should be greater than 1; got 1.0"),
        ({"ratio": 10, "bytes": 100}, "set only one of widths, bytes and ratio"),
        ({"widths": [0, 4]}, "widths and multiples must be at least 1"),
        ({"memory_weight": 0, "cycles_weight": 0, "fifo_weight": 0}, "must be greater than 0"),
        ({"batch": 0}, "batch must be at least 1"),  # the settings of training are checked as ever
        ({"width": [4]}, "width: unknown key; known are "),
    ],
)
def test_bad_values_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"^x\.toml: \[prune\].*{message}"):
        parse(values, PruneConfig, "x.toml: [prune]")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PruneConfig(), r"\[prune\]: expected one of widths, bytes and ratio"),
        (PruneConfig(widths=(4, 4)), r"\[prune\] widths: expected one for each of 3 levels, got 2"),
        (
            PruneConfig(ratio=9, multiples=(4,)),
            r"\[prune\] multiples: expected one for each of 3 levels, got 1",
        ),
        (
            PruneConfig(widths=(4, 4, 33)),
            r"at most those .*, \[16, 24, 32\], got \[4, 4, 33\]",
        ),
        (PruneConfig(bytes=100), r"expected at least [\d,]+ bytes, those of widths \[4, 4, 4\], got 100"),
    ],
)
def test_what_this_generator_cannot_become(settings: PruneConfig, message: str) -> None:
    with pytest.raises(UserError, match=message):
        limits(settings, NET, QUANT)
