"""Random FIFOs; the tensor stays as it is."""

from numpy.random import Generator

from hls.ops.drawing import any_integer, divisor, one_of, size
from hls.ops.fifo.memory import ram_style
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    (height, width), channels = size(rng, 6), int(rng.integers(1, 9))
    lanes = divisor(rng, channels)
    # beyond 257 beats it is block RAM, and there may be two in a row
    depth = int(one_of(rng, [2, 3, 7, 33, int(rng.integers(2, 258)), 300, int(rng.integers(513, 1600))]))
    shape = [1, height, width, channels]
    return Drawn(
        {
            "depth": depth,
            "folded_shape": [*shape[:-1], channels // lanes, lanes],
            "normal_shape": shape,
            "dataType": any_integer(rng, 9),
            "ram_style": ram_style(depth),
        }
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    return [frames[0]]
