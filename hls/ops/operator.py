"""What the project knows of an operator, in one place: the facets that every node of the graph has.

A node of the dataflow graph is an object of FINN's `HWCustomOp`; shapes, datatypes and stream widths are
asked of it as FINN has them. `Operator` adds what the rest of the project asks. It leaves every facet out and
says which: an operator that was not taught one is an error, never a guess. `StreamOp` (hls.ops.base) is the
base of our own operators; the classes of `hls/ops/` that carry a FINN name wrap FINN's node.

Outside `hls/ops/` no code asks what kind a node is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from hls.ops.access import Access
from pixelmend.errors import UserError

if TYPE_CHECKING:
    from hls.cost import Option
    from hls.cpp.units import Place, Unit
    from hls.parts import Part

Array = NDArray[Any]
TIMING = "timing.hpp"


@dataclass(frozen=True)
class Work:
    """What a node computes for a frame."""

    macs: int = 0
    weights: int = 0
    weight_bits: int = 0


@dataclass(frozen=True)
class Frame:
    """A frame as the timing evaluates it: rows of each input and output, perhaps fewer than the graph has.

    fifo_behind: whether each output goes straight into a FIFO.
    """

    rows_in: tuple[int, ...]
    rows_out: tuple[int, ...]
    fifo_behind: tuple[bool, ...]


@dataclass(frozen=True)
class Drawn:
    """A random node: its attributes, how many streams it has, and the constant at its last input, if any.

    `ahead`: beats that it gives of the next frame before that begins, the first zeros of a padding; a beat
    more is an error. `spans`: the lowest and highest value of each input, where not all of its type may come.
    """

    attributes: dict[str, Any]
    inputs: int = 1
    outputs: int = 1
    constant: Array | None = None
    constant_type: str = ""
    ahead: int = 0
    spans: tuple[tuple[int, int], ...] = ()


Gathers = Literal["nothing", "some", "all"]


class Operator:
    """The facets. Tensors are (N, H, W, C), integers held in floating point unless a facet says otherwise."""

    onnx_node: Any

    # What it is.

    short: str
    """The name that tests, the fuzzer and tables use; unique."""

    constants: int = 0
    """How many of its inputs, the last ones, are constants and no streams."""

    buffers: bool = False
    """Whether it does nothing but hold beats: a FIFO, whose `depth` is planned and whose level is watched."""

    repeats: bool = False
    """Whether it hands on what it has taken several times, and so faster than it comes."""

    multiplies: bool = False
    """Whether its folding is chosen by the integer program of `hls.budget` rather than by pace alone."""

    in_row: bool = False
    """Whether its output registers (`registers`) are stages in a row: where all hold a beat, another comes in the
    cycle in which one leaves. So it is with a single register; elsewhere a place is free a cycle later.
    """

    cautious: bool = False
    """Whether the recurrence of its `schedule` may be slower than its RTL; it is never faster."""

    synthesis_rank: int = 9
    """Where a synthesis takes it: the lower, the longer Yosys needs, the earlier it starts."""

    @classmethod
    def left_out(cls, facet: str) -> NoReturn:
        """An error that names the operator and the facet it lacks."""
        raise NotImplementedError(f"{cls.__name__} says nothing of its {facet}")

    drawn_into: Callable[[Generator, tuple[int, int, int], int, bool], dict[str, Any] | None] | None = None
    """Of a user's operator, how the fuzzer puts it into networks: by a random number generator, the shape (H, W, C),
    the bits and the sign of what it reads, the `domain`, the `kind` and the attributes of an ONNX node; or None.
    """

    # What it computes.

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        """The outputs for whole batches; constants come as the last inputs. It defines the result."""
        self.left_out("results (evaluate)")

    @classmethod
    def draw(cls, rng: Generator) -> Drawn:
        """A random node of the operator, small enough to be simulated in seconds."""
        cls.left_out("random nodes (draw)")

    @classmethod
    def naive(cls, drawn: Drawn, frames: list[Array]) -> list[Array]:
        """The outputs of one frame, lists of (H, W, C) int64, by loops that share nothing with `evaluate`."""
        cls.left_out("naive reference (naive)")

    # When it computes it.

    def access(self, index: int) -> Access:
        """Which pixels of input `index` the output pixels need."""
        self.left_out("access pattern (access)")

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        """Kind and numbers of its recurrence: one that `timing.hpp` of its folder defines, or `steps`."""
        self.left_out("schedule (schedule)")

    def gathers(self) -> Gathers:
        """What else of a pixel it needs for a beat: nothing where beat j comes with beat j, all where the first comes
        with the last; some is what is sure to be safe, at the cost of a FIFO of a pixel beside it.
        """
        return "some"

    def registers(self) -> tuple[int, int]:
        """Beats that it keeps behind its last step, and the cycles from that step until one can leave."""
        self.left_out("output registers (registers)")

    def ahead(self, producer: "Operator | None") -> int:
        """Beats of the FIFO that its first input needs so as not to stall `producer`; 0 for none."""
        self.left_out("need of a FIFO in front (ahead)")

    def least_ahead(self, producer: "Operator | None") -> int:
        """What is enough of them where the network has time to spare; `hls.fifo` chooses between both."""
        return self.ahead(producer)

    # What it costs.

    def limits(self) -> dict[str, int]:
        """The keys of its folding, each with the number that its value must divide."""
        self.left_out("folding (limits)")

    def fold(self, target_cycles: int, producer: "Operator | None", before: dict[str, int]) -> dict[str, int]:
        """The narrowest folding within `target_cycles` a frame; `before` is that of `producer`."""
        self.left_out("choice of folding (fold)")

    def folded(self) -> None:
        """Set the attributes that follow from its folding."""
        self.left_out("consequences of a folding (folded)")

    def keep_tables(self, block_words: int) -> None:
        """Tables of constants of so many words or more go into block RAM, smaller ones into LUTs, where synthesis would
        choose; nothing of an operator without such.
        """

    def options(self, part: "Part") -> "list[Option]":
        """Of an operator that multiplies: the foldings to choose from, with their cost."""
        self.left_out("foldings and their cost (options)")

    def work(self) -> Work:
        """Products and weights of a frame."""
        self.left_out("work (work)")

    def footprint(self) -> tuple[float, float]:
        """LUTs and BRAM36 that it takes as it is folded, roughly: what `hls.budget` plans with. Of an operator that
        multiplies, `options` says it.
        """
        self.left_out("rough cost (footprint)")

    # What it becomes.

    def instance(self, model: ModelWrapper) -> Iterator[str]:
        """Lines of the top level that instantiate it."""
        self.left_out("RTL instance (instance)")

    def unit(self, place: "Place") -> "Unit":
        """Its HLS C++: constants and calls of kernels."""
        self.left_out("HLS C++ (unit)")

    @classmethod
    def kernels(cls) -> list[Path]:
        """The headers of its HLS C++."""
        return sorted(path for path in cls.folder().glob("*.hpp") if path.name != TIMING)

    @classmethod
    def recurrences(cls) -> list[Path]:
        """The file of its own recurrences, if it has any."""
        return sorted(cls.folder().glob(TIMING))

    # What follows.

    @classmethod
    def folder(cls) -> Path:
        """The folder of the operator."""
        import sys

        module = sys.modules[cls.__module__]
        assert module.__file__ is not None, "an operator is defined in a file"
        return Path(module.__file__).parent

    def streams(self) -> list[str]:
        """Its input tensors that are streams."""
        names = list(self.onnx_node.input)
        return names[: len(names) - self.constants]

    def constant_names(self) -> list[str]:
        """Its inputs that are constants."""
        names = list(self.onnx_node.input)
        return names[len(names) - self.constants :]

    def numbers(self, *names: str) -> list[int]:
        """Integer attributes, and lists of them, in a row."""
        values = [self.get_nodeattr(name) for name in names]  # type: ignore[attr-defined]
        return [int(one) for value in values for one in (value if hasattr(value, "__len__") else [value])]

    def number(self, name: str) -> int:
        """An integer attribute."""
        return self.numbers(name)[0]

    def error(self, message: str) -> UserError:
        """A `UserError` about this node."""
        return UserError(f"{self.onnx_node.op_type} '{self.onnx_node.name}': {message}")

    def growth(self) -> Fraction:
        """Rows of the output for each row of the first input."""
        axis = self.access(0).rows
        return Fraction(axis.per, axis.step)


def steps(takes: Sequence[Array], gives: Sequence[Array]) -> tuple[str, list[int]]:
    """The recurrence of an operator that works in step: in step n, one cycle or more, it takes a beat of
    every input i with takes[i][n] and gives one of every output j with gives[j][n]; all or none.
    """
    masks = sum(np.asarray(flags, np.int64) << bit for bit, flags in enumerate([*takes, *gives]))
    masks = np.atleast_1d(masks)
    turns = np.flatnonzero(np.diff(masks)) + 1
    begins = np.concatenate([[0], turns])
    counts = np.diff(np.concatenate([begins, [len(masks)]]))
    return "steps", [int(n) for pair in zip(masks[begins], counts, strict=True) for n in pair]


def in_step(needs: Sequence[Array], counts: Sequence[int]) -> tuple[str, list[int]]:
    """`steps` where output beat n leaves in the step that takes the last beat it needs of each input.

    needs[i][n] is the index of that beat of input i, -1 where it needs none; counts[i] are the beats of a
    frame. What no output needs is taken at the end.
    """
    through = [np.maximum.accumulate(need) + 1 for need in needs]  # beats taken once output n leaves
    before = [np.concatenate([[0], taken[:-1]]) for taken in through]
    # steps that output n takes: as many as its hungriest input, at least one
    own = np.maximum(1, np.maximum.reduce([b - a for a, b in zip(before, through, strict=True)]))
    rest = max(0, *(count - int(taken[-1]) for count, taken in zip(counts, through, strict=True)))
    total = int(own.sum()) + rest
    ends = np.cumsum(own)
    gives = np.zeros(total, bool)
    gives[ends - 1] = True
    takes = []
    for count, a, b in zip(counts, before, through, strict=True):
        flags = np.zeros(total + 1, np.int64)
        new = b - a  # the last of the output's steps take them
        np.add.at(flags, ends - new, 1)
        np.add.at(flags, ends, -1)
        left = count - int(b[-1])
        flags[total - rest] += left > 0
        flags[total - rest + left] -= left > 0
        takes.append(np.cumsum(flags)[:total] > 0)
    return steps(takes, [gives])
