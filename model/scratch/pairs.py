"""Pairs of noisy images of the same scenes, for training without a clean one, and clean ones to judge by."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.crops import CropPool
from model.noise import NoiseConfig, noisy
from model.photos import find_photos, load_photos, split
from model.scratch.unfold import Array

HELD = 0.1  # share of the photographs that judge and never train


@dataclass(frozen=True)
class Pairs:
    """Crops of `size` px with noise of one kind; what is drawn depends on the seed and the step only."""

    train: CropPool
    judge: CropPool
    noise: NoiseConfig
    seed: int

    def batch(self, n: int, step: int) -> tuple[Array, Array]:
        """Two noisy copies of the same N crops, (N, 3, S, S) float32 in [0, 1]: input and target."""
        rng = np.random.default_rng([self.seed, step])
        clean = self.train.draw(n, rng)
        return to_frames(noisy(clean, self.noise, rng)), to_frames(noisy(clean, self.noise, rng))

    def judged(self, n: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """N clean crops of photographs that never train, (N, S, S, 3), and noisy copies of them."""
        rng = np.random.default_rng([self.seed + 1, 2**32])
        clean = self.judge.draw(n, rng)
        return clean, noisy(clean, self.noise, rng)


def load_pairs(folder: Path, size: int, noise: NoiseConfig, seed: int, reduce: int = 8) -> Pairs:
    """Of the photographs in `folder`, JPEGs shrunk by `reduce`, so that a small crop shows a scene.

    `UserError` where there are fewer than two photographs that are large enough.
    """
    judge, train = (
        CropPool(load_photos(some, size, 1000, reduce), size, uniform=0.5)
        for some in split(find_photos(folder), HELD)
    )
    return Pairs(train, judge, noise, seed)


def to_frames(pixels: NDArray[np.uint8]) -> Array:
    """Pixels (N, H, W, 3) -> frames (N, 3, H, W) float32 in [0, 1]."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def to_pixels(frames: Array) -> NDArray[np.uint8]:
    """The way back, clipped and rounded."""
    return np.rint(255 * np.clip(frames, 0, 1)).astype(np.uint8).transpose(0, 2, 3, 1)
