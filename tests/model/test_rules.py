"""Camera rules: computed values on frames made for them."""

import numpy as np

from model.rules import hot_pixels, outliers


def grey(value: int = 60) -> np.ndarray:
    return np.full((9, 9, 3), value, np.uint8)


def test_a_hot_pixel_becomes_its_brightest_neighbour() -> None:
    frame = grey()
    frame[4, 4], frame[4, 5, 1] = 255, 70
    result = hot_pixels(frame)
    assert result[4, 4].tolist() == [60, 70, 60]
    frame[4, 4] = result[4, 4]
    assert np.array_equal(result, frame)  # nothing else


def test_a_hot_rule_spares_pairs_dead_and_warm_pixels_and_borders() -> None:
    for change in (((4, 4), (4, 5)), ((0, 0),)):
        frame = grey()
        for place in change:
            frame[place] = 255
        assert np.array_equal(hot_pixels(frame), frame)
    for value in (0, 140):  # 60 is more than 0.39 of 140
        frame = grey()
        frame[4, 4] = value
        assert np.array_equal(hot_pixels(frame), frame)


def test_an_outlier_becomes_the_median() -> None:
    frame = grey()
    frame[4, 4, 0], frame[0, 0, 2], frame[6, 6] = 101, 19, 100
    result = outliers(frame)
    assert result[4, 4].tolist() == [60, 60, 60]
    assert result[0, 0].tolist() == [60, 60, 60]
    assert result[6, 6].tolist() == [100, 100, 100]  # just 40 over its neighbours


def test_an_outlier_rule_spares_lines_and_pairs() -> None:
    frame = grey()
    frame[:, 3] = 255
    frame[2, 6:8] = 0
    assert np.array_equal(outliers(frame), frame)
