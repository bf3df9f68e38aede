"""Which channels go: blocks of them, taken where they are worth least for the hardware they free.

A block is what takes a level from one multiple to the next smaller one. Of all levels' next blocks the one
goes whose share of the magnitude left in its level is least for the cost it saves, until the target is
reached. Shares are of what is left, so that the last channels of a level are dear; a level with two sets of
channels loses the larger of their shares, since the narrower place decides.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from model.generator import Generator, GeneratorConfig
from model.learn import TrainConfig
from pixelmend.config import CHECKED, Frame
from pixelmend.errors import UserError
from quant.bits import QuantConfig
from quant.channels import channel_sets, magnitudes, sliced
from quant.footprint import float_bytes, footprint

Cost = Callable[[GeneratorConfig], float]
"""What a generator costs, relative to the one before pruning; any that falls with every width will do."""

LEAST_SAVING = 1e-12  # of a block that saves nothing, where a cost has weights of 0
Weight = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, config=CHECKED)
class PruneConfig(TrainConfig):
    """How far to prune, what hardware counts, and (the settings of training) how each round fine-tunes.

    One of `widths`, `bytes` and `ratio` says how far.
    """

    steps: int = 2000  # optimizer steps of fine-tuning in each round
    widths: tuple[int, ...] | None = None  # channels of each level in the end
    bytes: Annotated[int, Field(ge=1)] | None = None  # of weights and biases at the bits of [quant], at most
    ratio: Annotated[float, Field(gt=1)] | None = None  # float32 bytes before / bytes as above in the end
    rounds: Annotated[int, Field(ge=1)] = 3  # of pruning and fine-tuning
    multiple: Annotated[int, Field(ge=1)] = 4  # channel counts stay multiples of it; PE and SIMD divide them
    multiples: tuple[int, ...] | None = None  # the same, one for each level
    memory_weight: Weight = 1.0  # how much bits of weights count in the cost,
    fifo_weight: Weight = 1.0  # bits of the skip FIFOs, both as shares of all these bits before pruning,
    cycles_weight: Weight = 1.0  # and products a frame, as a share of those before pruning

    @model_validator(mode="after")
    def _check_target(self) -> "PruneConfig":
        if sum(target is not None for target in (self.widths, self.bytes, self.ratio)) > 1:
            raise ValueError("set only one of widths, bytes and ratio")
        if self.memory_weight + self.cycles_weight + self.fifo_weight == 0:
            raise ValueError("one of memory_weight, cycles_weight and fifo_weight must be greater than 0")
        if min((*(self.widths or ()), *(self.multiples or ()), 1)) < 1:
            raise ValueError("widths and multiples must be at least 1")
        return self


@dataclass(frozen=True)
class Limits:
    """Where pruning ends: at `bytes`, or where every level is down to its `floor`."""

    floor: tuple[int, ...]  # least channels of each level
    multiples: tuple[int, ...]
    bytes: int


def limits(settings: PruneConfig, generator: GeneratorConfig, quant: QuantConfig) -> Limits:
    """What `settings` ask of this generator; `UserError` where it can't be had."""
    multiples = settings.multiples or (settings.multiple,) * generator.levels
    floor = settings.widths or tuple(map(min, multiples, generator.widths))
    for key, values in (("multiples", multiples), ("widths", floor)):
        if len(values) != generator.levels:
            raise UserError(
                f"[prune] {key}: expected one for each of {generator.levels} levels, got {len(values)}"
            )
    if any(map(int.__gt__, floor, generator.widths)):
        raise UserError(
            f"[prune] widths: expected at most those of the checkpoint, {list(generator.widths)}, "
            f"got {list(floor)}"
        )
    least = _bytes(replace(generator, widths=floor), quant)
    if settings.widths is not None:
        return Limits(floor, multiples, least)
    if settings.bytes is not None:
        wanted = settings.bytes
    elif settings.ratio is not None:
        wanted = int(float_bytes(generator) / settings.ratio)
    else:
        raise UserError("[prune]: expected one of widths, bytes and ratio, which says how far to prune")
    if wanted < least:
        raise UserError(
            f"[prune] bytes, ratio: expected at least {least:,} bytes, those of widths {list(floor)}, "
            f"got {wanted:,}"
        )
    return Limits(floor, multiples, wanted)


def round_target(settings: PruneConfig, generator: GeneratorConfig, quant: QuantConfig, number: int) -> float:
    """Bytes at which round `number` (from 1) ends: each round takes the same factor off."""
    end = limits(settings, generator, quant).bytes
    if number == settings.rounds:
        return end
    before = _bytes(generator, quant)
    return float(before * (end / before) ** (number / settings.rounds))


def hardware_cost(
    settings: PruneConfig, generator: GeneratorConfig, quant: QuantConfig, frame: Frame
) -> Cost:
    """The share of the on-chip memory of `generator` plus that of its multiplier cycles, as weighted.

    Weights and skip FIFOs take the same block RAM, so a bit of either counts alike unless weighted otherwise.
    """
    whole = footprint(generator, quant, frame)
    bits = whole.weight_bits + whole.skip_bits

    def cost(candidate: GeneratorConfig) -> float:
        size = footprint(candidate, quant, frame)
        memory = settings.memory_weight * size.weight_bits + settings.fifo_weight * size.skip_bits
        return memory / bits + settings.cycles_weight * size.products / whole.products

    return cost


def prune_to(
    generator: Generator, end: Limits, target_bytes: float, quant: QuantConfig, cost: Cost
) -> Generator:
    """A copy without the channels that are worth least: of at most `target_bytes`, or at the floor.

    Bytes are those of weights and biases at the bit widths of `quant`. Every set of a level loses its own
    least channels.
    """
    whole = generator.config
    ranks = {channels: magnitudes(generator, channels).sort(stable=True) for channels in channel_sets(whole)}
    config = whole
    while _bytes(config, quant) > target_bytes:
        prices = []
        for level, width in enumerate(config.widths):
            fewer = next_width(width, end.multiples[level], end.floor[level])
            if fewer == width:
                continue
            smaller = _with_width(config, level, fewer)
            left = [rank.values[-width:] for channels, rank in ranks.items() if channels.level == level + 1]
            lost = max(float(worth[: width - fewer].sum() / worth.sum()) for worth in left)
            prices.append((lost / max(cost(config) - cost(smaller), LEAST_SAVING), level, smaller))
        if not prices:
            break
        config = min(prices, key=lambda price: price[:2])[2]
    gone = [before - after for before, after in zip(whole.widths, config.widths, strict=True)]
    kept = {
        channels: rank.indices[gone[channels.level - 1] :].sort().values for channels, rank in ranks.items()
    }
    return sliced(generator, kept)


def next_width(width: int, multiple: int, floor: int) -> int:
    """The next smaller multiple, but not less than `floor`."""
    return max(floor, (width - 1) // multiple * multiple)


def _with_width(config: GeneratorConfig, level: int, width: int) -> GeneratorConfig:
    return replace(config, widths=tuple([*config.widths[:level], width, *config.widths[level + 1 :]]))


def _bytes(generator: GeneratorConfig, quant: QuantConfig) -> int:
    return footprint(generator, quant, Frame()).bytes  # which do not depend on the frame
