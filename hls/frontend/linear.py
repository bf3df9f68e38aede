"""Convolutions, batch norm, constants that are added and multiplied, sums and differences of tensors."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from onnx import NodeProto

from hls.frontend.activations import bent, per_channel
from hls.frontend.closing import moved, spans_of, windows
from hls.frontend.quantizers import weights
from hls.frontend.registry import handles
from hls.frontend.restoration import correction, shifted
from hls.frontend.values import Correction, Cut, Padded, Part, Pending, Sums
from hls.functions import Affine
from hls.layers.joins import add, subtract
from hls.network import Integers, Tensor

if TYPE_CHECKING:
    from hls.frontend.reader import Reader

Pads = tuple[int, int, int, int]


@handles("Conv")
def conv(reader: "Reader", node: NodeProto) -> None:
    source, more = padded(reader, node)
    known = _geometry(reader, node)
    integers, bits, scale = weights(reader, node, 1, 0)
    _two_dimensional(reader, node, integers, known)
    kernel, group = integers.shape[2:], known["group"]
    stride, dilation = tuple(known["strides"]), tuple(known["dilations"])
    spans = spans_of(kernel, dilation)
    pads = around(reader, node, known, reader.shape(node.input[0])[:2], spans, stride)
    pads = both(pads, more)
    if source.channels != group * integers.shape[1] or integers.shape[0] % group:
        raise reader.error(
            node,
            f"{source.channels} channels, weights {integers.shape} and {group} groups do not fit each other",
        )
    size = windows(source.size, kernel, stride, pads, dilation)
    if min(size) < 1:
        raise reader.error(node, f"its kernel spans {spans}, more than the padded input {source.size}")
    source, pads = reached(reader, node, source, spans, stride, pads)
    kind: Literal["convolution", "depthwise"] = "convolution"
    if group > 1:
        if group == source.channels == integers.shape[0]:
            kind = "depthwise"
        else:
            integers = _dense(integers, group)
    sums = Sums(node, kind, source, integers, bits, size, integers.shape[0], stride, pads, dilation)
    reader.known[node.output[0]] = _with_bias(reader, node, sums, scale)


@handles("ConvTranspose")
def conv_transpose(reader: "Reader", node: NodeProto) -> None:
    source = reader.tensor(node)
    known = _geometry(reader, node, output_padding=[0, 0], output_shape=None)
    integers, bits, scale = _transposed_weights(reader, node, known["group"])
    _two_dimensional(reader, node, integers, known)
    if tuple(known["dilations"]) != (1, 1):
        integers = _spread(integers, known["dilations"])
    kernel, stride, extra = integers.shape[2:], tuple(known["strides"]), known["output_padding"]
    if integers.shape[0] != source.channels:
        raise reader.error(
            node,
            f"{source.channels} channels and weights (Cin, Cout, k, k) of {integers.shape} do not fit each other",
        )
    if stride[0] != stride[1]:
        raise reader.error(node, f"its stride must be the same along rows and columns, got {list(stride)}")
    full = [(side - 1) * step + taps for side, step, taps in zip(source.size, stride, kernel, strict=True)]
    pads = _transposed_pads(reader, node, known, source.size, full, stride)
    size = tuple(
        side + more - pads[axis] - pads[axis + 2]
        for axis, (side, more) in enumerate(zip(full, extra, strict=True))
    )
    if min(size) < 1:
        raise reader.error(node, f"nothing of its output is left: {size[0]}x{size[1]}")
    if min(pads) < 0 or any(
        p // stride[0] > -(-k // stride[0]) - 1 for p, k in zip(pads[:2], kernel, strict=True)
    ):
        raise reader.error(node, f"padding must be 0 or more and less than the kernel, got {list(pads)}")
    if stride == (1, 1):
        # no zeros between pixels: an ordinary convolution with the kernel turned round
        flipped = np.ascontiguousarray(integers.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])
        top, left = kernel[0] - 1 - pads[0], kernel[1] - 1 - pads[1]
        around = (
            top,
            left,
            size[0] + kernel[0] - 1 - source.height - top,
            size[1] + kernel[1] - 1 - source.width - left,
        )
        if min(around) < 0:
            raise reader.error(node, f"padding must be less than the kernel, got {list(pads)}")
        sums = Sums(node, "convolution", source, flipped, bits, size, flipped.shape[0], (1, 1), around)
    else:
        _reached(reader, node, source.size, size, stride[0], kernel, pads)
        sums = Sums(node, "transposed", source, integers, bits, size, integers.shape[1], stride, pads)
    reader.known[node.output[0]] = _with_bias(reader, node, sums, scale)


@handles("BatchNormalization")
def batch_norm(reader: "Reader", node: NodeProto) -> None:
    """gain * (x - mean) / sqrt(variance + epsilon) + offset, per channel; a gain may be negative."""
    known = reader.attributes(node, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1)
    if known["training_mode"]:
        raise reader.error(node, "batch norm must be of inference: export the network in evaluation mode")
    constants = [reader.constant(node, index) for index in (1, 2, 3, 4)]
    if any(one is None for one in constants):
        raise reader.error(node, "its gain, offset, mean and variance must be constant")
    gain, offset, mean, variance = (np.asarray(one, np.float64).reshape(-1, 1) for one in constants)
    if (variance < 0).any():
        raise reader.error(node, f"its variance must not be negative, got {variance.min():g}")
    factor = gain / np.sqrt(variance + known["epsilon"])
    _affine(reader, node, Affine(factor, offset - factor * mean))


@handles("Add")
def addition(reader: "Reader", node: NodeProto) -> None:
    values = [reader.value(node, index) for index in (0, 1)]
    if any(isinstance(value, Part) for value in values) and correction(reader, node):
        return
    for index, constant in enumerate(reader.constant(node, one) for one in (0, 1)):
        if constant is not None:
            _affine(reader, node, Affine(np.ones((1, 1)), per_channel(reader, node, constant)), 1 - index)
            return
    _joined(reader, node, 1)


@handles("Sub")
def subtraction(reader: "Reader", node: NodeProto) -> None:
    if isinstance(reader.value(node, 0), Correction):
        shifted(reader, node)
        return
    left, right = reader.constant(node, 0), reader.constant(node, 1)
    if right is not None:
        _affine(reader, node, Affine(np.ones((1, 1)), -per_channel(reader, node, right)))
    elif left is not None:
        _affine(reader, node, Affine(-np.ones((1, 1)), per_channel(reader, node, left)), 1)
    else:
        _joined(reader, node, -1)


@handles("Mul", "Div")
def factor(reader: "Reader", node: NodeProto) -> None:
    constants = [reader.constant(node, index) for index in (0, 1)]
    if constants[1] is not None:
        values = per_channel(reader, node, constants[1])
        if node.op_type == "Div":
            if (values == 0).any():
                raise reader.error(node, "its divisor must not be 0")
            values = 1 / values
        _affine(reader, node, Affine(values, np.zeros((1, 1))))
    elif constants[0] is not None and node.op_type == "Mul":
        _affine(reader, node, Affine(per_channel(reader, node, constants[0]), np.zeros((1, 1))), 1)
    else:
        raise reader.error(
            node,
            "its factor must be a constant; products of two images (gates, attention, SiLU as x * Sigmoid(x)) are not "
            "made: use a function that never falls",
        )


@handles("Neg")
def negative(reader: "Reader", node: NodeProto) -> None:
    _affine(reader, node, Affine(-np.ones((1, 1)), np.zeros((1, 1))))


def _affine(reader: "Reader", node: NodeProto, affine: Affine, index: int = 0) -> None:
    shape = np.broadcast_shapes(affine.gain.shape, affine.offset.shape)
    both = Affine(np.broadcast_to(affine.gain, shape), np.broadcast_to(affine.offset, shape))
    bent(reader, node, both, index=index)


def _joined(reader: "Reader", node: NodeProto, sign: int) -> None:
    """The exact sum, or difference, of two tensors."""
    left, right = (_operand(reader, node, index) for index in (0, 1))
    if left.shape != right.shape:
        raise reader.error(
            node,
            f"its operands must have one shape (H, W, C), got {left.shape} and {right.shape}; nothing is broadcast",
        )
    if left.scale != right.scale:
        makers = [reader.producer(name) for name in node.input]
        first, second = (reader.place(maker) if maker is not None else "the image" for maker in makers)
        raise reader.error(
            node,
            f"its operands have scales {left.scale!r} ({first}) and {right.scale!r} ({second}), which can't be merged: "
            "let both share one quantizer",
        )
    low, high = (
        (left.minimum + right.minimum, left.maximum + right.maximum)
        if sign > 0
        else (left.minimum - right.maximum, left.maximum - right.minimum)
    )
    bits = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + (low < 0)
    bits = max(bits, left.bits, right.bits)  # which the adder wants
    result = Tensor(node.output[0], *left.shape, bits, high, left.scale, low)
    label = reader.label(node)
    make = add if sign > 0 else subtract
    reader.add(make(reader.name("add" if sign > 0 else "sub", label), (left, right), result, label))
    reader.known[node.output[0]] = result


def _operand(reader: "Reader", node: NodeProto, index: int) -> Tensor:
    value = reader.value(node, index)
    if isinstance(value, Pending) or value is None:
        maker = reader.producer(node.input[index])
        where = f" ({reader.place(maker)})" if maker is not None else ""
        raise reader.error(
            node, f"both operands must be quantized tensors: {node.input[index]}{where} is float; quantize it, with "
            "the same scale as the other"
        )  # fmt: skip
    return reader.tensor(node, index)


def both(one: Pads, other: Pads) -> Pads:
    """Zeros of a padding around those of another."""
    top, left, bottom, right = (a + b for a, b in zip(one, other, strict=True))
    return top, left, bottom, right


def padded(reader: "Reader", node: NodeProto) -> tuple[Tensor, Pads]:
    """The tensor that a node with windows reads, and the zeros that a Pad node put around it."""
    value = reader.value(node, 0)
    if isinstance(value, Padded):
        return value.tensor, value.pads
    return reader.tensor(node), (0, 0, 0, 0)


def _geometry(reader: "Reader", node: NodeProto, **more: Any) -> dict[str, Any]:
    known = reader.attributes(
        node,
        kernel_shape=None,
        strides=[1, 1],
        pads=[0, 0, 0, 0],
        dilations=[1, 1],
        group=1,
        auto_pad="NOTSET",
        **more,
    )
    if known["auto_pad"] in ("", "NOTSET") and min(known["pads"]) < 0:
        raise reader.error(node, f"padding must be 0 or more, got {known['pads']}: crop with a Slice instead")
    return known


def _two_dimensional(reader: "Reader", node: NodeProto, integers: Integers, known: dict[str, Any]) -> None:
    if integers.ndim != 4:
        raise reader.error(node, f"its weights must be (Cout, Cin, k, k), got shape {integers.shape}")
    shape = known["kernel_shape"]
    if shape is not None and tuple(shape) != integers.shape[2:]:
        raise reader.error(node, f"kernel_shape {shape} and weights {integers.shape} do not fit each other")


def around(
    reader: "Reader",
    node: NodeProto,
    known: dict[str, Any],
    size: tuple[int, int],
    spans: list[int],
    stride: tuple[int, ...],
) -> Pads:
    """Zeros at top, left, bottom and right, those of auto_pad computed."""
    mode = known["auto_pad"]
    if mode in ("", "NOTSET"):
        top, left, bottom, right = known["pads"]
        return top, left, bottom, right
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise reader.error(node, f"auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {mode}")
    ends = []
    for side, span, step in zip(size, spans, stride, strict=True):
        total = max(0, (-(-side // step) - 1) * step + span - side)
        less, more = total // 2, total - total // 2
        ends.append((less, more) if mode == "SAME_UPPER" else (more, less))
    (top, bottom), (left, right) = ends
    return top, left, bottom, right


def reached(
    reader: "Reader", node: NodeProto, source: Tensor, spans: list[int], stride: tuple[int, ...], pads: Pads
) -> tuple[Tensor, Pads]:
    """Input and padding without rows and columns at the end that no window reaches: they are not streamed."""
    top, left, bottom, right = pads
    bottom -= (source.height + top + bottom - spans[0]) % stride[0]
    right -= (source.width + left + right - spans[1]) % stride[1]
    if bottom < 0 or right < 0:
        cut = Cut((0, 0, max(0, -bottom), max(0, -right)))
        source = moved(reader, node, source, cut, f"{node.output[0]}:reached")
    return source, (top, left, max(0, bottom), max(0, right))


def _dense(integers: Integers, group: int) -> Integers:
    """Weights of groups as those of an ordinary convolution: nothing between channels of different groups."""
    outputs, inputs, *kernel = integers.shape
    dense = np.zeros((outputs, inputs * group, *kernel), np.int64)
    per_group = outputs // group
    for n in range(group):
        rows = slice(n * per_group, (n + 1) * per_group)
        dense[rows, n * inputs : (n + 1) * inputs] = integers[rows]
    return dense


def _transposed_weights(reader: "Reader", node: NodeProto, group: int) -> tuple[Integers, int, Any]:
    """(Cin, Cout, k, k), groups made dense, their bits and the scale of each output channel."""
    integers, bits, scale = weights(reader, node, 1, 1)
    if group > 1:
        inputs, outputs, *kernel = integers.shape
        if inputs % group:
            raise reader.error(node, f"{inputs} input channels can't be divided into {group} groups")
        dense = np.zeros((inputs, outputs * group, *kernel), np.int64)
        per_group = inputs // group
        for n in range(group):
            rows = slice(n * per_group, (n + 1) * per_group)
            dense[rows, n * outputs : (n + 1) * outputs] = integers[rows]
        integers, scale = dense, np.tile(scale, group)
    return integers, bits, scale


def _spread(integers: Integers, dilation: list[int]) -> Integers:
    """A dilated kernel with its zeros written out."""
    inputs, outputs, height, width = integers.shape
    wide = np.zeros(
        (inputs, outputs, (height - 1) * dilation[0] + 1, (width - 1) * dilation[1] + 1), np.int64
    )
    wide[:, :, :: dilation[0], :: dilation[1]] = integers
    return wide


def _transposed_pads(
    reader: "Reader",
    node: NodeProto,
    known: dict[str, Any],
    size: tuple[int, int],
    full: list[int],
    stride: tuple[int, ...],
) -> Pads:
    """What is cut off the full output at top, left, bottom and right, by pads, auto_pad or output_shape."""
    mode, wanted = known["auto_pad"], known["output_shape"]
    if wanted is None and mode in ("", "NOTSET", "VALID"):
        top, left, bottom, right = known["pads"] if mode != "VALID" else (0, 0, 0, 0)
        return top, left, bottom, right
    if mode not in ("", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise reader.error(node, f"auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {mode}")
    target = (
        wanted[-2:] if wanted is not None else [side * step for side, step in zip(size, stride, strict=True)]
    )
    ends = []
    for have, more, made in zip(full, known["output_padding"], target, strict=True):
        total = have + more - made
        less = total // 2
        ends.append((less, total - less) if mode == "SAME_UPPER" else (total - less, less))
    (top, bottom), (left, right) = ends
    return top, left, bottom, right


def _reached(
    reader: "Reader",
    node: NodeProto,
    size: tuple[int, int],
    made: tuple[int, ...],
    stride: int,
    kernel: tuple[int, ...],
    pads: Pads,
) -> None:
    """Refuse an output whose last rows lie beyond the windows that padding on one side can make."""
    for side, out, taps, before in zip(size, made, kernel, pads[:2], strict=True):
        last = (before + out - 1) // stride
        if last - (side - 1) > -(-taps // stride) - 1 + 1 or last < side - 1 - (-(-taps // stride) - 1):
            raise reader.error(
                node,
                f"its output {made[0]}x{made[1]} has rows or columns that its input {size[0]}x{size[1]} does not reach",
            )


def _with_bias(reader: "Reader", node: NodeProto, sums: Sums, scale: Any) -> Pending:
    gain = (np.broadcast_to(scale, (sums.channels,)) * sums.source.scale).reshape(-1, 1)
    bias = np.zeros_like(gain)
    if len(node.input) > 2 and node.input[2]:
        value = reader.constant(node, 2)
        if value is None:
            raise reader.error(node, "its bias must be constant")
        bias = np.asarray(value, np.float64).reshape(-1, 1)
        if len(bias) != sums.channels:
            raise reader.error(
                node, f"it must have a bias for each of {sums.channels} channels, got {len(bias)}"
            )
    return Pending(sums, (Affine(gain, bias),))


def reordered(sums: Sums, order: np.ndarray) -> Sums:
    """Sums whose output channels come in another order, or are fewer."""
    axis = 1 if sums.kind == "transposed" else 0
    return replace(sums, weights=sums.weights.take(order, axis), channels=len(order))
