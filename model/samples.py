"""The samples of an evaluation: frames of photographs with seeded defects, the same for every method.

Sample i is the same whatever the number of samples: frames are taken from the photographs in turn, and the
place and the defects are drawn from the seed and i.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.defects import DefectConfig, damage
from model.photos import Photo, crop, find_photos, held_out, load_photos
from pixelmend.config import Frame
from pixelmend.errors import UserError
from pixelmend.provenance import ROOT

HELD_OUT = "held out"  # in place of a folder's name


class Sample(NamedTuple):
    """A frame: `clean` and `defective` (H, W, 3) uint8, `mask` and `broken` (H, W) bool, as in `Damage`."""

    clean: Photo
    defective: Photo
    mask: NDArray[np.bool_]
    broken: NDArray[np.bool_]


class Samples:
    """Any number of samples, drawn when they are asked for."""

    def __init__(self, photos: list[Photo], frame: Frame, defects: DefectConfig, seed: int) -> None:
        """`UserError` where there is no photograph, or one is smaller than the frame."""
        if not photos:
            raise UserError("samples need at least one photograph")
        for photo in photos:
            crop(photo, frame.height, frame.width)  # refuses what is smaller
        self.photos, self.frame, self.defects, self.seed = photos, frame, defects, seed

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        photo = self.photos[index % len(self.photos)]
        height, width = self.frame.height, self.frame.width
        top = int(rng.integers(photo.shape[0] - height + 1))
        left = int(rng.integers(photo.shape[1] - width + 1))
        clean = crop(photo, height, width, (top, left))
        return Sample(clean, *damage(clean, self.defects, int(rng.integers(2**31))))


def photographs(folder: Path | None, frame: Frame, memory_mb: int = 1000) -> list[Photo]:
    """The photographs of a folder at full size, or those held out from training where it is None.

    What is smaller than the frame is left out, and said. `UserError` where none is left.
    """
    if folder is None:
        return list(held_out(ROOT / "data" / "heldout").values())
    return load_photos(find_photos(folder), max(frame.height, frame.width), memory_mb, reduce=1)
