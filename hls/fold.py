"""Folding: PE and SIMD of every node, the smallest that keep a frame within its cycles.

PE = output channels and SIMD = input channels a node works on in one cycle. `folding.json` maps node names
to {"PE": ..., "SIMD": ...}; an edited file can be given to `hls.lower` with --folding.
"""

from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.base import CustomOp
from qonnx.custom_op.registry import getCustomOp

from hls.cost import divisors, weight_memory
from hls.ops.pixels import PixelOp
from pixelmend.errors import UserError
from pixelmend.files import read_json

Folding = dict[str, dict[str, int]]


def balanced(model: ModelWrapper, target_cycles: int, units: Folding | None = None) -> Folding:
    """The cheapest folding in which no node needs more than `target_cycles` a frame, where one exists.

    A node that can't get there is folded as widely as its channels allow. `units` gives the matrix units'
    foldings (see `hls.budget`); without it each gets the fewest multipliers.
    """
    folding: Folding = {}
    for node in model.graph.node:
        operator = getCustomOp(node)
        if node.op_type == "MVAU_rtl":
            folding[node.name] = units[node.name] if units else _matrix(operator, target_cycles)
        elif node.op_type == "Thresholding_rtl":
            folding[node.name] = {"PE": _threshold_lanes(model, node, folding, target_cycles)}
        elif isinstance(operator, PixelOp):
            folding[node.name] = {}
        elif node.op_type == "StreamFork_rtl" and _of_pixels(model, node):
            folding[node.name] = {"SIMD": operator.get_nodeattr("NumChannels")}
        else:
            folding[node.name] = {"SIMD": _lanes(operator, "SIMD", target_cycles)}
    return folding


def _of_pixels(model: ModelWrapper, node: Any) -> bool:
    """Whether a node's first input comes from an operator on whole pixels."""
    producer = model.find_producer(node.input[0])
    return producer is not None and isinstance(getCustomOp(producer), PixelOp)


def apply(model: ModelWrapper, folding: Folding) -> None:
    """Set the attributes; `UserError` where a node is unknown or missing or a value does not divide."""
    names = {node.name for node in model.graph.node}
    if set(folding) != names:
        odd = sorted(set(folding) ^ names)
        raise UserError(f"the folding must name exactly the nodes of the graph; differs in {', '.join(odd)}")
    for node in model.graph.node:
        operator = getCustomOp(node)
        for key, value in folding[node.name].items():
            width = _width(operator, key)
            if type(value) is not int or value < 1 or width % value:
                raise UserError(f"folding of {node.name}: {key} must divide {width}, got {value!r}")
            operator.set_nodeattr(key, value)
        if node.op_type == "MVAU_rtl":
            operator.set_nodeattr("ram_style", _weight_style(operator))


def limits(operator: CustomOp) -> dict[str, int]:
    """The keys of a node's folding, each with the channel count that its value must divide."""
    match operator.onnx_node.op_type:
        case "MVAU_rtl":
            return {"PE": operator.get_nodeattr("MH"), "SIMD": operator.get_nodeattr("MW")}
        case "Thresholding_rtl":
            return {"PE": operator.get_nodeattr("NumChannels")}
        case "ConvolutionInputGenerator_rtl":
            return {"SIMD": operator.get_nodeattr("IFMChannels")}
        case _ if isinstance(operator, PixelOp):
            return {}  # always a whole pixel a beat
        case _:
            return {"SIMD": operator.get_nodeattr("NumChannels")}


def read(path: Path) -> Folding:
    """Read a folding file."""
    folding = read_json(path)
    if not isinstance(folding, dict) or not all(isinstance(entry, dict) for entry in folding.values()):
        raise UserError(f"{path}: expected node names with their PE and SIMD, as in a build's folding.json")
    return folding


def _weight_style(operator: CustomOp) -> str:
    """Where a folded matrix unit keeps its weights: shallow memories in LUTs, the others in block RAM."""
    return weight_memory(operator.get_instream_width(1), operator.calc_wmem())[0]


def _matrix(operator: CustomOp, target_cycles: int) -> dict[str, int]:
    columns, rows = operator.get_nodeattr("MW"), operator.get_nodeattr("MH")
    windows = 1
    for count in operator.get_nodeattr("numInputVectors"):
        windows *= count
    fits = [
        (pe * simd, abs(pe - simd), pe, simd)
        for pe in divisors(rows)
        for simd in divisors(columns)
        if windows * (rows // pe) * (columns // simd) <= target_cycles
    ]
    _, _, pe, simd = min(fits, default=(0, 0, rows, columns))
    return {"PE": pe, "SIMD": simd}


def _threshold_lanes(model: ModelWrapper, node: Any, folding: Folding, target_cycles: int) -> int:
    """The fewest lanes that keep the pace: behind a matrix unit they are a fraction of its PE.

    The unit gives PE accumulators every SF = MW / SIMD cycles, so PE / SF lanes take them in time. A
    comparator tree costs some 90 LUTs a lane, the converter in between 4 LUTs a bit where the ratio is a
    power of two and 9 where it is not (measured with hls.fit), so only powers of two are taken.
    """
    operator = getCustomOp(node)
    enough = _lanes(operator, "PE", target_cycles)
    producer = model.find_producer(node.input[0])
    if producer is None or producer.op_type != "MVAU_rtl":
        return enough
    unit, chosen = getCustomOp(producer), folding[producer.name]
    beats = unit.get_nodeattr("MW") // chosen["SIMD"]
    lanes = [n for n in divisors(chosen["PE"]) if (chosen["PE"] // n).bit_count() == 1]
    return next((n for n in lanes if n >= enough and n * beats >= chosen["PE"]), chosen["PE"])


def _lanes(operator: CustomOp, key: str, target_cycles: int) -> int:
    """The smallest value whose cycles, by the operator's own model, meet the target."""
    for lanes in divisors(_width(operator, key)):
        operator.set_nodeattr(key, lanes)
        if operator.get_exp_cycles() <= target_cycles:
            break
    operator.set_nodeattr(key, 1)
    return lanes


def _width(operator: CustomOp, key: str) -> int:
    """The channel count that PE or SIMD of a node must divide."""
    known = limits(operator)
    if key not in known:
        raise UserError(f"folding of {operator.onnx_node.name}: a {operator.onnx_node.op_type} has no {key}")
    return known[key]
