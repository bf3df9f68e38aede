"""PSNR and SSIM against the project's own, which are scikit-image's."""

import numpy as np
import pytest

from board import quality
from board.errors import BoardError
from model import metrics
from model.photos import held_out

RNG = np.random.default_rng(4)


@pytest.mark.parametrize("size", [(7, 7), (7, 100), (64, 50), (1100, 20)], ids=str)
def test_as_scikit_image(size: tuple[int, int]) -> None:
    clean = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    other = np.clip(clean + RNG.normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
    assert quality.psnr_db(clean, other) == pytest.approx(metrics.psnr_db(clean, other), abs=1e-9)
    assert quality.ssim(clean, other) == pytest.approx(metrics.ssim(clean, other), abs=1e-9)


def test_on_a_photograph() -> None:
    photo = held_out()["chelsea"]
    blurred = metrics.median3(photo)
    assert quality.ssim(photo, blurred) == pytest.approx(metrics.ssim(photo, blurred), abs=1e-9)
    assert quality.psnr_db(photo, photo) == quality.CAP_DB
    assert quality.ssim(photo, photo) == pytest.approx(1.0, abs=1e-12)


def test_bad_input() -> None:
    small = np.zeros((6, 9, 3), np.uint8)
    with pytest.raises(BoardError, match="at least 7x7 px, got 9x6"):
        quality.ssim(small, small)
    with pytest.raises(BoardError, match=r"of one shape \(H, W, 3\), got \(6, 9, 3\), \(5, 9, 3\)"):
        quality.psnr_db(small, small[1:])
