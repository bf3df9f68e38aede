"""Windows as columns, and their adjoint: what makes a convolution, and its gradients, matrix products.

Axis letters: N frames, C channels, H rows, W columns, KH x KW kernel, P = rows x columns of window positions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pixelmend.errors import UserError

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Windows:
    """Where a kernel is put on a frame: `kernel` (KH, KW) px, `stride` px, `padding` px of zeros on every side."""

    kernel: tuple[int, int]
    stride: int = 1
    padding: int = 0

    def positions(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of positions on a frame of `height` x `width` px; `UserError` where there are none."""
        rows, columns = (
            (side + 2 * self.padding - taps) // self.stride + 1
            for side, taps in zip((height, width), self.kernel, strict=True)
        )
        if rows < 1 or columns < 1:
            raise UserError(
                f"a kernel of {self.kernel[0]}x{self.kernel[1]} px does not fit a frame of {height}x{width} px "
                f"with {self.padding} px of padding"
            )
        return rows, columns


def unfold(frames: Array, windows: Windows) -> Array:
    """Frames (N, C, H, W) -> (N, C*KH*KW, P): the window at each position as a column."""
    n, channels, height, width = frames.shape
    rows, columns = windows.positions(height, width)
    pad, step = windows.padding, windows.stride
    padded = np.pad(frames, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    views = sliding_window_view(padded, windows.kernel, (2, 3))[
        :, :, ::step, ::step
    ]  # N, C, rows, columns, KH, KW
    taps = channels * windows.kernel[0] * windows.kernel[1]
    return views.transpose(0, 1, 4, 5, 2, 3).reshape(n, taps, rows * columns)


def fold(matrix: Array, shape: tuple[int, int, int], windows: Windows) -> Array:
    """The adjoint of `unfold`: (N, C*KH*KW, P) -> frames (N, C, H, W) of `shape` (C, H, W).

    Each pixel is the sum of what stands for it in the windows that hold it; one in no window is 0.
    """
    channels, height, width = shape
    rows, columns = windows.positions(height, width)
    pad, step, (kernel_h, kernel_w) = windows.padding, windows.stride, windows.kernel
    parts = matrix.reshape(-1, channels, kernel_h, kernel_w, rows, columns)
    padded = np.zeros((len(parts), channels, height + 2 * pad, width + 2 * pad), matrix.dtype)
    for u in range(kernel_h):
        for v in range(kernel_w):
            bottom, right = u + step * rows, v + step * columns
            padded[:, :, u:bottom:step, v:right:step] += parts[:, :, u, v]
    return padded[:, :, pad : pad + height, pad : pad + width]
