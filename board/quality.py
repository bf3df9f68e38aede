"""PSNR and SSIM of uint8 pictures (H, W, 3), as the rest of the project measures them.

PSNR in dB over all pixels and colours, range 255, at most `CAP_DB`. SSIM: 7x7 uniform window, K1 0.01,
K2 0.03, sample covariance, mean over colours and over all windows inside the picture; -1 to 1.
"""

import numpy as np
from numpy.typing import NDArray

from board.device import Pixels
from board.errors import BoardError

CAP_DB = 100.0
WINDOW = 7  # px
BAND = 512  # rows worked on at a time


def psnr_db(clean: Pixels, result: Pixels) -> float:
    """Peak signal-to-noise ratio."""
    _check(clean, result)
    total = sum(
        float(np.square(np.subtract(clean[y : y + BAND], result[y : y + BAND], dtype=np.float64)).sum())
        for y in range(0, len(clean), BAND)
    )
    error = total / clean.size / 255**2
    return min(CAP_DB, -10 * float(np.log10(error))) if error else CAP_DB


def ssim(clean: Pixels, result: Pixels) -> float:
    """Structural similarity; both sides at least `WINDOW` px."""
    _check(clean, result)
    height, width = clean.shape[:2]
    if min(height, width) < WINDOW:
        raise BoardError(f"SSIM needs a picture of at least {WINDOW}x{WINDOW} px, got {width}x{height}")
    windows = height - WINDOW + 1
    total = 0.0
    for y in range(0, windows, BAND):
        rows = slice(y, min(y + BAND, windows) + WINDOW - 1)
        total += float(_similarity(clean[rows], result[rows]).sum())
    return total / (windows * (width - WINDOW + 1) * 3)


def _similarity(clean: Pixels, result: Pixels) -> NDArray[np.float64]:
    """SSIM of each window; means and covariances from sums of integers, which are exact."""
    x, y = clean.astype(np.int64), result.astype(np.int64)
    n = WINDOW**2
    sx, sy = _sums(x), _sums(y)
    mx, my = sx / n, sy / n
    vx, vy, vxy = ((_sums(a * b) * n - s * t) / (n * (n - 1)) for a, b, s, t in
                   ((x, x, sx, sx), (y, y, sy, sy), (x, y, sx, sy)))  # fmt: skip
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity: NDArray[np.float64] = ((2 * mx * my + c1) * (2 * vxy + c2)) / (
        (mx**2 + my**2 + c1) * (vx + vy + c2)
    )
    return similarity


def _sums(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum over each window."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1, values.shape[2]), np.int64)
    total[1:, 1:] = values.cumsum(0).cumsum(1)
    w = WINDOW
    return total[w:, w:] - total[:-w, w:] - total[w:, :-w] + total[:-w, :-w]


def _check(clean: Pixels, result: Pixels) -> None:
    if clean.shape != result.shape or clean.ndim != 3:
        raise BoardError(f"expected two pictures of one shape (H, W, 3), got {clean.shape}, {result.shape}")
