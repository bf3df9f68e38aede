"""Random matrix units, and their sums by a loop."""

import numpy as np
from numpy.random import Generator

from hls.cost import divisors
from hls.ops.drawing import any_integer, divisor, one_of, size
from hls.ops.integers import holding
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    columns, rows = (int(side) for side in rng.integers(1, 17, 2))
    kind, weight_bits = any_integer(rng, 9), int(rng.integers(2, 9))
    signed, bits = kind.startswith("INT"), int(kind.lstrip("UINT"))
    limit = 2 ** (weight_bits - 1) - 1  # narrow range, as all weights of a network
    weights = rng.integers(-limit, limit + 1, (columns, rows))
    weights[rng.random(weights.shape) < 0.2] = limit
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    products = np.stack([weights * end for end in ends])
    sums = holding(
        int(products.min(0).sum(0).min()), int(products.max(0).sum(0).max()), weight_bits + bits
    ).name
    pe = divisor(rng, rows)
    return Drawn(
        {
            "MW": columns,
            "MH": rows,
            "PE": pe,
            "SIMD": int(one_of(rng, [n for n in divisors(columns) if n * pe <= 48])),
            "resType": "dsp",
            "noActivation": 1,
            "numInputVectors": [1, *size(rng)],
            "mem_mode": "internal_decoupled",
            "ram_style": one_of(rng, ["auto", "block", "distributed"]),
            "inputDataType": kind,
            "weightDataType": f"INT{weight_bits}",
            "outputDataType": sums,
            "accDataType": sums,
        },
        constant=weights,
        constant_type=f"INT{weight_bits}",
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    assert drawn.constant is not None
    x, weights = frames[0], drawn.constant
    out = np.zeros((*x.shape[:2], weights.shape[1]), np.int64)
    for y, column, row in np.ndindex(*out.shape):
        for i in range(weights.shape[0]):
            out[y, column, row] += int(x[y, column, i]) * int(weights[i, row])
    return [out]
