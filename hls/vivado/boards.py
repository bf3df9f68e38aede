"""Boards, by data only: `boards/*.toml`, one a board.

A board names its part, its processing system (the IP, its pins and what is set on it), the addresses of what
the processor reaches, and what is set where the vendor's board files are not installed. `extends` takes the
values of another board and replaces some.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED, parse
from pixelmend.errors import UserError

FOLDER = Path(__file__).parent / "boards"

Address = Annotated[int, Field(ge=0, multiple_of=4096)]


@dataclass(frozen=True, config=CHECKED)
class Control:
    """The processing system's AXI master for registers: interface, its clock pin, its address space."""

    interface: str
    clock: str
    space: str


@dataclass(frozen=True, config=CHECKED)
class Memory:
    """The processing system's AXI slave to DDR: interface, clock pin, where its address segments hang, which
    of them the DMA reaches and which are excluded. A used segment that a board does not have is left out.
    """

    interface: str
    clock: str
    segments: str
    used: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True, config=CHECKED)
class ProcessingSystem:
    """The IP of the processing system: pins to connect and CONFIG properties (without the prefix) to set.

    `automation` is the configuration of Vivado's block automation, which applies the board's preset;
    `fallback` stands for the preset where the board's files are not installed.
    """

    ip: str
    clock: str
    reset_n: str
    interrupt: str
    control: Control
    memory: Memory
    clock_property: str  # in MHz
    clock_actual: str  # in MHz, what the dividers give
    automation: dict[str, str]
    properties: dict[str, str]
    fallback: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, config=CHECKED)
class Dma:
    """`address_bits`: width of the DMA's memory addresses."""

    address_bits: Annotated[int, Field(ge=32, le=64)]


@dataclass(frozen=True, config=CHECKED)
class Addresses:
    """Base addresses of the DMA's and the interrupt controller's registers, 64 KiB each."""

    axi_dma_0: Address
    axi_intc_0: Address


@dataclass(frozen=True, config=CHECKED)
class Board:
    """A board. `part` is the full name; `board_part` the vendor's name without its version."""

    name: str
    part: str
    board_part: str
    ps: ProcessingSystem
    addresses: Addresses
    dma: Dma
    board_connection: tuple[str, ...] = ()


def names() -> list[str]:
    """Names of all boards there are."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def find(name: str) -> Board:
    """The board of that name; `UserError` that lists the known ones."""
    if name not in names():
        raise UserError(f"board '{name}': expected one of {', '.join(names())}; see hls/vivado/boards")
    return parse({"name": name, **_values(name)}, Board, f"{name}.toml:")


def _values(name: str) -> dict[str, Any]:
    values = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    base = values.pop("extends", None)
    return values if base is None else {**_values(base), **values}
