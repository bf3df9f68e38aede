"""Depths of all FIFOs by construction: skips, rows, windows, and rows inside pixel shuffles.

**Skips** - the inputs of a join (a skip add, an operator on two images) come from one fork, on paths of which
one takes longer; what has come on the other waits in a FIFO: the encoder's result for the decoder's, the
image for its score or its correction, a level of a pyramid for whole rows of the level above. Two depths
count (`hls.order` and `hls.timing` say how they come about from kernels, strides, paddings and folding):

    floor   max over n of |{m : own(m) <= others(n)}| - taken(n)  pixels      with less it deadlocks
    depth   the least with period(depths) <= (1 + PACE) * period(unlimited)

with period() the cycles of a frame in the steady state, by the max-plus recurrence of the whole network, all
other FIFOs, windows and replay buffers at their sizes. With deeper FIFOs no beat comes later, so the depth is
found by bisection between the floor and the level reached without a limit; the skips that hold most are
settled first, the rest with them at their depths, so that all of them together keep the pace.

**Rows and windows** - in front of a padding and of a matrix unit, as the operators say (facet `ahead`); the
least of it (facet `least_ahead`) where the same recurrence says that the pace stays.

**Inside operators** - a pixel shuffle's row FIFOs, as it says (facet `folded`).
"""

from collections.abc import Collection
from math import prod
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from hls.graph import Graph
from hls.ops import facets
from hls.order import Order
from hls.timing import FRAMES, Pipeline

PACE = 0.001  # share of a frame's cycles that finite skip FIFOs may cost
RESOLUTION = 128  # a skip's depth is found to within this part of it


def skips(model: ModelWrapper) -> dict[str, int]:
    """The skip FIFOs of a connected graph by name, with their floors in beats."""
    found = {}
    graph, order = Graph(model), Order(model)
    for join in graph.nodes:
        for index, tensor in enumerate(facets(join).streams()):
            if order.is_skip(join, index):
                node = graph.producer(tensor)
                while not facets(node).buffers:
                    node = graph.producer(node.input[0])
                beats = prod(facets(node).get_folded_output_shape()[3:-1])
                found[node.name] = order.floor_pixels(join, index) * beats
    return found


def size(model: ModelWrapper) -> float:
    """Set the depth of every FIFO of a connected graph, the least for full pace; returns the cycles of a frame.

    The cycles are those of the recurrence, which evaluates fewer rows of a tall frame and so exceeds the truth
    by what its borders weigh more.
    """
    floors = skips(model)
    spare = _spare(model, floors)
    pipeline = Pipeline(model)
    fifos = {name: _fifo(model, name) for name in floors}
    # places for all beats of all frames
    plenty = {name: FRAMES * prod(fifo.get_folded_output_shape()[:-1]) for name, fifo in fifos.items()}
    free = pipeline.run(plenty)
    period, enough = free.period, free.period * (1 + PACE)

    def keeps_pace(depths: dict[str, int]) -> bool:
        nonlocal period
        if (found := pipeline.run(depths).period) > enough:
            return False
        period = found
        return True

    least: dict[str, int] = {}
    for name, depth in spare.items():
        if keeps_pace(plenty | least | {name: depth}):
            least[name] = depth
    depths = least | {name: free.levels[name] for name in floors}
    for name in sorted(floors, key=lambda name: -depths[name] * fifos[name].get_instream_width()):
        low, high = min(floors[name], depths[name]) - 1, depths[name]
        while high - low > max(1, high // RESOLUTION):
            middle = (low + high) // 2
            if keeps_pace(depths | {name: middle}):
                high = middle
            else:
                low = middle
        depths[name] = high
    for name, depth in depths.items():
        _fifo(model, name).set_depth(depth)
    return period * pipeline.taller


def _spare(model: ModelWrapper, skips: Collection[str]) -> dict[str, int]:
    """The FIFOs, other than `skips`, that may do with less, by name, and with how much."""
    graph, found = Graph(model), {}
    for node in graph.nodes:
        operator = facets(node)
        before = graph.producer(operator.streams()[0])
        if before is None or not facets(before).buffers or before.name in skips:
            continue
        source = graph.producer(before.input[0])
        least = operator.least_ahead(source and facets(source))
        if least < operator.ahead(source and facets(source)):
            found[before.name] = least
    return found


def _fifo(model: ModelWrapper, name: str) -> Any:
    return facets(model.get_node_from_name(name))
