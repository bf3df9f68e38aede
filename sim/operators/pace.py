"""The timing recurrence of one random node beside its RTL: at which cycle each frame's last beat leaves.

Both with inputs that always come and outputs that are always taken. The recurrence may count its cycles from
another one, and pass over the start of the first frame; what it says of the time from one frame to the next
must be so.
"""

import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from hls.timing import Pipeline
from pixelmend.errors import UserError
from sim.operators.check import by_name, draw, tensors
from sim.operators.node import Hardware, Node, Tensors

FRAMES = 4  # the first starts, from the second on the start of a frame may wait for the end of the one before
START = (-2, 12)
"""Cycles by which the RTL's frames may end later than the recurrence's, whose source has a register of its
own and whose nodes have no pipeline that only fills once.
"""


@dataclass(frozen=True)
class Pace:
    """For each output the cycle of each frame's last beat, of the recurrence and of the RTL."""

    recurrence: tuple[tuple[int, ...], ...]
    rtl: tuple[tuple[int, ...], ...]

    def lags(self) -> tuple[tuple[int, ...], ...]:
        """RTL minus recurrence, frame by frame."""
        pairs = zip(self.rtl, self.recurrence, strict=True)
        return tuple(tuple(a - b for a, b in zip(*pair, strict=True)) for pair in pairs)

    def safe(self) -> bool:
        """Whether the recurrence promises no frame, and no time from one to the next, that the RTL does not keep."""
        return all(lags[0] <= START[1] and all(b <= a for a, b in pairwise(lags)) for lags in self.lags())

    def exact(self) -> bool:
        """Whether every frame lags as much as the first, and that is within `START`."""
        return all(len(set(lags)) == 1 and START[0] <= lags[0] <= START[1] for lags in self.lags())


def pace(name: str, seed: int, cache: Path) -> Pace:
    """Of node `seed` of an operator. `UserError` where the recurrence comes to a deadlock or the RTL does."""
    _, node, _ = draw(name, seed)
    frames = tensors(np.random.default_rng(seed), node, FRAMES)
    return Pace(_recurrence(node), _rtl(node, frames, cache))


def check_pace(name: str, seed: int, cache: Path) -> Pace:
    """`pace`, and a `UserError` where the recurrence is not exact, or, of a `cautious` operator, not safe."""
    found = pace(name, seed, cache)
    if not (found.safe() if by_name()[name].cautious else found.exact()):
        drawn = draw(name, seed)[0]
        raise UserError(
            f"{name}, seed {seed}: expected frames that end a constant {START[0]} to {START[1]} cycles after "
            f"the timing recurrence's, got {found.lags()}: recurrence {found.recurrence}, RTL {found.rtl}; "
            f"{drawn.attributes}"
        )
    return found


def _recurrence(node: Node) -> tuple[tuple[int, ...], ...]:
    ends = Pipeline(node.model).run(frames=FRAMES).ends
    if any(len(end) < FRAMES for end in ends):
        raise UserError(f"{node.proto.op_type}: the timing recurrence comes to a deadlock, {ends}")
    return ends


def _rtl(node: Node, frames: Tensors, cache: Path) -> tuple[tuple[int, ...], ...]:
    with tempfile.TemporaryDirectory(prefix="pixelmend-pace-") as work:
        result = Hardware.load(node, Path(work), cache).run(frames, {})[1]
    return tuple(
        tuple(int(cycle) for cycle in result.out_cycles[port.name][port.beats - 1 :: port.beats])
        for port in node.outputs
    )
