"""The other executions of a build that the integer model is compared with: QONNX, and FINN's own nodes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp

from hls import frontend
from hls.finn_setup import finn_workspace
from pixelmend.errors import UserError
from sim.integer import IntegerModel

Array = NDArray[Any]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Difference:
    """How one execution differs from the integer model on the same frames."""

    values: int  # pixel values (of all channels) that differ
    where: str = ""  # the first of them, and the first node that is to blame

    def __str__(self) -> str:
        return f"{self.values} values differ; {self.where}" if self.values else "equal"


def first_pixel(expected: Array, came: Array) -> str:
    """The first differing value of two (N, H, W, C) arrays, in words."""
    frame, row, column, channel = (int(index) for index in np.argwhere(expected != came)[0])
    return (
        f"first at frame {frame}, row {row}, column {column}, channel {channel}: "
        f"{came[frame, row, column, channel]:g} for {expected[frame, row, column, channel]:g}"
    )


def compare_qonnx(onnx: Path, frames: Pixels, tensors: dict[str, Array]) -> Difference:
    """Execute the QONNX file with qonnx (float32) on uint8 frames (N, H, W, C).

    Compared is every tensor that the file has as well; it has none between the levels of a pyramid.
    """
    network = frontend.read(onnx)
    graph = frontend.prepared(onnx)
    names = {graph.graph.output[0].name: "image_out"}
    names |= {layer.result.name: f"{layer.name}_out" for layer in network.layers[:-1]}
    scales = {layer.result.name: layer.result.scale for layer in network.layers}
    wrong, where, blamed = 0, "", None
    for number, frame in enumerate(frames):
        image = frame[None].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        context = execute_onnx(graph, {graph.graph.input[0].name: image}, return_full_exec_context=True)
        for layer in network.layers:
            name = layer.result.name
            if name not in context and layer is not network.layers[-1]:
                continue
            integers = np.round(context[name] / scales[name]).transpose(0, 2, 3, 1)
            expected = tensors[names[name]][number : number + 1, ..., : integers.shape[-1]]
            if blamed is None and not np.array_equal(integers, expected):
                blamed = f"{layer.name} ({name} in {onnx.name})"
            if layer is network.layers[-1] and not np.array_equal(integers, expected):
                where = where or first_pixel(expected, integers)
                wrong += int((integers != expected).sum())
    return Difference(wrong, f"{where}; first wrong node {blamed}" if wrong else "")


def compare_dataflow(model: IntegerModel, frames: Pixels, tensors: dict[str, Array]) -> Difference:
    """Execute the dataflow graph node by node with FINN's (and our operators') `execute_node`."""
    graph = ModelWrapper(model.graph.model, make_deepcopy=True)
    wrong, where, blamed = 0, "", None
    with finn_workspace():
        for node in graph.graph.node:
            getCustomOp(node).set_nodeattr("exec_mode", "cppsim")
        for number, frame in enumerate(frames):
            context = execute_onnx(
                graph,
                {graph.graph.input[0].name: frame[None].astype(np.float32)},
                return_full_exec_context=True,
            )
            for node in graph.graph.node:
                for name in node.output:
                    expected = tensors[name][number : number + 1]
                    if blamed is None and not np.array_equal(context[name], expected):
                        blamed = node.name
            last = graph.graph.output[0].name
            expected = tensors[last][number : number + 1]
            if not np.array_equal(context[last], expected):
                where = where or first_pixel(expected, context[last])
                wrong += int((context[last] != expected).sum())
    if blamed is not None and not wrong:
        raise UserError(f"node {blamed}: FINN's execution differs from the integer model inside the network")
    return Difference(wrong, f"{where}; first wrong node {blamed}" if wrong else "")
