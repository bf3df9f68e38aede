"""Random width converters; the tensor stays as it is."""

from numpy.random import Generator

from hls.cost import divisors
from hls.ops.drawing import any_integer, one_of, size
from hls.ops.operator import Array, Drawn


def draw(rng: Generator) -> Drawn:
    """Between any two divisors of the channels, or, as at the ends, between channels and whole pixels."""
    (height, width), channels = size(rng), int(rng.integers(2, 13))
    kind = any_integer(rng, 9)
    bits = int(kind.lstrip("UINT"))
    lanes = [*divisors(channels), *(n * channels for n in divisors(width) if n > 1)]
    have = int(one_of(rng, lanes))
    wanted = int(one_of(rng, [n for n in lanes if n != have and (have <= channels or n <= channels)]))
    shape = [1, height, width, channels]
    widths = {"inWidth": have * bits, "outWidth": wanted * bits}
    return Drawn({"inShape": shape, "outShape": shape, **widths, "dataType": kind})


def naive(drawn: Drawn, frames: list[Array]) -> list[Array]:
    return [frames[0]]
