"""The folding within a part's budget: the fastest there is, or the cheapest that reaches `target_fps`.

A network is as fast as its slowest node. For a given number of cycles a frame, each matrix unit has a few
foldings that keep it; choosing one for each so that every resource stays under its cap, at the least sum of
shares, is a small integer program (HiGHS, through SciPy). The fastest feasible number of cycles is found by
bisection over the cycle counts that occur. The other nodes get the narrowest streams that keep the pace.
"""

from dataclasses import dataclass

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from scipy.optimize import Bounds, LinearConstraint, milp

from hls import fold
from hls.config import HlsConfig
from hls.cost import Option, options
from hls.parts import Part, find
from pixelmend.errors import UserError

RESERVED = {"dsp": 0.0, "bram36": 0.22, "lut": 0.45}
"""Share of the part kept for all that is not a matrix unit (FIFOs, windows, thresholds, converters): an
allowance. hls.fit measured 31 % of the BRAM and 25 % of the LUTs on z2-256; that, not this, is what fits."""

RESOURCES = ("dsp", "bram36", "lut")


@dataclass(frozen=True)
class Budget:
    """What matrix units may use, in units of each resource."""

    limits: dict[str, float]

    @classmethod
    def of(cls, part: Part, hls: HlsConfig) -> "Budget":
        """Caps of the configuration, less the shell and what other nodes take."""
        caps = {"dsp": hls.max_dsp, "bram36": hls.max_bram, "lut": hls.max_lut}
        has, shell = part.cells(), part.shell.cells()
        return cls({name: (caps[name] - RESERVED[name]) * has[name] - shell[name] for name in RESOURCES})


def choose(model: ModelWrapper, hls: HlsConfig) -> fold.Folding:
    """The folding of every node of an unfolded graph; `UserError` where the target can't be reached."""
    part = find(hls.part)
    budget = Budget.of(part, hls)
    units = {
        node.name: options(getCustomOp(node), part) for node in model.graph.node if node.op_type == "MVAU_rtl"
    }
    if hls.target_fps is None:
        period, chosen = _fastest(units, budget, part)
    else:
        period = hls.target_cycles
        chosen = _cheapest(units, budget, period) or _explain(units, budget, part, hls)
    return fold.balanced(model, period, {name: option.folding for name, option in chosen.items()})


def _fastest(units: dict[str, list[Option]], budget: Budget, part: Part) -> tuple[int, dict[str, Option]]:
    periods = sorted({option.cycles for found in units.values() for option in found})
    low, high = 0, len(periods) - 1
    best = _cheapest(units, budget, periods[high])
    if best is None:
        lacking = _binding(units, budget, None)
        raise UserError(
            f"the network does not fit {part.name} at any speed: {lacking}; "
            "narrow the widths, or set max_bram and the other caps of [hls] above 1 to lower it all the same"
        )
    while low < high:
        middle = (low + high) // 2
        found = _cheapest(units, budget, periods[middle])
        if found is None:
            low = middle + 1
        else:
            best, high = found, middle
    return periods[high], best


def _cheapest(units: dict[str, list[Option]], budget: Budget, period: int) -> dict[str, Option] | None:
    """One option a unit within `period` cycles, at the least sum of shares; None where there is none."""
    fits = {name: [option for option in found if option.cycles <= period] for name, found in units.items()}
    if not all(fits.values()):
        return None
    flat = [(name, option) for name, found in fits.items() for option in found]
    names = list(units)
    one_each = np.array([[float(name == unit) for name, _ in flat] for unit in names])
    use = np.array([[getattr(option, resource) for _, option in flat] for resource in RESOURCES], float)
    limits = np.array([budget.limits[resource] for resource in RESOURCES])
    if np.any(limits < 0):
        return None
    shares = (use / np.maximum(limits, 1)[:, None]).sum(0)
    solution = milp(
        shares,
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(use, -np.inf, limits)],
        integrality=np.ones(len(flat)),
        bounds=Bounds(0, 1),
    )
    if solution.x is None:
        return None
    return {name: option for (name, option), taken in zip(flat, solution.x, strict=True) if taken > 0.5}


def _explain(units: dict[str, list[Option]], budget: Budget, part: Part, hls: HlsConfig) -> dict[str, Option]:
    """Why `target_fps` is out of reach, and the smallest change that helps."""
    period, _ = _fastest(units, budget, part)
    reachable = hls.clock_mhz * 1e6 / period
    raise UserError(
        f"[hls] target_fps = {hls.target_fps:g} does not fit {part.name} at {hls.clock_mhz:g} MHz: "
        f"{_binding(units, budget, hls.target_cycles)}. The fastest that fits is {reachable:.1f} frames/s; "
        f"narrower widths or a larger part go beyond"
    )


def _binding(units: dict[str, list[Option]], budget: Budget, period: int | None) -> str:
    """The resource that lacks most, taken alone, and by how much."""
    lacking = []
    for resource in RESOURCES:
        need = 0.0
        for name, found in units.items():
            fits = [getattr(o, resource) for o in found if period is None or o.cycles <= period]
            if not fits:
                return f"{name} is too slow at any folding"
            need += min(fits)
        lacking.append((need / max(budget.limits[resource], 1e-9), resource, need, budget.limits[resource]))
    _, resource, need, limit = max(lacking)
    return f"{resource} binds: matrix units need {need:.0f} or more, {limit:.0f} are left for them"
