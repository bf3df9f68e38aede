"""Random adders and subtracters, and their results by a loop."""

import numpy as np
from numpy.random import Generator
from qonnx.core.datatype import DataType

from hls.ops.drawing import any_integer, divisor, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    channels = int(rng.integers(1, 13))
    attributes = {
        "ImgDim": size(rng),
        "NumChannels": channels,
        "SIMD": divisor(rng, channels),
        "inputDataType": any_integer(rng, 9),
        "inputDataType1": any_integer(rng, 9),
        "Subtract": int(rng.random() < 0.4),
    }
    if rng.random() < 0.7:
        return Drawn(attributes, inputs=2)
    # a result no wider than an operand, of values that keep within it
    operands = [DataType[attributes[key]] for key in ("inputDataType", "inputDataType1")]
    bits = max(operand.bitwidth() for operand in operands)
    signed = attributes["Subtract"] or any(operand.signed() for operand in operands)
    result = DataType[f"{'INT' if signed else 'UINT'}{bits}"]
    most = int(result.max()) // 2
    spans = tuple((max(-most, int(one.min())), min(most, int(one.max()))) for one in operands)
    return Drawn(attributes | {"outputDataType": result.name}, inputs=2, spans=spans)


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    left, right = frames
    out = np.zeros_like(left)
    for at in np.ndindex(*out.shape):
        out[at] = int(left[at]) + (-1 if drawn.attributes["Subtract"] else 1) * int(right[at])
    return [out]
