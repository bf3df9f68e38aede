"""Inversion: what a layer of a frozen feature extractor gave goes in, the image that it was given comes out.

Document 004's task: a module for each of some layers gives the input of a layer back from its output, and the stack of
them the image. Feature maps are uint8 like images, 255 being the layer's scale.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.features import load_extractor
from model.frames import to_frames, to_pixels
from model.photos import Photo, held_out
from model.sheet import renormalized
from model.tasks.task import Method, Outputs, Task, TaskConfig
from pixelmend.errors import UserError

STEPS, RATE, SMOOTH = 150, 0.05, 2e-3  # of the baseline: Adam's steps and rate, the weight of total variation
CALIBRATION = ("astronaut", "coffee")  # photographs inside scikit-image: scales of an extractor that has none
PERCENTILE = 99.9  # of their values


class Invert(Task):
    """One output, the image, whose sides are those of the deepest layer times its stride."""

    reference = "gradient descent"
    outputs = ("image",)

    def __init__(self, settings: TaskConfig) -> None:
        super().__init__(settings)
        self.extractor = load_extractor(Path(settings.features))
        self.scales = [self._scale(name) for name in settings.layers]
        deepest = settings.layers[0]
        self.factors = (self.extractor.stride(deepest),)
        self.channels = self.extractor.channels(deepest)

    def given(self, clean: Photo, rng: np.random.Generator) -> Photo:
        """The deepest layer's results."""
        return self._maps(clean, self.settings.layers[:1])[0]

    def wanted(self, clean: Photo) -> Outputs:
        """The images."""
        return (clean,)

    def between(self, clean: Photo) -> Outputs:
        """The results of the other layers, which the modules of a stack should give, the deepest first."""
        return self._maps(clean, self.settings.layers[1:])

    def baselines(self) -> dict[str, Method]:
        """The image that gives the same features, by gradient descent: no module, and no training."""
        return {"gradient descent": partial(descended, self)}

    def seen(self, given: Photo) -> Photo:
        """The mean over the channels, as bright as it can be."""
        mean = given.mean(-1, keepdims=True)
        return np.rint(255 * mean / max(mean.max(), 1)).astype(np.uint8).repeat(3, -1)

    def errors(self, wanted: Photo, result: Photo) -> dict[str, Photo]:
        """As published: signed on grey, absolute on black, both as strong as they can be shown."""
        signed, absolute = renormalized(wanted, result)
        return {"signed error": signed, "absolute error": absolute}

    def deepest(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) -> the deepest layer's results over its scale, with gradients: (N, channels, h, w)."""
        name = self.settings.layers[0]
        return self.extractor.results(frames, [name])[name] / self.scales[0]

    def _maps(self, clean: Photo, names: tuple[str, ...]) -> Outputs:
        with torch.inference_mode():
            results = self.extractor.results(to_frames(clean), names)
        scales = dict(zip(self.settings.layers, self.scales, strict=True))
        maps = tuple(to_pixels(results[name] / scales[name]) for name in names)
        height, width = clean.shape[1:3]
        for name, found in zip(names, maps, strict=True):
            stride = self.extractor.stride(name)
            if found.shape[1:3] != (height // stride, width // stride) or height % stride or width % stride:
                raise UserError(
                    f"[task] layers: {name} of {height}x{width} px has {found.shape[1]}x{found.shape[2]}, which is "
                    f"no {stride}th: expected an extractor that pads by whole strides, and such sides"
                )
        return maps

    def _scale(self, name: str) -> float:
        if name in self.extractor.scales:
            return float(self.extractor.scales[name])
        photos = held_out(None)
        found = []
        with torch.inference_mode():
            for photo in CALIBRATION:
                found.append(
                    self.extractor.results(to_frames(photos[photo][None]), [name])[name].abs().flatten()
                )
        return max(1e-3, float(np.percentile(torch.cat(found).numpy(), PERCENTILE)))


def descended(task: Invert, given: Photo) -> Outputs:
    """The image (H, W, 3) whose deepest features come nearest to `given` (h, w, channels), from grey on: Adam on the
    mean squared error and total variation (Mahendran and Vedaldi 2015).
    """
    wanted = to_frames(given[None])
    stride = task.factors[0]
    image = torch.full((1, 3, given.shape[0] * stride, given.shape[1] * stride), 0.5, requires_grad=True)
    optimizer = torch.optim.Adam([image], RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = (task.deepest(image) - wanted).square().mean() / wanted.square().mean().clamp(min=1e-6)
        variation = image.diff(dim=2).abs().mean() + image.diff(dim=3).abs().mean()
        (loss + SMOOTH * variation).backward()
        optimizer.step()
        with torch.no_grad():
            image.clamp_(0, 1)
    return (to_pixels(image.detach())[0],)
