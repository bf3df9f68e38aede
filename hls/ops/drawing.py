"""Random pieces of random nodes: what the operators' `draw` is made of."""

from typing import Any

from numpy.random import Generator

from hls.cost import divisors


def one_of(rng: Generator, values: Any) -> Any:
    """One of some Python values."""
    return values[int(rng.integers(len(values)))]


def divisor(rng: Generator, number: int) -> int:
    """A divisor of `number`."""
    return int(one_of(rng, divisors(number)))


def size(rng: Generator, most: int = 4, least: int = 1) -> list[int]:
    """Rows and columns, each from `least` to `most`."""
    return [int(side) for side in rng.integers(least, most + 1, 2)]


def even_size(rng: Generator, most: int = 5, least: int = 1) -> list[int]:
    """Twice of `size`."""
    return [2 * side for side in size(rng, most, least)]


def unsigned(rng: Generator) -> str:
    """UINT2 to UINT9."""
    return f"UINT{rng.integers(2, 10)}"


def any_integer(rng: Generator, most: int = 12) -> str:
    """A signed or unsigned type of 2 to `most` bits."""
    return f"{one_of(rng, ['INT', 'UINT'])}{rng.integers(2, most + 1)}"
