"""The small random generators of `sim.family` for the tests: their executions, compared exactly."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp

from hls.finn_setup import finn_workspace
from hls.layers import Convolution, Requantization, TransposedConvolution
from hls.layers.joins import add
from hls.layers.restoration import correct, filling, mark, select
from hls.network import Integers, Layer, Network, Tensor
from sim.family import Case, Pixels, brevitas_pixels, configuration, images, lowered, twin

__all__ = [
    "SMALL", "Case", "brevitas_pixels", "configuration", "dataflow_pixels", "equal", "images",
    "integer_network", "lowered", "qonnx_pixels", "twin",
]  # fmt: skip

Array = NDArray[Any]

SMALL = Case(widths=(4,), height=16, width=24, center=False)


def qonnx_pixels(path: Path, frames: Pixels) -> Pixels:
    """What the exported file says when qonnx executes it."""
    model = ModelWrapper(str(path))
    results = []
    for frame in frames.transpose(0, 3, 1, 2)[:, None]:
        feed = {model.graph.input[0].name: frame.astype(np.float32) / np.float32(255)}
        results.append(execute_onnx(model, feed)[model.graph.output[0].name])
    return np.round(np.concatenate(results) * 255).transpose(0, 2, 3, 1).astype(np.uint8)


def dataflow_pixels(build: Path, frames: Pixels) -> Pixels:
    """What the build's `dataflow.onnx` says when FINN executes it, node by node."""
    with finn_workspace():
        model = ModelWrapper(str(build / "dataflow.onnx"))
        for node in model.graph.node:
            getCustomOp(node).set_nodeattr("exec_mode", "cppsim")
        results = []
        for frame in frames[:, None].astype(np.float32):
            results.append(execute_onnx(model, {"image_in": frame})["image_out"])
    return np.concatenate(results).astype(np.uint8)


def equal(what: str, got: Array, want: Array) -> None:
    """Exact; tells how many differ and the first of them."""
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    wrong = np.argwhere(got != want)
    first = [f"{tuple(map(int, at))}: {got[tuple(at)]} for {want[tuple(at)]}" for at in wrong[:5]]
    assert not len(wrong), f"{what}: {len(wrong)} of {want.size} differ; {'; '.join(first)}"


def integer_network(case: Case) -> Network:
    """The case as a network of random integers, without a trained one: for tests of the dataflow alone."""
    rng = np.random.default_rng(case.seed)
    layers: list[Layer] = []

    def steps(channels: int, bits: int, reach: int) -> Integers:
        return np.sort(rng.integers(-reach // 4, reach, (channels, 2**bits - 1)), axis=1)

    def convolved(source: Tensor, channels: int, k: int, s: int, pad: int) -> Tensor:
        name = f"conv{sum(isinstance(layer, Convolution) for layer in layers) + 1}"
        sides = source.height // s, source.width // s
        result = Tensor(f"{name}_result", *sides, channels, case.act_bits, 2**case.act_bits - 1, 1.0)
        weights = _weights(rng, case.weight_bits, (channels, source.channels, k, k))
        # rows and columns that no window reaches are not padded
        last = pad - (source.height + 2 * pad - k) % s, pad - (source.width + 2 * pad - k) % s
        rising = steps(channels, case.act_bits, source.maximum)
        pads = (pad, pad, *last)
        layers.append(Convolution(name, source, result, weights, case.weight_bits, rising, s, pads))
        return result

    def back(source: Tensor, channels: int, bits: int) -> Tensor:
        name = f"deconv{sum(isinstance(layer, TransposedConvolution) for layer in layers) + 1}"
        sides = source.height * case.stride, source.width * case.stride
        result = Tensor(f"{name}_result", *sides, channels, bits, 2**bits - 1, 1.0)
        weights = _weights(rng, case.weight_bits, (source.channels, channels, case.kernel, case.kernel))
        rising = steps(channels, bits, source.maximum)
        shape = (case.stride, case.generator.padding)
        layers.append(TransposedConvolution(name, source, result, weights, case.weight_bits, rising, *shape))
        return result

    image = Tensor("image", case.height, case.width, case.generator.inputs, 8, 255, 1.0)
    entered = image
    if case.mode == "corrected":
        filled, entered = filling(image, case.fill_levels, True, "filled", case.fill_sweeps)
        layers += filled
    outputs = [entered]
    for channels in case.widths:
        outputs.append(convolved(outputs[-1], channels, case.kernel, case.stride, case.generator.padding))
    x = convolved(outputs[-1], case.widths[-1], 1, 1, 0) if case.center else outputs[-1]
    for _ in range(case.middle):
        x = convolved(x, case.widths[-1], 3, 1, 1)
    for n, channels in enumerate(case.widths[-2::-1], start=1):
        x = back(x, channels, case.act_bits)
        if case.skips:
            maximum = 2 * x.maximum
            size = x.height, x.width, channels
            total = Tensor(f"add{n}_result", *size, maximum.bit_length(), maximum, 1.0)
            layers.append(add(f"add{n}", (x, outputs[-1 - n]), total))
            x = total
        if case.skips and case.sum_bits is not None:
            less = Tensor(f"requant{n}_result", *size, case.sum_bits, 2**case.sum_bits - 1, 1.0)
            layers.append(Requantization(f"requant{n}", x, less, steps(channels, case.sum_bits, x.maximum)))
            x = less
    last, ending = _ended(case, back(x, case.generator.outputs, 8), image, entered)
    return Network(image, (last,), (*layers, *ending), 0.5)


def _ended(case: Case, last: Tensor, image: Tensor, entered: Tensor) -> tuple[Tensor, list[Layer]]:
    """What becomes of the last layer's result, by mode."""
    size = case.height, case.width
    if case.mode == "direct":
        return last, []
    if case.mode == "filled":
        marked = Tensor("mark1_result", *size, 4, 8, 255, 1.0)
        filled, result = filling(marked, case.fill_levels, False, "filled", case.fill_sweeps)
        return result, [mark("mark1", (last, image), marked), *filled]
    if case.mode == "corrected":
        result = Tensor("correct1_result", *size, 3, 8, 255, 1.0)
        return result, [correct("correct1", (last, entered), result)]
    result = Tensor("select1_result", *size, 3, 8, 255, 1.0)
    return result, [select("select1", (last, image), result)]


def _weights(rng: np.random.Generator, bits: int, shape: tuple[int, ...]) -> Integers:
    limit = 2 ** (bits - 1) - 1
    return rng.integers(-limit, limit + 1, shape)
