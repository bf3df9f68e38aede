"""A synthesized node as timing sees it: cells, their pins, ports, and what RTL calls a net."""

import gzip
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixelmend.errors import UserError

Bit = int | str
"""A net's number, or "0", "1", "x", "z"."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One primitive: the bits at each pin, its modes, and FILE:LINE of the RTL it is from, where known."""

    kind: str
    pins: dict[str, list[Bit]]
    parameters: dict[str, str]
    place: str


@dataclass(frozen=True)
class Netlist:
    """One module. ports: direction and bits; names: what RTL calls a bit, and where it declares it."""

    ports: dict[str, tuple[str, list[Bit]]]
    cells: list[Cell]
    names: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def luts(self) -> int:
        """LUTs of any size and use, roughly: what the module's extent goes by."""
        kinds = Counter(cell.kind for cell in self.cells)
        return sum(number for kind, number in kinds.items() if kind.startswith(("LUT", "SRL", "RAM")))


def read(path: Path) -> Netlist:
    """The netlist that `hls.synthesis.run_yosys.netlist` describes."""
    try:
        return parse(json.loads(gzip.decompress(path.read_bytes())))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: expected a netlist of hls.synthesis ({error}); delete it, it is made again"
        ) from error


def parse(content: dict[str, Any]) -> Netlist:
    """The netlist from its JSON."""
    return Netlist(
        {name: (direction, bits) for name, (direction, bits) in content["ports"].items()},
        [Cell(*cell) for cell in content["cells"]],
        {int(bit): (name, place) for bit, (name, place) in content["nets"].items()},
    )
