"""Folding FINN's graph: as fast as our solver can make it under a budget, and as FINN's SetFolding does.

The same integer program that folds our own graph picks PE and SIMD of FINN's matrix units; all other nodes
get the narrowest streams that keep their pace, or the widest there are, sliding windows with
`parallel_window` too. So FINN's lowering is judged by its arithmetic and not by its folding heuristic.
"""

import copy
from dataclasses import dataclass
from math import ceil
from typing import Any

from finn.transformation.fpgadataflow.set_folding import SetFolding
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from bench.finn_path import quiet
from hls import budget
from hls.config import HlsConfig
from hls.cost import divisors, lanes, weight_memory
from hls.parts import Part, find

TRIALS = 24  # halvings of SetFolding's target
LARGEST_PERIOD = 10**9  # cycles a frame


@dataclass(frozen=True)
class Use:
    """What a folded graph costs and how fast it is, by FINN's cycle model and the formulas of `hls.cost`."""

    cycles: int  # a frame: those of the slowest node
    slowest: str
    dsp: int
    weight_bram36: float

    def fits(self, limits: dict[str, float]) -> bool:
        """Whether DSP slices and weights keep within the limits."""
        return self.dsp <= limits["dsp"] and self.weight_bram36 <= limits["bram36"]


def use(model: ModelWrapper, part: Part) -> Use:
    """Cost and speed of a folded graph."""
    cycles = {node.name: int(getCustomOp(node).get_exp_cycles()) for node in model.graph.node}
    slowest = max(cycles, key=lambda name: cycles[name])
    dsp, bram36 = 0, 0.0
    for node in model.graph.node:
        if node.op_type == "MVAU_rtl":
            unit = getCustomOp(node)
            pe, simd = unit.get_nodeattr("PE"), unit.get_nodeattr("SIMD")
            bits = unit.get_input_datatype(1).bitwidth()
            dsp += simd * ceil(pe / lanes(bits, unit.get_input_datatype(0).bitwidth(), part.family))
            bram36 += weight_memory(pe * simd * bits, unit.calc_wmem())[1]
    return Use(cycles[slowest], slowest, dsp, bram36)


def fastest(model: ModelWrapper, hls: HlsConfig) -> ModelWrapper:
    """A copy of FINN's graph, as fast as the budget of `hls` allows; `UserError` where nothing fits."""
    folded, units = copy.deepcopy(model), copy.deepcopy(model)
    for node in list(units.graph.node):
        if node.op_type != "MVAU_rtl":
            units.graph.node.remove(node)
    chosen = budget.choose(units, hls)
    for node in folded.graph.node:
        for key, value in chosen.get(node.name, {}).items():
            getCustomOp(node).set_nodeattr(key, value)
    period = max(int(getCustomOp(node).get_exp_cycles()) for node in folded.graph.node if node.name in chosen)
    for node in folded.graph.node:
        if node.name not in chosen:
            _keep_pace(getCustomOp(node), period)
    return folded


def set_folding(model: ModelWrapper, hls: HlsConfig) -> ModelWrapper:
    """A copy folded by FINN's SetFolding, at the smallest target whose result keeps within the budget."""
    part = find(hls.part)
    limits = budget.Budget.of(part, hls).limits
    low, high = 1, LARGEST_PERIOD
    best = folded_for(model, high)
    for _ in range(TRIALS):
        middle = int((low * high) ** 0.5)  # targets span many orders of magnitude
        found = folded_for(model, middle)
        if use(found, part).fits(limits):
            best, high = found, middle
        else:
            low = middle
    return best


def folded_for(model: ModelWrapper, cycles: int) -> ModelWrapper:
    """A copy folded by FINN's SetFolding for a target."""
    with quiet():
        return copy.deepcopy(model).transform(SetFolding(cycles, two_pass_relaxation=False))


def _keep_pace(operator: Any, period: int) -> None:
    known = operator.get_nodeattr_types()
    key = "PE" if "PE" in known else "SIMD"
    channels = operator.get_normal_output_shape()[-1]
    if operator.onnx_node.op_type == "ConvolutionInputGenerator_rtl":
        channels = operator.get_nodeattr("IFMChannels")
    for width in divisors(int(channels)):
        operator.set_nodeattr(key, width)
        if operator.get_exp_cycles() <= period:
            return
    if "parallel_window" in known:
        operator.set_nodeattr("parallel_window", 1)
