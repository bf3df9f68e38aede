"""Baselines, on frames where the right answer is known."""

import numpy as np
import pytest
from scipy.ndimage import median_filter

from model.baselines import (
    Map,
    biharmonic_in_map,
    defective,
    median3_everywhere,
    median3_in_map,
    median3_selected,
    median5_everywhere,
)
from model.evaluate import BASELINES
from model.photos import Photo

RAMP = np.broadcast_to((np.arange(24) * 8)[:, None, None] + np.array([0, 10, 30]), (24, 30, 3)).astype(
    np.uint8
)


def broken_ramp(*places: tuple[int, int]) -> tuple[Photo, Map]:
    """The ramp with some pixels dead."""
    frame, broken = RAMP.copy(), np.zeros(RAMP.shape[:2], bool)
    for place in places:
        frame[place], broken[place] = 0, True
    return frame, broken


def test_a_lone_pixel_is_repaired_by_all_that_repair() -> None:
    frame, broken = broken_ramp((10, 12))
    assert np.array_equal(defective(frame, broken), frame)
    for name, method in BASELINES.items():
        if name != "defective":
            assert np.array_equal(method(frame, broken)[10, 12], RAMP[10, 12]), name


def test_a_block_is_too_much_for_the_small_median_only() -> None:
    """Of a 3x3 block nine pixels are a minority of 25; of the middle's 3x3 neighbours none is sound."""
    frame, broken = broken_ramp(*[(row, column) for row in (9, 10, 11) for column in (11, 12, 13)])
    assert not median3_everywhere(frame, broken)[10, 12].any()
    assert not median3_in_map(frame, broken)[10, 12].any()
    assert median5_everywhere(frame, broken)[10, 12].all()
    assert np.abs(biharmonic_in_map(frame, broken).astype(int) - RAMP).max() <= 1  # a ramp is biharmonic


def test_with_the_map_sound_pixels_stay() -> None:
    rng = np.random.default_rng(3)
    frame = rng.integers(0, 256, (24, 30, 3), dtype=np.uint8)
    broken = rng.random((24, 30)) < 0.1
    before = frame.copy()
    for method in (median3_in_map, biharmonic_in_map):
        result = method(frame, broken)
        assert (result.dtype, result.shape) == (np.uint8, frame.shape)
        assert np.array_equal(result[~broken], frame[~broken])
        assert not np.array_equal(result[broken], frame[broken])
    assert np.array_equal(median3_in_map(frame, broken)[broken], median3_everywhere(frame, broken)[broken])
    assert np.array_equal(frame, before)


def test_the_median_takes_over_what_another_method_selects() -> None:
    frame, broken = broken_ramp((10, 12), (4, 4))

    def select(given: Photo, _: Map) -> Photo:
        result = given.copy()
        result[10, 12, 1] += 1  # a change in one colour is enough
        return result

    result = median3_selected(select, frame, broken)
    assert np.array_equal(result[10, 12], RAMP[10, 12])
    assert np.array_equal(result[4, 4], frame[4, 4])  # broken, but not selected


def test_the_map_is_all_that_inpainting_knows_of_the_broken_pixels() -> None:
    frame, broken = broken_ramp((5, 5), (5, 6), (6, 6))
    other = frame.copy()
    other[broken] = 255
    assert np.array_equal(biharmonic_in_map(frame, broken), biharmonic_in_map(other, broken))


def test_the_wide_median_by_its_definition() -> None:
    frame = np.random.default_rng(3).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    result = median5_everywhere(frame, np.zeros((9, 11), bool))
    for colour in range(3):
        assert np.array_equal(result[..., colour], median_filter(frame[..., colour], 5, mode="reflect"))
    assert result[4, 5, 0] == np.median(frame[2:7, 3:8, 0])


@pytest.mark.parametrize("all_broken", [False, True])
def test_nothing_to_repair_or_nothing_to_repair_from(all_broken: bool) -> None:
    broken = np.full(RAMP.shape[:2], all_broken)
    assert np.array_equal(biharmonic_in_map(RAMP, broken), RAMP)
