"""Scales of a twin's activations, from what they are on example inputs."""

from typing import Any

import torch
from torch import Tensor

from pixelmend.errors import UserError
from quant.twin.build import Twin, set_threshold, steps

LEAST = 2.0**-16  # a threshold: of activations that are 0 throughout


def calibrate(twin: Twin, inputs: list[tuple[Tensor, ...]]) -> None:
    """Set every scale that is not given, from batches of inputs, (N, C, H, W) each.

    A quantizer's largest integer stands for the percentile of the settings of the |values| it meets while
    all quantizers of activations are off; a shared one for the largest of its layers'.
    """
    twin.eval()
    largest: dict[str, float] = {}
    handles, learned = [], {}
    for name, quantizer in twin.quantizers().items():
        quantizer.act_quant.disable_quant = True
        if list(quantizer.parameters()):
            learned[name] = quantizer
            handles.append(
                quantizer.register_forward_pre_hook(_take(name, largest, twin.settings.percentile))
            )
    try:
        with torch.no_grad():
            for batch in inputs:
                twin(*batch)
    except RuntimeError as error:
        sizes = ", ".join("x".join(map(str, one.shape)) for one in batch)
        reason = str(error).splitlines()[0]
        raise UserError(f"inputs of {sizes} do not go through the network: {reason}") from error
    finally:
        for handle in handles:
            handle.remove()
        for quantizer in twin.quantizers().values():
            quantizer.act_quant.disable_quant = False
    for name, quantizer in learned.items():
        threshold = max(largest.get(name, 1.0), LEAST)
        if twin.settings.power_of_two:
            scale = 2.0 ** float(torch.ceil(torch.log2(torch.tensor(threshold / steps(quantizer)))))
            threshold = scale * steps(quantizer)
            quantizer.requires_grad_(False)
        set_threshold(quantizer, threshold)


def _take(name: str, largest: dict[str, float], percentile: float) -> Any:
    def hook(_module: Any, inputs: tuple[Tensor, ...]) -> None:
        sizes = inputs[0].detach().abs().flatten().sort().values
        index = min(len(sizes) - 1, int(len(sizes) * percentile / 100))
        largest[name] = max(largest.get(name, 0.0), float(sizes[index]))

    return hook
