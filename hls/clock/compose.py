"""The whole top level from the timing of its nodes: a path that leaves a node at a port goes on in the next.

So a `ready` that runs through several nodes without a register is one path. The fan-out of a net that joins
nodes is the sum over all of them. Ports of the top level count as registers right outside; so does the reset,
for each node on its own, as drivers of such nets are copied.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from hls.clock.delays import Delays, Pin
from hls.clock.sta import Step, Steps, Timing, total

RESET = "ap_rst_n"
Net = tuple[str, int]
"""A wire of the top level and which of its bits."""


@dataclass(frozen=True)
class Part:
    """A node in the top level. nets: what the top calls a port's wire where that is not the port's name."""

    name: str
    timing: Timing
    nets: Mapping[str, str] = field(default_factory=dict)

    def net(self, pin: Pin) -> Net:
        """The wire of the top level that a pin is at."""
        port, index = pin
        return (f"{self.name}.{port}" if port == RESET else self.nets.get(port, port), index)


@dataclass
class Whole:
    """paths: across ports, the worst first, one for each pair of nodes. loops: nets in a loop over nodes."""

    paths: list[Steps]
    loops: list[str]


def compose(parts: list[Part], delays: Delays) -> Whole:
    """All paths that cross a port; those within a node are in its own timing."""
    return _Composition(parts, delays).whole()


@dataclass(frozen=True)
class _Arc:
    source: Net
    target: Net
    ns: float
    steps: Steps
    more: float  # ns of the first net beyond what the node alone knew


_Arrivals = dict[Net, tuple[float, _Arc | None]]


class _Composition:
    def __init__(self, parts: list[Part], delays: Delays) -> None:
        self.parts, self.delays = parts, delays
        self.same: dict[Net, Net] = {}
        for part in parts:
            for (source, target), steps in part.timing.arcs.items():
                if not steps:
                    self.same[self._root(part.net(target))] = self._root(part.net(source))
        self.loads: dict[Net, int] = defaultdict(int)
        self.driven: set[Net] = set()
        self.taken: set[Net] = set()
        for part in parts:
            timing = part.timing
            through = {
                pin
                for (source, target), steps in timing.arcs.items()
                if not steps
                for pin in (source, target)
            }
            for pin in timing.inputs:
                net = self._root(part.net(pin))
                # of a wire through the node, one of the loads is the port behind
                self.loads[net] += timing.loads[pin] - (pin in through)
                if timing.loads[pin] > (pin in through):
                    self.taken.add(net)
            for pin in timing.outputs:
                net = self._root(part.net(pin))
                if pin not in through:
                    self.loads[net] += timing.loads[pin]
                    self.driven.add(net)
        self.arcs: dict[Net, list[_Arc]] = defaultdict(list)
        self.into: dict[Net, int] = defaultdict(int)
        self.starts: dict[Net, Steps] = {}
        self.ends: dict[Net, list[tuple[float, Steps, float]]] = defaultdict(list)
        for part in parts:
            self._add(part)

    def _root(self, net: Net) -> Net:
        while net in self.same:
            net = self.same[net]
        return net

    def _more(self, part: Part, pin: Pin) -> float:
        """Ns of the net at an input beyond what the node alone counted: the sinks in other nodes."""
        net = self._root(part.net(pin))
        return self.delays.extra(self.loads[net]) - self.delays.extra(part.timing.loads[pin])

    def _add(self, part: Part) -> None:
        timing, ff = part.timing, self.delays.values["ff"]
        for pin, steps in timing.arrivals.items():
            net = self._root(part.net(pin))
            if total(steps) > total(self.starts.get(net, ())):
                self.starts[net] = steps
        for pin in timing.inputs:
            net = self._root(part.net(pin))
            if net not in self.driven and net not in self.starts:
                self.starts[net] = (Step("port", pin[0], "", 0.0, ff["q"], "outside"),)
        for pin, steps in timing.tails.items():
            more = self._more(part, pin)
            self.ends[self._root(part.net(pin))].append((total(steps) + more, steps, more))
        for pin in timing.outputs:
            net = self._root(part.net(pin))
            if net not in self.taken and not self.ends[net]:
                step = Step("port", pin[0], "", self.delays.net(self.loads[net] + 1, 1), ff["d"], "outside")
                self.ends[net].append((step.ns, (step,), 0.0))
        for (source, target), steps in timing.arcs.items():
            if steps:
                more = self._more(part, source)
                arc = _Arc(
                    self._root(part.net(source)),
                    self._root(part.net(target)),
                    total(steps) + more,
                    steps,
                    more,
                )
                self.arcs[arc.source].append(arc)
                self.into[arc.target] += 1

    def whole(self) -> Whole:
        nets = {*self.arcs, *self.into, *self.starts, *self.ends}
        left = {net: self.into[net] for net in nets}
        order = [net for net in nets if not left[net]]
        arrival: _Arrivals = {net: (total(steps), None) for net, steps in self.starts.items()}
        for net in order:
            for arc in self.arcs[net]:
                if net in arrival and arrival[net][0] + arc.ns > arrival.get(arc.target, (-1.0, None))[0]:
                    arrival[arc.target] = (arrival[net][0] + arc.ns, arc)
                left[arc.target] -= 1
                if not left[arc.target]:
                    order.append(arc.target)
        loops = sorted({f"{name}[{bit}]" for name, bit in nets - set(order)})
        return Whole(self._paths(arrival), loops)

    def _paths(self, arrival: _Arrivals) -> list[Steps]:
        found: dict[tuple[str, str], tuple[float, Net, Steps, float]] = {}
        for net, (ns, _) in arrival.items():
            start = self._start(net, arrival)
            for tail, steps, more in self.ends[net]:
                key = (start, steps[-1].node)
                if ns + tail > found.get(key, (0.0,))[0]:
                    found[key] = (ns + tail, net, steps, more)
        ranked = sorted(found.values(), key=lambda path: -path[0])
        return [(*self._way(net, arrival), *_longer(steps, more)) for _, net, steps, more in ranked]

    def _start(self, net: Net, arrival: _Arrivals) -> str:
        while (arc := arrival[net][1]) is not None:
            net = arc.source
        return self.starts[net][0].node

    def _way(self, net: Net, arrival: _Arrivals) -> Steps:
        parts: list[Steps] = []
        while (arc := arrival[net][1]) is not None:
            parts.append(_longer(arc.steps, arc.more))
            net = arc.source
        return (*self.starts[net], *(step for steps in reversed(parts) for step in steps))


def _longer(steps: Steps, more: float) -> Steps:
    """The steps with `more` ns on the net to the first."""
    first = steps[0]
    return (Step(first.kind, first.name, first.place, first.net + more, first.cell, first.node), *steps[1:])
