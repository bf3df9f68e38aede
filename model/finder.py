"""Training a network to find defects and nothing else: its crops, its loss, what it is judged by.

Most crops are sound, or hard (`model.hard`), or both, since that is what a finder meets in a whole frame.
What is filled where it finds something plays no part, so that steps are cheap.
Axis letters: N crops, S side in px, H = W = S.
"""

from dataclasses import dataclass as plain_dataclass
from typing import Annotated, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from model.crops import CropPool
from model.defects import DefectConfig, named_set, synthesize
from model.generator import Generator
from model.hard import HARD, LEAST_SIDE, hard_picture, hard_pictures
from model.hard.grain import MOST_NOISE
from model.metrics import CAP_DB, alarms, psnr_db
from model.objectives import Batch
from model.photos import Photo
from pixelmend.config import CHECKED

Share = Annotated[float, Field(ge=0.0, le=1.0)]

VALIDATED = ("dynamic", "shapes", "sound", "hard")  # groups of a finder's validation crops
SEEN = 80 / 255  # of a defect that must be found: off the scene by so much
CALLS_NOTHING = -0.1  # score to start with, nearly all pixels are sound
RANDOM = 0.3  # of the usual random start of the first and the last layer
UNSEEN = 1_000_000  # number of the first hard picture that validates


@dataclass(frozen=True, config=CHECKED)
class FinderConfig:
    """What a finder's crops are, table [train.finder] or [qat.finder]; shares are of the crops of a batch."""

    hard_share: Share = 0.4  # of hard sets, the others of photographs
    hard_pictures: Annotated[int, Field(ge=1)] = 16  # of each hard set in memory
    hard_side: Annotated[int, Field(ge=LEAST_SIDE)] = 192  # px
    small_share: Share = 0.3  # of the crops of photographs: at half their size
    sound_share: Share = 0.4  # without a defect
    noisy_share: Share = 0.3  # with shot and read noise
    exposed_share: Share = 0.3  # lit more, to saturation, or less
    sound_weight: Annotated[float, Field(gt=0.0)] = 3.0  # of a sound pixel in the loss; a broken one has 1


class FinderCrops:
    """Crops of photographs and of hard pictures, with defects and without."""

    def __init__(self, photos: CropPool, config: FinderConfig, seed: int) -> None:
        self.photos, self.config = photos, config
        pictures = hard_pictures(max(config.hard_side, photos.size), config.hard_pictures, seed)
        self.hard = CropPool(pictures, photos.size, uniform=1.0)
        # at half their size photographs have the sharpest detail there is
        small = [halved(photo) for photo in photos.photos if min(photo.shape[:2]) >= 2 * photos.size]
        self.small = CropPool(small, photos.size, photos.uniform) if small else photos

    def draw(self, n: int, defects: DefectConfig, seed: int) -> Batch:
        """N crops of a step; all that is random comes from `seed`."""
        rng, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        chances = np.array([self.config.hard_share, self.config.small_share, 1.0])
        chances[1:] *= 1 - chances[0]
        chances[2] -= chances[1]
        counts = rng.multinomial(n, chances)
        pools = (self.hard, self.small, self.photos)
        parts = [pool.draw(count, rng) for pool, count in zip(pools, counts, strict=True) if count]
        clean = torch.from_numpy(np.concatenate(parts)).permute(0, 3, 1, 2).float() / 255
        clean = _turned(clean, rng)
        clean = self._lit(clean, rng, random)
        damage = synthesize(clean, defects, random)
        damaged = torch.from_numpy(rng.random((n, 1, 1, 1)) >= self.config.sound_share)
        defective = torch.where(damaged, damage.defective, clean)
        return Batch(clean, defective, damage.mask & damaged, damage.broken & damaged)

    def _lit(self, clean: Tensor, rng: np.random.Generator, random: torch.Generator) -> Tensor:
        """Some crops under another exposure, some with noise; on the grid k/255."""
        n = len(clean)
        gains = np.where(rng.random(n) < self.config.exposed_share, rng.uniform(0.2, 2.5, n), 1.0)
        clean = (clean * torch.from_numpy(gains).float().view(n, 1, 1, 1)).clamp(max=1)
        noisy = np.flatnonzero(rng.random(n) < self.config.noisy_share)
        if len(noisy):
            part = clean[noisy]
            level = torch.from_numpy(rng.uniform(1, MOST_NOISE, (len(noisy), 1, 1, 1))).float() / 255
            read = torch.from_numpy(rng.uniform(0.1, 0.9, (len(noisy), 1, 1, 1))).float()
            grain = torch.randn(part.shape, generator=random)
            alike = torch.from_numpy(rng.random((len(noisy), 1, 1, 1)) < 0.3)
            shared = torch.randn(part[:, :1].shape, generator=random)
            grain = torch.where(alike, 0.9 * shared + 0.19**0.5 * grain, grain)
            clean[noisy] = (part + level * grain * (read + (1 - read) * 2 * part).sqrt()).clamp(0, 1)
        return (clean * 255).round() / 255


def halved(photo: Photo) -> Photo:
    """The means of its 2x2 px, rounded; an odd last row or column is left out."""
    height, width = (side // 2 for side in photo.shape[:2])
    cells = photo[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
    return np.asarray((cells.sum((1, 3), dtype=np.uint16) + 2) // 4, np.uint8)


def _turned(clean: Tensor, rng: np.random.Generator) -> Tensor:
    """Each crop mirrored and transposed by chance, its colours in any order."""
    turned = []
    for crop in clean:
        crop = crop[torch.from_numpy(rng.permutation(3))] if rng.random() < 0.5 else crop
        crop = crop.transpose(1, 2) if rng.random() < 0.5 else crop
        turned.append(crop.flip(1) if rng.random() < 0.5 else crop)
    return torch.stack(turned)


@plain_dataclass(frozen=True)
class FinderValidation:
    """Crops by group of `VALIDATED`: uint8 (N, S, S, 3), and bool (N, S, S)."""

    clean: dict[str, Photo]
    defective: dict[str, Photo]
    broken: dict[str, NDArray[np.bool_]]


def finder_validation(photos: CropPool, count: int, side: int, seed: int) -> FinderValidation:
    """`count` crops of photographs a group, and 4 of every hard set, none of which is trained on."""
    rng = np.random.default_rng(seed)
    large = max(side, LEAST_SIDE)
    hard = np.stack([hard_picture(name, large, UNSEEN + number) for name in HARD for number in range(4)])
    hard = hard[:, :side, :side]
    clean: dict[str, Photo] = {}
    defective: dict[str, Photo] = {}
    broken: dict[str, NDArray[np.bool_]] = {}
    for name in VALIDATED:
        pixels = hard if name == "hard" else photos.draw(count, rng)
        clean[name] = defective[name] = pixels
        broken[name] = np.zeros(pixels.shape[:3], np.bool_)
        if name in ("dynamic", "shapes"):
            frames = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255
            damage = synthesize(frames, named_set(name).at_least_one, torch.Generator().manual_seed(seed))
            defective[name] = (damage.defective * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
            broken[name] = damage.broken[:, 0].numpy()
    return FinderValidation(clean, defective, broken)


def finder_figures(validation: FinderValidation, repaired: dict[str, list[Photo]]) -> dict[str, float]:
    """What a finder is judged by, of the repaired crops of each group.

    `score` weighs it up: whole PSNR of dynamic defects and of sound photographs, half of that of hard
    pictures, and a decibel for every 2 % of the plainly visible pixels of `shapes` that are found.
    """
    figures: dict[str, float] = {}
    for name in VALIDATED:
        counts = [
            alarms(*row)
            for row in zip(
                validation.clean[name], validation.defective[name], repaired[name], validation.broken[name],
                strict=True,
            )
        ]  # fmt: skip
        pixels = sum(count["pixels"] for count in counts)
        figures[f"{name}_false_per_mpx"] = 1e6 * sum(count["false"] for count in counts) / pixels
        pairs = zip(validation.clean[name], repaired[name], strict=True)
        figures[f"{name}_psnr_db"] = float(np.mean([min(psnr_db(*pair), CAP_DB) for pair in pairs]))
    figures["defect_psnr_db"] = float(np.mean(_defect_db(validation, repaired["dynamic"])))
    found, there = 0, 0
    for clean, defective, result, broken in zip(
        validation.clean["shapes"], validation.defective["shapes"], repaired["shapes"],
        validation.broken["shapes"], strict=True,
    ):  # fmt: skip
        off = np.abs(clean.astype(np.int16) - defective).max(2)
        plain = broken & (off >= SEEN * 255)
        found += int((plain & (result != defective).any(2)).sum())
        there += int(plain.sum())
    figures["shapes_recall"] = found / max(1, there)
    figures["score"] = (
        figures["dynamic_psnr_db"]
        + figures["sound_psnr_db"]
        + figures["hard_psnr_db"] / 2
        + 50 * figures["shapes_recall"]
    )
    return figures


def _defect_db(validation: FinderValidation, repaired: list[Photo]) -> list[float]:
    """PSNR of the broken pixels of each crop with dynamic defects."""
    result = []
    for clean, image, broken in zip(
        validation.clean["dynamic"], repaired, validation.broken["dynamic"], strict=True
    ):
        if broken.any():
            result.append(psnr_db(clean[broken][None], image[broken][None]))
    return result


@torch.no_grad()
def start(network: Generator) -> None:
    """Begin with a finder of single pixels: of each of the four pixels of a 2x2 cell the first layer sees how
    far it is off its neighbours in light, how near to black or white it is, and how far off its neighbours
    in colour, and the last layer adds that up for this pixel.

    Random filters, and those of a network that paints, took thousands of steps to tell a pixel from the one
    beside it, and half of them fell silent for good (docs/log.md, 2026-11-29). Only where the first
    layer has a kernel of 4 and a stride of 2, and for its first 24 channels.
    """
    first, last = network.enc[0], network.dec[-1]
    assert isinstance(first, nn.Conv2d) and isinstance(last, nn.ConvTranspose2d)
    assert first.bias is not None and last.bias is not None
    for layer in (*network.enc, *([network.center] if network.center else []), *network.dec):
        nn.init.zeros_(layer.bias)
    last.bias[-1:] = CALLS_NOTHING
    last.weight[:, -1:].mul_(RANDOM)
    if network.config.kernel != 4 or network.config.stride != 2:
        return
    first.weight.mul_(RANDOM)
    for channel, (row, column, sense) in zip(range(first.out_channels), _SENSES, strict=False):
        alone = torch.zeros(4, 4)
        alone[row, column] = 1.0
        around = torch.zeros(4, 4)
        around[row - 1 : row + 2, column - 1 : column + 2] = -1 / 8
        pattern = alone if sense.level is not None else alone + around * (1 - alone)
        for colour, weight in enumerate(sense.colours):
            first.weight[channel, colour] += sense.gain * weight * pattern
        if sense.level is not None:
            first.bias[channel] = -sense.gain * sense.level
        last.weight[channel, -1, row, column] += sense.counts


class _Sense(NamedTuple):
    """What a channel sees of a pixel: gain * (colours . pixel - level), or with no level off the mean of its
    neighbours; and how much that counts for the pixel's score.
    """

    gain: float
    colours: tuple[float, float, float]
    level: float | None
    counts: float


LIGHT = (0.28, 0.44, 0.28)
_SENSES = [
    (row, column, sense)
    for sense in (
        _Sense(1.5, LIGHT, None, 0.8), _Sense(-1.5, LIGHT, None, 0.8),
        _Sense(1.5, LIGHT, 0.7, 0.3), _Sense(-1.5, LIGHT, 0.3, 0.3),
        _Sense(1.5, (0.5, 0.0, -0.5), None, 0.6), _Sense(-1.5, (0.5, 0.0, -0.5), None, 0.6),
    )
    for row in (1, 2)
    for column in (1, 2)
]  # fmt: skip
