"""Layers of pooling, shapes and joins: results of odd sizes, and what is refused."""

import numpy as np
import pytest
from onnx import helper

from hls import dataflow
from hls.layers import Depthwise, MaxPool, Requantization, SumPool
from hls.layers.joins import concat, subtract
from hls.layers.shape import crop, depth_to_space, slice_channels, space_to_depth, upsample
from hls.network import Layer, Network, Tensor
from hls.ops import DOMAIN, facets
from pixelmend.errors import UserError
from sim.integer import execute_node

RNG = np.random.default_rng(7)


def tensor(
    name: str, height: int, width: int, channels: int, bits: int = 8, low: int = 0, high: int | None = None
) -> Tensor:
    return Tensor(name, height, width, channels, bits, 2**bits - 1 if high is None else high, 1.0, low)


def run(layer: Layer, *frames: np.ndarray) -> np.ndarray:
    """A network of one layer of one input on frames (N, H, W, C)."""
    graph = dataflow.build(Network(layer.inputs[0], layer.outputs, (layer,), 1.0))
    values = {graph.graph.input[0].name: frames[0].astype(np.float32)}
    for node in graph.graph.node:
        given = [values[name] if name in values else graph.get_initializer(name) for name in node.input]
        values |= zip(node.output, execute_node(node, given), strict=True)
    return values[graph.graph.output[0].name]


def windows(x: np.ndarray, kernel: int, stride: int, pads: tuple[int, int, int, int]) -> np.ndarray:
    """N, Y, X, taps, C by slices."""
    top, left, bottom, right = pads
    x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    rows, columns = ((side - kernel) // stride + 1 for side in x.shape[1:3])
    taps = [
        x[:, u : u + stride * (rows - 1) + 1 : stride, v : v + stride * (columns - 1) + 1 : stride]
        for u, v in np.ndindex(kernel, kernel)
    ]
    return np.stack(taps, 3)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads"),
    [((6, 8), 2, 2, (0, 0, 0, 0)), ((7, 9), 2, 2, (0, 0, 0, 0)), ((8, 8), 3, 2, (1, 1, 1, 1)),
     ((8, 7), 3, 3, (0, 1, 0, 0)), ((5, 6), 3, 1, (1, 1, 1, 1))],
)  # fmt: skip
def test_pooling_of_any_size(size, kernel, stride, pads) -> None:
    x = RNG.integers(0, 256, (2, *size, 3))
    due = windows(x, kernel, stride, pads)
    source, result = tensor("x", *size, 3), tensor("y", *due.shape[1:3], 3)
    assert (run(MaxPool("p", source, result, kernel, stride, pads), x) == due.max(3)).all()
    bits = (kernel**2 * 255).bit_length()
    sums = tensor("y", *due.shape[1:3], 3, bits)
    assert (run(SumPool("p", source, sums, kernel, stride, pads), x) == due.sum(3)).all()
    steps = np.sort(RNG.integers(0, kernel**2 * 255, (3, 15)), 1)
    pooled = SumPool("p", source, tensor("y", *due.shape[1:3], 3, 4), kernel, stride, pads, thresholds=steps)
    assert (run(pooled, x) == (due.sum(3)[..., None] >= steps).sum(-1)).all()


def test_depthwise_convolution() -> None:
    x, weights = RNG.integers(-8, 8, (2, 6, 7, 3)), RNG.integers(-7, 8, (3, 3, 3))
    due = (windows(x, 3, 2, (1, 1, 1, 1)) * weights.reshape(3, 9).T).sum(3)
    steps = np.sort(RNG.integers(-60, 60, (3, 15)), 1)
    source, result = tensor("x", 6, 7, 3, 4, -8, 7), tensor("y", *due.shape[1:3], 3, 4, -8, 7)
    layer = Depthwise(
        "d", source, result, 3, 2, (1, 1, 1, 1), weights=weights, weight_bits=4, thresholds=steps
    )
    assert (run(layer, x) == -8 + (due[..., None] >= steps).sum(-1)).all()


def test_shapes() -> None:
    x = RNG.integers(0, 256, (2, 4, 6, 8))
    source = tensor("x", 4, 6, 8)
    assert (run(slice_channels("s", source, tensor("y", 4, 6, 3), 2), x) == x[..., 2:5]).all()
    assert (run(crop("s", source, tensor("y", 2, 5, 8), 1, 1), x) == x[:, 1:3, 1:6]).all()
    assert (run(upsample("s", source, tensor("y", 8, 18, 8), (2, 3)), x) == x.repeat(2, 1).repeat(3, 2)).all()
    blocks = run(space_to_depth("s", source, tensor("y", 2, 3, 32), 2), x)
    assert (blocks == x.reshape(2, 2, 2, 3, 2, 8).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 3, 32)).all()
    back = run(depth_to_space("s", tensor("x", 2, 3, 32), tensor("y", 4, 6, 8), 2), blocks)
    assert (back == x).all()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: run(MaxPool("p", tensor("x", 4, 4, 1, 8, -9), tensor("y", 4, 4, 1, 8, -9), 3, 1, (1, 1, 1, 1),
                             label="pool1"), np.zeros((1, 4, 4, 1))), "layer pool1: a maximum with padding"),
        (lambda: run(MaxPool("p", tensor("x", 4, 4, 1), tensor("y", 3, 2, 1), 2, 2), np.zeros((1, 4, 4, 1))),
         "layer p: expected a result of 2x2 with 1 channels, got 3x2"),
        (lambda: concat("c", (tensor("x", 4, 4, 1), tensor("y", 4, 4, 1, 4)), tensor("z", 4, 4, 2)),
         "expected tensors of one size and datatype"),
        (lambda: space_to_depth("s", tensor("x", 5, 4, 1), tensor("y", 2, 2, 4), 2), "that divide 5x4"),
        (lambda: depth_to_space("s", tensor("x", 2, 2, 6), tensor("y", 4, 4, 1), 2),
         "square divides the 6 channels"),
        (lambda: crop("s", tensor("x", 4, 4, 1), tensor("y", 4, 3, 1), 1, 0), "to be within 4x4"),
        (lambda: upsample("s", tensor("x", 4, 4, 1), tensor("y", 4, 8, 1), (2, 2)),
         r"of \(8, 8, 1\), got \(4, 8, 1\)"),
    ],
)  # fmt: skip
def test_refused(make, said: str) -> None:
    with pytest.raises(UserError, match=said):
        make()


def test_a_sum_that_its_declared_type_does_not_hold_is_an_error() -> None:
    left, right = tensor("x", 1, 1, 1, 4), tensor("w", 1, 1, 1, 4)
    layer = subtract("d", (left, right), tensor("y", 1, 1, 1, 4, -8, 7))
    node = helper.make_node(
        layer.operator.__name__,
        ["x", "w"],
        ["y"],
        name="d",
        domain=DOMAIN,
        backend="fpgadataflow",
        **layer.attributes,
    )
    one = np.ones((1, 1, 1, 1), np.float32)
    assert execute_node(node, [5 * one, 2 * one])[0].item() == 3
    with pytest.raises(UserError, match="outputDataType INT4 must hold every result, from -8 to 7; got -10"):
        execute_node(node, [one, 11 * one])


@pytest.mark.parametrize("different", [None, 1])
def test_thresholds_that_all_channels_share(different: int | None) -> None:
    """One row of them is stored, where the rows of all channels are the same and only there."""
    steps = np.tile(np.sort(RNG.integers(0, 256, 7)), (3, 1))
    if different is not None:
        steps[different, 3:] += 1
    layer = Requantization("less", tensor("x", 4, 5, 3), tensor("y", 4, 5, 3, 3), steps)
    graph = dataflow.build(Network(layer.source, (layer.result,), (layer,), 1.0))
    (node,) = graph.graph.node
    assert graph.get_initializer(node.input[1]).shape == (1 if different is None else 3, 7)
    x = RNG.integers(0, 256, (2, 4, 5, 3))
    assert np.array_equal(run(layer, x), (x[..., None] >= steps).sum(-1))
    separate = Requantization("less", layer.source, layer.result, steps + np.arange(3)[:, None])
    (other,) = dataflow.build(Network(layer.source, (layer.result,), (separate,), 1.0)).graph.node
    assert (facets(node).footprint() < facets(other).footprint()) == (different is None)
