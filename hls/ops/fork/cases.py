"""Random forks; every output is the input."""

from numpy.random import Generator

from hls.ops.drawing import any_integer, divisor, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    channels, copies = int(rng.integers(1, 13)), int(rng.integers(2, 5))
    return Drawn(
        {
            "ImgDim": size(rng),
            "NumChannels": channels,
            "NumOutputs": copies,
            "SIMD": divisor(rng, channels),
            "inputDataType": any_integer(rng),
        },
        outputs=copies,
    )


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    return [frames[0] for _ in range(drawn.outputs)]
