"""What a folding costs on a part: DSP slices exactly, block RAM and LUTs by formula.

Numbers to choose by; `hls.fit` measures what synthesis makes of them.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from hls.parts import Part

BRAM36_SHAPES = (
    (512, 72),
    (1024, 36),
    (2048, 18),
    (4096, 9),
    (8192, 4),
    (16384, 2),
    (32768, 1),
)  # words, bits
LUT_WORDS = 128  # weight memories up to this depth go into LUTs: 1 LUT holds 64 words of a bit
LUTS_PER_DSP = 80  # packing, lane fix-up and adders around a slice; 76 to 105 measured with hls.fit
LUTS_PER_PE = 20  # serializing an accumulator of each output to the thresholds
LUTS_PER_UNIT = 150  # control and replay buffer of a matrix unit
A_WIDTH = {"xc7": 25, "xcup": 27}  # of the DSP slice's multiplier, by family


@dataclass(frozen=True)
class Option:
    """One folding of a matrix-vector unit and its cost."""

    pe: int
    simd: int
    cycles: int  # a frame
    dsp: int
    bram36: float
    lut: int

    @property
    def folding(self) -> dict[str, int]:
        """As `folding.json` has it."""
        return {"PE": self.pe, "SIMD": self.simd}


def lanes(weight_bits: int, act_bits: int, family: str) -> int:
    """Products a DSP slice makes in one cycle; FINN's mvu.sv, narrow-range weights."""
    return 1 + (A_WIDTH[family] - weight_bits) // (weight_bits + act_bits - 1)


def weight_memory(width: int, depth: int) -> tuple[str, float, int]:
    """Style ("block" or "distributed"), BRAM36 and LUTs of a read-only memory of `depth` words."""
    if depth <= LUT_WORDS:
        return "distributed", 0.0, width * ceil(depth / 64)
    whole = min(ceil(depth / words) * ceil(width / bits) for words, bits in BRAM36_SHAPES)
    # half a block RAM has half the words' bits: 512 x 36, 1024 x 18, ...
    halves = min(ceil(depth / words) * ceil(width / (bits // 2)) for words, bits in BRAM36_SHAPES if bits > 1)
    return "block", min(float(whole), halves / 2), 0


def options(operator: Any, part: Part) -> list[Option]:
    """All foldings of a matrix-vector unit that no other beats in everything, fastest first."""
    columns, rows = operator.get_nodeattr("MW"), operator.get_nodeattr("MH")
    windows = int(np.prod(operator.get_nodeattr("numInputVectors")))
    weight_bits = operator.get_input_datatype(1).bitwidth()
    act_bits = operator.get_input_datatype(0).bitwidth()
    per_slice = lanes(weight_bits, act_bits, part.family)
    found = []
    for pe in divisors(rows):
        for simd in divisors(columns):
            folds = (rows // pe) * (columns // simd)
            dsp = simd * ceil(pe / per_slice)
            if dsp > part.dsp:
                continue
            _, bram36, lut = weight_memory(pe * simd * weight_bits, folds)
            lut += LUTS_PER_DSP * dsp + LUTS_PER_PE * pe + LUTS_PER_UNIT
            found.append(Option(pe, simd, windows * folds, dsp, bram36, lut))
    found.sort(key=lambda option: (option.cycles, option.dsp, option.bram36, option.lut))
    kept: list[Option] = []
    for option in found:
        if not any(
            other.dsp <= option.dsp and other.bram36 <= option.bram36 and other.lut <= option.lut
            for other in kept
        ):
            kept.append(option)
    return kept


def divisors(value: int) -> list[int]:
    """All divisors, rising."""
    return [candidate for candidate in range(1, value + 1) if value % candidate == 0]
