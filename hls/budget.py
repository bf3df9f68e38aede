"""The folding within a part's budget: the fastest there is, or the cheapest that reaches `target_fps`.

A network is as fast as its slowest node. For a given number of cycles a frame, each matrix unit has a few
foldings that keep it; choosing one for each so that every resource stays under its cap, at the least sum of
shares, is a small integer program (HiGHS, through SciPy). The fastest feasible number of cycles is found by
bisection over the cycle counts that occur. The other nodes get the narrowest streams that keep the pace.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, prod
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from scipy.optimize import Bounds, LinearConstraint, milp

from hls import fold
from hls.config import HlsConfig
from hls.cost import Option
from hls.graph import Graph
from hls.ops import facets
from hls.ops.fifo.memory import fifo_cells
from hls.ops.width_converter.op import converter_luts, steps_between
from hls.order import Order
from hls.parts import Part, find
from hls.streams import slowest
from pixelmend.errors import UserError

CAPS = {"dsp": "max_dsp", "bram36": "max_bram", "lut": "max_lut"}
"""The resources of the integer program, and the field of [hls] that caps each."""

RESOURCES = tuple(CAPS)
MORE_BLOCKS = 1.25  # skip FIFOs are deeper for full pace than not to deadlock, and memories waste words
ROUNDS = 2  # of choosing units and asking what is needed around them


@dataclass(frozen=True)
class Budget:
    """What matrix units may use, in units of each resource."""

    limits: dict[str, float]

    @classmethod
    def of(cls, part: Part, hls: HlsConfig) -> "Budget":
        """Caps of the configuration, less the shell."""
        has, shell = part.cells(), part.shell.cells()
        return cls({name: getattr(hls, cap) * has[name] - shell[name] for name, cap in CAPS.items()})

    def less(self, luts: float, blocks: float) -> "Budget":
        """What remains beside so many LUTs and BRAM36."""
        limits = self.limits
        return Budget(limits | {"lut": limits["lut"] - luts, "bram36": limits["bram36"] - blocks})


def choose(model: ModelWrapper, hls: HlsConfig) -> fold.Folding:
    """The folding of every node of an unfolded graph; `UserError` where the target can't be reached."""
    part = find(hls.part)
    budget = Budget.of(part, hls)
    units = {
        node.name: operator.options(part)
        for node in model.graph.node
        if (operator := facets(node)).multiplies
    }
    if not units:
        return fold.balanced(model, _least_cycles(model) if hls.target_fps is None else hls.target_cycles)
    beside = Beside(model)
    if hls.target_fps is None:
        period, chosen = _fastest(units, budget, beside, part, hls)
    else:
        period = hls.target_cycles
        chosen = _settled(units, budget, beside, period) or _explain(units, budget, beside, part, hls)
    return fold.balanced(model, period, _foldings(chosen))


def _least_cycles(model: ModelWrapper) -> int:
    """Of the slowest node where every node is as wide as its channels allow; the graph is unfolded afterwards."""
    widest = fold.balanced(model, 1)
    fold.set_all(model, widest)
    try:
        return slowest(model)
    finally:
        fold.set_all(model, {name: dict.fromkeys(keys, 1) for name, keys in widest.items()})


class Beside:
    """What all that is no matrix unit takes, by the operators' own rough figures, in a folded graph.

    Converters where widths differ, FIFOs in front of nodes that ask for one, and those of skips at the least
    depth that does not deadlock. `hls.fit` counts cells; this only leaves room for them.
    """

    def __init__(self, model: ModelWrapper) -> None:
        self.model = model
        self._graph, order = Graph(model), Order(model)
        self._skips = {
            (node.name, index): order.floor_pixels(node, index)
            for node in self._graph.nodes
            for index in range(len(facets(node).streams()))
            if order.is_skip(node, index)
        }

    def cells(self, folding: fold.Folding) -> tuple[float, float]:
        """LUTs and BRAM36 with `folding`, which the graph has not afterwards."""
        fold.set_all(self.model, folding)
        try:
            pace = slowest(self.model)
            taken = [cells for node in self._graph.nodes for cells in self._of(node, pace)]
        finally:
            fold.set_all(self.model, {name: dict.fromkeys(keys, 1) for name, keys in folding.items()})
        return sum(luts for luts, _ in taken), MORE_BLOCKS * sum(blocks for _, blocks in taken)

    def _of(self, node: Any, pace: int) -> Iterator[tuple[float, float]]:
        operator = facets(node)
        if not operator.multiplies:
            yield operator.footprint()
        for index, tensor in enumerate(operator.streams()):
            producer = self._graph.producer(tensor)
            wanted = have = operator.get_instream_width(index)
            if producer is not None:
                have = facets(producer).get_outstream_width(list(producer.output).index(tensor))
            shape = self._graph.shape(tensor)
            value = self.model.get_tensor_datatype(tensor).bitwidth()
            for before, after in pairwise(steps_between(have, wanted, prod(shape) * value, pace)):
                yield converter_luts(before, after), 0.0
            if (node.name, index) in self._skips:
                yield fifo_cells(self._skips[node.name, index] * value * shape[-1] // have, have)
            ahead = operator.ahead(producer and facets(producer)) if index == 0 else 0
            if ahead:
                yield fifo_cells(ahead, wanted)


def _foldings(chosen: dict[str, Option]) -> fold.Folding:
    return {name: option.folding for name, option in chosen.items()}


def _settled(
    units: dict[str, list[Option]], budget: Budget, beside: Beside, period: int
) -> dict[str, Option] | None:
    """One option a unit within `period` cycles that leaves room for all else; None where there is none.

    What else there is follows from the foldings, so they are chosen twice: as if there were nothing else, then
    beside what the first choice needs around it.
    """
    luts, blocks = 0.0, 0.0
    for _ in range(ROUNDS):
        chosen = _cheapest(units, budget.less(luts, blocks), period)
        if chosen is None:
            return None
        luts, blocks = beside.cells(fold.balanced(beside.model, period, _foldings(chosen)))
    fits = _cheapest(units, budget.less(luts, blocks), period)
    return chosen if fits is not None else None


def _fastest(
    units: dict[str, list[Option]], budget: Budget, beside: Beside, part: Part, hls: HlsConfig
) -> tuple[int, dict[str, Option]]:
    periods = sorted({option.cycles for found in units.values() for option in found})
    low, high = 0, len(periods) - 1
    best = _settled(units, budget, beside, periods[high])
    if best is None:
        lacking = _binding(units, _room(units, budget, beside, periods[high]), part, hls, periods[high])
        raise UserError(
            f"the network does not fit {part.name} at any speed: {lacking}; else narrower widths or a larger "
            "part (caps above 1 lower it all the same)"
        )
    while low < high:
        middle = (low + high) // 2
        found = _settled(units, budget, beside, periods[middle])
        if found is None:
            low = middle + 1
        else:
            best, high = found, middle
    return periods[high], best


def _room(units: dict[str, list[Option]], budget: Budget, beside: Beside, period: int) -> Budget:
    """What is left for matrix units within `period` cycles beside what the cheapest of them need around."""
    unlimited = Budget(dict.fromkeys(budget.limits, np.inf))
    chosen = _cheapest(units, unlimited, period)
    if chosen is None:
        return budget
    return budget.less(*beside.cells(fold.balanced(beside.model, period, _foldings(chosen))))


def _cheapest(units: dict[str, list[Option]], budget: Budget, period: int) -> dict[str, Option] | None:
    """One option a unit within `period` cycles, at the least sum of shares; None where there is none."""
    price = {name: 1 / max(limit, 1) if np.isfinite(limit) else 1.0 for name, limit in budget.limits.items()}
    return _solve(units, budget.limits, period, price)


def _solve(
    units: dict[str, list[Option]], limits: dict[str, float], period: int, price: dict[str, float]
) -> dict[str, Option] | None:
    """One option a unit within `period` cycles and `limits`, at the least sum of `price` times use."""
    fits = {name: [option for option in found if option.cycles <= period] for name, found in units.items()}
    if not all(fits.values()) or min(limits.values()) < 0:
        return None
    flat = [(name, option) for name, found in fits.items() for option in found]
    one_each = np.array([[float(name == unit) for name, _ in flat] for unit in units])
    use = np.array([[getattr(option, resource) for _, option in flat] for resource in RESOURCES], float)
    ends = np.array([limits[resource] for resource in RESOURCES])
    solution = milp(
        np.array([price.get(resource, 0.0) for resource in RESOURCES]) @ use,
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(use, -np.inf, ends)],
        integrality=np.ones(len(flat)),
        bounds=Bounds(0, 1),
    )
    if solution.x is None:
        return None
    return {name: option for (name, option), taken in zip(flat, solution.x, strict=True) if taken > 0.5}


def _explain(
    units: dict[str, list[Option]], budget: Budget, beside: Beside, part: Part, hls: HlsConfig
) -> dict[str, Option]:
    """Why `target_fps` is out of reach, and the smallest change that helps."""
    period, _ = _fastest(units, budget, beside, part, hls)
    room = _room(units, budget, beside, hls.target_cycles)
    reachable = hls.clock_mhz * 1e6 / period
    raise UserError(
        f"[hls] target_fps = {hls.target_fps:g} does not fit {part.name} at {hls.clock_mhz:g} MHz: "
        f"{_binding(units, room, part, hls, hls.target_cycles)}. The fastest that fits is "
        f"{reachable:.1f} frames/s; narrower widths or a larger part go beyond"
    )


def _binding(units: dict[str, list[Option]], budget: Budget, part: Part, hls: HlsConfig, period: int) -> str:
    """Which resources bind within `period` cycles, by how much, and the smallest change that would fit."""
    slow = next((name for name, found in units.items() if min(o.cycles for o in found) > period), None)
    if slow is not None:
        least = min(option.cycles for option in units[slow])
        return f"{slow} needs {least:,} cycles a frame at its widest folding, {period:,} are allowed"
    alone = {name: _least(units, _only(budget, name, False), period, name) for name in RESOURCES}
    binding = [name for name, need in alone.items() if need is not None and need > budget.limits[name]]
    if binding:
        said = " and ".join(
            f"{name} binds: matrix units need {alone[name]:,.0f} or more, {budget.limits[name]:,.0f} are left"
            for name in binding
        )
    else:
        said = f"{' and '.join(_joint(units, budget, period))} bind together: each is enough alone"
    return f"{said}. The smallest change that fits: {_change(units, budget, part, hls, period)}"


def _least(
    units: dict[str, list[Option]], limits: dict[str, float], period: int, resource: str
) -> float | None:
    """The least of `resource` that keeps the period within `limits`; None where nothing does."""
    chosen = _solve(units, limits, period, {resource: 1.0})
    return None if chosen is None else float(sum(getattr(option, resource) for option in chosen.values()))


def _only(budget: Budget, resource: str, others: bool) -> dict[str, float]:
    """Limits with `resource` free: those of the other resources, or none at all."""
    return {name: limit if others and name != resource else np.inf for name, limit in budget.limits.items()}


def _joint(units: dict[str, list[Option]], budget: Budget, period: int) -> list[str]:
    """A smallest set of resources whose limits exclude each other."""
    kept = list(RESOURCES)
    for name in RESOURCES:
        fewer = {
            other: budget.limits[other] if other in kept and other != name else np.inf for other in RESOURCES
        }
        if _solve(units, fewer, period, {name: 1.0}) is None:
            kept.remove(name)
    return kept


def _change(units: dict[str, list[Option]], budget: Budget, part: Part, hls: HlsConfig, period: int) -> str:
    """The one cap to raise that costs the least share of the part, else what each has to be raised to."""
    has = part.cells()
    more = {}
    for name in RESOURCES:
        need = _least(units, _only(budget, name, True), period, name)
        if need is not None:
            more[name] = need - budget.limits[name]
    if more:
        least = min(more, key=lambda name: more[name] / has[name])
        return _raised({least: more[least]}, has, hls)
    chosen = _solve(
        units, dict.fromkeys(RESOURCES, np.inf), period, {name: 1 / has[name] for name in RESOURCES}
    )
    assert chosen is not None, "every unit has an option within the period"
    used = {name: sum(getattr(option, name) for option in chosen.values()) for name in RESOURCES}
    return _raised({name: used[name] - budget.limits[name] for name in RESOURCES}, has, hls)


def _raised(more: dict[str, float], has: dict[str, float], hls: HlsConfig) -> str:
    """Caps raised by so many cells, rounded up to a thousandth of the part."""
    said = []
    for name, cells in more.items():
        if cells > 0:
            cap = ceil((getattr(hls, CAPS[name]) + cells / has[name]) * 1000) / 1000
            beyond = ", more than the part has" if cap > 1 else ""
            said.append(f"{cells:,.1f} {name} more ({CAPS[name]} = {cap:g}{beyond})")
    return " and ".join(said)
