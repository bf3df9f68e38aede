"""Packing of integers into the beats of a stream, in FINN's order: lane 0 in the low bits, whole bytes."""

import numpy as np
from numpy.typing import NDArray

from board.formats import packed, unpacked
from pixelmend.errors import UserError


def beat_bytes(bits: int, simd: int) -> int:
    """Bytes of one beat of `simd` lanes of `bits` each."""
    return (bits * simd + 7) // 8


def pack(values: NDArray[np.integer], bits: int, simd: int, signed: bool = False) -> NDArray[np.uint8]:
    """Pack integers (..., channels) into beats (beats, bytes).

    Each beat takes `simd` consecutive channels, lane 0 in the lowest `bits` bits; pad bits are zero. Negative
    values are two's complement. `UserError` where `simd` does not divide the channels or a value is out of
    range.
    """
    _check(bits, simd, values.shape[-1])
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if values.size and (values.min() < low or values.max() > high):
        raise UserError(f"pack: expected values in {low}..{high}, got {values.min()}..{values.max()}")
    return packed(values, bits, simd)


def unpack(
    beats: NDArray[np.uint8], bits: int, simd: int, channels: int, signed: bool = False
) -> NDArray[np.int64]:
    """Undo `pack`: beats (beats, bytes) -> integers (vectors, channels); pad bits are ignored."""
    _check(bits, simd, channels)
    if beats.ndim != 2 or beats.shape[1] != beat_bytes(bits, simd):
        raise UserError(f"unpack: expected (beats, {beat_bytes(bits, simd)}) bytes, got {beats.shape}")
    values = unpacked(beats, bits, simd, signed)
    if values.size % channels:
        raise UserError(f"unpack: {values.size} values are no whole number of vectors of {channels} channels")
    return values.reshape(-1, channels)


def _check(bits: int, simd: int, channels: int) -> None:
    if not 1 <= bits <= 32:
        raise UserError(f"bits: expected 1..32, got {bits}")
    if simd < 1 or channels % simd:
        raise UserError(f"simd: expected a divisor of the {channels} channels, got {simd}")
