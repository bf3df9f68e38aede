"""Magnitude masks that survive quantization-aware training: unstructured and N:M.

A masked weight is 0 in the float network, its gradient is 0, so an optimizer without weight decay leaves it
exactly 0 and every quantizer with a zero maps it to the integer 0. The masks are buffers of the twin's
layers and travel in its checkpoint. They shrink nothing: the matrix units multiply by zeros like by any
number.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pixelmend.errors import UserError


def hold(layer: nn.Module) -> None:
    """Give a layer the buffer `mask`, all True, and keep the gradient from weights whose mask is False."""
    layer.register_buffer("mask", torch.ones_like(layer.weight, dtype=torch.bool))  # type: ignore[arg-type]
    layer.weight.register_hook(lambda gradient: gradient * layer.mask)  # type: ignore[operator]


def set_mask(layer: Any, mask: Tensor) -> None:
    """Take over the mask of a held layer and set what it masks to 0."""
    with torch.no_grad():
        layer.mask.copy_(mask)
        layer.weight.mul_(layer.mask)


def unstructured(weights: Mapping[str, Tensor], sparsity: float) -> dict[str, Tensor]:
    """Masks (False: masked) that take the smallest `sparsity` of all weights of all layers together.

    Magnitudes of different layers are compared by LAMP (Lee et al. 2021): w^2 over the sum of all squares of
    the layer that are not smaller, so that no layer loses its largest weight.
    """
    scores = torch.cat([lamp(weight) for weight in weights.values()])
    order = scores.argsort(stable=True)
    kept = torch.ones(len(order), dtype=torch.bool)
    kept[order[: round(sparsity * len(order))]] = False
    parts = kept.split([weight.numel() for weight in weights.values()])
    return {name: part.view_as(weights[name]) for name, part in zip(weights, parts, strict=True)}


def lamp(weight: Tensor) -> Tensor:
    """The LAMP score of each weight of one layer, flat, in (0, 1] where a weight is not 0."""
    squares = weight.detach().cpu().double().flatten().square()
    values, order = squares.sort(stable=True)
    not_smaller = values.flip(0).cumsum(0).flip(0)
    scores = torch.empty_like(squares)
    scores[order] = values / not_smaller.clamp_min(torch.finfo(torch.float64).tiny)
    return scores


def n_of_m(weight: Tensor, n: int, m: int, input_axis: int) -> Tensor:
    """The mask that keeps the `n` largest of each `m` successive input channels (same output, same tap).

    All True where `m` does not divide the number of input channels: the layer stays dense.
    """
    if weight.shape[input_axis] % m:
        return torch.ones_like(weight, dtype=torch.bool)
    groups = weight.detach().abs().movedim(input_axis, -1).unflatten(-1, (-1, m))
    largest = groups.argsort(dim=-1, descending=True, stable=True)[..., :n]
    kept = torch.zeros_like(groups, dtype=torch.bool).scatter(-1, largest, True)
    return kept.flatten(-2).movedim(-1, input_axis).contiguous()


def sparsity(layers: Mapping[str, Any]) -> dict[str, Any]:
    """What of the quantized layers is 0: shares over all weights, and by layer.

    `masked` counts weights that a mask holds at 0, `zero` all whose integer is 0. Raises `UserError` where
    the integer of a masked weight is not 0.
    """
    total = masked = zero = 0
    by_layer = {}
    for name, layer in layers.items():
        values = layer.quant_weight().value.detach()
        mask = getattr(layer, "mask", torch.ones_like(values, dtype=torch.bool))
        wrong = int((values[~mask] != 0).sum())
        if wrong:
            raise UserError(f"{name}: {wrong} weights are not 0 although they are masked; quantize it anew")
        total, masked = total + values.numel(), masked + int((~mask).sum())
        zeros = int((values == 0).sum())
        zero += zeros
        by_layer[name] = zeros / values.numel()
    return {"masked": masked / total, "zero": zero / total, "zero_by_layer": by_layer}
