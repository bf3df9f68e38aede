"""A file of images (1, H, W, C) and the same turned to (1, C, H, W) give the same numbers, by qonnx's execution."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import load
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model

from quant.channels_first import TO_FIRST, TO_LAST, channels_first
from quant.qonnx_file import cleaned
from tests.hls.frontend.files import PIXEL, File, kernel

SHAPE = (1, 6, 8, 4)  # N, H, W, C, all different


def same(file: File, path: Path, *outputs: str, opset: int = 18, last: tuple[bool, ...] = (True,)) -> Any:
    """Both executed on one random image; `last` says which outputs are channels last. Returns the turned model."""
    from qonnx.core.modelwrapper import ModelWrapper

    file.save(path, *outputs, opset=opset)
    before = cleanup_model(ModelWrapper(str(path))).transform(InferShapes())
    after = cleaned(path)
    image = np.random.default_rng(3).integers(0, 256, file.shape).astype(np.float32) * PIXEL
    (source,) = (value.name for value in before.graph.input)
    assert after.get_tensor_shape(source) == [file.shape[axis] for axis in TO_FIRST]
    right = execute_onnx(before, {source: image})
    turned = execute_onnx(after, {source: image.transpose(TO_FIRST)})
    for value, is_last in zip(before.graph.output, last, strict=True):
        name = value.name
        expected = right[name].transpose(TO_FIRST) if is_last else right[name]
        assert tuple(after.get_tensor_shape(name)) == expected.shape
        assert np.array_equal(turned[name], expected) and len(np.unique(expected)) > 5
    return after


def kinds(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


def convolved(file: File, name: str, source: str, weights: np.ndarray, **attributes: Any) -> str:
    """A convolution between two Transposes, as a converter from Keras writes it."""
    first = file.node("Transpose", f"{name}_in", [source], perm=TO_FIRST)
    made = file.node(
        "Conv", name, [first, file.weights(f"{name}_w", weights)], **{"pads": [1, 1, 1, 1]} | attributes
    )
    return file.node("Transpose", f"{name}_out", [made], perm=TO_LAST)


def test_convolutions_and_what_lies_between(tmp_path: Path) -> None:
    """Constants of any rank, slopes of channels, quantizers: spread over (1, H, W, C)."""
    file = File(shape=SHAPE)
    x = file.quant("in", "image", PIXEL, 8)
    x = convolved(file, "a", x, kernel(5, 4, 3, 3))
    x = file.node("Add", "bias", [x, file.constant("b", np.linspace(-1, 1, 5))])
    x = file.node("Mul", "gain", [x, file.constant("g", np.linspace(0.5, 2, 5).reshape(1, 1, 5))])
    x = file.node("PRelu", "slope", [x, file.constant("s", np.linspace(0, 0.5, 5).reshape(1, 1, 1, 5))])
    x = file.node(
        "Sub", "less", [x, file.constant("l", np.linspace(0, 0.1, 8).reshape(8, 1))]
    )  # a column each
    x = file.quant("q", x, 0.25, 8, signed=1)
    quantized = file.quant(
        "offset", file.constant("o", np.linspace(-2, 2, 5)), 0.25, 4, signed=1
    )  # a constant too
    x = file.node("Add", "biased", [x, quantized])
    x = convolved(file, "b", file.quant("r", x, 0.25, 8, signed=1), kernel(3, 5, 3, 3), strides=[2, 2])
    after = same(file, tmp_path / "a.onnx", file.quant("end", x, 0.5, 8, signed=1))
    assert "Transpose" not in kinds(after)


@pytest.mark.parametrize("opset", [9, 18])
def test_axes(tmp_path: Path, opset: int) -> None:
    """Slices, borders, parts and their concatenation, of every axis; attributes before opset 10, inputs since."""
    file = File(shape=SHAPE)
    x = convolved(file, "a", file.quant("in", "image", PIXEL, 8), kernel(4, 4, 3, 3))
    if opset == 9:
        x = file.node("Pad", "pad", [x], pads=[0, 1, 2, 0, 0, 3, 0, 0])
        x = file.node("Slice", "cut", [x], axes=[1, 2], starts=[1, 1], ends=[7, 9])
        parts = [file.node("Slice", "left", [x], axes=[3], starts=[0], ends=[1])]
        parts.append(file.node("Slice", "right", [x], axes=[3], starts=[1], ends=[4]))
    else:
        pads = file.constant("pads", [0, 1, 2, 0, 0, 3, 0, 0], np.int64)
        x = file.node("Pad", "pad", [x, pads])
        ends = [
            file.constant(name, value, np.int64)
            for name, value in (("st", [0, 1, 1, 0]), ("en", [1, 7, 9, 4]))
        ]
        x = file.node("Slice", "cut", [x, *ends])  # all axes, and so not named
        pads = [
            file.constant("more", [1, 1], np.int64),
            file.constant("zero", 0.0),
            file.constant("w", [2], np.int64),
        ]
        x = file.node("Pad", "one_axis", [x, *pads])
        parts = [file.channels("left", x, 0, 1, axis=-1), file.channels("right", x, 1, 4, axis=3)]
    x = file.node("Concat", "joined", [parts[1], parts[0]], axis=3 if opset == 9 else -1)
    x = file.node("Concat", "wide", [x, file.node("Identity", "again", [x])], axis=2)
    x = convolved(file, "b", file.quant("q", x, 0.5, 8, signed=1), kernel(2, 4, 3, 3))
    after = same(file, tmp_path / "a.onnx", file.quant("end", x, 0.5, 8, signed=1), opset=opset)
    assert "Transpose" not in kinds(after)


def test_outputs_of_both_layouts(tmp_path: Path) -> None:
    file = File(shape=SHAPE)
    x = file.quant("in", "image", PIXEL, 8)
    first = file.node("Transpose", "t", [x], perm=TO_FIRST)
    y = file.quant(
        "q", file.node("Conv", "c", [first, file.weights("w", kernel(3, 4, 1, 1))]), 0.25, 8, signed=1
    )
    same(file, tmp_path / "a.onnx", y, file.node("Transpose", "u", [y], perm=TO_LAST), last=(False, True))


def test_what_depends_on_the_order_of_values_keeps_its_transpose(tmp_path: Path) -> None:
    """A Reshape of an image (1, H, W, C), and a convolution that takes rows for channels."""
    file = File(shape=SHAPE)
    x = convolved(file, "a", file.quant("in", "image", PIXEL, 8), kernel(4, 4, 3, 3))
    x = file.quant("q", x, 0.5, 8, signed=1)
    flat = file.node("Reshape", "flat", [x, file.constant("shape", [1, 4, 6, 8], np.int64)])
    odd = file.node("Conv", "odd", [x, file.weights("odd_w", kernel(2, 6, 1, 1))])
    after = same(file, tmp_path / "a.onnx", flat, odd, last=(False, False))
    assert kinds(after).count("Transpose") == 2


def test_a_file_that_is_channels_first_stays(tmp_path: Path) -> None:
    file = File()
    path = file.save(tmp_path / "a.onnx", file.convolved("c", file.quant("in", "image", PIXEL, 8), 2))
    model = cleaned(path)
    assert channels_first(model) is model
    assert [node.op_type for node in load(str(path)).graph.node].count("Identity") == kinds(model).count(
        "Identity"
    )
