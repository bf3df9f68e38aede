"""Training crops, drawn where the photographs have detail: many walls and skies are flat and teach little.

Axis letters: N crops, S side in px.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.photos import Photo
from pixelmend.errors import UserError

CELL = 16  # px, side of the cells whose gradient energy is summed


class Place(NamedTuple):
    """Where a crop lies, px from the top left of a photograph, and whether it is flipped left to right."""

    photo: int
    top: int
    left: int
    flipped: bool


class CropPool:
    """Square crops of a list of photographs; a crop's chance grows with its gradient energy."""

    def __init__(self, photos: Sequence[Photo], size: int, uniform: float = 0.25) -> None:
        """`size` is S; `uniform` is the share of draws that ignore the energy, to keep flat areas in the set.

        `UserError` where a photograph is smaller.
        """
        small = [photo.shape[:2] for photo in photos if min(photo.shape[:2]) < size]
        if small:
            raise UserError(f"crops of {size}x{size} px need larger photographs, got {small[0]}")
        self.photos = photos
        self.size = size
        self.uniform = uniform
        maps = [_energy(photo, size) for photo in photos]
        weights = np.concatenate([energy.ravel() for energy in maps])
        weights = weights / max(weights.sum(), 1e-9) * (1 - uniform) + uniform / len(weights)
        self._sum = np.cumsum(weights)
        self._start = np.cumsum([0] + [energy.size for energy in maps])
        self._columns = [energy.shape[1] for energy in maps]

    def draw(self, n: int, rng: np.random.Generator) -> Photo:
        """N crops (N, S, S, 3) uint8, each flipped left to right by chance."""
        return self.cut(self.places(n, rng))

    def cut(self, places: Sequence[Place]) -> Photo:
        """The crops of `places` (N, S, S, 3) uint8."""
        return np.stack([self._cut(place) for place in places])

    def places(self, n: int, rng: np.random.Generator) -> list[Place]:
        """Where the N crops lie that `draw` would cut with the same `rng`."""
        return [self._place(rng) for _ in range(n)]

    def _place(self, rng: np.random.Generator) -> Place:
        choice = int(np.searchsorted(self._sum, rng.random() * self._sum[-1], side="right"))
        which = int(np.searchsorted(self._start, choice, side="right")) - 1
        row, column = divmod(choice - int(self._start[which]), self._columns[which])
        height, width = self.photos[which].shape[:2]
        top = min(row * CELL + int(rng.integers(CELL)), height - self.size)
        left = min(column * CELL + int(rng.integers(CELL)), width - self.size)
        return Place(which, top, left, rng.random() < 0.5)

    def _cut(self, place: Place) -> Photo:
        rows = slice(place.top, place.top + self.size)
        cut = self.photos[place.photo][rows, place.left : place.left + self.size]
        return cut[:, ::-1] if place.flipped else cut


class DeviceCrops:
    """The photographs of a pool in the memory of a device, as uint8, and crops cut there.

    Only the places are drawn on the CPU, so the crops are those of `CropPool.draw`.
    """

    def __init__(self, pool: CropPool, device: str) -> None:
        self.pool, self.device = pool, device
        pixels = np.concatenate([photo.reshape(-1, 3) for photo in pool.photos])
        self._pixels = torch.from_numpy(pixels).to(device)  # all of all photographs, 3
        self._begin = np.cumsum([0] + [photo.shape[0] * photo.shape[1] for photo in pool.photos])

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        """N frames (N, 3, S, S) float32 in [0, 1] on the device."""
        rows = []
        for place in self.pool.places(n, rng):
            width = self.pool.photos[place.photo].shape[1]
            last = self.pool.size - 1 if place.flipped else 0
            first = int(self._begin[place.photo]) + place.top * width + place.left + last
            rows.append((first, width, -1 if place.flipped else 1))
        first, down, right = torch.tensor(rows).to(self.device).T[..., None, None]  # N, 1, 1 each
        steps = torch.arange(self.pool.size, device=self.device)
        pixels = self._pixels[first + down * steps[:, None] + right * steps]  # N, S, S, 3
        return pixels.permute(0, 3, 1, 2).float() / 255


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
