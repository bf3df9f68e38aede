"""Faults that were found from outside on 2026-11-29, of the reader: the right value of each kind."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from hls import dataflow
from hls.frontend import read
from hls.frontend.reader import needed
from hls.layers import Depthwise
from pixelmend.errors import UserError
from tests.hls.frontend.bad_graphs import Graph, changed, message
from tests.hls.frontend.files import PIXEL, kernel
from tests.hls.frontend.oracle import agree, integers


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("seed", range(3))
def test_auto_pad_is_computed(mode: str, seed: int, tmp_path: Path) -> None:
    """1. Attributes that were ignored: auto_pad of both convolutions, output_shape."""
    rng = np.random.default_rng(seed)
    g = Graph()
    sides = [int(one) for one in rng.integers(1, 5, 2)]
    first = g.q(
        g.conv("", 4, 4, *sides, auto_pad=mode, strides=[int(one) for one in rng.integers(1, 4, 2)]), 2.0
    )
    back = g.q(g.deconv(4, 4, 3, 3, auto_pad=mode, strides=[2, 2]), 2.0)
    shape = [15 + int(rng.integers(3)), 16]
    more = g.q(g.deconv(4, 4, 4, 4, output_shape=shape, strides=[2, 2]), 2.0)
    agree(g.save(tmp_path / "m.onnx", first, back, more), rng)


def test_negative_padding_is_refused(tmp_path: Path) -> None:
    g = Graph()
    said = message(
        g.save(tmp_path / "m.onnx", g.q(g.conv(pads=[0, 0, -1, 0])), g.q(g.deconv(pads=[-1, 0, 0, 0])))
    )
    assert said.count("padding must be 0 or more, got") == 2


def test_scales_on_another_axis(tmp_path: Path) -> None:
    """2. Of a transposed convolution axis 1 has the output channels."""
    scale = np.arange(1, 5) / 4
    g = Graph()
    fine = g.n("ConvTranspose", g.x, g.w(4, 4, 2, 2, scale=scale.reshape(1, 4, 1, 1)), strides=[2, 2])
    read(g.save(tmp_path / "m.onnx", g.q(fine)))
    wrong = g.n("ConvTranspose", g.x, g.w(4, 4, 2, 2, scale=scale.reshape(4, 1, 1, 1)), strides=[2, 2])
    said = message(g.save(tmp_path / "m.onnx", g.q(wrong)))
    assert (
        "the scales of weights must be one, or one for each output channel (axis 1), got shape (4, 1, 1, 1)"
        in said
    )


def test_what_reaches_no_output_is_left_out(tmp_path: Path) -> None:
    """3. Dead branches, also behind a tensor that lives; a network that passes its image through."""
    g = Graph()
    kept = g.q(g.conv())
    dead = g.q(g.conv(kept))
    g.q(g.n("Add", dead, g.q(g.conv(kept))))
    network = read(g.save(tmp_path / "m.onnx", kept))
    assert len(network.layers) == 1
    assert needed(list(network.layers), []) == []
    dataflow.build(network)
    g = Graph()
    out = g.n("Identity", g.x)
    assert "its output is its input" in message(g.save(tmp_path / "m.onnx", out))


def test_a_dead_quantizer_of_a_depthwise_convolution_is_left_out(tmp_path: Path) -> None:
    """Of two quantizers that read the same sums, only that which leads to the output becomes hardware."""
    g = Graph()
    sums = g.conv(g.q(g.conv()), 4, 1, 3, 3, group=4)
    dead, live = g.q(g.n("Relu", sums)), g.q(sums)
    g.q(g.conv(dead))
    network = read(g.save(tmp_path / "m.onnx", live))
    assert isinstance(network.layers[-1], Depthwise)
    assert [tensor.name for tensor in network.layers[-1].outputs] == [network.image_out.name]
    dataflow.build(network)


@pytest.mark.parametrize("signed", [0, 1])
def test_sums_of_many(signed: int, tmp_path: Path) -> None:
    """4 and 8. Chains of sums: the widths that the largest values ask for, and the adder's rule, are one."""
    rng = np.random.default_rng(signed)
    g = Graph()
    total = g.q(g.conv(), 8.0, 8, signed=signed)
    for n in range(6):
        other = g.q(g.conv(), 8.0, 2 + n, signed=signed)
        total = g.n("Add", *((total, other) if n % 2 else (other, total)))
    agree(g.save(tmp_path / "m.onnx", total, g.q(g.n("Sub", g.q(g.conv(), 8.0), total), 56.0)), rng)


def test_a_tensor_added_to_itself(tmp_path: Path) -> None:
    g = Graph()
    network = read(g.save(tmp_path / "m.onnx", g.n("Add", g.x, g.x)))
    frames = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 4))
    np.testing.assert_array_equal(integers(network, frames)[0], 2 * frames)


def test_scales_are_printed_in_full(tmp_path: Path) -> None:
    """8. Scales that differ by a rounding only, with both that made them."""
    first, second = np.float32(0.1), np.nextafter(np.float32(0.1), np.float32(1))
    g = Graph()
    said = message(g.save(tmp_path / "m.onnx", g.n("Add", g.q(g.conv(), first), g.q(g.conv(), second))))
    assert f"{float(first)!r} (node Quant_" in said
    assert f"{float(second)!r} (node Quant_" in said
    assert float(first) != float(second)


@pytest.mark.parametrize("tiny", [1e-20, 1e-38, 1e-44])
def test_dead_channels_with_tiny_scales(tiny: float, tmp_path: Path) -> None:
    """5. Thresholds beyond int64: the channel's bias decides alone."""
    weights = kernel(4, 4, 3, 3)
    weights[1] = 0
    scale = np.array([0.5, tiny, 0.5, 0.5]).reshape(4, 1, 1, 1)
    g = Graph()
    sums = g.conv(weights=g.weights(g.new(), weights, scale=scale), bias=[0.0, 1.1, 0.0, 0.0])
    network = read(g.save(tmp_path / "m.onnx", g.q(sums, 0.25)))
    frames = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 4))
    assert (integers(network, frames)[0][..., 1] == round(1.1 / 0.25)).all()


def test_thresholds_beyond_float32(tmp_path: Path) -> None:
    """5. Sums of 8 x 8 bits and 1,728 products pass 2**24: thresholds stay exact, in float64, also in RTL's files."""
    rng = np.random.default_rng(0)
    g = Graph()
    wide = g.q(g.conv(weights=g.weights(g.new(), kernel(192, 4, 1, 1))), 1 / 64, 8)
    weights = rng.integers(100, 128, (2, 192, 3, 3))
    bias = np.float32([-2e5 - 1, -3e5 - 3])
    sums = g.conv(wide, weights=g.weights(g.new(), weights, 1.0, 8), bias=bias)
    network = read(g.save(tmp_path / "m.onnx", g.q(sums, np.float32(30000.0), 4)))
    layer = network.layers[-1]
    # a / 64 + b >= (t - 1/2) * 30000, ties to even
    exact = np.array([[int((t * 30000 - 15000 - int(b)) * 64) + t % 2 for t in range(1, 16)] for b in bias])
    np.testing.assert_array_equal(layer.thresholds, exact)
    assert exact.max() > 2**24
    assert (exact != exact.astype(np.float32).astype(np.int64)).any()
    graph = dataflow.build(network)
    held = graph.get_initializer(f"{layer.name}_steps")
    assert held.dtype == np.float64
    np.testing.assert_array_equal(held.astype(np.int64), layer.thresholds)


def test_what_is_not_finite_is_named_with_its_node(tmp_path: Path) -> None:
    g = Graph()
    nan = np.full((4, 4, 3, 3), np.nan)
    said = message(g.save(tmp_path / "m.onnx", g.q(g.conv(weights=g.weights(g.new(), nan)))))
    assert "(Quant): its constant Quant_" in said
    assert said.endswith("must be finite, it holds NaN or infinity")


def test_a_transposed_convolution_of_stride_1(tmp_path: Path) -> None:
    """6. It is an ordinary one with the kernel turned round."""
    g = Graph()
    outputs = [
        g.q(g.deconv(4, 4, 3, 2, pads=[1, 0, 0, 1]), 2.0),
        g.q(g.deconv(4, 2, 5, 5, pads=[2] * 4), 2.0),
    ]
    agree(g.save(tmp_path / "m.onnx", *outputs), np.random.default_rng(0))


def test_half_floats_and_dynamic_sides_are_named(tmp_path: Path) -> None:
    """6. What the network's author should export instead."""

    def half(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16

    def dynamic(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"

    changed(half)(tmp_path / "half.onnx")
    assert message(tmp_path / "half.onnx").endswith("export the network in float32")
    changed(dynamic)(tmp_path / "dynamic.onnx")
    said = message(tmp_path / "dynamic.onnx")
    assert "got (N, 4, 8, 8): export one frame of the size that the hardware is for" in said


def test_an_integer_annotation_is_a_quantizer(tmp_path: Path) -> None:
    """Files for FINN say so of their input, which has no Quant node."""
    from qonnx.core.datatype import DataType
    from qonnx.core.modelwrapper import ModelWrapper

    g = Graph()
    g.nodes.pop(0)
    g.x = "image"
    path = g.save(tmp_path / "m.onnx", g.q(g.conv("", 4, 4, 3, 3), 64.0))
    model = ModelWrapper(str(path))
    model.set_tensor_datatype("image", DataType["UINT8"])
    model.save(str(path))
    image = read(path).image_in
    assert (image.kind, image.scale, image.channels) == ("UINT8", 1.0, 4)
    assert float(PIXEL) != image.scale
    model.set_tensor_datatype("image", DataType["FLOAT32"])
    model.save(str(path))
    with pytest.raises(UserError, match="as floating point: quantize it"):
        read(path)


def test_attributes_that_exporters_write_beside_a_shuffle(tmp_path: Path) -> None:
    """PixelUnshuffle as PyTorch writes it; `allowzero` changes nothing here."""
    g = Graph()
    x = g.n("Reshape", g.x, g.c([1, 4, 4, 2, 4, 2], np.int64), allowzero=1)
    x = g.n("Transpose", x, perm=[0, 1, 3, 5, 2, 4])
    x = g.n("Reshape", x, g.c([1, 16, 4, 4], np.int64), allowzero=0)
    agree(g.save(tmp_path / "m.onnx", x, g.q(g.conv(x, 2, 16, 3, 3), 8.0)), np.random.default_rng(0))
