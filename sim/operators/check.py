"""One random node in every execution, exactly equal; its RTL under every pair of stall patterns."""

import shutil
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.ops import operators
from hls.ops.operator import Drawn, Operator
from pixelmend.errors import UserError
from sim.operators.needs import check_access
from sim.operators.node import Hardware, Node, Tensors
from sim.verilator import Stall

Array = NDArray[Any]

FRAMES = 3
PATTERNS = ("none", "random", "bursty", "one_in_four")  # of idle inputs, and of outputs not ready


def by_name() -> dict[str, type[Operator]]:
    """All registered operators by their short names."""
    return {operator.short: operator for operator in operators().values()}


def draw(name: str, seed: int) -> tuple[Drawn, Node, Tensors]:
    """A node of the operator `name`, and frames for it, ends and middle of their types among them."""
    known = by_name()
    if name not in known:
        raise UserError(f"expected an operator, one of {', '.join(known)}; got {name!r}")
    rng = np.random.default_rng([seed, list(known).index(name)])
    drawn = known[name].draw(rng)
    node = Node(known[name].__name__, drawn)
    count = int(rng.integers(1, FRAMES + 1))
    return drawn, node, tensors(rng, node, count)


def tensors(rng: np.random.Generator, node: Node, count: int) -> Tensors:
    """So many random frames for each input of a node."""
    spans = node.spans or tuple((int(port.kind.min()), int(port.kind.max())) for port in node.inputs)
    return [integers(rng, *span, (count, *port.shape)) for span, port in zip(spans, node.inputs, strict=True)]


def integers(rng: np.random.Generator, low: int, high: int, shape: tuple[int, ...]) -> Array:
    """Random values from `low` to `high`; the ends and the two middle ones, where flags turn, more often."""
    values = rng.integers(low, high + 1, shape)
    edge = rng.random(shape)
    middle = low + (high - low) // 2
    values = np.where(edge < 0.2, middle + (edge < 0.15), values)
    return np.where(edge < 0.1, low, np.where(edge > 0.9, high, values))


def check(name: str, seed: int, cache: Path, keep: bool = True) -> int:
    """Compare all executions of node `seed` of an operator; returns the cycles of its RTL without stalls.

    `UserError` with the command that repeats it where one differs, deadlocks, or gives too much. `keep`: the
    compiled programs stay in `cache`.
    """
    drawn, node, frames = draw(name, seed)
    operator = by_name()[name]
    per_frame = [
        operator.naive(drawn, [tensor[number] for tensor in frames]) for number in range(len(frames[0]))
    ]
    want = [np.stack(outputs) for outputs in zip(*per_frame, strict=True)]
    try:
        _equal("reference", node.reference(frames), want)
        _equal("integer model", node.integer(frames), want)
        check_access(node, np.random.default_rng(seed))
        if not operator.buffers:  # a stream of the HLS C++ is one by itself
            _equal("HLS C++", node.cpp(frames, cache), want)
        return _rtl(node, frames, want, seed, cache, keep)
    except Exception as error:
        raise UserError(
            f"{name}: {error}\n  {drawn.attributes}\n  python -m sim.operators --only {name} --seed {seed}"
        ) from error


def _rtl(node: Node, frames: Tensors, want: Tensors, seed: int, cache: Path, keep: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="pixelmend-operator-") as work:
        hardware = Hardware.load(node, Path(work), cache)
        try:
            cycles = 0
            for number, (idle, pressed) in enumerate(product(PATTERNS, PATTERNS)):
                stalls = {
                    port.name: Stall(kind, seed=1000 * seed + 40 * number + index)
                    for kind, ports in ((idle, node.inputs), (pressed, node.outputs))
                    for index, port in enumerate(ports, start=20 * (ports is node.outputs))
                }
                got, result = hardware.run(frames, stalls)
                _equal(f"RTL, {idle} in, {pressed} out", got, want)
                cycles = cycles or result.cycles
            return cycles
        finally:
            if not keep:
                shutil.rmtree(hardware.simulation.program.parent, ignore_errors=True)


def _equal(what: str, got: Tensors, want: Tensors) -> None:
    for index, (came, due) in enumerate(zip(got, want, strict=True)):
        if came.shape != due.shape:
            raise UserError(f"{what}, output {index}: shape {came.shape}, expected {due.shape}")
        wrong = np.argwhere(came != due)
        if len(wrong):
            first = tuple(int(at) for at in wrong[0])
            raise UserError(
                f"{what}, output {index}: {len(wrong)} of {due.size} differ, first at {first}: "
                f"{came[first]:g} for {due[first]:g}"
            )
