"""The other executions of a build that the integer model is compared with: QONNX, and FINN's own nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp

from board.formats import PixelFormat
from hls.dataflow import Builder, output_names
from hls.finn_setup import finn_workspace
from hls.frontend import prepared, read
from hls.network import Network, Tensor
from hls.ports import output_name
from pixelmend.errors import UserError
from quant.exact import execute
from sim.integer import IntegerModel

Array = NDArray[Any]


@dataclass(frozen=True)
class Difference:
    """How one execution differs from the integer model on the same frames."""

    values: int  # values of all channels and outputs that differ
    where: str = ""  # the first of them, and the first node that is to blame
    rounded: int = 0  # values that differ where sums are rounded to float32, and only there

    def __str__(self) -> str:
        if self.values:
            return f"{self.values} values differ; {self.where}"
        return f"equal in float64 ({self.rounded} in float32 not)" if self.rounded else "equal"


def first_pixel(expected: Array, came: Array) -> str:
    """The first differing value of two (N, H, W, C) arrays, in words."""
    frame, row, column, channel = (int(index) for index in np.argwhere(expected != came)[0])
    return (
        f"first at frame {frame}, row {row}, column {column}, channel {channel}: "
        f"{came[frame, row, column, channel]:g} for {expected[frame, row, column, channel]:g}"
    )


def difference(expected: Sequence[Array], came: Sequence[Array], blamed: str | None = None) -> Difference:
    """Of the frames of all outputs, exactly; the port is named where there are several."""
    wrong, where = 0, ""
    for index, (wanted, one) in enumerate(zip(expected, came, strict=True)):
        if np.array_equal(wanted, one):
            continue
        port = f"{output_name(index)} " if len(expected) > 1 else ""
        where = where or f"{port}{first_pixel(wanted, one)}"
        wrong += int((wanted != one).sum())
    blame = f"; first wrong node {blamed}" if wrong and blamed is not None else ""
    return Difference(wrong, where + blame)


def compare_qonnx(onnx: Path, frames: Array, tensors: Mapping[str, Array]) -> Difference:
    """Execute the QONNX file with qonnx, in float32, on frames (N, H, W, C); where that differs, in float64.

    Compared is every tensor that the file has as well; it has none between the levels of a pyramid.
    """
    network, graph = read(onnx), prepared(onnx)
    streams = Builder(network)
    made = [(layer.name, tensor) for layer in network.layers for tensor in layer.outputs]
    taken = network.image_in
    pixels = PixelFormat(taken.channels, taken.bits, taken.signed, taken.scale)
    ends = [(end.name, tensor) for end, tensor in zip(graph.graph.output, network.images_out, strict=True)]
    wanted = _ends(network, tensors)

    def results(context: Mapping[str, Array]) -> list[Array]:
        return [_integers(context[name], tensor) for name, tensor in ends]

    def differing(single: list[Array], number: int) -> int:
        return sum(int((one[0] != end[number]).sum()) for one, end in zip(single, wanted, strict=True))

    def first_wrong(context: Mapping[str, Array], number: int) -> str | None:
        for layer, tensor in made:
            if tensor.name in context:
                integers = _integers(context[tensor.name], tensor)
                expected = tensors[streams.name_of(tensor)][number : number + 1, ..., : integers.shape[-1]]
                if not np.array_equal(integers, expected):
                    return f"{layer} ({tensor.name} in {onnx.name})"
        return None

    came: list[list[Array]] = []
    blamed, rounded = None, 0
    for number, frame in enumerate(frames):
        feed = {graph.graph.input[0].name: pixels.numbers(frame[None]).transpose(0, 3, 1, 2)}
        context = execute_onnx(graph, feed, return_full_exec_context=True)
        wrong = differing(results(context), number)
        if wrong or first_wrong(context, number) is not None:
            context = execute(graph, feed)
            blamed = blamed or first_wrong(context, number)
            rounded += wrong
        came.append(results(context))
    found = difference(wanted, _whole(came), blamed)
    return found if found.values else replace(found, rounded=rounded)


def _integers(values: Array, tensor: Tensor) -> Array:
    """Of a float tensor (1, C, H, W), as (1, H, W, C)."""
    return np.round(values / tensor.scale).transpose(0, 2, 3, 1)


def _ends(network: Network, tensors: Mapping[str, Array]) -> list[Array]:
    return [tensors[name] for name in output_names(network)]


def _whole(frames: Sequence[Sequence[Array]]) -> list[Array]:
    """Frame by frame of each output -> the frames of each output."""
    return [np.concatenate(one) for one in zip(*frames, strict=True)]


def compare_dataflow(model: IntegerModel, frames: Array, tensors: Mapping[str, Array]) -> Difference:
    """Execute the dataflow graph node by node with FINN's (and our operators') `execute_node`."""
    graph = ModelWrapper(model.graph.model, make_deepcopy=True)
    names = [end.name for end in graph.graph.output]
    came: list[list[Array]] = []
    blamed = None
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
            came.append([context[name] for name in names])
    found = difference([tensors[name] for name in names], _whole(came), blamed)
    if blamed is not None and not found.values:
        raise UserError(f"node {blamed}: FINN's execution differs from the integer model inside the network")
    return found
