"""Netlists made by hand: nets have names, and a name is a net."""

from typing import ClassVar

from hls.clock.netlist import Bit, Cell, Netlist

CONSTANTS = ("0", "1", "x")


class Made:
    """A netlist that grows cell by cell."""

    numbers: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.ports: dict[str, tuple[str, list[Bit]]] = {"ap_clk": ("input", [self.bit("ap_clk")])}

    def bit(self, name: str) -> Bit:
        """The number of a net, its name for a constant."""
        return name if name in CONSTANTS else self.numbers.setdefault(name, len(self.numbers) + 2)

    def cell(self, kind: str, place: str = "", parameters: dict[str, str] | None = None, **pins: str) -> None:
        """A cell; the nets of a pin of several bits are in one string, apart by blanks."""
        bits = {pin: [self.bit(name) for name in nets.split()] for pin, nets in pins.items()}
        self.cells.append(Cell(kind, bits, parameters or {}, place))

    def lut(self, out: str, *inputs: str) -> None:
        """A LUT of as many inputs as given."""
        pins = {f"I{index}": name for index, name in enumerate(inputs)}
        self.cell(f"LUT{len(inputs)}", O=out, **pins)

    def ff(self, q: str, d: str, ce: str = "1", place: str = "") -> None:
        """A flip-flop without reset."""
        self.cell("FDRE", place, C="ap_clk", CE=ce, D=d, Q=q, R="0")

    def port(self, direction: str, *names: str) -> None:
        """Ports of one bit, called as their nets; NAME=NET where they differ."""
        for name in names:
            port, _, net = name.partition("=")
            self.ports[port] = (direction, [self.bit(net or port)])

    def netlist(self) -> Netlist:
        """The netlist so far."""
        here = {bit for cell in self.cells for bits in cell.pins.values() for bit in bits}
        here |= {bit for _, bits in self.ports.values() for bit in bits}
        names = {bit: (name, f"{name}.sv:1") for name, bit in self.numbers.items() if bit in here}
        return Netlist(self.ports, self.cells, names)
