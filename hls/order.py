"""Raster order: which input pixel is the last that an output pixel needs, node by node and along a branch.

For every operator, need(n) is the number of its input pixels that must have been consumed before its n-th
output pixel can leave; of a join, on each input. It follows from the operator's access (`hls.ops.access`).
Along a branch these compose.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from hls.graph import Graph
from hls.ops import facets

Counts = NDArray[np.int64]


class Order:
    """The order of a graph as it is now; each tensor's need is computed once."""

    def __init__(self, model: ModelWrapper) -> None:
        self._graph = Graph(model)
        self._known: dict[tuple[str, str], Counts | None] = {}
        self._forks: dict[str, dict[str, Any]] = {}

    def floor_pixels(self, join: Any, index: int) -> int:
        """Pixels that must wait at input `index` of `join`, whatever the folding, or the network deadlocks.

        The paths of the join's inputs part at a fork. Its n-th pixel needs others(n) pixels through that fork
        on the other inputs, by which time some have come out on this one, of which it has taken taken(n),
        which is n - 1 where it takes pixels one by one:

            max over n of |{m : own(m) <= others(n)}| - taken(n)

        That is 1 or less on the path that takes longest, and where the paths part at no fork at all.
        """
        operator = facets(join)
        streams = dict(enumerate(operator.streams()))
        tensor = streams.pop(index)
        fork = self._parting(tensor, streams.values())
        if fork is None:
            return 0
        own = self.need(tensor, fork)
        latest = self._latest(join, streams, fork)
        if own is None or latest is None:
            return 0
        taken = operator.access(index).taken(self._size(tensor), self._size(join.output[0]))
        return int((np.searchsorted(own, latest, side="right") - taken).max())

    def is_skip(self, join: Any, index: int) -> bool:
        """Whether input `index` of a node waits for the other inputs: whole pixels, or within one.

        Of a pixel in passing, the first beat waits until the others have more of it, where something there gathers it;
        the fork that both come from has no room for the beats between, unless all of it is gathered on this side, too.
        """
        streams = facets(join).streams()
        if len(streams) < 2:
            return False
        floor = self.floor_pixels(join, index)
        if floor != 1:
            return floor > 1
        others = [tensor for n, tensor in enumerate(streams) if n != index]
        fork = self._parting(streams[index], others)
        beats = prod(facets(fork).get_folded_output_shape()[3:-1])
        theirs = set().union(*(self._gathered(tensor, fork) for tensor in others))
        return beats > 1 and theirs != {"nothing"} and "all" not in self._gathered(streams[index], fork)

    def _gathered(self, tensor: str, fork: Any) -> set[str]:
        """What the operators between `fork` and `tensor` gather of a pixel."""
        ahead, seen, found = [tensor], {tensor}, {"nothing"}
        for name in ahead:
            producer = self._graph.producer(name)
            if producer is None or producer.name == fork.name or fork.name not in self._upstream(name):
                continue
            found.add(facets(producer).gathers())
            new = [source for source in facets(producer).streams() if source not in seen]
            seen.update(new)
            ahead += new
        return found

    def need(self, tensor: str, fork: Any) -> Counts | None:
        """need(n) for n = 1.. of `tensor` in pixels through `fork`; None where it does not come by it."""
        key = tensor, fork.name
        if key not in self._known:
            self._known[key] = self._need(tensor, fork)
        return self._known[key]

    def _need(self, tensor: str, fork: Any) -> Counts | None:
        if tensor in fork.output:
            height, width = self._size(tensor)
            return np.arange(1, height * width + 1)
        producer = self._graph.producer(tensor)
        if producer is None or fork.name not in self._upstream(tensor):
            return None
        return self._latest(producer, dict(enumerate(facets(producer).streams())), fork)

    def _latest(self, node: Any, streams: Mapping[int, str], fork: Any) -> Counts | None:
        """need(n) of the output of `node`, by its inputs `streams` alone; None where none comes by `fork`."""
        operator, known = facets(node), []
        for index, tensor in streams.items():
            through = self.need(tensor, fork)
            if through is not None:
                needed = operator.access(index).needed(self._size(tensor), self._size(node.output[0]))
                known.append(through[needed])
        if not known:
            return None
        latest: Counts = np.maximum.accumulate(np.maximum.reduce(known))
        return latest

    def _parting(self, tensor: str, others: Iterable[str]) -> Any:
        """The nearest fork upstream of `tensor` that one of `others` comes by too, if any."""
        theirs = {name for other in others for name in self._upstream(other)}
        return next((node for name, node in self._upstream(tensor).items() if name in theirs), None)

    def _upstream(self, tensor: str) -> dict[str, Any]:
        """All forks upstream of `tensor` by name, the nearest first."""
        if tensor not in self._forks:
            found: dict[str, Any] = {}
            ahead, seen = [tensor], {tensor}
            for name in ahead:
                node = self._graph.producer(name)
                if node is not None:
                    if len(node.output) > 1:
                        found.setdefault(node.name, node)
                    new = [source for source in facets(node).streams() if source not in seen]
                    seen.update(new)
                    ahead += new
            self._forks[tensor] = found
        return self._forks[tensor]

    def _size(self, tensor: str) -> tuple[int, int]:
        height, width = self._graph.shape(tensor)[1:3]
        return height, width
