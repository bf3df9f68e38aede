"""Networks of random integers whose ports are other than picture in, picture out of its size."""

from pathlib import Path

import numpy as np

from hls.config import HlsConfig
from hls.layers import Convolution, TransposedConvolution
from hls.lower import lower_network
from hls.network import Integers, Network, Tensor
from pixelmend.config import Frame

PIXEL = 1 / 255


def three_outputs(height: int = 4, width: int = 6) -> Network:
    """A picture in; one twice as large, a signed feature map that a layer reads too, a smaller one out."""
    rng = np.random.default_rng(0)
    image = Tensor("image", height, width, 3, 8, 255, PIXEL)
    features = Tensor("features", height, width, 2, 5, 15, 0.25, minimum=-16)
    larger = Tensor("larger", 2 * height, 2 * width, 3, 8, 255, PIXEL)
    smaller = Tensor("smaller", height // 2, width // 2, 4, 3, 7, 0.5)
    layers = (
        Convolution(
            "conv1", image, features, weights(rng, (2, 3, 3, 3)), 4, steps(rng, features, 2000), 1, (1,) * 4
        ),
        Convolution(
            "conv2", features, smaller, weights(rng, (4, 2, 2, 2)), 4, steps(rng, smaller, 100), 2, (0,) * 4
        ),
        TransposedConvolution(
            "deconv1", features, larger, weights(rng, (2, 3, 2, 2)), 4, steps(rng, larger, 90), 2, 0
        ),
    )
    return Network(image, (larger, features, smaller), layers, 0.5)


def of_features(height: int = 4, width: int = 4) -> Network:
    """A signed feature map of five channels in, a grey picture out."""
    rng = np.random.default_rng(1)
    features = Tensor("features", height, width, 5, 6, 31, 0.125, minimum=-32)
    result = Tensor("result", height, width, 1, 8, 255, PIXEL)
    layer = Convolution(
        "conv1", features, result, weights(rng, (1, 5, 3, 3)), 4, steps(rng, result, 900), 1, (1,) * 4
    )
    return Network(features, (result,), (layer,), 0.5)


def larger_picture(height: int = 4, width: int = 6) -> Network:
    """A picture in, one twice as large out."""
    rng = np.random.default_rng(2)
    image = Tensor("image", height, width, 3, 8, 255, PIXEL)
    larger = Tensor("larger", 2 * height, 2 * width, 3, 8, 255, PIXEL)
    layer = TransposedConvolution(
        "deconv1", image, larger, weights(rng, (3, 3, 2, 2)), 4, steps(rng, larger, 1500), 2, 0
    )
    return Network(image, (larger,), (layer,), 0.5)


def weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Integers:
    """Of four bits."""
    return rng.integers(-7, 8, shape)


def steps(rng: np.random.Generator, result: Tensor, reach: int) -> Integers:
    """Thresholds (C, T) of sums from -reach to reach."""
    return np.sort(rng.integers(-reach, reach, (result.channels, result.maximum - result.minimum)), axis=1)


def built(network: Network, folder: Path, pixels_per_beat: int = 1) -> Path:
    """Lowered into the folder."""
    hls = HlsConfig(target_fps=2000, pixels_per_beat=pixels_per_beat)
    lower_network(network, Frame(*network.image_in.size), hls, folder)
    return folder
