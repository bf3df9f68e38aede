"""Whether a QONNX file computes what the Brevitas network computes that it was written from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from torch import Tensor, nn

from quant.exact import exact, execute

Array = NDArray[Any]


@dataclass(frozen=True)
class Comparison:
    """Of a file with a network on some frames."""

    wrong: tuple[str, ...]  # a line for each frame and output that differs
    rounded: int = 0  # values that differ in float32 alone, where sums are rounded

    def __str__(self) -> str:
        """What to say of a file that is right."""
        if not self.rounded:
            return "equals Brevitas"
        return (
            f"equals Brevitas in float64; in float32, which rounds their sums, {self.rounded:,} values differ"
        )


def compare(network: nn.Module, model: ModelWrapper, frames: Sequence[tuple[Tensor, ...]]) -> Comparison:
    """Execute both on `frames`, of each input (1, C, H, W): in float32, and in float64 where that differs."""
    wrong: list[str] = []
    rounded = 0
    precise: nn.Module | None = None
    names = [one.name for one in model.graph.output]
    for number, frame in enumerate(frames):
        feed = {one.name: tensor.numpy() for one, tensor in zip(model.graph.input, frame, strict=True)}
        results = execute_onnx(model, feed)
        expected = dict(zip(names, _outputs(network, frame), strict=True))
        differing = sum(int((results[name] != expected[name]).sum()) for name in names)
        if not differing:
            continue
        precise = exact(network) if precise is None else precise
        results = execute(model, feed)
        expected = dict(zip(names, _outputs(precise, tuple(one.double() for one in frame)), strict=True))
        found = [_differences(name, results[name], expected[name], number) for name in names]
        wrong += [line for line in found if line is not None]
        rounded += differing
    return Comparison(tuple(wrong), rounded)


def _differences(name: str, came: Array, wanted: Array, frame: int) -> str | None:
    unequal = came != wanted
    if not unequal.any():
        return None
    where = tuple(int(index) for index in np.argwhere(unequal)[0])
    return (
        f"QONNX differs from Brevitas in {int(unequal.sum())} of {unequal.size} values of {name} of check frame "
        f"{frame}, first at (frame, channel, row, column) {where}: {came[where]:g} for {wanted[where]:g}, in float64; "
        "settle the biases (quant.settle) or retrain"
    )


def _outputs(network: nn.Module, frame: tuple[Tensor, ...]) -> list[Array]:
    with torch.no_grad():
        return as_list(network(*frame))


def as_list(results: Any) -> list[Array]:
    """What a module returns, a tensor or several, as arrays in the order of a file's outputs."""
    if isinstance(results, Tensor):
        return [results.detach().numpy()]
    values = results.values() if isinstance(results, dict) else results
    return [one for value in values for one in as_list(value)]
