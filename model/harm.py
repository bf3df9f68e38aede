"""What a finder of defects does to what is sound, and what it finds of what is broken.

Undamaged frames of photographs and of hard sets (`model.hard`), frames with the named sets of defects, and
with every kind of them (`model.defects.kinds`). A pixel counts as changed where a method changes it.
Axis letters: H rows, W columns.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.defects import DefectConfig
from model.defects.kinds import KINDS, seen_from
from model.frames import to_frames, to_pixels
from model.generator import HALF, SCORED, EncoderDecoder
from model.hard import HARD, hard_picture
from model.hard.grain import noisy
from model.metrics import CAP_DB, alarms, defect_psnr_db, psnr_db, rates
from model.photos import Photo
from model.samples import Samples
from pixelmend.config import Frame
from pixelmend.errors import UserError

Repair = Callable[[Photo], Photo]
"""A frame (H, W, 3) uint8 -> the repaired one."""

NOISES = (8.0, 15.0, 25.0)  # levels, of photographs with noise
SHIFTS = tuple(round(0.1 * step, 1) for step in range(-15, 16))  # of the score, for the ROC


class Scored:
    """A network with a score, as a method; with `shift` added to its score."""

    def __init__(self, network: EncoderDecoder, shift: float = 0.0) -> None:
        """`UserError` where the network has no score."""
        if network.config.mode not in SCORED:
            raise UserError(
                f"expected a network of mode {' or '.join(map(repr, SCORED))}, which finds defects itself, "
                f"got '{network.config.mode}'"
            )
        self.network, self.shift = network.eval(), shift

    def __call__(self, frame: Photo) -> Photo:
        """The repaired frame."""
        x, values, score = self._look(frame)
        with torch.inference_mode():
            return to_pixels(self.network.replace(x, values, score + self.shift >= HALF))[0]

    def flags(self, frame: Photo) -> NDArray[np.bool_]:
        """The pixels (H, W) that are called broken."""
        return np.asarray(self.score(frame) >= HALF, np.bool_)

    def score(self, frame: Photo) -> NDArray[np.float32]:
        """(H, W); a pixel is called broken where it is at least `HALF`."""
        return np.asarray((self._look(frame)[2][0, 0] + self.shift).numpy(), np.float32)

    def _look(self, frame: Photo) -> tuple[Tensor, Tensor, Tensor]:
        with torch.inference_mode():
            x = self.network.enter(to_frames(frame[None]))
            sums = self.network.decode(*self.network.encode(x))
            return x, self.network.activate(sums), sums[:, -1:]


class Counts(NamedTuple):
    """The sums of `model.metrics.alarms` over some frames, and the PSNR of each."""

    sums: Counter[str]
    psnr_db: list[float]


def tiles(photo: Photo, frame: Frame) -> Iterator[Photo]:
    """The frames that lie side by side in a photograph, from its top left; what is left over is not seen."""
    for top in range(0, photo.shape[0] - frame.height + 1, frame.height):
        for left in range(0, photo.shape[1] - frame.width + 1, frame.width):
            yield photo[top : top + frame.height, left : left + frame.width]


def count_sound(method: Repair, frames: Iterator[Photo]) -> Counts:
    """What a method does to undamaged frames."""
    sums: Counter[str] = Counter()
    decibels = []
    for clean in frames:
        result = method(clean)
        sums.update(alarms(clean, clean, result, np.zeros(clean.shape[:2], np.bool_)))
        decibels.append(psnr_db(clean, result))
    return Counts(sums, decibels)


def harm_to_photographs(method: Repair, photos: dict[str, Photo], frame: Frame) -> dict[str, Any]:
    """False alarms per megapixel on each photograph, their mean, the worst; PSNR likewise.

    A photograph's PSNR is over all of its frames.
    """
    each: dict[str, dict[str, float]] = {}
    for name, photo in photos.items():
        counts = count_sound(method, tiles(photo, frame))
        each[name] = _sound_figures(counts) | {"psnr_db": _pooled(counts.psnr_db)}
    mean = {name: float(np.mean([row[name] for row in each.values()])) for name in next(iter(each.values()))}
    worst = max(each, key=lambda name: each[name]["false_per_mpx"])
    return {
        "mean": mean,
        "worst": each[worst] | {"photograph": worst},
        "least_psnr_db": min(row["psnr_db"] for row in each.values()),
        "each": each,
    }


def harm_to_noise(method: Repair, photos: dict[str, Photo], frame: Frame, levels: float) -> dict[str, float]:
    """The same figures over photographs with noise of so many levels, which is part of the clean frame."""

    def frames() -> Iterator[Photo]:
        rng = np.random.default_rng(int(levels))
        for photo in photos.values():
            for clean in tiles(photo, frame):
                grain = noisy(np.asarray(clean, np.float32) / np.float32(255), levels, rng)
                yield np.asarray((grain * 255).round(), np.uint8)

    counts = count_sound(method, frames())
    return _sound_figures(counts) | {"psnr_db": float(np.mean(counts.psnr_db))}


def harm_to_hard(method: Repair, side: int, count: int) -> dict[str, dict[str, float]]:
    """False alarms per megapixel and mean PSNR on `count` pictures of every hard set, none trained on."""
    result = {}
    for name in HARD:
        counts = count_sound(method, (hard_picture(name, side, seed, judge=True) for seed in range(count)))
        result[name] = _sound_figures(counts) | {"psnr_db": float(np.mean(counts.psnr_db))}
    return result


def on_defects(method: Repair, samples: Samples, count: int) -> dict[str, float]:
    """`rates`, and the mean PSNR of the whole frames before and after and in the defects, on samples
    0..count-1.

    `worse` is the share of the frames that come out worse as a whole than they went in.
    """
    sums: Counter[str] = Counter()
    before, after, inside = [], [], []
    for clean, defective, mask, broken in (samples[index] for index in range(count)):
        result = method(defective)
        sums.update(alarms(clean, defective, result, broken))
        before.append(psnr_db(clean, defective))
        after.append(psnr_db(clean, result))
        inside.append(defect_psnr_db(clean, result, mask))
    worse = float(np.mean(np.array(after) < np.array(before)))
    return rates(sums) | {
        "defective_psnr_db": float(np.mean(before)), "psnr_db": float(np.mean(after)),
        "defect_psnr_db": float(np.mean(inside)), "worse": worse,
    }  # fmt: skip


def recall_by_kind(
    method: Repair, photos: list[Photo], frame: Frame, count: int, seed: int
) -> dict[str, dict[str, float]]:
    """Of every kind the share found of its visible pixels, how many those were, and false alarms a frame."""
    result = {}
    for name, config in KINDS.items():
        found = there = false = 0
        samples = Samples(photos, frame, config, seed)
        for clean, defective, _, broken in (samples[index] for index in range(count)):
            changed = _changed(method, defective)
            seen = visible(clean, defective, broken, config)
            found += int((seen & changed).sum())
            there += int(seen.sum())
            false += int((changed & ~broken).sum())
        result[name] = {"recall": found / there if there else 1.0, "pixels": there, "false": false / count}
    return result


def _changed(method: Repair, frame: Photo) -> NDArray[np.bool_]:
    """Which pixels (H, W) a method changes, or by its flags would: filling takes ten times as long as the score."""
    if isinstance(method, Scored):
        return method.flags(frame)
    changed: NDArray[np.bool_] = (method(frame) != frame).any(2)
    return changed


def visible(
    clean: Photo, defective: Photo, broken: NDArray[np.bool_], config: DefectConfig
) -> NDArray[np.bool_]:
    """The broken pixels (H, W) that are off the scene by as much as their kind says, or nearly."""
    off = np.abs(clean.astype(np.int16) - defective).max(2)
    return np.asarray(broken & (off >= seen_from(config)), np.bool_)


def roc(method: Scored, damaged: Samples, count: int, sound: list[Photo]) -> list[dict[str, float]]:
    """For each of `SHIFTS` recall and precision on damaged samples, false alarms per megapixel there and on
    undamaged frames; a pixel counts as changed where the score says so.
    """
    rows = {shift: Counter[str]() for shift in SHIFTS}
    for index in range(count):
        sample = damaged[index]
        score = method.score(sample.defective)
        for shift in SHIFTS:
            flagged = score + shift >= HALF
            rows[shift]["found"] += int((flagged & sample.broken).sum())
            rows[shift]["broken"] += int(sample.broken.sum())
            rows[shift]["false"] += int((flagged & ~sample.broken).sum())
            rows[shift]["sound"] += int((~sample.broken).sum())
    for frame in sound:
        score = method.score(frame)
        for shift in SHIFTS:
            rows[shift]["undamaged_false"] += int((score + shift >= HALF).sum())
            rows[shift]["undamaged"] += score.size
    return [
        {
            "shift": shift,
            "recall": row["found"] / max(1, row["broken"]),
            "precision": row["found"] / max(1, row["found"] + row["false"]),
            "false_per_mpx": 1e6 * row["false"] / max(1, row["sound"]),
            "undamaged_false_per_mpx": 1e6 * row["undamaged_false"] / max(1, row["undamaged"]),
        }
        for shift, row in rows.items()
    ]


def _sound_figures(counts: Counts) -> dict[str, float]:
    figures = rates(counts.sums)
    return {name: figures[name] for name in figures if name.endswith("_per_mpx")}


def _pooled(decibels: list[float]) -> float:
    """PSNR of several frames of one size together, `CAP_DB` where nothing differs."""
    errors = [0.0 if value >= CAP_DB else 10 ** (-value / 10) for value in decibels]
    mean = float(np.mean(errors))
    return min(CAP_DB, -10 * float(np.log10(mean))) if mean > 0 else CAP_DB
