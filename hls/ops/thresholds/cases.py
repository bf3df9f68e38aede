"""Random thresholds, and the count of those reached by a loop."""

import numpy as np
from numpy.random import Generator

from hls.ops.drawing import divisor, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    channels, out_bits = int(rng.integers(1, 9)), int(rng.integers(2, 7))
    signed, in_bits = bool(rng.integers(2)), int(rng.integers(3, 17))
    low, high = (-(2 ** (in_bits - 1)), 2 ** (in_bits - 1)) if signed else (0, 2**in_bits)
    steps = np.sort(rng.integers(low, high, (channels, 2**out_bits - 1)), axis=1)
    steps[:, 0] = np.where(rng.random(channels) < 0.3, low, steps[:, 0])  # one that every value reaches
    kind = step_kind = f"{'INT' if signed else 'UINT'}{in_bits}"
    if not signed and rng.random() < 0.3:  # one that no value reaches
        steps[:, -1], step_kind = high, f"UINT{in_bits + 1}"
    below = rng.random() < 0.4  # a signed result
    same = channels > 1 and rng.random() < 0.3
    if same:
        steps = steps[:1]
    return Drawn(
        {
            "PE": divisor(rng, channels),
            "NumChannels": channels,
            "numSteps": 2**out_bits - 1,
            "inputDataType": kind,
            "weightDataType": step_kind,
            "outputDataType": f"{'INT' if below else 'UINT'}{out_bits}",
            "numInputVectors": [1, *size(rng)],
            "ActVal": -(2 ** (out_bits - 1)) if below else 0,
            "sameSteps": int(same),
        },
        constant=steps,
        constant_type=step_kind,
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    assert drawn.constant is not None
    out = np.zeros_like(frames[0])
    for y, x, c in np.ndindex(*out.shape):
        reached = sum(
            int(frames[0][y, x, c]) >= int(step) for step in drawn.constant[c % len(drawn.constant)]
        )
        out[y, x, c] = drawn.attributes["ActVal"] + reached
    return [out]
