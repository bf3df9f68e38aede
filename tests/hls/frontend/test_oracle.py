"""What is read computes what the file says, for every operator and setting: beside qonnx's execution.

Each file has several networks side by side behind one image, each with an output of its own.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hls.frontend.draws import FUNCTIONS, Draw, T, batch_norm, check, pointwise

SIDE_BY_SIDE = 5


def convolutions(draw: Draw) -> list[T]:
    image = draw.image()
    wide = draw.quantized(draw.conv(image, 6, plain=True))
    return [draw.quantized(draw.conv(draw.one(image, wide, wide))) for _ in range(SIDE_BY_SIDE)]


def functions(draw: Draw) -> list[T]:
    image = draw.image()
    found = []
    for _ in range(SIDE_BY_SIDE):
        sums = draw.conv(image, plain=True)
        found.append(draw.quantized(draw.functions(sums)))
    return found


def each_function(draw: Draw) -> list[T]:
    """Every function alone, then something that falls behind it, or before."""
    image = draw.image()
    found = []
    for function in FUNCTIONS.values():
        sums = draw.conv(image, plain=True)
        if draw.maybe(0.3):
            sums = batch_norm(draw, sums)
        sums = function(draw, sums)
        if draw.maybe():
            sums = draw.one(batch_norm, pointwise("Neg"))(draw, sums)
        found.append(draw.quantized(sums))
    return found


def requantized(draw: Draw) -> list[T]:
    """Functions of a tensor's own values."""
    wide = draw.quantized(draw.conv(draw.image(), 4, plain=True))
    return [draw.quantized(draw.functions(wide), bits=draw.number(2, 4)) for _ in range(SIDE_BY_SIDE)]


FAMILIES: dict[Callable[[Draw], list[T]], int] = {
    convolutions: 4, functions: 4, each_function: 2, requantized: 4,
}  # fmt: skip
"""Each with how many files are drawn."""


@pytest.mark.parametrize(
    ("family", "seed"),
    [
        pytest.param(family, seed, id=f"{family.__name__}-{seed}")
        for family, count in FAMILIES.items()
        for seed in range(count)
    ],
)
def test_as_qonnx_executes(family: Callable[[Draw], list[T]], seed: int, tmp_path: Path) -> None:
    check(family, seed, tmp_path / "m.onnx")
