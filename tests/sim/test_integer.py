"""The integer model against three that share no code with it: torch, FINN's execution, QONNX."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper
from torch.nn.functional import conv2d, conv_transpose2d, pad

from hls import dataflow
from hls.frontend import read
from hls.layers import Convolution, Operation, Requantization
from hls.layers.convolution import pair
from hls.network import Network
from hls.ops import DOMAIN
from hls.ops.matrix.op import EXACT_FLOAT32
from pixelmend.errors import UserError
from sim.integer import IntegerModel, execute_node
from tests.networks import (
    Case,
    brevitas_pixels,
    dataflow_pixels,
    equal,
    images,
    integer_network,
    lowered,
    qonnx_pixels,
)

RANDOM = [
    Case(widths=(5,), kernel=2, center=False, weight_bits=2, act_bits=2, seed=1),
    Case(widths=(5, 7), height=12, width=20, seed=2),
    Case(widths=(5, 7), height=12, width=20, kernel=3, skips=False, seed=3),
    Case(widths=(5, 7), height=18, width=27, kernel=5, stride=3, weight_bits=8, act_bits=8, seed=4),
    Case(widths=(4, 6, 8), height=16, width=24, kernel=6, sum_bits=3, seed=5),
    Case(widths=(4, 6, 8), height=24, width=8, kernel=7, weight_bits=3, act_bits=5, seed=6),
    Case(widths=(4, 4, 6, 6), height=16, width=48, seed=7),
]
EXPORTED = [
    Case(widths=(6,), kernel=2, act_bits=2, weight_bits=2, seed=11),
    Case(widths=(4, 6), height=12, width=8, kernel=3, sum_bits=4, seed=12),
    Case(widths=(4, 6), height=9, width=18, kernel=3, stride=3, weight_bits=8, act_bits=8, seed=13),
    Case(widths=(4, 6), weight_kind="power_of_two", seed=14),
    Case(widths=(4, 6), weight_kind="binary", layer_weight_bits={"enc1": 8}, sum_bits=4, seed=15),
    Case(widths=(4, 6), sparsity=0.7, seed=16),
]


def by_torch(network: Network, frames: NDArray[np.uint8]) -> dict[str, NDArray[np.int64]]:
    """Every result of the network as (N, H, W, C): exact, since float64 holds these sums."""
    values = {network.image_in.name: torch.from_numpy(frames).permute(0, 3, 1, 2).double()}

    def steps(x: torch.Tensor, thresholds: NDArray[np.int64]) -> torch.Tensor:
        return (x[..., None] >= torch.from_numpy(thresholds)[:, None, None, :]).sum(-1).double()

    for layer in network.layers:
        if isinstance(layer, Operation):  # of these networks, sums
            left, right = (values[tensor.name] for tensor in layer.sources)
            values[layer.result.name] = left + right
            continue
        x = values[layer.source.name]
        if isinstance(layer, Requantization):
            values[layer.result.name] = steps(x, layer.thresholds)
            continue
        weights = torch.from_numpy(layer.weights).double()
        if isinstance(layer, Convolution):
            top, left_side, bottom, right_side = layer.pads
            sums = conv2d(pad(x, (left_side, right_side, top, bottom)), weights, stride=layer.stride)
        else:
            above, beside = pair(layer.pad)
            assert above == beside
            extra = layer.stride + 2 * above - layer.weights.shape[2]
            sums = conv_transpose2d(x, weights, stride=layer.stride, padding=above, output_padding=extra)
        values[layer.result.name] = steps(sums, layer.thresholds)
    return {name: value.permute(0, 2, 3, 1).long().numpy() for name, value in values.items()}


@pytest.mark.parametrize("case", RANDOM, ids=str)
def test_equals_torch_on_random_integers(case: Case) -> None:
    """Every layer's result, on a batch; thresholds and weights are random."""
    network = integer_network(case)
    frames = images(case)
    got = IntegerModel(dataflow.build(network), case.height, case.width).tensors(frames)
    want = by_torch(network, frames)
    for layer in network.layers:
        name = "image_out" if layer.result is network.image_out else f"{layer.name}_out"
        equal(name, got[name].astype(np.int64), want[layer.result.name])
    assert len(np.unique(got["image_out"])) > 8


@pytest.mark.parametrize("case", EXPORTED, ids=str)
def test_equals_every_other_execution(case: Case, tmp_path: Path) -> None:
    network, model, build = lowered(case, tmp_path)
    frames = images(case)
    want = IntegerModel.load(build / "dataflow.onnx").run(frames)
    read_again = read(model)
    equal("torch", by_torch(read_again, frames)[read_again.image_out.name], want)
    equal("FINN dataflow", dataflow_pixels(build, frames), want)
    equal("QONNX", qonnx_pixels(model, frames), want)
    equal("Brevitas", brevitas_pixels(network, frames), want)
    assert len(np.unique(want)) > 8


def test_sums_beyond_float32_are_exact() -> None:
    """Accumulators over 2**24, where float32 has no odd numbers any more."""
    x = np.full((1, 1, 1, 1025), 255.0, np.float32)
    x[..., -1] = 1
    weights = np.full((1025, 1), 127.0, np.float32)
    weights[-1] = 1
    node = helper.make_node("MVAU_rtl", ["x", "w"], ["y"], name="sums", domain=DOMAIN)
    (got,) = execute_node(node, [x, weights])
    assert int(got[0, 0, 0, 0]) == 255 * 127 * 1024 + 1 > EXACT_FLOAT32


def test_frames_do_not_mix() -> None:
    case = RANDOM[4]
    model = IntegerModel(dataflow.build(integer_network(case)), case.height, case.width)
    frames = images(case)
    together = model.run(frames)
    for n in range(len(frames)):
        equal(f"frame {n}", model.run(frames[n : n + 1]), together[n : n + 1])
    assert model.run(frames[:0]).shape == (0, case.height, case.width, 3)


@pytest.mark.parametrize(
    ("frames", "came"),
    [
        (np.zeros((1, 12, 20, 3), np.float32), r"float32 \(1, 12, 20, 3\)"),
        (np.zeros((12, 20, 3), np.uint8), r"uint8 \(12, 20, 3\)"),
        (np.zeros((1, 20, 12, 3), np.uint8), r"uint8 \(1, 20, 12, 3\)"),
        (np.zeros((1, 12, 20, 4), np.uint8), r"uint8 \(1, 12, 20, 4\)"),
    ],
)
def test_refuses_other_frames(frames: NDArray[np.generic], came: str) -> None:
    model = IntegerModel(dataflow.build(integer_network(RANDOM[1])), 12, 20)
    with pytest.raises(UserError, match=rf"expected uint8 frames of shape \(N, 12, 20, 3\), got {came}"):
        model.run(frames)  # type: ignore[arg-type]


def test_unknown_operator_is_named() -> None:
    graph = dataflow.build(integer_network(RANDOM[0]))
    graph.graph.node.append(helper.make_node("Softmax", ["image_out"], ["y"], name="odd"))
    with pytest.raises(
        UserError, match=r"node odd is a Softmax, which no operator .* stands for; there are FMPadding_rtl"
    ):
        IntegerModel(graph, 8, 16).tensors(np.zeros((1, 8, 16, 3), np.uint8))
