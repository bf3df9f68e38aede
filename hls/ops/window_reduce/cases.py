"""Random reductions of windows, value by value."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import any_integer, divisor, one_of, size
from hls.ops.integers import holding
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    kernel = [int(side) for side in rng.integers(1, 4, 2)]
    channels, mode = int(rng.integers(1, 9)), str(one_of(rng, ["max", "sum", "weighted", "weighted"]))
    kind = any_integer(rng, 9)
    attributes = {
        "OutDim": size(rng),
        "Kernel": kernel,
        "NumChannels": channels,
        "Mode": mode,
        "SIMD": divisor(rng, channels),
        "inputDataType": kind,
    }
    if mode != "weighted":
        return Drawn(attributes)
    bits = int(rng.integers(2, 9))
    limit = 2 ** (bits - 1) - 1  # narrow range, as all weights of a network
    weights = rng.integers(-limit, limit + 1, (kernel[0] * kernel[1], channels))
    weights[rng.random(weights.shape) < 0.2] = limit
    attributes |= {"weightDataType": f"INT{bits}", "RamStyle": one_of(rng, ["distributed", "block"])}
    if rng.random() < 0.5:  # the narrowest for these weights
        width = int(kind.lstrip("UINT"))
        ends = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if kind.startswith("INT") else (0, 2**width - 1)
        products = np.stack([weights * end for end in ends])
        lowest, highest = products.min(0).sum(0).min(), products.max(0).sum(0).max()
        attributes["outputDataType"] = holding(int(lowest), int(highest)).name
    return Drawn(attributes, constant=weights, constant_type=f"INT{bits}")


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    node = drawn.attributes
    (rows, columns), channels, taps = (
        node["OutDim"],
        node["NumChannels"],
        node["Kernel"][0] * node["Kernel"][1],
    )
    out = np.zeros((rows, columns, channels), np.int64)
    for y, x, c in np.ndindex(*out.shape):
        values = [int(frames[0][y, x, tap * channels + c]) for tap in range(taps)]
        if drawn.constant is not None:
            values = [int(drawn.constant[tap, c]) * value for tap, value in enumerate(values)]
        out[y, x, c] = max(values) if node["Mode"] == "max" else sum(values)
    return [out]
