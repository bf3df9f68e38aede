"""How far a pixel of a result looks: what a frame cut out of a larger one needs around it.

It follows from what each operator reads (`hls.ops.access`), walked from a pixel of the result back to the
image, far from all borders. A sweep in place carries what it changes from one broken pixel to the next, as
far as the cluster goes; its access says with what clusters that is counted. In a larger one, as a dead row
is, pixels may differ from those of the whole picture, by what little comes from so far away.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor, lcm

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from hls.graph import Graph
from hls.ops import facets
from hls.ops.access import POINTWISE, Axis

Counts = NDArray[np.int64]
FAR = 1 << 20  # px; where the walk starts, so that no division is of a negative number


@dataclass(frozen=True)
class Reach:
    """In px of the image along an axis. Pixel p of a result as large as the image depends on the pixels
    p - before .. p + after of the image at most; where the result is s times as large, p stands for p / s.

    A frame may start at any multiple of `multiple` px of a larger one: its strides then fall alike.
    """

    before: int
    after: int
    field: int  # most pixels that one pixel of the result sees
    multiple: int


def reach(model: ModelWrapper) -> Reach:
    """The furthest reach of the pixels of all outputs, along either axis."""
    graph = Graph(model)
    axes = [_along(graph, axis) for axis in (0, 1)]
    return Reach(
        max(one.before for one in axes),
        max(one.after for one in axes),
        max(one.field for one in axes),
        lcm(*(one.multiple for one in axes)),
    )


def _along(graph: Graph, axis: int) -> Reach:
    scales = _scales(graph, axis)
    # an element of a tensor is so many pixels wide; frames start where all tensors have whole elements
    multiple = lcm(*(scale.numerator for scale in scales.values()))
    found = [_of(graph, output, axis, scales[output], multiple) for output in graph.outputs]
    return Reach(
        max(one.before for one in found),
        max(one.after for one in found),
        max(one.field for one in found),
        multiple,
    )


def _of(graph: Graph, output: str, axis: int, scale: Fraction, multiple: int) -> Reach:
    """Of one output, for each of its pixels that a period of the strides has."""
    period = int(multiple / scale) if multiple % scale == 0 else multiple * scale.denominator
    first = int(FAR * multiple / scale)
    places = first + np.arange(max(1, period))
    seen: dict[str, tuple[Counts, Counts]] = {output: (places, places)}
    carried: set[str] = set()  # what a sweep reads: another sweep in front of it ends with the same cluster
    for node in reversed(graph.nodes):
        known = [seen[name] for name in node.output if name in seen]
        if not known:
            continue
        low = np.minimum.reduce([one[0] for one in known])
        high = np.maximum.reduce([one[1] for one in known])
        operator = facets(node)
        for index, tensor in enumerate(operator.streams()):
            access = operator.access(index)
            along: Axis = (access.rows, access.columns)[axis]
            interval = along.low(low) - access.carry, along.high(high) + access.carry
            again = access.carry and node.output[0] in carried
            if access.carry or (access == POINTWISE and node.output[0] in carried):
                carried.add(tensor)
            if again:
                interval = low, high
            before = seen.get(tensor, interval)
            seen[tensor] = np.minimum(before[0], interval[0]), np.maximum(before[1], interval[1])
    low, high = seen.get(graph.inputs[0], (places, places))
    here = np.array([floor(int(place) * scale) for place in places])
    return Reach(
        max(0, int((here - low).max())),
        max(0, int((high - here).max())),
        int((high - low).max()) + 1,
        multiple,
    )


def _scales(graph: Graph, axis: int) -> dict[str, Fraction]:
    """Pixels of the image for each element of every tensor."""
    scales = {graph.inputs[0]: Fraction(1)}
    for node in graph.nodes:
        operator = facets(node)
        access = operator.access(0)
        along = (access.rows, access.columns)[axis]
        scale = scales[operator.streams()[0]] * Fraction(along.step, along.per)
        scales |= dict.fromkeys(node.output, scale)
    return scales


def as_dict(reach: Reach) -> dict[str, object]:
    """The fields that io.json has of it."""
    return {
        "receptive_field": reach.field,
        "halo": {"before": reach.before, "after": reach.after},
        "multiple": reach.multiple,
    }
