"""What a build is shown: damaged photographs where it repairs pictures, else photographs or random values."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from board.formats import MAPPED, Port, Ports
from model.defects import DefectConfig, damage, named_set
from model.photos import crop, held_out, read_photo
from model.tasks.evaluate import TaskSample, sample_of
from model.tasks.task import Task
from pixelmend import config as configuration
from pixelmend.errors import UserError
from pixelmend.provenance import ROOT
from sim.config import SimConfig

Array = NDArray[Any]
Pixels = NDArray[np.uint8]

GREY = np.array([0.299, 0.587, 0.114])  # of R, G and B, as BT.601 weighs them
RANDOM = "random values"


@dataclass(frozen=True)
class Scene:
    """One clean image, damaged anew for each frame."""

    name: str
    clean: Pixels  # (H, W, 3)
    defective: Pixels  # (N, H, W, 3)
    masks: NDArray[np.bool_]  # (N, H, W)
    broken: NDArray[np.bool_]  # (N, H, W), the sensor's map

    def frames(self, channels: int) -> Pixels:
        """What goes into a network of so many input channels: (N, H, W, channels), the map as 0 and 255."""
        if channels == self.defective.shape[-1]:
            return self.defective
        return np.concatenate([self.defective, self.broken[..., None] * np.uint8(255)], -1)

    @property
    def digest(self) -> str:
        """Tells whether two runs saw the same frames."""
        return sha256(self.defective.tobytes()).hexdigest()


@dataclass(frozen=True)
class Stimulus:
    """Frames (N, H, W, C) of the input's format; `scene`: what they show where the build repairs pictures."""

    name: str
    frames: Array
    scene: Scene | None = None
    samples: tuple[TaskSample, ...] = ()  # a task's, one a frame

    @property
    def digest(self) -> str:
        """Tells whether two runs saw the same frames."""
        return self.scene.digest if self.scene else sha256(self.frames.tobytes()).hexdigest()


def stimulus(
    ports: Ports,
    defects: DefectConfig,
    settings: SimConfig,
    image: Path | None = None,
    at: tuple[int, int] | None = None,
    seed: int = 0,
    task: Task | None = None,
) -> Stimulus:
    """What a build of these ports is shown: `settings.frames` frames.

    `image` is a file or the name of a held-out photograph. `UserError` where it can't be read, or is named
    for a build that takes no picture.
    """
    taken = ports.input
    if task is not None:
        return task_stimulus(task, taken, settings, image, at, seed)
    if ports.repairs:
        scene = make_scene(taken, defects, settings, image, at, seed)
        return Stimulus(scene.name, scene.frames(taken.format.channels), scene)
    if taken.format.is_image:
        name, photo = _photograph(image, settings)
        return Stimulus(name, _crops(photo, taken, settings.frames, at, seed, image or name))
    if image is not None or at is not None:
        raise UserError(f"the build takes no picture, but {taken}: --image and --crop are not for it")
    return Stimulus(RANDOM, taken.random(settings.frames, seed))


def task_stimulus(
    task: Task, port: Port, settings: SimConfig, image: Path | None, at: tuple[int, int] | None, seed: int
) -> Stimulus:
    """The photograph as the task gives it to its network: one place, each frame with noise of its own."""
    name, photo = _photograph(image, settings)
    largest = max(task.factors)
    clean = crop(photo, port.height * largest, port.width * largest, at)
    samples = tuple(
        sample_of(task, clean, np.random.default_rng([seed, number])) for number in range(settings.frames)
    )
    return Stimulus(name, np.stack([sample.given for sample in samples]), samples=samples)


def scene_defects(config: Path | None, settings: SimConfig) -> DefectConfig:
    """What the photograph is damaged with: a named set, or the configuration's own, at least one a frame."""
    if settings.defects is not None:
        return named_set(settings.defects)
    return (configuration.load(config, "defects", DefectConfig) if config else DefectConfig()).at_least_one


def make_scene(
    port: Port,
    defects: DefectConfig,
    settings: SimConfig,
    image: Path | None,
    at: tuple[int, int] | None,
    seed: int,
) -> Scene:
    """The photograph and its damaged frames, of the port's size; `image` as of `stimulus`."""
    name, photo = _photograph(image, settings)
    clean = _cut(photo, port, at, image or name)
    damaged = [damage(clean, defects, seed + number) for number in range(settings.frames)]
    return Scene(
        name,
        clean,
        np.stack([frame.defective for frame in damaged]),
        np.stack([frame.mask for frame in damaged]),
        np.stack([frame.broken for frame in damaged]),
    )


def parse_place(text: str) -> tuple[int, int]:
    """The pair "row,column" of the command line. Raises `UserError` for anything else."""
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise UserError(f"--crop: expected row,column of the top left pixel, such as 100,40; got {text!r}")
    return int(parts[0]), int(parts[1])


def _photograph(image: Path | None, settings: SimConfig) -> tuple[str, Pixels]:
    """The file `image`, or the held-out photograph of that name; without one, that of the configuration."""
    if image is not None and (image.suffix or image.exists()):
        return image.name, read_photo(image)
    photos = held_out(ROOT / "data" / "heldout")
    name = settings.photo if image is None else str(image)
    if name not in photos:
        asked = "[sim] photo" if image is None else "--image"
        raise UserError(f"{asked}: no held-out photograph '{name}'; there are {', '.join(photos)}")
    return name, photos[name]


def _cut(photo: Pixels, port: Port, at: tuple[int, int] | None, name: object) -> Pixels:
    try:
        return crop(photo, port.height, port.width, at)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def _crops(
    photo: Pixels, port: Port, count: int, at: tuple[int, int] | None, seed: int, name: object
) -> Pixels:
    """Crops in the port's channels: the centre (or `at`), then seeded places. What is small is enlarged."""
    short = max(port.height / photo.shape[0], port.width / photo.shape[1])
    if short > 1:
        size = [max(least, round(short * side)) for side, least in zip(photo.shape, port.shape, strict=True)]
        photo = np.asarray(Image.fromarray(photo).resize((size[1], size[0]), Image.Resampling.BICUBIC))
    rng = np.random.default_rng(seed)
    left = [side - frame + 1 for side, frame in zip(photo.shape[:2], port.shape[:2], strict=True)]
    places = [at, *((int(rng.integers(left[0])), int(rng.integers(left[1]))) for _ in range(count - 1))]
    cut = np.stack([_cut(photo, port, place, name) for place in places])
    return _in_channels(cut, port.format.channels)


def _in_channels(pixels: Pixels, channels: int) -> Pixels:
    """R, G, B as grey, as two channels of them, as they are, or with grey as the fourth."""
    if channels in (1, MAPPED):
        grey = np.rint(pixels @ GREY).astype(np.uint8)[..., None]
        return grey if channels == 1 else np.concatenate([pixels, grey], -1)
    return pixels[..., :channels]
