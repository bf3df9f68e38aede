"""Training crops, drawn where the photographs have detail: many walls and skies are flat and teach little."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.photos import Photo
from pixelmend.errors import UserError

CELL = 16  # px, side of the cells whose gradient energy is summed
FLOOR = 0.25  # share of all draws that ignore the energy, so that flat areas stay in the set


class CropPool:
    """Square crops of a list of photographs; a crop's chance grows with its gradient energy.

    Axis letters: N crops, S side in px.
    """

    def __init__(self, photos: Sequence[Photo], size: int) -> None:
        """`size` is S. `UserError` where a photograph is smaller."""
        small = [photo.shape[:2] for photo in photos if min(photo.shape[:2]) < size]
        if small:
            raise UserError(f"crops of {size}x{size} px need larger photographs, got {small[0]}")
        self.photos = photos
        self.size = size
        maps = [_energy(photo, size) for photo in photos]
        weights = np.concatenate([energy.ravel() for energy in maps])
        weights = weights / max(weights.sum(), 1e-9) * (1 - FLOOR) + FLOOR / len(weights)
        self._sum = np.cumsum(weights)
        self._start = np.cumsum([0] + [energy.size for energy in maps])
        self._columns = [energy.shape[1] for energy in maps]

    def draw(self, n: int, rng: np.random.Generator) -> Photo:
        """N crops (N, S, S, 3) uint8, each flipped left to right by chance."""
        return np.stack([self._one(rng) for _ in range(n)])

    def _one(self, rng: np.random.Generator) -> Photo:
        choice = int(np.searchsorted(self._sum, rng.random() * self._sum[-1], side="right"))
        which = int(np.searchsorted(self._start, choice, side="right")) - 1
        row, column = divmod(choice - int(self._start[which]), self._columns[which])
        photo = self.photos[which]
        top = min(row * CELL + int(rng.integers(CELL)), photo.shape[0] - self.size)
        left = min(column * CELL + int(rng.integers(CELL)), photo.shape[1] - self.size)
        cut = photo[top : top + self.size, left : left + self.size]
        return cut[:, ::-1] if rng.random() < 0.5 else cut


def _energy(photo: Photo, size: int) -> NDArray[np.float64]:
    """Mean absolute gradient of the green channel over the crop that starts in each cell."""
    green = photo[:, :, 1].astype(np.int16)
    steps = np.zeros(photo.shape[:2], np.float32)
    steps[1:] += np.abs(np.diff(green, axis=0))
    steps[:, 1:] += np.abs(np.diff(green, axis=1))
    total = np.zeros((photo.shape[0] + 1, photo.shape[1] + 1))
    total[1:, 1:] = steps.cumsum(0, dtype=np.float64).cumsum(1)  # the integral image
    tops = np.arange(0, photo.shape[0] - size + 1, CELL)
    lefts = np.arange(0, photo.shape[1] - size + 1, CELL)
    corners = total[np.ix_(tops + size, lefts + size)] + total[np.ix_(tops, lefts)]
    return (corners - total[np.ix_(tops + size, lefts)] - total[np.ix_(tops, lefts + size)]) / size**2
