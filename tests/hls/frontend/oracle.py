"""An oracle that does not know the front end: qonnx's execution of a file beside the integer model of its graph."""

from pathlib import Path
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from hls import dataflow
from hls.frontend import prepared
from hls.frontend.reader import Reader
from hls.network import Network
from quant.settle_onnx import settle_model
from sim.integer import execute_node

CLEAR = 4e-4
"""Units of the sums: float32 errs by less where they are as few as here."""


class Close(Exception):
    """A level lies so near to a rounding tie that float32 may take either side: draw another network."""


def integers(network: Network, frames: np.ndarray) -> list[np.ndarray]:
    """Outputs (N, H, W, C) of the network's dataflow graph, not folded, for integers (N, H, W, C)."""
    graph = dataflow.build(network)
    values: dict[str, Any] = {"image_in": frames.astype(np.float32)}
    for node in graph.graph.node:
        inputs = [values[name] if name in values else graph.get_initializer(name) for name in node.input]
        values |= zip(node.output, execute_node(node, inputs), strict=True)
    for value in graph.graph.output:
        shape = tuple(graph.get_tensor_shape(value.name))
        assert values[value.name].shape[1:] == shape[1:], f"{value.name}: {shape} was declared"
    return [values[value.name] for value in graph.graph.output]


def executed(model: ModelWrapper, network: Network, frames: np.ndarray) -> list[np.ndarray]:
    """The same by qonnx from the file."""
    (source,) = (value.name for value in model.graph.input)
    names = [value.name for value in model.graph.output]
    found: list[list[np.ndarray]] = [[] for _ in names]
    for frame in frames:
        x = (frame.transpose(2, 0, 1)[None] * network.image_in.scale).astype(np.float32)
        results = execute_onnx(model, {source: x})
        for n, name in enumerate(names):
            steps = results[name].astype(np.float64) / network.images_out[n].scale
            assert np.abs(steps - np.round(steps)).max() < 1e-2, f"{name} holds no integers times its scale"
            found[n].append(np.round(steps)[0].transpose(1, 2, 0))
    return [np.stack(frames) for frames in found]


def agree(path: Path, rng: np.random.Generator, frames: int = 2, settled: bool = True) -> Network:
    """Both give the same integers at every output, on random frames. Raises `Close`."""
    model = prepared(path)
    if settled:
        settle_model(model)
    network = Reader(model, path).read()
    if network.least_margin < CLEAR:
        raise Close
    image = network.image_in
    images = rng.integers(image.minimum, image.maximum + 1, (frames, *image.shape))
    images[0, :, :, :] = np.where(
        rng.random(image.shape) < 0.5, image.minimum, image.maximum
    )  # what reaches furthest
    expected, made = executed(model, network, images), integers(network, images)
    assert len(expected) == len(made)
    wrong = {}
    for n, (right, ours, tensor) in enumerate(zip(expected, made, network.images_out, strict=True)):
        assert right.shape == ours.shape, f"output {n}: {ours.shape} for {right.shape}"
        assert ours.min() >= tensor.minimum and ours.max() <= tensor.maximum, f"output {n} leaves its range"
        if not np.array_equal(right, ours):
            wrong[n] = f"{(right != ours).sum()} of {right.size}, up to {np.abs(right - ours).max():.0f}"
    assert not wrong, f"outputs with wrong values: {wrong}"
    return network
