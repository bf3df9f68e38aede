"""What an FPGA part has, and what the shell around the accelerator takes of it: `parts.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pixelmend.errors import UserError

TABLE = Path(__file__).with_suffix(".toml")

CAPPED = {"lut": "LUT", "ff": "FF", "bram36": "BRAM36", "dsp": "DSP"}
"""The resources with a cap, and how they are called in messages."""


@dataclass(frozen=True)
class Shell:
    """Allowance for processing-system interconnect, DMA and converters; `why` says where it is from."""

    lut: int
    ff: int
    bram36: float
    why: str

    def cells(self) -> dict[str, float]:
        """The allowance under the names of `Part.cells`."""
        return {"lut": self.lut, "ff": self.ff, "bram36": self.bram36, "dsp": 0}


@dataclass(frozen=True)
class Part:
    """One row: numbers of 6-input LUTs, flip-flops, DSP slices, 36 Kbit block RAMs and UltraRAMs.

    `family` is Yosys' word for the architecture: xc7 (DSP48E1) or xcup (DSP48E2).
    """

    name: str
    family: str
    lut: int
    ff: int
    dsp: int
    bram36: int
    uram: int
    shell: Shell

    def cells(self) -> dict[str, float]:
        """What the part has of each resource that a cap can be set for."""
        return {"lut": self.lut, "ff": self.ff, "bram36": self.bram36, "dsp": self.dsp}


def find(part: str) -> Part:
    """The row whose name opens `part`, a full name such as xc7z020clg400-1."""
    name = part.lower().split("-")[0]
    for known in parts().values():
        if name.startswith(known.name):
            return known
    raise UserError(f"part '{part}': expected one that opens with {', '.join(parts())}; see hls/parts.toml")


@cache
def parts() -> dict[str, Part]:
    """All rows, by name."""
    table: dict[str, Any] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    shells = {name: Shell(**row) for name, row in table["shell"].items()}
    rows = table["part"].items()
    return {name: Part(name, **{**row, "shell": shells[row["shell"]]}) for name, row in rows}
