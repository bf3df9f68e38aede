"""What holds back the skip connections: FIFOs of both sides, in bits and block RAM.

Ours hold the pixels by which the deep branch lags (`hls.fifo`). For FINN it is the whole tensor: the depth
that is safe without a simulation. Its automatic sizing measures smaller ones by simulating the generated
design, which needs the vendor's tools for the nodes that FINN has as HLS only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls.cost import weight_memory


@dataclass(frozen=True)
class SkipFifo:
    """One FIFO; `width` is that of its beats, in bits."""

    name: str
    depth: int
    width: int

    @property
    def bits(self) -> int:
        """Bits held."""
        return self.depth * self.width

    @property
    def bram36(self) -> float:
        """Block RAMs of the best aspect ratio, by the formula that serves for weights; 0 if it fits LUTs."""
        return weight_memory(self.width, self.depth)[1]


def ours(model: ModelWrapper) -> list[SkipFifo]:
    """Skip FIFOs of our connected graph."""
    found = []
    for node in model.graph.node:
        if node.op_type != "StreamingFIFO_rtl":
            continue
        before, behind = model.find_producer(node.input[0]), _behind(model, node.output[0])
        if _is(before, "StreamFork_rtl") and _is(behind, "SkipAdd_rtl"):
            operator = getCustomOp(node)
            found.append(SkipFifo(node.name, operator.get_nodeattr("depth"), operator.get_instream_width()))
    return found


def whole_tensors(model: ModelWrapper) -> list[SkipFifo]:
    """A FIFO for the whole tensor on each skip of FINN's folded graph."""
    found = []
    for node in model.graph.node:
        if node.op_type != "DuplicateStreams_hls":
            continue
        operator = getCustomOp(node)
        for index, tensor in enumerate(node.output):
            consumer = model.find_consumer(tensor)
            if _is(consumer, "ElementwiseAdd_hls") or _is(consumer, "ElementwiseAdd_rtl"):
                beats = int(np.prod(operator.get_folded_output_shape()[:-1]))
                found.append(SkipFifo(f"{node.name}_{index}", beats, operator.get_outstream_width(index)))
    return found


def _behind(model: ModelWrapper, tensor: str) -> Any:
    consumer = model.find_consumer(tensor)
    while _is(consumer, "StreamingDataWidthConverter_rtl"):
        consumer = model.find_consumer(consumer.output[0])
    return consumer


def _is(node: Any, kind: str) -> bool:
    return node is not None and node.op_type == kind
