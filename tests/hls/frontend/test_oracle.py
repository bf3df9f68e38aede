"""What is read computes what the file says, for every operator and setting: beside qonnx's execution.

Each file has several networks side by side behind one image, each with an output of its own.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from tests.hls.frontend.draws import FUNCTIONS, Draw, T, batch_norm, check, pointwise

SIDE_BY_SIDE = 3


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
    for kind in draw.rng.permutation(list(FUNCTIONS))[:SIDE_BY_SIDE]:
        sums = draw.conv(image, plain=True)
        if draw.maybe(0.3):
            sums = batch_norm(draw, sums)
        sums = FUNCTIONS[kind](draw, sums)
        if draw.maybe():
            sums = draw.one(batch_norm, pointwise("Neg"))(draw, sums)
        found.append(draw.quantized(sums))
    return found


def requantized(draw: Draw) -> list[T]:
    """Functions of a tensor's own values."""
    wide = draw.quantized(draw.conv(draw.image(), 4, plain=True))
    return [draw.quantized(draw.functions(wide), bits=draw.number(2, 4)) for _ in range(SIDE_BY_SIDE)]


def transposed(draw: Draw) -> list[T]:
    image = draw.image()
    wide = draw.quantized(draw.conv(image, 4, plain=True))
    return [draw.quantized(draw.deconv(draw.one(image, wide))) for _ in range(SIDE_BY_SIDE)]


def _alike(draw: Draw, image: T, signed: int = -1) -> T:
    """A tensor of 3 channels with the one scale."""
    return draw.quantized(draw.conv(image, 3, plain=True), signed=signed, scale=0.25, bits=draw.number(2, 5))


def sums(draw: Draw) -> list[T]:
    """Chains of sums and differences, what they make quantized, convolved, or given out."""
    image = draw.image()
    found = []
    for _ in range(SIDE_BY_SIDE):
        total = _alike(draw, image)
        for _ in range(draw.number(1, 3)):
            other = _alike(draw, image)
            pair = [total.name, other.name]
            if draw.maybe():
                pair.reverse()
            total = T(draw.node(draw.one("Add", "Add", "Sub"), pair), 3, image.height, image.width, 0.25)
        match draw.number(0, 2):
            case 0:
                found.append(total)
            case 1:
                found.append(draw.requantized(total))
            case _:
                found.append(draw.quantized(draw.conv(total)))
    return found


def concatenations(draw: Draw) -> list[T]:
    """Of tensors of one scale, mixed signs and bits; of several scales, or floats, quantized behind."""
    image = draw.image()
    size = image.height, image.width
    found = []
    for n in range(SIDE_BY_SIDE):
        parts = [_alike(draw, image) for _ in range(draw.number(2, 3))]
        if n % 3 == 1:
            parts = [draw.requantized(part, signed=-1) for part in parts]
        if n % 3 == 2:
            parts[0] = draw.conv(image, plain=True)
        joined = T(draw.node("Concat", [part.name for part in parts], axis=draw.one(1, -3)),
                   sum(part.channels for part in parts), *size, 0.25)  # fmt: skip
        if n % 3:
            if draw.maybe():
                joined = draw.functions(joined, 1)
            joined = draw.quantized(joined, bits=draw.number(2, 4))
            found.append(joined if draw.maybe() else draw.quantized(draw.conv(joined)))
        elif draw.maybe():
            found.append(joined)
        else:
            found.append(draw.quantized(draw.conv(joined)))
    return found


def slices(draw: Draw) -> list[T]:
    """Channels, rows and columns of tensors and of floats; halves of channels."""
    image = draw.image()
    wide = draw.quantized(draw.conv(image, 6, plain=True))
    found = []
    for n in range(SIDE_BY_SIDE):
        source = draw.one(wide, draw.conv(image, 6, plain=True), draw.conv(wide, 6, plain=True))
        if draw.maybe(0.3):
            source = T(draw.functions(source, 1).name, source.channels, source.height, source.width)
        if n == 0:
            part = draw.number(1, 5)
            names = [draw.name(), draw.name()]
            draw.file.nodes.append(
                helper.make_node("Split", [source.name, draw.whole(part, 6 - part)], names, axis=1)
            )
            for name, channels in zip(names, (part, 6 - part), strict=True):
                found.append(_finished(draw, T(name, channels, source.height, source.width, source.scale)))
            continue
        found.append(_finished(draw, draw.box(source)))
    return found


def _finished(draw: Draw, x: T) -> T:
    """An output: a tensor as it is, quantized again, or convolved; floats quantized."""
    if not x.scale:
        return draw.quantized(draw.functions(x, 1) if draw.maybe() else x)
    match draw.number(0, 2):
        case 0:
            return draw.requantized(x)
        case 1:
            return draw.quantized(draw.conv(x))
        case _:
            return draw.quantized(draw.functions(x, 1), bits=3)


def blocks(draw: Draw) -> list[T]:
    """Depth to space and back, of sums and of tensors, with per-channel things behind."""
    image = draw.image(size=(draw.one(4, 6), draw.one(4, 6, 8)))
    wide = draw.quantized(draw.conv(image, 8, plain=True))
    found = []
    for _ in range(SIDE_BY_SIDE):
        if draw.maybe(0.3):
            source = draw.one(image, wide)
            name = draw.node("SpaceToDepth", [source.name], blocksize=2)
            found.append(
                _finished(
                    draw, T(name, source.channels * 4, source.height // 2, source.width // 2, source.scale)
                )
            )
            continue
        block = draw.one(2, 2, 3)
        channels = block**2 * draw.number(1, 2)
        source = draw.conv(draw.one(image, wide), channels, plain=True)
        if draw.maybe():
            source = draw.functions(source, 1)
        if draw.maybe():
            source = draw.quantized(source)
        name = draw.node("DepthToSpace", [source.name], blocksize=block, mode=draw.one("CRD", "DCR"))
        made = T(name, channels // block**2, block * source.height, block * source.width, source.scale)
        found.append(_finished(draw, draw.functions(made, 1) if not source.scale else made))
    return found


MODES = (
    {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor"},
    {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"},
    {"coordinate_transformation_mode": "pytorch_half_pixel", "nearest_mode": "round_prefer_floor"},
    {},
)


def repeated(draw: Draw) -> list[T]:
    image = draw.image(size=(draw.number(3, 6), draw.number(3, 6)))
    found = []
    for _ in range(SIDE_BY_SIDE):
        source = draw.one(image, draw.quantized(draw.conv(image)), draw.conv(image))
        rows, columns = draw.one((2, 2), (3, 2), (1, 2), (2, 1), (3, 3), (4, 2))
        scales = draw.file.constant(draw.name(), [1, 1, rows, columns])
        name = draw.node("Resize", [source.name, "", scales], mode="nearest", **draw.one(*MODES))
        if draw.maybe(0.3):
            sizes = draw.whole(1, source.channels, rows * source.height, columns * source.width)
            name = draw.node("Resize", [source.name, "", "", sizes], mode="nearest", **draw.one(*MODES))
        found.append(
            _finished(
                draw, T(name, source.channels, rows * source.height, columns * source.width, source.scale)
            )
        )
    return found


def pooled(draw: Draw) -> list[T]:
    image = draw.image(signed=0)
    plain = draw.quantized(draw.conv(image, plain=True), signed=1, scale=0.25, bits=4)
    return [draw.pool(draw.one(image, plain, draw.conv(image, plain=True))) for _ in range(SIDE_BY_SIDE)]


def padded(draw: Draw) -> list[T]:
    image = draw.image()
    found = []
    for _ in range(SIDE_BY_SIDE):
        pads = [draw.number(0, 2) for _ in range(4)]
        constant = draw.whole(0, 0, *pads[:2], 0, 0, *pads[2:])
        inputs = [image.name, constant, *draw.one([], [draw.file.constant(draw.name(), 0.0)])]
        name = draw.node("Pad", inputs, mode="constant")
        size = image.height + pads[0] + pads[2], image.width + pads[1] + pads[3]
        around = T(name, image.channels, *size, image.scale)
        if draw.maybe(0.3):
            mean = draw.node("AveragePool", [name], kernel_shape=[2, 3])
            made = T(mean, image.channels, size[0] - 1, size[1] - 2, image.scale / 6)
            found.append(draw.quantized(made, scale=float(np.float32(image.scale / 6 * 41 / 5)), bits=6))
        else:
            found.append(draw.quantized(draw.conv(around)))
    return found


def shared(draw: Draw) -> list[T]:
    """Sums read by several quantizers and functions, tensors by several layers, branches that reach no output."""
    image = draw.image()
    sums = draw.conv(image, draw.number(1, 4))
    first = draw.quantized(sums)
    second = draw.quantized(draw.functions(sums, 1))
    third = draw.quantized(pointwise("Neg")(draw, sums), signed=1)
    dead = draw.quantized(draw.conv(first))
    draw.quantized(pointwise("Relu")(draw, draw.conv(dead)))
    deep = draw.quantized(draw.conv(second))
    wide = draw.deconv(first)
    one, two = draw.quantized(wide), draw.quantized(draw.functions(wide, 1))
    return [first, draw.quantized(draw.conv(first)), third, deep, one, two]


def old(draw: Draw) -> list[T]:
    """Opsets 9 and 10, where slices, clips, pads and scales are attributes."""
    draw.opset = draw.one(9, 10)
    image = draw.image(size=(6, 6))
    wide = draw.quantized(draw.conv(image, 4, plain=True))
    clipped = draw.quantized(FUNCTIONS["clip"](draw, draw.conv(wide, plain=True)))
    scales = draw.file.constant(draw.name(), [1, 1, 2, 3])
    kind = "Upsample" if draw.opset == 9 else "Resize"
    big = T(draw.node(kind, [wide.name, scales], mode="nearest"), 4, 12, 18, wide.scale)
    around = draw.node("Pad", [wide.name], mode="constant", pads=[0, 0, 1, 0, 0, 0, 2, 1])
    found = [clipped, big, draw.quantized(draw.conv(T(around, 4, 9, 7, wide.scale)))]
    if draw.opset == 9:
        part = draw.node("Slice", [wide.name], starts=[1, 2], ends=[3, 1000], axes=[1, 2])
        found.append(draw.requantized(T(part, 2, 4, 6, wide.scale)))
    return found


FAMILIES: dict[Callable[[Draw], list[T]], int] = {
    convolutions: 8, functions: 6, each_function: 12, requantized: 6, transposed: 8, sums: 6, concatenations: 6,
    slices: 6, blocks: 6, repeated: 6, pooled: 6, padded: 6, shared: 4, old: 4,
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
