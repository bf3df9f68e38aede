"""Denoising: a noisy image in, the same without noise out; trained on clean images, or on noisy pairs alone."""

from functools import partial

import numpy as np
from skimage.restoration import denoise_nl_means, estimate_sigma

from model.metrics import median3
from model.noise import NoiseConfig, noisy
from model.photos import Photo
from model.tasks.task import Method, Outputs, Task, TaskConfig


class Denoise(Task):
    """One output, of the input's size."""

    reference = "non-local means"
    outputs = ("denoised",)
    factors = (1,)

    def __init__(self, settings: TaskConfig, noise: NoiseConfig) -> None:
        super().__init__(settings)
        self.noise = noise

    def given(self, clean: Photo, rng: np.random.Generator) -> Photo:
        """Each crop with noise of its own."""
        return noisy(clean, self.noise, rng)

    def wanted(self, clean: Photo) -> Outputs:
        """The clean crops."""
        return (clean,)

    def targets(self, clean: Photo, rng: np.random.Generator) -> Outputs:
        """With `pairs` other noisy copies of the crops (Noise2Noise, Lehtinen et al. 2018)."""
        return (noisy(clean, self.noise, rng),) if self.settings.pairs else (clean,)

    def baselines(self) -> dict[str, Method]:
        """The noisy image itself, the 3x3 median, and non-local means."""
        known = (
            self.noise.sigma[0] if self.noise.kind == "gaussian" and len(set(self.noise.sigma)) == 1 else None
        )
        return {
            "noisy": lambda image: (image,),
            "median 3x3": lambda image: (median3(image),),
            "non-local means": partial(non_local_means, sigma=known),
        }


def non_local_means(image: Photo, sigma: float | None = None) -> Outputs:
    """Buades et al. 2005 as scikit-image has it, fast mode, 5x5 patches in 13x13 px; `sigma` in levels of 255, else
    estimated from the image. h is 0.6 sigma, as scikit-image's documentation proposes with a known sigma."""
    pixels = image.astype(np.float64) / 255
    level = sigma / 255 if sigma is not None else float(np.mean(estimate_sigma(pixels, channel_axis=2)))
    found = denoise_nl_means(
        pixels, patch_size=5, patch_distance=6, h=0.6 * level, sigma=level, fast_mode=True, channel_axis=2
    )
    return (np.rint(255 * np.clip(found, 0, 1)).astype(np.uint8),)
