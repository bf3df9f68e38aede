"""What follows for the tensors of a general network from its description, or why there is no such network."""

from dataclasses import dataclass
from math import prod
from typing import Any

from pixelmend.errors import UserError
from sim.fuzz.net import QUANTIZED, Net, Pair, Step


@dataclass(frozen=True)
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
            size = _pooled(first.size, step, demand)
        case "avgpool":
            size = _pooled(first.size, step, demand)
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
    return _moved(step, first, size, channels, demand)


def _moved(step: Step, first: Known, size: Pair, channels: int, demand: Any) -> tuple[Pair, int]:
    """Behind what lies between the sums and the activation."""
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


def _pooled(size: Pair, step: Step, demand: Any) -> Pair:
    made = windows(size, step)
    # a window in the padding alone holds nothing
    empty = any(pad >= side for pad, side in zip(step.pads, (*step.kernel, *step.kernel), strict=True))
    demand(min(made) >= 1 and not empty, "windows that hold pixels")
    return made


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
