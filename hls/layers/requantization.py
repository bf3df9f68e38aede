"""Thresholds: alone, and as every layer of sums ends with them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qonnx.core.datatype import DataType

from hls.layers.base import OneInput
from hls.network import Integers, Tensor
from hls.ops.thresholds.op import Thresholding_rtl

if TYPE_CHECKING:
    from hls.dataflow import Builder


@dataclass(frozen=True, eq=False)
class Requantization(OneInput):
    """out[c] = result.minimum + the number of thresholds[c] that in[c] reaches."""

    thresholds: Integers  # (C, T), rising along T

    def build(self, graph: "Builder") -> None:
        stream = graph.declare(self.result)
        compare(
            graph, self.name, graph.read(self.source), self.thresholds, self.result, stream, self.source.size
        )
        graph.write(self.result, stream)


def compare(
    graph: "Builder",
    name: str,
    source: str,
    steps: Integers,  # (C, T)
    result: Tensor,
    last: str,
    windows: tuple[int, int],
) -> None:
    """Thresholds between the streams `source` and `last`, for `windows` (rows, columns) of C values."""
    channels, count = steps.shape
    same = channels > 1 and (steps == steps[0]).all()
    if same:
        steps = steps[:1]  # as of a sum, whose channels have one scale
    source_type = graph.types[source]
    step_type = source_type
    if steps.max() > source_type.max():  # a step that no value reaches, which FINN's unit takes a bit wider
        step_type = DataType[f"{'INT' if source_type.signed() else 'UINT'}{source_type.bitwidth() + 1}"]
    graph.node(
        Thresholding_rtl,
        f"{name}_thresholds",
        [source, graph.constant(f"{name}_steps", steps, step_type.name)],
        [last],
        PE=1,
        NumChannels=channels,
        numSteps=count,
        inputDataType=source_type.name,
        weightDataType=step_type.name,
        outputDataType=result.kind,
        numInputVectors=[1, *windows],
        ActVal=result.minimum,
        **({"sameSteps": 1} if same else {}),
    )
