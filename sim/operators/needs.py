"""Which pixels of its inputs an operator's results depend on: found by changing one pixel after another.

Nothing is asked of the operator but what it computes, so that its access (`hls.ops.access`) can be held
against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hls.ops import facets
from hls.ops.access import Access, Axis
from pixelmend.errors import UserError
from sim.operators.node import Node

Array = NDArray[Any]
Flags = NDArray[np.bool_]

TRIES = 8  # of frames all low, all high and at random: what depends on a flag shows in one of them
ELEMENTS = 1 << 22  # of a tensor at once
ENDS = ("first row", "last row", "first column", "last column")


@dataclass(frozen=True)
class Input:
    """A stream (H, W, C) of integers from `low` to `high`."""

    shape: tuple[int, ...]
    low: int
    high: int


def dependence(
    operator: Any,
    inputs: Sequence[Input],
    constants: Sequence[Array],
    index: int,
    rng: Generator,
    groups: Flags | None = None,
) -> list[Flags]:
    """For each output the matrix (pixels of the output, pixels of input `index`) of what depends on what.

    `groups` (count, H, W) are pixels that are changed together, in the place of single ones.
    """
    found: list[Flags] = []
    height, width, _ = inputs[index].shape
    if groups is None:
        groups = np.eye(height * width, dtype=bool).reshape(-1, height, width)
    for turn in range(TRIES):
        frames = [_frame(rng, one, turn) for one in inputs]
        other = _others(rng, inputs[index], frames[index])
        want = operator.evaluate([*(frame[None] for frame in frames), *constants])
        found = found or [np.zeros((result[0, ..., 0].size, len(groups)), bool) for result in want]
        largest = max(array.size for array in (*frames, *want))
        for chunk in np.array_split(np.arange(len(groups)), -(-len(groups) * largest // ELEMENTS)):
            batch = [np.repeat(frame[None], len(chunk), axis=0) for frame in frames]
            batch[index] = np.where(groups[chunk][..., None], other, frames[index])
            for flags, result, before in zip(
                found, operator.evaluate([*batch, *constants]), want, strict=True
            ):
                changed = (result != before).any(-1).reshape(len(chunk), -1)
                flags[:, chunk] |= changed.T
    return found


def _frame(rng: Generator, one: Input, turn: int) -> Array:
    """All low, all high, then at random, the ends more often."""
    if turn < 2:
        return np.full(one.shape, (one.low, one.high)[turn], np.float32)
    values = rng.integers(one.low, one.high + 1, one.shape)
    edge = rng.random(one.shape)
    return np.where(edge < 0.15, one.low, np.where(edge > 0.85, one.high, values)).astype(np.float32)


def _others(rng: Generator, one: Input, frame: Array) -> Array:
    """Other values for all pixels, in one channel at least: the other end, or at random."""
    far = np.where(frame > (one.low + one.high) / 2, one.low, one.high)
    values = np.where(rng.random(frame.shape) < 0.5, far, rng.integers(one.low, one.high + 1, frame.shape))
    same = (values == frame).all(-1, keepdims=True)
    return np.where(same, far, values).astype(np.float32)


def check_access(node: Node, rng: Generator) -> list[set[str]]:
    """Hold the access of a node against what its results depend on; for each input the `ENDS` that are
    reached.

    `UserError` where an output pixel changes with an input pixel that its access does not name, or that it
    says need not have come.
    """
    operator = facets(node.proto)
    spans = node.spans or tuple((int(port.kind.min()), int(port.kind.max())) for port in node.inputs)
    inputs = [Input(port.shape, *span) for port, span in zip(node.inputs, spans, strict=True)]
    constants = [node.model.get_initializer(name) for name in operator.constant_names()]
    reached = []
    for index, one in enumerate(inputs):
        access, ends = operator.access(index), set[str]()
        found = dependence(operator, inputs, constants, index, rng)
        for number, flags, port in zip(count(), found, node.outputs, strict=False):
            ends |= _held(access, flags, one.shape[:2], port.shape[:2], f"input {index}, output {number}")
        reached.append(ends)
    return reached


def _held(access: Access, flags: Flags, have: tuple[int, ...], made: tuple[int, ...], where: str) -> set[str]:
    out, into = np.nonzero(flags)
    places = list(zip(np.divmod(out, made[1]), np.divmod(into, have[1]), strict=True))
    ends = set[str]()
    for name, axis, (result, source) in zip(
        ("row", "column"), (access.rows, access.columns), places, strict=True
    ):
        low, high = axis.low(result), axis.high(result)
        _none(where, name, axis, out, into, (source < low - access.carry) | (source > high + access.carry))
        ends |= {f"first {name}"} if (source <= low).any() else set()
        ends |= {f"last {name}"} if (source >= high).any() else set()
    needed = access.needed((have[0], have[1]), (made[0], made[1]))
    _none(where, "order", access, out, into, np.maximum.accumulate(needed)[out] < into)
    return ends


def _none(where: str, name: str, said: Axis | Access, out: Array, into: Array, wrong: Flags) -> None:
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise UserError(
            f"access, {where}: pixel {out[first]} of the output changes with pixel {into[first]} of the "
            f"input, which its {name} does not say: {said}"
        )
