"""Folding: PE and SIMD of every node, the smallest that keep a frame within its cycles.

PE = output channels and SIMD = input channels a node works on in one cycle. `folding.json` maps node names
to {"PE": ..., "SIMD": ...}; an edited file can be given to `hls.lower` with --folding.
"""

from pathlib import Path

from qonnx.core.modelwrapper import ModelWrapper

from hls.graph import Graph
from hls.ops import facets
from pixelmend.errors import UserError
from pixelmend.files import read_json

Folding = dict[str, dict[str, int]]


def balanced(model: ModelWrapper, target_cycles: int, units: Folding | None = None) -> Folding:
    """The cheapest folding in which no node needs more than `target_cycles` a frame, where one exists.

    A node that can't get there is folded as widely as its channels allow. `units` gives the foldings that
    were chosen otherwise (see `hls.budget`).
    """
    graph, folding = Graph(model), Folding()
    for node in graph.nodes:
        if units is not None and node.name in units:
            folding[node.name] = units[node.name]
            continue
        operator = facets(node)
        producer = graph.producer(operator.streams()[0])
        before = {} if producer is None else folding[producer.name]
        folding[node.name] = operator.fold(target_cycles, producer and facets(producer), before)
    return folding


def set_all(model: ModelWrapper, folding: Folding) -> None:
    """Set the attributes, unchecked, and nothing that follows from them."""
    for node in model.graph.node:
        operator = facets(node)
        for key, value in folding[node.name].items():
            operator.set_nodeattr(key, value)


def apply(model: ModelWrapper, folding: Folding) -> None:
    """Set the attributes; `UserError` where a node is unknown or missing or a value does not divide."""
    names = {node.name for node in model.graph.node}
    if set(folding) != names:
        odd = sorted(set(folding) ^ names)
        raise UserError(f"the folding must name exactly the nodes of the graph; differs in {', '.join(odd)}")
    for node in model.graph.node:
        operator = facets(node)
        limits = operator.limits()
        for key, value in folding[node.name].items():
            if key not in limits:
                raise UserError(f"folding of {node.name}: a {node.op_type} has no {key}")
            if type(value) is not int or value < 1 or limits[key] % value:
                raise UserError(f"folding of {node.name}: {key} must divide {limits[key]}, got {value!r}")
            operator.set_nodeattr(key, value)
        operator.folded()


def read(path: Path) -> Folding:
    """Read a folding file."""
    folding = read_json(path)
    if not isinstance(folding, dict) or not all(isinstance(entry, dict) for entry in folding.values()):
        raise UserError(f"{path}: expected node names with their PE and SIMD, as in a build's folding.json")
    return folding
