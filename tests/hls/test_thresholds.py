"""Thresholds against the definition of a quantized layer, in exact fractions, over every accumulator."""

from fractions import Fraction

import numpy as np
import pytest

from hls.thresholds import clip, thresholds
from tests.networks import equal

LIMIT = 400  # accumulators -LIMIT .. LIMIT


def by_definition(scale: float, bias: float, result_scale: float, bits: int) -> np.ndarray:
    """clamp(round((a * s + b) / r)) of every accumulator; `round` of a Fraction takes ties to even."""
    exact = [
        (Fraction(a) * Fraction(scale) + Fraction(bias)) / Fraction(result_scale)
        for a in range(-LIMIT, LIMIT + 1)
    ]
    return np.array([min(max(round(value), 0), 2**bits - 1) for value in exact])


def by_thresholds(steps: np.ndarray) -> np.ndarray:
    return (np.arange(-LIMIT, LIMIT + 1)[:, None] >= steps).sum(1)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("seed", range(4), ids=lambda seed: f"seed{seed}")
def test_any_scale(bits: int, seed: int) -> None:
    rng = np.random.default_rng([seed, bits])
    result_scale = float(rng.uniform(0.01, 0.3))
    span = result_scale * 2**bits  # the accumulators should reach all results
    scale = rng.uniform(1.0, 3.0, 5) * span / LIMIT
    bias = rng.uniform(-0.3, 0.3, 5) * span
    steps, distance = thresholds(scale, bias, result_scale, bits)
    assert steps.shape == distance.shape == (5, 2**bits - 1)
    for channel in range(5):
        want = by_definition(scale[channel], bias[channel], result_scale, bits)
        equal(f"channel {channel}", by_thresholds(steps[channel]), want)
        assert len(np.unique(want)) > 1


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("scale", [0.5, 0.25, 0.125, 1.5, 1 / 255])
@pytest.mark.parametrize("bias", [0.0, 0.5, -0.5, -3.25, 7.0])
def test_ties_go_to_the_even_neighbour(bits: int, scale: float, bias: float) -> None:
    result_scale = scale * 2 if scale == 1 / 255 else 1.0
    steps, distance = thresholds(np.array([scale]), np.array([bias]), result_scale, bits)
    equal("result", by_thresholds(steps[0]), by_definition(scale, bias, result_scale, bits))
    if scale in (0.5, 0.25, 0.125) and bias % scale == 0:
        assert (distance == 0).all(), "every crossing is a tie"


def test_ties_by_hand() -> None:
    """a / 2 is 0.5, 1.5, 2.5 at a = 1, 3, 5 and goes to 0, 2, 2."""
    steps, _ = thresholds(np.array([0.5]), np.zeros(1), 1.0, 2)
    assert steps.tolist() == [[2, 3, 6]]


@pytest.mark.parametrize("seed", range(20), ids=lambda seed: f"seed{seed}")
def test_a_hair_beside_a_tie(seed: int) -> None:
    """Biases one float step away from a tie: only exact arithmetic tells the sides apart."""
    rng = np.random.default_rng(seed)
    scale, result_scale = float(rng.uniform(0.01, 0.1)), 2.0 * float(rng.uniform(0.01, 0.1))
    tie = (int(rng.integers(1, 15)) - 0.5) * result_scale - int(rng.integers(-100, 100)) * scale
    biases = np.array([tie, np.nextafter(tie, -10), np.nextafter(tie, 10)])
    steps, distance = thresholds(np.full(3, scale), biases, result_scale, 4)
    for channel, bias in enumerate(biases):
        want = by_definition(scale, float(bias), result_scale, 4)
        equal(f"bias {bias!r}", by_thresholds(steps[channel]), want)
    assert distance.min() < 1e-9


def test_distance_is_in_accumulator_units() -> None:
    """Crossings at a = (t - 1/2) * 3 - 0.25 = 1.25, 4.25, 7.25: a quarter from the nearest integer."""
    steps, distance = thresholds(np.array([2.0]), np.array([0.5]), 6.0, 2)
    assert steps.tolist() == [[2, 5, 8]]
    assert distance.tolist() == [[0.25, 0.25, 0.25]]


def test_clip_changes_no_result_in_range() -> None:
    steps = np.array([[-900, -5, 3, 7, 8, 4000]])
    clipped = clip(steps, -5, 7)
    assert clipped.tolist() == [[-5, -5, 3, 7, 8, 8]]
    for a in range(-5, 8):
        assert (a >= steps).sum() == (a >= clipped).sum()
