"""A synthesized node as timing sees it: cells, their pins, ports, and what RTL calls a net."""

import gzip
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixelmend.errors import UserError

WRAPPER = "fit_"

Bit = int | str
"""A net's number, or "0", "1", "x", "z"."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One primitive: the bits at each pin, modes, FILE:LINE of the RTL it is from, the name of a memory."""

    kind: str
    pins: dict[str, list[Bit]]
    parameters: dict[str, str]
    place: str
    name: str = ""


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
    """The netlist from its JSON. Lines of the module that is put around a node are no RTL of the project."""
    nets = content["nets"]
    return Netlist(
        {name: (direction, bits) for name, (direction, bits) in content["ports"].items()},
        [Cell(*cell) for cell in content["cells"]],
        {int(bit): (name, "" if place.startswith(WRAPPER) else place) for bit, (name, place) in nets.items()},
    )
