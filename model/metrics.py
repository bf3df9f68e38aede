"""PSNR and SSIM, over the whole image and in the defect region. The conventions, once for the project:

- Images are (H, W, 3), uint8 or float in [0, 1]; both are compared as float64 with a data range of 1.
- PSNR averages the squared error over all pixels and colours before the logarithm; equal images: `CAP_DB`.
- SSIM is scikit-image's: 7x7 uniform window, K1 0.01, K2 0.03, sample covariance, mean over the colours and
  over the window centres whose window lies inside the image; in 0..1 (formally -1..1).
- The defect region is the bounding box of each cluster (8-connected component of the mask); a defect figure
  is the mean over the clusters. For SSIM a box narrower than the window is grown to 7 px, inside the image.
"""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label, median_filter
from skimage.metrics import structural_similarity

from pixelmend.errors import UserError

CAP_DB = 100.0
"""PSNR of two equal images, which is infinite; also the highest PSNR reported."""

LEFT = 20  # levels, a broken pixel that is still further off has not been repaired
WINDOW = 7  # px, side of SSIM's window

Image = NDArray[np.uint8] | NDArray[np.floating[Any]]
Pixels = TypeVar("Pixels", NDArray[np.uint8], NDArray[np.floating[Any]])
Box = tuple[slice, slice]


def psnr_db(clean: Image, result: Image) -> float:
    """Peak signal-to-noise ratio of two images (H, W, 3), at most `CAP_DB`."""
    first, second = _pair(clean, result)
    return _decibels((first - second) ** 2)


def defect_psnr_db(clean: Image, result: Image, mask: NDArray[np.bool_]) -> float:
    """The mean over the clusters of a mask (H, W) of the PSNR in their bounding boxes, as in `quality`."""
    first, second = _pair(clean, result)
    errors = (first - second) ** 2
    return float(np.mean([_decibels(errors[box]) for box in clusters(mask)]))


def ssim(clean: Image, result: Image) -> float:
    """Structural similarity of two images (H, W, 3) with sides of at least 7 px."""
    return float(_similarity(*_pair(clean, result)).mean())


def clusters(mask: NDArray[np.bool_]) -> list[Box]:
    """Bounding boxes (rows, columns) of the 8-connected components of a mask (H, W)."""
    labels, _ = label(mask, structure=np.ones((3, 3), dtype=int))
    return [(rows, columns) for rows, columns in find_objects(labels)]


def quality(clean: Image, result: Image, mask: NDArray[np.bool_]) -> dict[str, float]:
    """`psnr_db`, `ssim`, `defect_psnr_db`, `defect_ssim` of `result`; images (H, W, 3), mask (H, W) bool.

    Raises `UserError` where the shapes differ or the mask is empty.
    """
    if mask.shape != clean.shape[:2]:
        raise UserError(f"the mask must have the image's shape {clean.shape[:2]}, got {mask.shape}")
    boxes = clusters(mask)
    if not boxes:
        raise UserError("the mask is empty: there is no defect region to measure")
    first, second = _pair(clean, result)
    errors, similarity = (first - second) ** 2, _similarity(first, second)
    inner = [_window_centres(grow(box, mask.shape)) for box in boxes]
    return {
        "psnr_db": _decibels(errors),
        "ssim": float(similarity.mean()),
        "defect_psnr_db": float(np.mean([_decibels(errors[box]) for box in boxes])),
        "defect_ssim": float(np.mean([similarity[box].mean() for box in inner])),
    }


def alarms(
    clean: NDArray[np.uint8],
    defective: NDArray[np.uint8],
    result: NDArray[np.uint8],
    broken: NDArray[np.bool_],
) -> dict[str, int]:
    """What a repair did, in pixels of a frame (H, W, 3) whose `broken` pixels (H, W) are known.

    `pixels` of the frame, `sound` and `broken` ones; `found`: broken and changed; `false`: sound and changed,
    of them `false_over_8` and `false_over_32` by more than so many levels in a colour; `left`: broken, and
    afterwards still off the clean frame by more than `LEFT` levels in a colour.
    `UserError` where the shapes differ.
    """
    if not clean.shape == defective.shape == result.shape or broken.shape != clean.shape[:2]:
        raise UserError(
            f"expected three images of one shape and a map of its sides, got {clean.shape}, "
            f"{defective.shape}, {result.shape} and {broken.shape}"
        )
    moved = np.abs(result.astype(np.int16) - defective).max(2)
    off = np.abs(result.astype(np.int16) - clean).max(2)
    return {
        "pixels": broken.size,
        "sound": int((~broken).sum()),
        "broken": int(broken.sum()),
        "found": int((broken & (moved > 0)).sum()),
        "false": int((~broken & (moved > 0)).sum()),
        "false_over_8": int((~broken & (moved > 8)).sum()),
        "false_over_32": int((~broken & (moved > 32)).sum()),
        "left": int((broken & (off > LEFT)).sum()),
    }


def rates(counts: dict[str, int]) -> dict[str, float]:
    """Figures of the sums of `alarms` over frames: `precision` and `recall` of changed pixels, false alarms
    per megapixel of sound ones, and the share of broken ones left broken; 1 or 0 where there is nothing to
    find or nothing found.
    """
    changed = counts["found"] + counts["false"]
    megapixels = counts["sound"] / 1e6
    return {
        "precision": counts["found"] / changed if changed else 1.0,
        "recall": counts["found"] / counts["broken"] if counts["broken"] else 1.0,
        "left": counts["left"] / counts["broken"] if counts["broken"] else 0.0,
    } | {
        f"{name}_per_mpx": counts[name] / megapixels if megapixels else 0.0
        for name in ("false", "false_over_8", "false_over_32")
    }


def model_score(figures: dict[str, float]) -> float:
    """PSNR in dB + 100 * SSIM, summed over the whole image and the defect region; chooses checkpoints."""
    whole = figures["psnr_db"] + 100 * figures["ssim"]
    return whole + figures["defect_psnr_db"] + 100 * figures["defect_ssim"]


def mean_quality(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over images."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def mean_and_error(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over images, and its standard error under the same name with `_se`.

    The error is s / sqrt(n), s the sample standard deviation: how far the mean would move with other samples
    of the same kind. `UserError` where there are fewer than two images.
    """
    if len(rows) < 2:
        raise UserError(f"a standard error needs at least 2 samples, got {len(rows)}")
    result = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        result[name] = float(values.mean())
        result[f"{name}_se"] = float(values.std(ddof=1) / np.sqrt(len(values)))
    return result


def median3(image: Pixels) -> Pixels:
    """The baseline: 3x3 median of each colour, edges reflected; (H, W, 3) in and out, type kept."""
    return median_filter(image, size=(3, 3, 1), mode="reflect")


def grow(box: Box, shape: tuple[int, ...]) -> Box:
    """The box with sides of at least 7 px, grown on both sides and moved inside an image of `shape`."""
    rows, columns = (_grow(side, length) for side, length in zip(box, shape, strict=True))
    return rows, columns


def _grow(side: slice, length: int) -> slice:
    missing = max(0, WINDOW - (side.stop - side.start))
    start = max(0, min(side.start - missing // 2, length - WINDOW))
    return slice(start, max(side.stop, start + WINDOW)) if missing else side


def _decibels(errors: NDArray[np.float64]) -> float:
    """Mean of squared errors -> PSNR."""
    error = float(errors.mean())
    return min(CAP_DB, -10 * float(np.log10(error))) if error > 0 else CAP_DB


def _similarity(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """SSIM of every window inside the image, by its centre less 3 px: (H - 6, W - 6, 3)."""
    if min(first.shape[:2]) < WINDOW:
        raise UserError(f"SSIM needs an image of at least {WINDOW}x{WINDOW} px, got {first.shape[:2]}")
    _, values = structural_similarity(
        first, second, win_size=WINDOW, data_range=1.0, channel_axis=2, full=True
    )
    reach = WINDOW // 2
    return values[reach:-reach, reach:-reach]


def _window_centres(box: Box) -> Box:
    """Where `_similarity` holds the windows that lie inside the box."""
    rows, columns = (slice(side.start, side.stop - WINDOW + 1) for side in box)
    return rows, columns


def _pair(clean: Image, result: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if clean.shape != result.shape or clean.ndim != 3:
        raise UserError(f"expected two images of one shape (H, W, 3), got {clean.shape} and {result.shape}")
    return _as_float(clean), _as_float(result)


def _as_float(image: Image) -> NDArray[np.float64]:
    return image.astype(np.float64) / 255 if image.dtype == np.uint8 else image.astype(np.float64)
