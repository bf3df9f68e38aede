"""Noise has the statistics that its configuration names, and the seed decides every value."""

import numpy as np
import pytest
from pydantic import ValidationError

from model.noise import NoiseConfig, noisy

GREY = np.full((8, 64, 64, 3), 100, np.uint8)


def test_gaussian_noise_has_its_deviation_and_no_bias() -> None:
    found = noisy(GREY, NoiseConfig(sigma=(10.0, 10.0)), np.random.default_rng(1)).astype(float)
    assert found.mean() == pytest.approx(100, abs=0.2)
    assert found.std() == pytest.approx(10, rel=0.01)


def test_the_deviation_is_drawn_for_each_image() -> None:
    found = noisy(np.repeat(GREY, 8, 0), NoiseConfig(sigma=(1.0, 30.0)), np.random.default_rng(1))
    deviations = found.astype(float).std((1, 2, 3))
    assert deviations.min() < 5 and deviations.max() > 26


def test_poisson_noise_has_the_variance_of_counted_photons() -> None:
    found = noisy(GREY, NoiseConfig(kind="poisson", photons=(50.0, 50.0)), np.random.default_rng(2)).astype(
        float
    )
    assert found.mean() == pytest.approx(100, abs=0.3)
    assert found.var() == pytest.approx(100 * 255 / 50, rel=0.02)
    assert not noisy(np.zeros_like(GREY), NoiseConfig(kind="poisson"), np.random.default_rng(2)).any()


def test_text_covers_the_share_and_leaves_the_rest() -> None:
    found = noisy(GREY, NoiseConfig(kind="text", cover=(0.2, 0.2)), np.random.default_rng(3))
    shares = (found != GREY).any(-1).mean((1, 2))
    assert (shares > 0.19).all() and (shares < 0.45).all()
    none = noisy(GREY, NoiseConfig(kind="text", cover=(0.0, 0.0)), np.random.default_rng(3))
    assert np.array_equal(none, GREY)


@pytest.mark.parametrize("kind", ["gaussian", "poisson", "text"])
def test_the_seed_decides(kind: str) -> None:
    config = NoiseConfig(kind=kind)  # type: ignore[arg-type]
    first, again, other = (noisy(GREY, config, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_two_calls_give_independent_copies() -> None:
    rng = np.random.default_rng(7)
    first, second = (noisy(GREY, NoiseConfig(), rng).astype(float) - 100 for _ in range(2))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sigma": (9.0, 3.0)}, "sigma: expected the smaller number first, got 9.0, 3.0"),
        ({"sigma": (0.0, 3.0)}, "greater than 0"),
        ({"cover": (0.1, 0.95)}, "cover: expected shares of 0 to 0.9"),
        ({"size": (2, 5)}, "size: expected 4 px or more, got 2"),
        ({"kind": "salt"}, "'gaussian', 'poisson' or 'text'"),
    ],
)
def test_settings_that_make_no_noise(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        NoiseConfig(**settings)  # type: ignore[arg-type]
