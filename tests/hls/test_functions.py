"""Inverses of monotone functions beside dense evaluation, and thresholds beside every accumulator."""

from fractions import Fraction

import numpy as np
import pytest

from hls.functions import (
    ELU,
    SIGMOID,
    SOFTPLUS,
    SOFTSIGN,
    TANH,
    Affine,
    Bend,
    Chain,
    Piecewise,
    crossings,
    exactly,
    extended,
    signs,
)
from hls.thresholds import FAR, close

GRID = np.arange(-4000, 4001) / 256  # exact in binary


def piecewise(slope: float, low: float = -np.inf, high: float = np.inf) -> Piecewise:
    return Piecewise(np.full((1, 1), slope), low, high)


def evaluated(stage: Affine | Bend, x: np.ndarray) -> np.ndarray:
    """What the function is, in the words of ONNX."""
    if isinstance(stage, Affine):
        return stage.gain * x + stage.offset
    if isinstance(stage, Piecewise):
        return np.clip(np.where(x < 0, stage.slope * x, x), stage.low, stage.high)
    with np.errstate(over="ignore"):
        return {
            "sigmoid": lambda: 1 / (1 + np.exp(-x)),
            "tanh": lambda: np.tanh(x),
            "softplus": lambda: np.logaddexp(0, x),
            "softsign": lambda: x / (1 + np.abs(x)),
            "elu": lambda: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
        }[stage.name]()  # type: ignore[attr-defined]


BENDS = {
    "relu": piecewise(0), "leaky": piecewise(0.125), "steep": piecewise(1.5), "identity": piecewise(1),
    "relu6": piecewise(0, 0, 6), "clip": piecewise(1, -1.5, 2.25), "above": piecewise(1, 0.5, 3),
    "below": piecewise(1, -4, -0.5), "flat": piecewise(1, 0.5, 0.5),
    "sigmoid": SIGMOID, "tanh": TANH, "softplus": SOFTPLUS, "softsign": SOFTSIGN, "elu": ELU,
}  # fmt: skip
LEVELS = np.array([-5, -4, -1.5, -1, -0.75, -0.5, -0.125, 0, 0.125, 0.3, 0.5, 0.9, 1, 2, 2.25, 3, 5.9, 6, 7])


@pytest.mark.parametrize("name", BENDS)
def test_inverses(name: str) -> None:
    """The smallest x of the grid that reaches a level is the first from `lower` on; `upper` likewise."""
    bend = BENDS[name]
    values = evaluated(bend, GRID).reshape(-1)
    lower, upper = (one.reshape(-1) for one in (bend.lower(LEVELS), bend.upper(LEVELS)))
    smooth = 1e-9 if not isinstance(bend, Piecewise) else 0.0
    for level, first, last in zip(LEVELS, lower, upper, strict=True):
        reached, kept = values >= level, values <= level
        if np.isinf([first, last]).all() and abs(level) >= 1 and smooth:
            continue  # an end that float64 reaches and the function does not
        np.testing.assert_array_equal(first - smooth <= GRID, reached, f"{name} reaches {level} from {first}")
        np.testing.assert_array_equal(last + smooth >= GRID, kept, f"{name} keeps {level} up to {last}")


@pytest.mark.parametrize("name", BENDS)
def test_exact_ones_are_exact(name: str) -> None:
    bend = BENDS[name]
    for level in (
        Fraction(-3, 4),
        Fraction(-1, 8),
        Fraction(1, 3),
        Fraction(1, 2),
        Fraction(6),
        Fraction(9, 4),
    ):
        x = bend.exact(level, 0)
        if x is None:
            continue
        if isinstance(bend, Piecewise):
            slope = Fraction(float(bend.slope[0, 0]))
            inside = x if x >= 0 else slope * x
            assert bend.low <= inside <= bend.high
            assert inside == level
        else:
            assert (x if name == "elu" else x / (1 + abs(x))) == level


def draw_chain(rng: np.random.Generator, channels: int) -> Chain:
    """Affine with binary fractions, so that ties are met; bends that are rational."""
    gain = rng.integers(1, 9, (channels, 1)) / 16
    chain: Chain = (Affine(gain, rng.integers(-16, 17, (channels, 1)) / 8),)
    for _ in range(int(rng.integers(0, 4))):
        if rng.random() < 0.5:
            gain = rng.integers(-3, 4, (channels, 1)) / 2
            chain = extended(chain, Affine(gain, rng.integers(-8, 9, (channels, 1)) / 4))
        else:
            slope = rng.integers(0, 5, (channels, 1)) / 4
            ends = sorted(rng.integers(-12, 13, 2) / 4) if rng.random() < 0.4 else (-np.inf, np.inf)
            chain = extended(chain, Piecewise(slope, *ends))
    return chain


def quantized(chain: Chain, channel: int, a: int, scale: Fraction, low: int, high: int) -> int:
    """By definition, in fractions."""
    value = Fraction(a)
    for stage in chain:
        if isinstance(stage, Affine):
            gain, offset = (
                Fraction(float(one[channel if len(one) > 1 else 0, 0])) for one in (stage.gain, stage.offset)
            )
            value = gain * value + offset
        else:
            assert isinstance(stage, Piecewise)
            slope = Fraction(float(stage.slope[channel if len(stage.slope) > 1 else 0, 0]))
            value = value if value >= 0 else slope * value
            if np.isfinite(stage.low):
                value = min(max(value, Fraction(stage.low)), Fraction(stage.high))
    return min(max(round(value / scale), low), high)


@pytest.mark.parametrize("seed", range(60))
def test_every_accumulator_of_a_chain(seed: int) -> None:
    """Ties, falling channels, flat ones, signs and narrow ranges; halves round to even."""
    rng = np.random.default_rng(seed)
    channels, bits = 3, int(rng.integers(2, 6))
    signed, narrow = bool(rng.integers(2)), bool(rng.integers(2))
    chain = draw_chain(rng, channels)
    scale = Fraction(int(rng.integers(1, 9)), int(rng.choice([4, 8, 16])))
    steps, distance, sign = close(chain, channels, float(scale), bits, signed, narrow)
    assert steps.shape == distance.shape == (channels, 2**bits - 1)
    lowest = -(2 ** (bits - 1)) if signed else 0
    low = lowest + (narrow and signed)
    high = lowest + 2**bits - 1 - (narrow and not signed)
    for channel in range(channels):
        assert (steps[channel, 1:] >= steps[channel, :-1]).all()
        for a in range(-120, 121):
            made = lowest + int((sign[channel] * a >= steps[channel]).sum())
            wanted = quantized(chain, channel, a, scale, low, high)
            assert made == wanted, f"channel {channel}, accumulator {a}: {chain}"


def test_scales_that_leave_int64() -> None:
    chain: Chain = (Affine(np.array([[1e-30], [1e30], [0.0]]), np.array([[0.3], [-1e25], [0.7]])),)
    steps, distance, _ = close(chain, 3, 0.125, 4, True, False)
    assert np.abs(steps).max() <= FAR
    assert np.isfinite(distance).all()
    assert [int((row <= 0).sum()) - 8 for row in steps] == [2, -8, 6]


def test_a_chain_of_smooth_functions_that_falls() -> None:
    chain: Chain = (
        Affine(np.full((1, 1), 0.05), np.zeros((1, 1))),
        SIGMOID,
        Affine(np.full((1, 1), -4.0), np.ones((1, 1))),
        TANH,
    )
    steps, _, sign = close(chain, 1, 0.1, 5, True, False)
    assert signs(chain, 1).tolist() == sign.tolist() == [-1]
    accumulators = np.arange(-300, 301)
    value = np.tanh(1 - 4 / (1 + np.exp(-0.05 * accumulators))) / 0.1
    made = -16 + (-accumulators[:, None] >= steps[0]).sum(1)
    np.testing.assert_array_equal(made, np.clip(np.round(value), -16, 15))


def test_crossings_of_constant_channels() -> None:
    chain: Chain = (Affine(np.array([[0.0], [0.0]]), np.array([[1.0], [-1.0]])),)
    assert crossings(chain, np.array([0.0]), 2).tolist() == [[-np.inf], [np.inf]]
    assert exactly(chain, Fraction(1), 0, 2) is None
