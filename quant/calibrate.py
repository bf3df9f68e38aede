"""Before quantization-aware training: activation scales from frames, biases corrected to the float network.

Rounding weights and activations shifts the mean of every channel. Bias correction (Nagel et al. 2019, with
means measured instead of derived) adds the difference of the means to the bias, layer by layer from the input
on, so that each layer is corrected on what the corrected ones before it give.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from model.generator import Generator
from quant.bits import layer_names, layer_of
from quant.generator import ActQuant, QuantGenerator

BATCHES: int = ActQuant.collect_stats_steps
"""Forward passes from which the activation scales start."""


def calibrate(twin: QuantGenerator, frames: Tensor) -> None:
    """Set the activation scales from `frames` (N, C, H, W); N at least `BATCHES`."""
    twin.train()
    with torch.no_grad():
        for batch in frames.tensor_split(BATCHES):
            twin(batch)
    twin.eval()


def correct_biases(twin: QuantGenerator, floating: Generator, frames: Tensor) -> float:
    """Give every output channel of every layer of `twin` the mean it has in `floating`, over `frames`.

    Means are those of the sums before the ReLU. Returns the largest correction; 1 is the range of an image.
    """
    names = layer_names(twin.config)
    wanted = _means(floating, names, frames)
    largest = 0.0
    for name in names:
        correction = wanted[name] - _means(twin, [name], frames)[name]
        with torch.no_grad():
            layer_of(twin, name).bias += correction
        largest = max(largest, float(correction.abs().max()))
    return largest


def _means(network: Any, names: list[str], frames: Tensor) -> dict[str, Tensor]:
    """The mean of each output channel of the layers `names`, (C,) each."""
    sums: dict[str, Tensor] = {}
    network.eval()
    with _outputs(network, names, sums), torch.no_grad():
        for batch in frames.tensor_split(BATCHES):
            network(batch)
    return {name: total / len(frames) for name, total in sums.items()}


@contextmanager
def _outputs(network: Any, names: list[str], sums: dict[str, Tensor]) -> Iterator[None]:
    """Add the frames' mean of every channel to `sums`."""

    def take(name: str) -> Any:
        def hook(_layer: Any, _inputs: Any, result: Tensor) -> None:
            sums[name] = sums.get(name, 0.0) + result.detach().mean((2, 3)).sum(0)

        return hook

    handles = [layer_of(network, name).register_forward_hook(take(name)) for name in names]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
