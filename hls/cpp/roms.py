"""Weights and thresholds as the initialised arrays that the kernels read."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hls.network import Integers
from pixelmend.errors import UserError

WORD_BITS = 64
LINE = 110  # characters


def weight_words(matrix: Integers, pe: int, simd: int, bits: int) -> NDArray[np.uint64]:
    """Weights (MW, MH) in tiles of `pe` rows and `simd` columns -> (tiles, words); see matrix_vector.hpp."""
    columns, rows = matrix.shape
    tiles = matrix.T.reshape(rows // pe, pe, columns // simd, simd).transpose(0, 2, 1, 3)
    flat = tiles.reshape(-1, pe * simd).astype(np.int64) & (2**bits - 1)
    lanes = WORD_BITS // bits
    words = -(-flat.shape[1] // lanes)
    padded = np.zeros((len(flat), words * lanes), np.uint64)
    padded[:, : flat.shape[1]] = flat
    shifts = np.arange(lanes, dtype=np.uint64) * np.uint64(bits)
    return np.bitwise_or.reduce(padded.reshape(len(flat), words, lanes) << shifts, axis=2)


def threshold_stages(steps: Integers, pe: int, bits: int) -> list[Integers]:
    """Thresholds (C, 2**bits - 1) -> of each stage s of the search (PE, folds * 2**s); see thresholds.hpp."""
    channels, count = steps.shape
    if count != 2**bits - 1:
        raise UserError(f"thresholds: expected {2**bits - 1} of a channel for {bits} bits, got {count}")
    if (np.diff(steps, axis=1) < 0).any():
        raise UserError("thresholds: expected them to rise along each channel")
    result = []
    for stage in range(bits):
        reach = 2 ** (bits - 1 - stage)
        chosen = steps[:, reach - 1 :: 2 * reach]  # C, 2**stage
        folds = chosen.reshape(channels // pe, pe, -1).transpose(1, 0, 2)
        result.append(folds.reshape(pe, -1))
    return result


def array(declaration: str, values: NDArray[np.integer]) -> str:
    """`declaration` = { ... }; of a two-dimensional array, in lines of no more than `LINE` characters."""
    unsigned = values.dtype == np.uint64
    words: list[str] = []
    for row in values:
        texts = [f"{int(value):#x}ull" if unsigned else str(int(value)) for value in row]
        texts[0] = "{" + texts[0]
        texts[-1] += "}"
        words += texts
    return f"{declaration} = {{\n" + "\n".join(_lines(words)) + "};\n"


def _lines(words: list[str]) -> Iterator[str]:
    """The words with commas between, indented and broken into lines."""
    line = " "
    for word in words[:-1]:
        if len(line) + len(word) > LINE - 5:
            yield line
            line = " "
        line += f" {word},"
    yield f"{line} {words[-1]}"
