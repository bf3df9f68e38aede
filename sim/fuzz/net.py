"""A general network as the fuzzer describes it: steps from tensors to tensors, and what each tensor is.

Tensor 0 is the input, tensor n the result of step n - 1; all are integers times one scale. A step holds no shape that
follows from its sources, so that steps can be taken out and what is left is still a network, or is refused by `tensors`.
"""

from dataclasses import dataclass as plain
from dataclasses import field, replace
from math import prod
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED
from pixelmend.errors import UserError

Kind = Literal[
    "conv", "deconv", "again", "requant", "add", "sub", "concat", "slice", "crop", "maxpool", "avgpool", "upsample",
    "shuffle", "gather", "user",
]  # fmt: skip
Activation = Literal[
    "none", "relu", "leaky", "prelu", "relu6", "clip", "sigmoid", "tanh", "hard_sigmoid", "softplus", "elu"
]
Move = Literal["", "shuffle", "upsample", "maxpool"]
Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, left, bottom, right

QUANTIZED = ("conv", "deconv", "again", "requant")
"""Steps that end with a quantizer; a concatenation has one where it says bits."""

SHAPED: tuple[Activation, ...] = ("relu", "relu6", "sigmoid", "hard_sigmoid", "softplus")
"""Activations that give nothing below 0."""


@dataclass(frozen=True, config=CHECKED)
class Step:
    """One layer as users see it; what its kind has no use for is left as it is."""

    kind: Kind
    sources: tuple[int, ...]
    channels: int = 0  # of the result of a convolution or a slice
    first: int = 0  # channel of a slice
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    pads: Sides = (0, 0, 0, 0)  # zeros around; what a crop takes off
    dilation: Pair = (1, 1)
    extra: Pair = (0, 0)  # output padding
    groups: int = 1
    factor: Pair = (2, 2)  # of upsampling; blocks have factor[0]
    column_row: bool = False  # DepthToSpace in its mode CRD
    weight_bits: int = 4  # 1: -1 and 1
    weight_scales: bool = False  # one for each channel
    bias: bool = True
    norm: bool = False  # batch norm
    move: Move = ""  # between the sums and the activation
    activation: Activation = "none"
    bits: int = 0  # of the quantizer
    signed: bool = False
    narrow: bool = False
    like: int = -1  # the tensor whose scale the quantizer has; -1: its own
    operator: str = ""  # of a user: the short name
    settings: dict[str, Any] = field(default_factory=dict)  # attributes of its node


@dataclass(frozen=True, config=CHECKED)
class Net:
    """A network, its frame and its hardware."""

    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    height: int = 8  # px
    width: int = 8  # px
    channels: int = 3
    bits: int = 8
    signed: bool = False
    pixels: bool = True  # the input's scale is 1/255
    pixels_per_beat: int = 1
    target_fps: float = 2000.0
    folding_seed: int | None = None  # PE and SIMD of every node at random instead of for `target_fps`
    seed: int = 0

    def __str__(self) -> str:
        kind = f"{self.height}x{self.width}x{self.channels} {'i' if self.signed else 'u'}{self.bits}"
        words = [f"{n}:{_word(step)}" for n, step in enumerate(self.steps, 1)]
        folded = "folded" if self.folding_seed is not None else f"{self.target_fps:.0f}fps"
        return f"net {kind} beat{self.pixels_per_beat} {folded} seed{self.seed} [{' '.join(words)}] -> {self.outputs}"


def _word(step: Step) -> str:
    read = ",".join(map(str, step.sources))
    kernel = f"{step.kernel[0]}x{step.kernel[1]}" if step.kernel != (1, 1) else ""
    quantizer = f"/{step.activation}{'i' if step.signed else 'u'}{step.bits}" if step.bits else ""
    return f"{step.kind}{kernel}({read}){quantizer}"


@plain(frozen=True)
class Known:
    """What follows for a tensor."""

    height: int
    width: int
    channels: int
    low: int
    high: int
    scale: tuple[Any, ...]  # equal where scales are

    @property
    def size(self) -> Pair:
        """Rows and columns."""
        return self.height, self.width

    @property
    def bits(self) -> int:
        """Of the narrowest type that holds it."""
        return max(self.high.bit_length(), (-self.low - 1).bit_length() if self.low < 0 else 0) + (
            self.low < 0
        )


def tensors(net: Net) -> list[Known]:
    """Of the input and of every step's result. `UserError` where there is no such network."""
    if (
        min(net.height, net.width, net.channels) < 1
        or not 2 <= net.bits <= 8
        or net.width % net.pixels_per_beat
    ):
        raise UserError(f"no frame: {net}")
    low, high = span(net.bits, net.signed)
    known = [Known(net.height, net.width, net.channels, low, high, ("input",))]
    for step in net.steps:
        known.append(following(step, net.steps, known))
    if not net.outputs or len(set(net.outputs)) < len(net.outputs) or min(net.outputs) < 1:
        raise UserError(f"no outputs: {net.outputs}")
    if max(net.outputs) > len(net.steps):
        raise UserError(f"no such output: {net.outputs}")
    return known


def span(bits: int, signed: bool) -> tuple[int, int]:
    """The ends of a type."""
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


def following(step: Step, steps: tuple[Step, ...], known: list[Known]) -> Known:
    """What a step makes of the tensors `known`, of which it makes the next. `UserError` where it can't."""
    number = len(known)

    def demand(right: bool, what: str) -> None:
        if not right:
            raise UserError(f"step {number} ({step.kind}): {what}")

    demand(bool(step.sources) and all(0 <= one < number for one in step.sources), "no such source")
    demand(-1 <= step.like < number, "no such scale")
    demand(step.like < 0 or len(known[step.like].scale) <= 2, "a quantizer's own scale to share")
    sources = [known[one] for one in step.sources]
    first = sources[0]
    size, channels = _size(step, first, steps, known, demand)
    low, high, scale = first.low, first.high, first.scale
    if step.kind in ("add", "sub"):
        demand(len(sources) == 2, "two operands")
        left, right = sources
        same = (left.size, left.channels, left.scale) == (right.size, right.channels, right.scale)
        demand(same and step.sources[0] != step.sources[1], "operands of one shape and scale")
        low, high = left.low + right.low, left.high + right.high
        if step.kind == "sub":
            low, high = left.low - right.high, left.high - right.low
    elif step.kind == "concat":
        demand(len(sources) > 1 and all(one.size == first.size for one in sources), "parts of one size")
        demand(bool(step.bits) or all(one.scale == scale for one in sources), "parts of one scale")
        demand(all(one.bits <= 8 for one in sources), "parts of 8 bits at most")
        low, high = min(one.low for one in sources), max(one.high for one in sources)
        channels = sum(one.channels for one in sources)
    elif step.kind == "avgpool":
        taps = prod(step.kernel)
        low, high, scale = low * taps, high * taps, (*scale, taps)
    elif step.kind == "user":
        scale = (*scale, number)
    if step.kind in QUANTIZED or step.bits:
        demand(2 <= step.bits <= 8, "a quantizer of 2 to 8 bits")
        low, high = span(step.bits, step.signed)
        scale = ("own", number) if step.like < 0 else known[step.like].scale
    demand(min(*size, channels) >= 1, "something must be left")
    return Known(*size, channels, low, high, scale)


def _size(step: Step, first: Known, steps: Any, known: list[Known], demand: Any) -> tuple[Pair, int]:
    """Rows, columns and channels of the result."""
    size, channels = first.size, first.channels
    match step.kind:
        case "conv":
            demand(channels % step.groups == 0 and step.channels % step.groups == 0, "groups that divide")
            size, channels = windows(first.size, step), step.channels
            demand(min(size) >= 1, "a kernel within the padded input")
        case "deconv":
            demand(channels % step.groups == 0 and step.channels % step.groups == 0, "groups that divide")
            size, channels = _stamped(step, first.size, demand), step.channels
        case "again":
            maker = steps[step.sources[0] - 1] if step.sources[0] else None
            demand(
                maker is not None and maker.kind in ("conv", "deconv") and not maker.move,
                "sums to look at again",
            )
            demand(not step.move and not step.norm, "no moves, no batch norm")
        case "maxpool":
            demand(first.low >= 0 or not any(step.pads), "no zeros around signed values")
            size = windows(first.size, step)
            demand(min(size) >= 1 and not _only_zeros(step), "windows that hold pixels")
        case "avgpool":
            size = windows(first.size, step)
            demand(min(size) >= 1 and not _only_zeros(step), "windows that hold pixels")
        case "slice":
            demand(step.first >= 0 and step.first + step.channels <= channels, "channels that are there")
            demand(step.channels < channels, "fewer channels")
            channels = step.channels
        case "crop":
            top, left, bottom, right = step.pads
            size = size[0] - top - bottom, size[1] - left - right
            demand(any(step.pads), "something to crop")
        case "upsample":
            size = size[0] * step.factor[0], size[1] * step.factor[1]
            demand(max(step.factor) > 1, "a factor")
        case "shuffle":
            size, channels = _shuffled(step, size, channels, demand)
        case "gather":
            block = step.factor[0]
            demand(block > 1 and size[0] % block == 0 and size[1] % block == 0, "whole blocks")
            size, channels = (size[0] // block, size[1] // block), channels * block**2
    match step.move:
        case "shuffle":
            demand(step.kind in ("conv", "deconv") and not _depthwise(step, first), "sums to shuffle")
            size, channels = _shuffled(step, size, channels, demand)
        case "upsample":
            demand(step.kind in QUANTIZED and max(step.factor) > 1, "a factor")
            size = size[0] * step.factor[0], size[1] * step.factor[1]
        case "maxpool":
            demand(step.kind in QUANTIZED, "sums to choose from")
            size = size[0] // 2, size[1] // 2
            demand(min(size) >= 1, "windows")
    return size, channels


def _depthwise(step: Step, first: Known) -> bool:
    return step.groups > 1 and step.groups == first.channels == step.channels


def _shuffled(step: Step, size: Pair, channels: int, demand: Any) -> tuple[Pair, int]:
    block = step.factor[0]
    demand(block > 1 and channels % block**2 == 0, "channels for blocks")
    return (size[0] * block, size[1] * block), channels // block**2


def windows(size: Pair, step: Step) -> Pair:
    """Rows and columns of windows of a convolution or pooling."""
    top, left, bottom, right = step.pads
    padded = size[0] + top + bottom, size[1] + left + right
    rows, columns = (
        (side - (taps - 1) * apart - 1) // pace + 1 if side > (taps - 1) * apart else 0
        for side, taps, apart, pace in zip(padded, step.kernel, step.dilation, step.stride, strict=True)
    )
    return rows, columns


def _only_zeros(step: Step) -> bool:
    """Whether a window could lie in the padding alone, of which a maximum is of nothing."""
    return any(pad >= side for pad, side in zip(step.pads, (*step.kernel, *step.kernel), strict=True))


def _stamped(step: Step, size: Pair, demand: Any) -> Pair:
    """Of a transposed convolution, in the ways that the front end takes it."""
    demand(step.stride[0] == step.stride[1], "one stride")
    pace = step.stride[0]
    demand(max(step.extra) < max(pace, 1), "output padding below the stride")
    made = []
    for axis, side in enumerate(size):
        taps, before, after = step.kernel[axis], step.pads[axis], step.pads[axis + 2]
        out = (side - 1) * pace + taps + step.extra[axis] - before - after
        demand(out >= 1 and max(before, after) < taps, "something left")
        reach = -(-taps // pace) - 1
        last = (before + out - 1) // pace
        demand(
            before // pace <= reach and side - 1 - reach <= last <= side + reach, "an output that is reached"
        )
        made.append(out)
    return made[0], made[1]


def rewired(net: Net, instead: dict[int, int]) -> Net:
    """Whoever read a tensor reads the earlier one that `instead` says; steps that nothing needs any more are left out."""

    def now(number: int) -> int:
        while number in instead:
            number = instead[number]
        return number

    steps = [
        replace(
            step, sources=tuple(map(now, step.sources)), like=step.like if step.like < 0 else now(step.like)
        )
        for step in net.steps
    ]
    outputs = tuple(dict.fromkeys(now(number) for number in net.outputs if now(number)))
    wanted = set(outputs)
    for number in range(len(steps), 0, -1):
        if number in wanted:
            wanted |= {*steps[number - 1].sources, steps[number - 1].like}
    kept = [number for number in range(1, len(steps) + 1) if number in wanted]
    new = {-1: -1, 0: 0} | {old: place for place, old in enumerate(kept, 1)}
    numbered = tuple(
        replace(step, sources=tuple(new[one] for one in step.sources), like=new[step.like])
        for step in (steps[number - 1] for number in kept)
    )
    return replace(net, steps=numbered, outputs=tuple(new[number] for number in outputs))
