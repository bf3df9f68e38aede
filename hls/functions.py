"""Monotone functions between sums and a quantizer, by their inverses.

A threshold asks from which x on f(x) >= y. Where a falling function follows (a batch norm of negative gain), it asks
up to which x f(x) <= y. So each function says both, for values of any shape: `lower(y)`, the smallest x with
f(x) >= y, and `upper(y)`, the largest x with f(x) <= y; infinite where all x are, or none is. Parameters are per
channel (C, 1), or scalars. `rational`: quotients that are near integers can be decided in exact arithmetic.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Bend(ABC):
    """A function that never falls."""

    rational = False

    @abstractmethod
    def lower(self, y: Floats) -> Floats:
        """The smallest x with f(x) >= y: minus infinity where all are, infinity where none is."""

    @abstractmethod
    def upper(self, y: Floats) -> Floats:
        """The largest x with f(x) <= y: infinity where all are, minus infinity where none is."""

    def exact(self, y: Fraction, channel: int) -> Fraction | None:
        """The x with f(x) = y where f rises; None where it is flat there, or y is not reached."""
        return None

    def tiled(self, groups: int) -> "Bend":
        """For `groups` groups of the channels, one after the other."""
        return self


@dataclass(frozen=True)
class Piecewise(Bend):
    """slope * x below 0 and x above, within low .. high: ReLU, leaky and parametric ReLU, clip, ReLU6."""

    slope: Floats  # (C, 1) or (1, 1), 0 or more
    low: float = -np.inf
    high: float = np.inf
    rational = True

    def lower(self, y: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.where(y < 0, np.where(self.slope > 0, y / self.slope, -np.inf), np.where(y > 0, y, 0.0))
        # a flat part below 0 reaches 0 already
        x = np.where((y == 0) & (self.slope == 0), -np.inf, x)
        return np.where(y <= self.low, -np.inf, np.where(y > self.high, np.inf, x))

    def upper(self, y: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.where(y < 0, np.where(self.slope > 0, y / self.slope, -np.inf), y)
        return np.where(y >= self.high, np.inf, np.where(y < self.low, -np.inf, x))

    def exact(self, y: Fraction, channel: int) -> Fraction | None:
        if y < self.low or y > self.high:
            return None
        slope = float(np.broadcast_to(self.slope, (max(channel + 1, len(self.slope)), 1))[channel, 0])
        if y > 0:
            return y
        return y / Fraction(slope) if slope > 0 and y < 0 else None

    def tiled(self, groups: int) -> "Piecewise":
        slope = self.slope if len(self.slope) == 1 else np.tile(self.slope, (groups, 1))
        return Piecewise(slope, self.low, self.high)


@dataclass(frozen=True)
class Smooth(Bend):
    """A function that rises everywhere between its limits `low` and `high`, which it never reaches."""

    name: str
    low: float
    high: float

    def lower(self, y: Floats) -> Floats:
        return self._inverse(y)

    def upper(self, y: Floats) -> Floats:
        return self._inverse(y)

    def exact(self, y: Fraction, channel: int) -> Fraction | None:
        """Of the two that are rational: ELU above 0, softsign."""
        if self.name == "elu" and y > 0:
            return y
        if self.name == "softsign" and self.low < y < self.high:
            return y / (1 - abs(y))
        return None

    def _inverse(self, y: Floats) -> Floats:
        inside = (y > self.low) & (y < self.high)
        x = INVERSES[self.name](np.where(inside, y, _middle(self.low, self.high)))
        return np.where(inside, x, np.where(y <= self.low, -np.inf, np.inf))


def _middle(low: float, high: float) -> float:
    return float(np.clip(0.0, low + 1, high - 1)) if np.isinf([low, high]).any() else (low + high) / 2


INVERSES: dict[str, Any] = {
    "sigmoid": lambda y: np.log(y) - np.log1p(-y),
    "tanh": np.arctanh,
    "softplus": lambda y: np.where(y > 30, y, np.log(np.expm1(np.minimum(y, 30)))),
    "softsign": lambda y: y / (1 - np.abs(y)),
    "elu": lambda y: np.where(y > 0, y, np.log1p(np.minimum(y, 0))),
}
"""Of functions that rise everywhere; elu with alpha = 1."""

SIGMOID = Smooth("sigmoid", 0.0, 1.0)
TANH = Smooth("tanh", -1.0, 1.0)
SOFTPLUS = Smooth("softplus", 0.0, np.inf)
SOFTSIGN = Smooth("softsign", -1.0, 1.0)
ELU = Smooth("elu", -1.0, np.inf)


@dataclass(frozen=True)
class Affine:
    """gain * x + offset, per channel (C, 1); a gain may be negative, or 0."""

    gain: Floats
    offset: Floats

    def then(self, other: "Affine") -> "Affine":
        """This one, then another."""
        return Affine(other.gain * self.gain, other.gain * self.offset + other.offset)

    def tiled(self, groups: int) -> "Affine":
        """For `groups` groups of the channels, one after the other."""
        return Affine(np.tile(self.gain, (groups, 1)), np.tile(self.offset, (groups, 1)))


Stage = Affine | Bend
Chain = tuple[Stage, ...]


def extended(chain: Chain, stage: Stage) -> Chain:
    """The chain with one more function at its end; neighbouring affine ones become one."""
    if isinstance(stage, Affine) and isinstance(chain[-1], Affine):
        return (*chain[:-1], chain[-1].then(stage))
    return (*chain, stage)


def signs(chain: Chain, channels: int) -> NDArray[np.int64]:
    """For each channel 1 where the chain rises, -1 where it falls."""
    result = np.ones(channels, np.int64)
    for stage in chain:
        if isinstance(stage, Affine):
            result = result * np.where(np.broadcast_to(stage.gain, (channels, 1))[:, 0] < 0, -1, 1)
    return result


def crossings(chain: Chain, levels: Floats, channels: int) -> Floats:
    """For each channel and level (T,) the x from which on, or where the chain falls, up to which it is reached: (C, T).

    Infinite where all x reach it or none does: with rising chains minus infinity says all, with falling ones infinity.
    """
    y = np.broadcast_to(levels, (channels, len(levels)))
    up = np.ones((channels, 1), bool)  # whether y is to be reached from below so far
    for stage in reversed(chain):
        if isinstance(stage, Affine):
            gain = np.broadcast_to(stage.gain, (channels, 1))
            with np.errstate(divide="ignore", invalid="ignore"):
                x = (y - stage.offset) / gain
            met = np.where(up, stage.offset >= y, stage.offset <= y)
            flat = np.where(met == up, -np.inf, np.inf)
            y = np.where(gain == 0, flat, x)
            up = up ^ (gain < 0)
        else:
            y = np.where(up, stage.lower(y), stage.upper(y))
    return y


def exactly(chain: Chain, level: Fraction, channel: int, channels: int) -> Fraction | None:
    """The x at which the chain of a channel takes the value `level`; None where no exact answer is to be had."""
    y: Fraction | None = level
    for stage in reversed(chain):
        if y is None:
            return None
        if isinstance(stage, Affine):
            gain = float(np.broadcast_to(stage.gain, (channels, 1))[channel, 0])
            offset = float(np.broadcast_to(stage.offset, (channels, 1))[channel, 0])
            y = None if gain == 0 else (y - Fraction(offset)) / Fraction(gain)
        else:
            y = stage.exact(y, channel)
    return y
