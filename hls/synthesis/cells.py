"""From Yosys' cells to what an FPGA part is measured in.

A LUT of any size counts as one: two small ones can share a site in place and route, so the count is on the
safe side. LUTs that serve as memory or shift register count with the sites they occupy. Inverters are left
out, they go into the LUT behind them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from pixelmend.errors import UserError

LUTS = {
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)}, "LUT6_2": 1,
    "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1,
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8,
    "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8,
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8,
}  # fmt: skip
"""LUTs that a cell occupies (UG474, UG574)."""

FLIPFLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "LDCE", "LDPE")

CARRIES = {"CARRY4": 1, "CARRY8": 2}

BLOCK_RAMS = {"RAMB36E1": 1.0, "RAMB36E2": 1.0, "RAMB18E1": 0.5, "RAMB18E2": 0.5}

DSPS = ("DSP48E1", "DSP48E2")

FREE = ("INV", "MUXF7", "MUXF8", "MUXF9", "BUFG", "BUF", "VCC", "GND", "$scopeinfo")
"""Wide multiplexers and clock buffers have sites of their own; the others are no hardware."""

BRAM36_BITS = 36 * 1024


@dataclass(frozen=True)
class Cells:
    """What a module takes: sites of 6-input LUTs, flip-flops, CARRY4, 36 Kbit block RAMs, DSP slices."""

    lut: int = 0
    ff: int = 0
    carry4: int = 0
    bram36: float = 0
    dsp: int = 0

    def __add__(self, other: "Cells") -> "Cells":
        return Cells(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def values(self) -> dict[str, float]:
        """As a dictionary, for JSON."""
        return asdict(self)


def count(cells: Mapping[str, int]) -> Cells:
    """Cells by type, as Yosys gives them after `synth_xilinx`; `UserError` for one that is not known."""
    known = {*LUTS, *FLIPFLOPS, *CARRIES, *BLOCK_RAMS, *DSPS, *FREE}
    unknown = sorted(set(cells) - known)
    if unknown:
        raise UserError(f"synthesis: expected cells of a Xilinx part only, got also {', '.join(unknown)}")
    return Cells(
        lut=sum(LUTS[kind] * number for kind, number in cells.items() if kind in LUTS),
        ff=sum(number for kind, number in cells.items() if kind in FLIPFLOPS),
        carry4=sum(CARRIES[kind] * number for kind, number in cells.items() if kind in CARRIES),
        bram36=block_rams(cells),
        dsp=sum(number for kind, number in cells.items() if kind in DSPS),
    )


def block_rams(cells: Mapping[str, int]) -> float:
    """Block RAMs among the cells, in units of 36 Kbit."""
    return sum(BLOCK_RAMS[kind] * number for kind, number in cells.items() if kind in BLOCK_RAMS)
