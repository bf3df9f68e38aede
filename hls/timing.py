"""When each pixel leaves each node: the pipeline as a max-plus recurrence instead of a simulation.

A node makes its n-th output pixel once the last input pixel it needs is there and `interval` cycles (from its
folding) after its (n-1)-th:

    t(n) = max(t_in(need(n)), t(n - 1) + interval)
         = n * interval + max over m <= n of (t_in(need(m)) - m * interval)

which is a running maximum. Streams are taken as unlimited, the source as steady at the pace of the slowest
node; so the levels that FIFOs reach here are what full throughput needs. Times are cycles, without the few
cycles of each node's own pipeline.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls.order import last_input

Times = NDArray[np.float64]

FRAMES = 3  # enough for a steady state: the levels of the second and third are equal


@dataclass(frozen=True)
class Timing:
    """Cycles at which each pixel of each tensor has left its producer, (FRAMES * H * W,) by tensor name."""

    period: int  # cycles a frame, those of the slowest node
    nodes: tuple[str, ...]
    leaves: dict[str, Times]


def timing(model: ModelWrapper) -> Timing:
    """Compute the recurrence for a folded graph, with or without width converters and FIFOs."""
    period = max(int(interval(node) * _pixels(model, node.output[0])) for node in model.graph.node)
    first = model.graph.input[0].name
    pixels = FRAMES * _pixels(model, first)
    source: Times = np.arange(pixels, dtype=np.float64) * (FRAMES * period / pixels)
    leaves = {first: source}
    for node in model.graph.node:
        inputs = [leaves[name] for name in node.input if name in leaves]
        arrived: Times = np.maximum.reduce(inputs)
        needed = last_input(node)
        if needed is not None:
            per_frame = len(arrived) // FRAMES
            arrived = arrived[(np.arange(FRAMES)[:, None] * per_frame + needed).reshape(-1)]
        steps = np.arange(len(arrived)) * interval(node)
        left = np.maximum.accumulate(arrived - steps) + steps + interval(node)
        leaves |= dict.fromkeys(node.output, left)
    return Timing(period, tuple(node.name for node in model.graph.node), leaves)


def level(pushed: Times, popped: Times) -> int:
    """The most pixels a FIFO holds whose n-th pixel comes at `pushed[n]` and goes at `popped[n]`."""
    held = np.searchsorted(pushed, popped, side="right") - np.arange(len(popped))
    return int(held.max())


def interval(node: Any) -> float:
    """Cycles a node takes for one output pixel when nothing makes it wait."""
    operator = getCustomOp(node)
    match node.op_type:
        case "MVAU_rtl":
            passes = operator.get_nodeattr("MH") // operator.get_nodeattr("PE")
            return passes * (operator.get_nodeattr("MW") // operator.get_nodeattr("SIMD"))
        case "StreamingDataWidthConverter_rtl":
            channels = operator.get_nodeattr("outShape")[-1]
            bits = operator.get_output_datatype().bitwidth()
            narrow = min(operator.get_nodeattr("inWidth"), operator.get_nodeattr("outWidth"))
            return channels * bits / narrow
        case _:
            return int(operator.get_folded_output_shape()[-2])


def _pixels(model: ModelWrapper, tensor: str) -> int:
    _, height, width, _ = model.get_tensor_shape(tensor)
    return int(height * width)
