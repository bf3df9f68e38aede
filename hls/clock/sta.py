"""The longest paths of one netlist: between its registers, and the parts of paths that are open at its ports.

A net is a node of the graph, an arc leads from a net through one input of a cell to the net at an output; its
delay is that of the net to that input and of the cell.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from hls.clock.delays import CellTiming, Delays, Pin
from hls.clock.netlist import Bit, Cell, Netlist

CLOCKS = ("ap_clk", "clk")
"""Ports that no path goes through."""

COLUMN = ("RAMB", "DSP48")

OUTPUTS = re.compile(r"Q\d*|P|O\d?|[SD]PO|DO.*")
"""Pins of registers that are read."""

MERGED = ("LUT", "MUXF")
"""Kinds whose output reaches a flip-flop in the same slice."""


@dataclass(frozen=True)
class Step:
    """A cell of a path: what RTL calls the net it drives, FILE:LINE, ns of the net to it and of itself."""

    kind: str
    name: str
    place: str
    net: float
    cell: float
    node: str = ""

    @property
    def ns(self) -> float:
        """Net and cell."""
        return self.net + self.cell


Steps = tuple[Step, ...]


def total(steps: Iterable[Step]) -> float:
    """Ns of a path, or of a part of one."""
    return sum(step.ns for step in steps)


@dataclass(frozen=True)
class _Arc:
    source: int
    target: int
    net: float
    ns: float  # net included
    cell: int


@dataclass(frozen=True)
class _End:
    net: float
    ns: float  # net included
    cell: int
    pin: str


_Arrivals = dict[int, tuple[float, _Arc | None]]
"""Ns from a register to a net, and the last arc of that way."""

_Tails = dict[int, tuple[float, _Arc | _End]]
"""Ns from a net to a register, and the first arc of that way."""


@dataclass
class Timing:
    """What a node's netlist gives: see `analyse`. Pins are those of its ports, clock left out.

    paths: between registers, the worst first, one for each register that has one.
    arrivals: output pin -> the way from a register to the driver of the pin's net.
    tails: input pin -> the way from the pin's net to a register. loads: sinks of a pin's net in the node.
    arcs: (input pin, output pin) -> the way between them with no register; () where they are one net.
    loops: names of nets that are in a combinational loop; their arcs are left out.
    """

    paths: list[Steps] = field(default_factory=list)
    arrivals: dict[Pin, Steps] = field(default_factory=dict)
    tails: dict[Pin, Steps] = field(default_factory=dict)
    loads: dict[Pin, int] = field(default_factory=dict)
    arcs: dict[tuple[Pin, Pin], Steps] = field(default_factory=dict)
    inputs: list[Pin] = field(default_factory=list)
    outputs: list[Pin] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    kinds: frozenset[str] = frozenset()

    @property
    def ns(self) -> float:
        """Of the longest path between registers of the node, 0 where there is none."""
        return total(self.paths[0]) if self.paths else 0.0


def analyse(netlist: Netlist, delays: Delays, node: str = "", worst: int = 50) -> Timing:
    """The timing of a node's netlist; of the paths inside it, the `worst` are kept."""
    return _Graph(netlist, delays, node).timing(worst)


class _Graph:
    def __init__(self, netlist: Netlist, delays: Delays, node: str) -> None:
        self.netlist, self.delays, self.node = netlist, delays, node
        self.luts = netlist.luts
        self.driver: dict[int, tuple[int, str]] = {}
        self.loads: dict[int, int] = defaultdict(int)
        self.data_sinks: dict[int, int] = defaultdict(int)
        self.arcs: dict[int, list[_Arc]] = defaultdict(list)
        self.into: dict[int, list[_Arc]] = defaultdict(list)
        self.ends: dict[int, list[_End]] = defaultdict(list)
        self.starts: dict[int, tuple[float, int]] = {}
        self.inner: list[tuple[float, int]] = []
        self.loops: list[str] = []
        timed = [delays.of(cell) for cell in netlist.cells]
        self._connect(timed)
        for index, cell in enumerate(netlist.cells):
            self._add(index, cell, timed[index])
        self.order = self._sort()

    def _connect(self, timed: list[CellTiming]) -> None:
        """Who drives a net, and how many sinks it has."""
        for index, cell in enumerate(self.netlist.cells):
            sinks = {source for source, _, _ in timed[index].arcs} | {pin for pin, _ in timed[index].ends}
            outs = {target for _, target, _ in timed[index].arcs} | {pin for pin, _ in timed[index].starts}
            for pin in outs:
                bit = _bit(cell, pin)
                if bit is not None:
                    self.driver[bit] = (index, pin[0])
            for pin in sinks:
                bit = _bit(cell, pin)
                if bit is not None:
                    self.loads[bit] += 1
                    self.data_sinks[bit] += cell.kind.startswith("FD") and pin[0] == "D"
        for direction, bits in self.netlist.ports.values():
            for out in bits if direction == "output" else ():
                if isinstance(out, int):
                    self.loads[out] += 1

    def _add(self, index: int, cell: Cell, timed: CellTiming) -> None:
        if timed.inner:
            self.inner.append((timed.inner, index))
        for pin, ns in timed.starts:
            bit = _bit(cell, pin)
            if bit is not None and ns > self.starts.get(bit, (0.0, 0))[0]:
                self.starts[bit] = (ns, index)
        for source, target, ns in timed.arcs:
            start, end = _bit(cell, source), _bit(cell, target)
            if start is None or end is None:
                continue
            net, through = self._net(start, cell, source[0])
            arc = _Arc(start, end, net, net + through + ns, index)
            self.arcs[start].append(arc)
            self.into[end].append(arc)
        for pin, ns in timed.ends:
            bit = _bit(cell, pin)
            if bit is not None:
                net, _ = self._net(bit, cell, pin[0])
                self.ends[bit].append(_End(net, net + ns, index, pin[0]))

    def _net(self, bit: int, cell: Cell, pin: str) -> tuple[float, float]:
        """Ns of the net from its driver to that pin, and of a LUT on the way that is not in the netlist."""
        driver, out = self.driver.get(bit, (None, ""))
        kind = self.netlist.cells[driver].kind if driver is not None else ""
        if kind.startswith("CARRY") and out == "CO" and pin == "CI":
            return float(self.delays.values["net"]["carry_chain"]), 0.0
        if _inside(kind, out, cell.kind, pin, self.data_sinks[bit]):
            return 0.0, 0.0
        column = kind.startswith(COLUMN) or cell.kind.startswith(COLUMN)
        through = self.delays.values["lut"]["o6"] if cell.kind.startswith("CARRY") and pin == "S" else 0.0
        carry = self.delays.values["net"]["carry_out"] if kind.startswith("CARRY") else 0.0
        return self.delays.net(self.loads[bit], self.luts, column) + carry, through

    def _sort(self) -> list[int]:
        """The nets in the order of the signals; arcs within loops are taken out."""
        order, waiting = self._kahn()
        if waiting:
            rest = _in_loops(waiting, {bit: [arc.target for arc in self.arcs[bit]] for bit in waiting})
            self.loops = sorted({self._name(bit)[0] for bit in rest})
            for bit in rest:
                self.arcs[bit] = [arc for arc in self.arcs[bit] if arc.target not in rest]
                self.into[bit] = [arc for arc in self.into[bit] if arc.source not in rest]
            order, waiting = self._kahn()
        return order

    def _kahn(self) -> tuple[list[int], set[int]]:
        bits = {*self.driver, *self.arcs, *self.into, *self.ends, *self.starts}
        for _, port in self.netlist.ports.values():
            bits |= {bit for bit in port if isinstance(bit, int)}
        left = {bit: len(self.into[bit]) for bit in bits}
        order = [bit for bit in bits if not left[bit]]
        for bit in order:
            for arc in self.arcs[bit]:
                left[arc.target] -= 1
                if not left[arc.target]:
                    order.append(arc.target)
        return order, bits - set(order)

    # Results.

    def timing(self, worst: int) -> Timing:
        arrival: _Arrivals = {bit: (ns, None) for bit, (ns, _) in self.starts.items()}
        for bit in self.order:
            if bit not in arrival:
                continue
            here = arrival[bit][0]
            for arc in self.arcs[bit]:
                if here + arc.ns > arrival.get(arc.target, (-1.0, None))[0]:
                    arrival[arc.target] = (here + arc.ns, arc)
        tail: _Tails = {}
        for bit in reversed(self.order):
            options: list[tuple[float, _Arc | _End]] = [(end.ns, end) for end in self.ends[bit]]
            options += [(arc.ns + tail[arc.target][0], arc) for arc in self.arcs[bit] if arc.target in tail]
            if options:
                tail[bit] = max(options, key=lambda option: option[0])
        result = Timing(loops=self.loops, kinds=frozenset(cell.kind for cell in self.netlist.cells))
        result.paths = self._paths(arrival, worst)
        self._ports(result, arrival, tail)
        return result

    def _paths(self, arrival: _Arrivals, worst: int) -> list[Steps]:
        """The worst path to each register by its name, bits of one taken together."""
        found: dict[tuple[str, str], tuple[float, int, _End]] = {}
        for bit, (ns, _) in arrival.items():
            for end in self.ends[bit]:
                key = (self._register(end.cell)[0].split("[")[0], end.pin)
                if ns + end.ns > found.get(key, (0.0,))[0]:
                    found[key] = (ns + end.ns, bit, end)
        ranked = sorted(found.values(), key=lambda path: -path[0])[:worst]
        paths = [(*self._from_register(bit, arrival), self._end(end)) for _, bit, end in ranked]
        if self.inner:
            ns, cell = max(self.inner)
            name, place = self._register(cell)
            paths.append((Step(self.netlist.cells[cell].kind, name, place, 0.0, ns, self.node),))
        return sorted(paths, key=total, reverse=True)

    def _ports(
        self,
        result: Timing,
        arrival: _Arrivals,
        tail: _Tails,
    ) -> None:
        position = {bit: index for index, bit in enumerate(self.order)}
        entries: dict[int, Pin] = {}
        for name, (direction, bits) in self.netlist.ports.items():
            if name in CLOCKS:
                continue
            for index, bit in enumerate(bits):
                if not isinstance(bit, int):
                    continue
                pin = (name, index)
                (result.inputs if direction == "input" else result.outputs).append(pin)
                result.loads[pin] = self.loads[bit]
                if direction == "input":
                    entries[bit] = pin
                    if bit in tail:
                        result.tails[pin] = self._to_register(bit, tail)
        for name, index in result.outputs:
            pin, out = (name, index), self.netlist.ports[name][1][index]
            assert isinstance(out, int)
            result.loads[pin] -= 1  # the port itself
            if out in arrival:
                result.arrivals[pin] = self._from_register(out, arrival)
            for bit, steps in self._cone(out, position, entries):
                result.arcs[entries[bit], pin] = steps

    def _cone(self, out: int, position: dict[int, int], entries: dict[int, Pin]) -> list[tuple[int, Steps]]:
        """From which inputs the net `out` depends without a register, and the longest way of each."""
        cone, waiting = {out}, [out]
        while waiting:
            for arc in self.into[waiting.pop()]:
                if arc.source not in cone:
                    cone.add(arc.source)
                    waiting.append(arc.source)
        way: dict[int, tuple[float, _Arc | None]] = {out: (0.0, None)}
        for bit in sorted(cone, key=position.__getitem__, reverse=True):
            for arc in self.into[bit]:
                ns = way[bit][0] + arc.ns
                if ns > way.get(arc.source, (-1.0, None))[0]:
                    way[arc.source] = (ns, arc)
        found = []
        for bit in cone & entries.keys():
            steps, at = [], bit
            while (step := way[at][1]) is not None:
                steps.append(self._through(step))
                at = step.target
            found.append((bit, tuple(steps)))
        return found

    # Paths as steps.

    def _from_register(self, bit: int, arrival: _Arrivals) -> Steps:
        steps: list[Step] = []
        while (arc := arrival[bit][1]) is not None:
            steps.append(self._through(arc))
            bit = arc.source
        ns, cell = self.starts[bit]
        name, place = self._name(bit)
        known = self.netlist.cells[cell]
        steps.append(Step(known.kind, known.name or name, known.place or place, 0.0, ns, self.node))
        return tuple(reversed(steps))

    def _to_register(self, bit: int, tail: _Tails) -> Steps:
        steps: list[Step] = []
        while isinstance(way := tail[bit][1], _Arc):
            steps.append(self._through(way))
            bit = way.target
        return (*steps, self._end(way))

    def _through(self, arc: _Arc) -> Step:
        cell = self.netlist.cells[arc.cell]
        name, place = self._name(arc.target)
        return Step(cell.kind, name, cell.place or place, arc.net, arc.ns - arc.net, self.node)

    def _end(self, end: _End) -> Step:
        name, place = self._register(end.cell)
        kind = self.netlist.cells[end.cell].kind
        return Step(f"{kind}.{end.pin}", name, place, end.net, end.ns - end.net, self.node)

    def _register(self, index: int) -> tuple[str, str]:
        """What RTL calls a register: as a memory, or as the first of its outputs that has a name."""
        cell = self.netlist.cells[index]
        if cell.name:
            return cell.name, cell.place
        outs = [bit for name, bits in cell.pins.items() if OUTPUTS.fullmatch(name) for bit in bits]
        named = [
            self.netlist.names[bit] for bit in outs if isinstance(bit, int) and bit in self.netlist.names
        ]
        return (named[0][0], cell.place or named[0][1]) if named else ("", cell.place)

    def _name(self, bit: int) -> tuple[str, str]:
        return self.netlist.names.get(bit, ("", ""))


def _bit(cell: Cell, pin: Pin) -> int | None:
    """The net at a pin, None for a constant and where the cell has no such pin."""
    bits: list[Bit] = cell.pins.get(pin[0], [])
    bit = bits[pin[1]] if pin[1] < len(bits) else None
    return bit if isinstance(bit, int) else None


def _inside(driver: str, out: str, sink: str, pin: str, data_sinks: int) -> bool:
    """Whether a connection stays in a slice or has wires of its own, so takes no time beside the cells'."""
    if sink in ("INV", "BUF"):
        return True
    if driver.startswith("LUT") and (
        (sink.startswith("CARRY") and pin == "S") or (sink == "MUXF7" and pin != "S")
    ):
        return True
    if driver.startswith("MUXF") and sink.startswith("MUXF") and pin != "S":
        return True
    if sink.startswith("FD") and pin == "D" and data_sinks == 1:
        return driver.startswith(MERGED) or (driver.startswith("CARRY") and out == "O")
    return (
        driver.startswith("DSP48")
        and sink.startswith("DSP48")
        and out.startswith(("PCOUT", "ACOUT", "BCOUT"))
    )


def _in_loops(waiting: set[int], targets: dict[int, list[int]]) -> set[int]:
    """Of nets that can't be sorted, those in a loop or between two, not those behind one."""
    rest = set(waiting)
    into: dict[int, list[int]] = defaultdict(list)
    left = {bit: 0 for bit in rest}
    for bit in rest:
        for target in targets[bit]:
            if target in rest:
                into[target].append(bit)
                left[bit] += 1
    done = [bit for bit in rest if not left[bit]]
    for bit in done:
        for source in into[bit]:
            left[source] -= 1
            if not left[source]:
                done.append(source)
    return rest - set(done)
