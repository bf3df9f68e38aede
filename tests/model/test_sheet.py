"""Pictures: what a sheet shows, and how errors are coloured."""

from pathlib import Path

import numpy as np
from PIL import Image

from model.sheet import absolute_error, sheet, signed_error, stack, write_png


def test_a_sheet_shows_every_picture_enlarged(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pictures = {name: rng.integers(0, 256, (64, 100, 3), dtype=np.uint8) for name in ("one", "two", "three")}
    shown = sheet(pictures)
    assert shown.shape == (3 * 64 + 2 * 8 + 14, 3 * (300 + 8) + 8, 3)  # 3 times: 100 px become at least 256
    for index, pixels in enumerate(pictures.values()):
        left = 8 + index * 308
        assert np.array_equal(shown[22 : 22 + 192 : 3, left : left + 300 : 3], pixels)
        assert np.array_equal(shown[24 : 22 + 192 : 3, left + 2 : left + 300 : 3], pixels)
    write_png(tmp_path / "x.png", shown)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "x.png")), shown)
    large = {"one": np.zeros((300, 20, 3), np.uint8)}
    assert sheet(large).shape == (300 + 2 * 8 + 14, 20 + 16, 3)


def test_an_absolute_error_has_no_sign() -> None:
    low, high = np.full((1, 1, 3), 3, np.uint8), np.full((1, 1, 3), 250, np.uint8)
    assert absolute_error(low, high).tolist() == absolute_error(high, low).tolist() == [[[247] * 3]]


def test_a_signed_error_is_grey_where_there_is_none() -> None:
    clean = np.full((1, 4, 3), 100, np.uint8)
    result = clean + np.array([0, 1, 40, -50], np.int16)[None, :, None]
    grey = signed_error(clean, result.astype(np.uint8), gain=2)
    assert grey[0, :, 0].tolist() == [128, 130, 208, 28]
    assert signed_error(clean, np.full_like(clean, 200), gain=2).max() == 255
    assert signed_error(clean, np.full_like(clean, 0), gain=2).min() == 0


def test_sheets_are_stacked_and_the_narrower_filled_with_white() -> None:
    black, narrow = np.zeros((2, 5, 3), np.uint8), np.zeros((1, 3, 3), np.uint8)
    both = stack([black, narrow])
    assert both.shape == (3, 5, 3)
    assert not both[:2].any()
    assert both[2, :, 0].tolist() == [0, 0, 0, 255, 255]
