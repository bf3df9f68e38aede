"""The denoiser of document 001, of numpy layers; weights go to and from `model.networks.n2n`."""

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

from model.networks.n2n import N2N, N2NConfig
from model.scratch.layers import Convolution, Relu, Sequential, Sigmoid, TransposedConvolution


def denoiser(config: N2NConfig, seed: int, dtype: DTypeLike = np.float32) -> Sequential:
    """Frames (N, channels, H, W) in [0, 1] -> denoised ones, H and W divisible by 4.

    Weights and biases are uniform in +-1/sqrt(fan-in), PyTorch's default for both kinds of convolution.
    """
    rng = np.random.default_rng(seed)
    hidden, channels = config.hidden, config.channels

    def drawn(first: int, second: int, side: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        limit = 1 / np.sqrt(second * side * side)  # PyTorch takes the second axis for both kinds
        weight = rng.uniform(-limit, limit, (first, second, side, side))
        return weight.astype(dtype), rng.uniform(-limit, limit, outputs).astype(dtype)

    return Sequential({
        "conv1": Convolution(*drawn(hidden, channels, 2, hidden), stride=2),
        "relu1": Relu(),
        "conv2": Convolution(*drawn(hidden, hidden, 2, hidden), stride=2),
        "relu2": Relu(),
        "up1": TransposedConvolution(*drawn(hidden, hidden, 3, hidden), stride=2, padding=1, extra=1),
        "relu3": Relu(),
        "up2": TransposedConvolution(*drawn(hidden, channels, 3, channels), stride=2, padding=1, extra=1),
        "sigmoid": Sigmoid(),
    })  # fmt: skip


def state(network: Sequential) -> dict[str, Tensor]:
    """The parameters by PyTorch's names, copied: a state dict of `N2N`."""
    return {name: torch.from_numpy(layer.parameters[own].copy()) for name, layer, own in network.named()}


def in_torch(network: Sequential, config: N2NConfig) -> N2N:
    """The same network as a PyTorch module."""
    weights = state(network)
    module = N2N(config).to(next(iter(weights.values())).dtype)
    module.load_state_dict(weights)
    return module
