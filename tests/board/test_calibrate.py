"""Calibration finds planted defects in frames with the noise of a sensor, and little else."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label

from board import calibrate, defectmap, pictures
from board.calibration import NORMAL, Thresholds, clusters, find, grown, moments
from board.errors import BoardError

HEIGHT, WIDTH = 240, 320
READ_NOISE, ELECTRONS = 1.5, 40.0  # standard deviation of reading, electrons a value: both in steps of 1/255


class Sensor:
    """Fixed pattern, an uneven light, defects of every kind; each frame with new read and shot noise."""

    def __init__(self, seed: int, height: int = HEIGHT, width: int = WIDTH, planted: bool = True) -> None:
        self.rng = rng = np.random.default_rng(seed)
        shape = (height, width)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        self.light = 150 * (1 - 0.25 * (x**2 + y**2) / 2)[..., None] * np.array([1.0, 0.9, 0.8])
        self.offset = 6 + rng.normal(0, 0.3, (1, width, 3)) + rng.normal(0, 0.3, (*shape, 3))
        self.gain = 1 + rng.normal(0, 0.01, (*shape, 3))
        self.broken = np.zeros(shape, bool)
        self.stuck = np.full(shape, -1)
        self.flickers = np.zeros(shape, bool)
        if planted:
            self._plant()

    def _plant(self) -> None:
        rng, (height, width) = self.rng, self.broken.shape
        for kind in ("hot", "weak", "stuck", "flicker"):
            for _ in range(40):
                at = (int(rng.integers(height)), int(rng.integers(width)))
                self._break(at, kind)
        for side in (2, 3, 5, 8, 12):
            for kind in ("hot", "weak", "stuck"):
                top, left = int(rng.integers(height - side)), int(rng.integers(width - side))
                for dy in range(side):
                    for dx in range(side):
                        self._break((top + dy, left + dx), kind)
        for row in (0, height // 2):  # at the border, and within
            for dx in range(30):
                self._break((row, 40 + dx), "weak")

    def _break(self, at: tuple[int, int], kind: str) -> None:
        if self.broken[at]:
            return
        self.broken[at] = True
        if kind == "hot":
            self.offset[at] += self.rng.uniform(25, 240)
        elif kind == "weak":
            self.gain[at] = self.rng.uniform(0, 0.5)
        elif kind == "stuck":
            self.stuck[at] = self.rng.integers(0, 256)
        else:
            self.flickers[at] = True

    def frame(self, exposure: float) -> np.ndarray:
        signal = self.light * self.gain * exposure
        electrons = self.rng.poisson(np.maximum(signal, 0) * ELECTRONS) / ELECTRONS
        values = electrons + self.offset + self.rng.normal(0, READ_NOISE, signal.shape)
        values[self.flickers] += self.rng.choice([0.0, 90.0], (int(self.flickers.sum()), 1))
        pixels = np.clip(np.round(values), 0, 255).astype(np.uint8)
        fixed = self.stuck >= 0
        pixels[fixed] = self.stuck[fixed][:, None]
        return pixels

    def frames(self, exposure: float, count: int) -> np.ndarray:
        return np.stack([self.frame(exposure) for _ in range(count)])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_defects_are_found(seed: int, tmp_path: Path) -> None:
    sensor = Sensor(seed)
    np.save(tmp_path / "darks.npy", sensor.frames(0.0, 16))
    np.save(tmp_path / "flats.npy", sensor.frames(1.0, 16))
    words = [str(tmp_path / "darks.npy"), str(tmp_path / "flats.npy"), "-o", str(tmp_path / "map.png")]
    assert calibrate.calibrate(calibrate.parser().parse_args(words)) == 0
    found = defectmap.read(tmp_path / "map.png") > 0
    caught = (found & sensor.broken).sum() / sensor.broken.sum()
    false = (found & ~sensor.broken).sum() / (~sensor.broken).sum()
    assert caught >= 0.99, f"{caught:.4f} of {sensor.broken.sum()} found"
    assert false <= 1e-4, f"{false:.6f} false"
    report = json.loads((tmp_path / "map.report.json").read_text())
    assert report["broken"] == found.sum() and report["frames"] == {"dark": 16, "flat": 16}
    assert all(report["pixels"][kind] for kind in ("hot", "dead", "flickering"))
    assert sum(report["histograms"]["response"]["counts"]) == found.size
    with Image.open(tmp_path / "map.clusters.png") as image:
        assert np.array_equal(np.array(image).any(-1), found)
    assert (tmp_path / "map.histogram.png").is_file()


def test_noise_alone_breaks_no_pixel() -> None:
    """Very noisy frames of a sound sensor."""
    rng = np.random.default_rng(3)
    dark = np.clip(rng.normal(20, 8, (6, 100, 120, 3)), 0, 255).astype(np.uint8)
    flat = np.clip(rng.normal(130, 14, (6, 100, 120, 3)), 0, 255).astype(np.uint8)
    found = find(*(moments(((str(i), f) for i, f in enumerate(s)), "") for s in (dark, flat)), Thresholds())
    assert not found.broken.any()


def test_moments_are_numpys() -> None:
    frames = np.random.default_rng(4).integers(100, 120, (9, 5, 6, 3), dtype=np.uint8)
    result = moments(((str(i), frame) for i, frame in enumerate(frames)), "dark")
    assert np.allclose(result.mean, frames.mean(0)) and np.allclose(
        result.noise, frames.std(0, ddof=1), atol=1e-3
    )
    assert pytest.approx(1 / 0.6744897, abs=1e-4) == NORMAL


def test_clusters_and_growing() -> None:
    mask = np.random.default_rng(5).random((60, 80)) < 0.2
    labels, count = label(mask, np.ones((3, 3)))
    assert clusters(mask) == sorted(np.bincount(labels.ravel())[1:].tolist(), reverse=True) and count > 20
    assert clusters(np.zeros((3, 3), bool)) == []
    one = np.zeros((5, 6), bool)
    one[0, 1] = True
    assert np.argwhere(grown(one, 1)).tolist() == [[y, x] for y in (0, 1) for x in (0, 1, 2)]


def small(height: int, width: int) -> Sensor:
    return Sensor(9, height, width, planted=False)


def frames_in(folder: Path, *frames: np.ndarray) -> Path:
    for number, frame in enumerate(frames):
        pictures.write(folder / f"{number}.png", frame)
    return folder


def test_frames_that_disagree(tmp_path: Path) -> None:
    sensor = small(24, 32)
    darks = frames_in(tmp_path / "darks", *sensor.frames(0.0, 4))
    flats = frames_in(tmp_path / "flats", *sensor.frames(1.0, 4))
    bright = frames_in(tmp_path / "bright", *sensor.frames(1.0, 4), sensor.frame(0.3))
    few = frames_in(tmp_path / "few", *sensor.frames(1.0, 3))
    mixed = frames_in(tmp_path / "mixed", *sensor.frames(1.0, 4), small(32, 24).frame(1.0))
    other = frames_in(tmp_path / "other", *small(32, 24).frames(1.0, 4))
    for dark, flat, words in (
        (darks, bright, "its brightness is .*, that of the other flat frames"),
        (darks, few, "flat frames: expected at least 4, better 16, got 3"),
        (darks, mixed, "24x32 px, but .* has 32x24; flat frames must be of one sensor"),
        (darks, other, "dark frames of 32x24 px, flat ones of 24x32"),
        (flats, darks, "flat frames should be clearly brighter"),
        (darks, tmp_path, "must be of one sensor|brightness"),
        (darks, tmp_path / "none", "no such file"),
    ):
        with pytest.raises(BoardError, match=words):
            calibrate.calibrate(
                calibrate.parser().parse_args([str(dark), str(flat), "-o", str(tmp_path / "map.png")])
            )
    assert not (tmp_path / "map.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--window", "4"], "--window: expected an odd number of px, 3 to 63, got 4"),
        (["--response", "2"], "--response: expected 0 to 1, got 2"),
        (["--most", "-1"], "0.0% of all pixels would be broken, more than -100.0%"),
        (["-o", "map.jpg"], r"map\.jpg: a map is a PNG"),
    ],
)
def test_options(words: list[str], message: str, tmp_path: Path) -> None:
    sensor = small(24, 32)
    np.save(tmp_path / "darks.npy", sensor.frames(0.0, 4))
    np.save(tmp_path / "flats.npy", sensor.frames(1.0, 4))
    common = [str(tmp_path / "darks.npy"), str(tmp_path / "flats.npy"), "-o", str(tmp_path / "map.png")]
    with pytest.raises(BoardError, match=message):
        calibrate.calibrate(calibrate.parser().parse_args([*common, *words]))
