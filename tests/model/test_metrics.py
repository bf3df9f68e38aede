"""PSNR, SSIM and their regions, against numbers computed by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from model.metrics import (
    CAP_DB,
    alarms,
    clusters,
    defect_psnr_db,
    grow,
    mean_and_error,
    mean_quality,
    median3,
    model_score,
    psnr_db,
    quality,
    rates,
    ssim,
)
from pixelmend.errors import UserError

RNG = np.random.default_rng(4)
PHOTO = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)


def mask_of(*boxes: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    mask = np.zeros((24, 32), bool)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = True
    return mask


def test_psnr_by_hand() -> None:
    black = np.zeros((10, 10, 3), np.uint8)
    one = black.copy()
    one[0, 0, 0] = 255  # squared error 1 in one of 300 values
    assert psnr_db(black, one) == pytest.approx(10 * math.log10(300))
    assert psnr_db(black, black + 51) == pytest.approx(20 * math.log10(5))  # 51 / 255 = 1 / 5
    assert psnr_db(black / 255.0, (black + 51) / 255.0) == pytest.approx(20 * math.log10(5))


def test_psnr_is_capped() -> None:
    assert psnr_db(PHOTO, PHOTO) == CAP_DB == 100.0
    assert psnr_db(PHOTO / 255, PHOTO / 255 + 1e-7) == CAP_DB


def test_ssim_by_hand() -> None:
    """Two flat images: variances are zero, so the contrast term is 1 and the luminance term is left."""
    dark, light = np.full((9, 9, 3), 0.2), np.full((9, 9, 3), 0.6)
    c1 = 0.01**2
    assert ssim(dark, light) == pytest.approx((2 * 0.2 * 0.6 + c1) / (0.2**2 + 0.6**2 + c1))
    assert ssim(PHOTO, PHOTO) == pytest.approx(1.0)
    assert ssim(PHOTO, 255 - PHOTO) < 0


def test_ssim_of_one_window_by_its_formula() -> None:
    x, y = RNG.random((7, 7, 3)), RNG.random((7, 7, 3))
    c1, c2 = 0.01**2, 0.03**2
    expected = []
    for c in range(3):
        a, b = x[..., c].ravel(), y[..., c].ravel()
        covariance = np.cov(a, b)  # sample covariance, divided by 48
        top = (2 * a.mean() * b.mean() + c1) * (2 * covariance[0, 1] + c2)
        bottom = (a.mean() ** 2 + b.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
        expected.append(top / bottom)
    assert ssim(x, y) == pytest.approx(np.mean(expected))


def test_ssim_needs_a_window() -> None:
    with pytest.raises(UserError, match=r"at least 7x7 px, got \(6, 9\)"):
        ssim(np.zeros((6, 9, 3)), np.zeros((6, 9, 3)))


def test_clusters_are_8_connected_bounding_boxes() -> None:
    touching = mask_of((1, 1, 2, 2), (3, 3, 2, 2), (10, 20, 4, 5))
    assert clusters(touching) == [(slice(1, 5), slice(1, 5)), (slice(10, 14), slice(20, 25))]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((slice(10, 12), slice(10, 20)), (slice(8, 15), slice(10, 20))),
        ((slice(0, 1), slice(31, 32)), (slice(0, 7), slice(25, 32))),
        ((slice(3, 10), slice(3, 11)), (slice(3, 10), slice(3, 11))),
    ],
)
def test_narrow_boxes_grow_inside_the_image(box: tuple[slice, slice], expected: tuple[slice, slice]) -> None:
    assert grow(box, (24, 32)) == expected


def test_quality_means_over_clusters() -> None:
    clean = np.full((24, 32, 3), 0.5)
    result = clean.copy()
    result[2:10, 2:10] += 0.1  # 20 dB
    result[14:22, 20:28] += 0.01  # 40 dB
    mask = mask_of((2, 2, 8, 8), (14, 20, 8, 8))
    figures = quality(clean, result, mask)
    assert figures["defect_psnr_db"] == pytest.approx(30.0)
    error = (64 * 0.01 + 64 * 0.0001) / (24 * 32)
    assert figures["psnr_db"] == pytest.approx(-10 * math.log10(error))
    c1 = 1e-4
    each = [(2 * 0.5 * v + c1) / (0.25 + v**2 + c1) for v in (0.6, 0.51)]
    assert figures["defect_ssim"] == pytest.approx(np.mean(each))
    assert 0.8 < figures["ssim"] < 1
    assert quality(clean, clean, mask) == {
        "psnr_db": CAP_DB,
        "ssim": pytest.approx(1),
        "defect_psnr_db": CAP_DB,
        "defect_ssim": pytest.approx(1),
    }


def test_the_defect_figures_are_those_of_the_boxes_cut_out() -> None:
    result = np.clip(PHOTO.astype(int) + RNG.integers(-40, 41, PHOTO.shape), 0, 255).astype(np.uint8)
    mask = mask_of((2, 2, 8, 9), (22, 31, 2, 1), (12, 15, 1, 8))
    boxes = clusters(mask)
    figures = quality(PHOTO, result, mask)
    assert len(boxes) == 3
    assert figures["defect_psnr_db"] == pytest.approx(
        np.mean([psnr_db(PHOTO[box], result[box]) for box in boxes])
    )
    grown = [grow(box, mask.shape) for box in boxes]
    assert figures["defect_ssim"] == pytest.approx(np.mean([ssim(PHOTO[box], result[box]) for box in grown]))
    assert (figures["psnr_db"], figures["ssim"]) == (psnr_db(PHOTO, result), ssim(PHOTO, result))


def test_quality_of_uint8_is_that_of_floats() -> None:
    result = np.clip(PHOTO.astype(int) + 9, 0, 255).astype(np.uint8)
    mask = mask_of((0, 0, 3, 3))
    assert quality(PHOTO, result, mask) == pytest.approx(quality(PHOTO / 255, result / 255, mask))


def test_quality_refuses_what_it_cannot_measure() -> None:
    with pytest.raises(UserError, match="the mask is empty"):
        quality(PHOTO, PHOTO, mask_of())
    with pytest.raises(UserError, match=r"the image's shape \(24, 32\), got \(5, 5\)"):
        quality(PHOTO, PHOTO, np.ones((5, 5), bool))
    with pytest.raises(UserError, match=r"one shape \(H, W, 3\), got \(24, 32, 3\) and \(24, 31, 3\)"):
        quality(PHOTO, PHOTO[:, :31], mask_of((0, 0, 8, 8)))


def test_model_score_and_means() -> None:
    figures = {"psnr_db": 30.0, "ssim": 0.9, "defect_psnr_db": 20.0, "defect_ssim": 0.5}
    assert model_score(figures) == pytest.approx(30 + 90 + 20 + 50)
    assert mean_quality([figures, {name: 0.0 for name in figures}])["psnr_db"] == pytest.approx(15.0)


def test_standard_errors_by_hand() -> None:
    rows = [{"psnr_db": value, "ssim": 0.5} for value in (20.0, 22.0, 27.0)]
    figures = mean_and_error(rows)
    # deviations -3, -1, 4: sample variance 26 / 2, over 3 samples
    assert figures == {
        "psnr_db": pytest.approx(23.0),
        "psnr_db_se": pytest.approx(math.sqrt(13 / 3)),
        "ssim": 0.5,
        "ssim_se": 0.0,
    }
    with pytest.raises(UserError, match="at least 2 samples, got 1"):
        mean_and_error(rows[:1])


def test_median_of_three_by_three() -> None:
    image = np.zeros((5, 5, 3), np.uint8)
    image[2, 2, 0] = 255  # one pixel goes
    image[:, :, 1] = np.arange(5, dtype=np.uint8)[:, None] * 10  # a ramp stays, also at its reflected edges
    result = median3(image)
    assert result.dtype == np.uint8
    assert not result[..., 0].any()
    assert np.array_equal(result[..., 1], image[..., 1])


def test_alarms_and_their_rates() -> None:
    clean = np.full((4, 5, 3), 100, np.uint8)
    broken = np.zeros((4, 5), np.bool_)
    broken[0] = True
    defective = clean.copy()
    defective[0] = 255
    result = defective.copy()
    result[0, :4] = [[110], [100], [121], [79]]  # four found, two of them still off by 21
    result[1, 0, 0], result[2, 0, 1], result[3, 0, 2] = 101, 91, 255
    counts = alarms(clean, defective, result, broken)
    assert counts == {
        "pixels": 20, "sound": 15, "broken": 5, "found": 4, "false": 3, "false_over_8": 2, "false_over_32": 1,
        "left": 3,
    }  # fmt: skip
    figures = rates(counts)
    assert figures["precision"] == pytest.approx(4 / 7)
    assert figures["recall"] == pytest.approx(0.8)
    assert figures["left"] == pytest.approx(0.6)
    assert figures["false_per_mpx"] == pytest.approx(200_000)
    assert figures["false_over_32_per_mpx"] == pytest.approx(1e6 / 15)
    nothing = rates(alarms(clean, clean, clean, broken & False))
    assert (nothing["precision"], nothing["recall"], nothing["left"]) == (1.0, 1.0, 0.0)
    with pytest.raises(UserError, match="expected three images of one shape"):
        alarms(clean, defective, result[:3], broken)


def test_defect_psnr_is_that_of_quality() -> None:
    random = np.random.default_rng(4)
    clean, result = random.integers(0, 256, (2, 20, 24, 3), dtype=np.uint8)
    mask = np.zeros((20, 24), np.bool_)
    mask[2:5, 3:9] = mask[12:15, 12] = True
    assert defect_psnr_db(clean, result, mask) == quality(clean, result, mask)["defect_psnr_db"]
