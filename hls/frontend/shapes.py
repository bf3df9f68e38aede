"""What moves values: slices, concatenations, sub-pixels, upsampling, pooling, padding."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto

from hls.frontend.activations import chosen
from hls.frontend.closing import closed, matrix, moved, spans_of, windows
from hls.frontend.linear import around, both, padded, reached, reordered
from hls.frontend.registry import handles
from hls.frontend.restoration import joins_its_map
from hls.frontend.values import (
    Cut,
    Joined,
    Largest,
    Move,
    Padded,
    Part,
    Pending,
    Quantizer,
    Repeat,
    Shuffle,
    whole,
)
from hls.layers.joins import concat
from hls.layers.pooling import SumPool
from hls.layers.shape import slice_channels, space_to_depth
from hls.network import Tensor

if TYPE_CHECKING:
    from hls.frontend.reader import Reader

CHANNELS = (1, -3)  # the axis of channels, from both ends


@handles("Concat")
def concatenation(reader: "Reader", node: NodeProto) -> None:
    """Channels side by side; parts of different scales wait for the quantizer behind."""
    if joins_its_map(reader, node):
        return
    axis = reader.attributes(node, axis=None)["axis"]
    if axis not in CHANNELS:
        raise reader.error(node, f"it must join channels (axis 1), got axis {axis}")
    values = [reader.value(node, index) for index in range(len(node.input))]
    parts = [
        value if isinstance(value, Pending) else reader.tensor(node, n) for n, value in enumerate(values)
    ]
    sizes = {reader.shape(name)[:2] for name in node.input}
    if len(sizes) > 1:
        raise reader.error(node, f"its inputs must have one size (H, W), got {sorted(sizes)}")
    if len(parts) == 1:
        reader.known[node.output[0]] = parts[0]
        return
    tensors = [part for part in parts if isinstance(part, Tensor)]
    if len(tensors) == len(parts) and len({tensor.scale for tensor in tensors}) == 1:
        reader.known[node.output[0]] = joined(reader, node, tensors, node.output[0])
        return
    reader.known[node.output[0]] = Joined(node, tuple(parts))


def joined(reader: "Reader", node: NodeProto, parts: list[Tensor], name: str) -> Tensor:
    """The concatenation of tensors of one scale, each widened to the type of all."""
    low, high = min(part.minimum for part in parts), max(part.maximum for part in parts)
    bits = max(part.bits + (low < 0 and not part.signed) for part in parts)
    if low < 0:
        low, high = -(2 ** (bits - 1)), max(high, 0)
    wide = [_widened(reader, node, part, bits, low, f"{name}:{n}") for n, part in enumerate(parts)]
    channels = sum(part.channels for part in parts)
    result = Tensor(name, *parts[0].size, channels, bits, high, parts[0].scale, low)
    label = reader.label(node)
    reader.add(concat(reader.name("concat", label), tuple(wide), result, label))
    return result


def _widened(reader: "Reader", node: NodeProto, part: Tensor, bits: int, low: int, name: str) -> Tensor:
    """The same values in more bits: thresholds at every value."""
    if (part.bits, part.signed) == (bits, low < 0):
        return part
    quantizer = Quantizer(np.full((), part.scale), bits, low < 0, False)
    return closed(reader, node, whole(part, node), quantizer, name)


@handles("Slice")
def slicing(reader: "Reader", node: NodeProto) -> None:
    """A box: neighbouring channels, rows, columns."""
    value = reader.value(node, 0)
    starts, stops, axes, steps = _box(reader, node)
    if any(step != 1 for step in steps):
        raise reader.error(
            node, f"it must take neighbouring channels, rows or columns (step 1), got steps {steps}"
        )
    height, width, channels = reader.shape(node.input[0])
    box = {1: (0, channels), 2: (0, height), 3: (0, width)}
    for start, stop, axis in zip(starts, stops, axes, strict=True):
        axis += 4 * (axis < 0)
        if axis not in box:
            raise reader.error(node, f"it must take channels, rows or columns, got axis {axis}")
        side = box[axis][1]
        box[axis] = (
            int(np.clip(start + side * (start < 0), 0, side)),
            int(np.clip(stop + side * (stop < 0), 0, side)),
        )
    if any(first >= last for first, last in box.values()):
        raise reader.error(node, "it must leave something of its input")
    sides = (box[2][0], box[3][0], height - box[2][1], width - box[3][1])
    if box[1] != (0, channels):
        value = _channels(reader, node, value, *box[1])
    if any(sides):
        reader.known[node.output[0]] = _moved(reader, node, value, Cut(sides), node.output[0])
    else:
        reader.known[node.output[0]] = value if value is not None else reader.tensor(node)


def _box(reader: "Reader", node: NodeProto) -> tuple[list[int], list[int], list[int], list[int]]:
    """Starts, ends, axes and steps; before opset 10 they were attributes."""
    known = reader.attributes(node, starts=None, ends=None, axes=None)
    if known["starts"] is not None:
        axes = known["axes"] or list(range(len(known["starts"])))
        return known["starts"], known["ends"], axes, [1] * len(axes)
    starts, stops = reader.integers(node, 1), reader.integers(node, 2)
    axes = reader.integers(node, 3, list(range(len(starts))))
    return starts, stops, axes, reader.integers(node, 4, [1] * len(starts))


@handles("Split")
def split(reader: "Reader", node: NodeProto) -> None:
    known = reader.attributes(node, axis=0, split=None, num_outputs=None)
    if known["axis"] not in CHANNELS:
        raise reader.error(node, f"it must split channels (axis 1), got axis {known['axis']}")
    value = reader.value(node, 0)
    first = 0
    for name in node.output:
        count = reader.shape(name)[2]
        reader.known[name] = _channels(reader, node, value, first, first + count)
        first += count


def _channels(reader: "Reader", node: NodeProto, value: Any, first: int, last: int) -> Any:
    """Channels first .. last - 1 of a value: of sums only those are made."""
    if isinstance(value, Pending) and value.groups == 1:
        order = np.arange(first, last)
        chain = tuple(chosen(stage, order) for stage in value.chain)
        if value.sums.kind in ("convolution", "transposed"):
            return replace(value, sums=reordered(value.sums, order), chain=chain)
        source = taken_out(reader, Part(value.sums.source, first, last))
        kept = value.sums.weights[first:last] if value.sums.kind == "depthwise" else value.sums.weights
        return replace(
            value, sums=replace(value.sums, source=source, weights=kept, channels=len(order)), chain=chain
        )
    if isinstance(value, Pending | Joined | Padded) or value is None:
        raise reader.error(node, "what it takes channels of must be quantized first")
    if isinstance(value, Part):
        return Part(value.tensor, value.first + first, value.first + last)
    return Part(value, first, last)


def taken_out(reader: "Reader", part: Part) -> Tensor:
    """A part of a tensor's channels as a tensor; the same part is made once."""
    tensor = part.tensor
    if (part.first, part.last) == (0, tensor.channels):
        return tensor
    key = tensor.name, part.first, part.last
    if key not in reader.slices:
        name = f"{tensor.name}:{part.first}:{part.last}"
        result = replace(tensor, name=name, channels=part.last - part.first)
        reader.add(slice_channels(reader.name("slice"), tensor, result, part.first))
        reader.slices[key] = result
    return reader.slices[key]


@handles("DepthToSpace")
def sub_pixel(reader: "Reader", node: NodeProto) -> None:
    known = reader.attributes(node, blocksize=None, mode="DCR")
    block = int(known["blocksize"])
    channels = reader.shape(node.input[0])[2]
    if block < 2 or channels % block**2:
        raise reader.error(node, f"{channels} channels can't be divided into blocks of {block} x {block}")
    made = channels // block**2
    if known["mode"] == "CRD":  # channel (c, r, s) -> group (r, s, c)
        order = np.arange(channels).reshape(made, block, block).transpose(1, 2, 0).reshape(-1)
    elif known["mode"] == "DCR":
        order = np.arange(channels)
    else:
        raise reader.error(node, f"its mode must be DCR or CRD, got {known['mode']}")
    value = reader.value(node, 0)
    plain = bool((order == np.arange(channels)).all())
    if (
        isinstance(value, Pending)
        and (plain or not value.moves)
        and (plain or value.sums.kind != "depthwise")
    ):
        if not plain:
            sums = value.sums
            sums = (
                matrix(sums, np.eye(channels, dtype=np.int64)[order])
                if sums.kind == "tensor"
                else reordered(sums, order)
            )
            value = replace(value, sums=sums, chain=tuple(chosen(stage, order) for stage in value.chain))
        reader.known[node.output[0]] = replace(value, moves=(*value.moves, Shuffle(block)))
        return
    if isinstance(value, Pending | Joined):
        raise reader.error(node, "its input must be a convolution's result, or be quantized first")
    tensor = permuted(reader, node, reader.tensor(node), order)
    reader.known[node.output[0]] = moved(reader, node, tensor, Shuffle(block), node.output[0])


def permuted(reader: "Reader", node: NodeProto, tensor: Tensor, order: np.ndarray) -> Tensor:
    """A tensor with its channels in another order, by a 1x1 convolution with weights 0 and 1."""
    if (order == np.arange(len(order))).all():
        return tensor
    pending = whole(tensor, node)
    sums = matrix(pending.sums, np.eye(tensor.channels, dtype=np.int64)[order])
    quantizer = Quantizer(np.full((), tensor.scale), tensor.bits, tensor.signed, False)
    return closed(reader, node, replace(pending, sums=sums), quantizer, f"{node.output[0]}:ordered")


@handles("SpaceToDepth")
def gathered(reader: "Reader", node: NodeProto) -> None:
    """Blocks of pixels become groups (r, s, c) of channels: the windows of a convolution are just that."""
    block = int(reader.attributes(node, blocksize=None)["blocksize"])
    source = reader.tensor(node)
    if block < 2 or source.height % block or source.width % block:
        raise reader.error(
            node, f"{source.height}x{source.width} px can't be divided into blocks of {block} x {block}"
        )
    result = replace(
        source, name=node.output[0], height=source.height // block, width=source.width // block,
        channels=source.channels * block**2,
    )  # fmt: skip
    label = reader.label(node)
    reader.add(space_to_depth(reader.name("gather", label), source, result, block, label))
    reader.known[node.output[0]] = result


@handles("Resize", "Upsample")
def resize(reader: "Reader", node: NodeProto) -> None:
    """Nearest neighbour by whole factors."""
    known = reader.attributes(
        node, mode="nearest", coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_floor",
        cubic_coeff_a=-0.75, exclude_outside=0, extrapolation_value=0.0, antialias=0, axes=None,
        keep_aspect_ratio_policy="stretch", scales=None, height_scale=None, width_scale=None,
    )  # fmt: skip
    if known["mode"] != "nearest":
        raise reader.error(
            node,
            f"it must be nearest, got {known['mode']}: use nearest with a 3x3 convolution behind, or a transposed one",
        )
    have, made = reader.shape(node.input[0]), reader.shape(node.output[0])
    rows, columns = made[0] // have[0], made[1] // have[1]
    if made[2] != have[2] or (rows * have[0], columns * have[1]) != made[:2] or rows < 1 or columns < 1:
        raise reader.error(node, f"it must repeat pixels by whole factors, got {have[:2]} -> {made[:2]}")
    places = np.arange(max(made[:2]))
    _check_factors(reader, node, known["scales"], (1, 1, rows, columns))
    if known["coordinate_transformation_mode"] not in COORDINATES or known["nearest_mode"] not in ROUNDINGS:
        how = f"{known['coordinate_transformation_mode']}, {known['nearest_mode']}"
        raise reader.error(node, f"its coordinates must be {', '.join(COORDINATES)}, got {how}")
    for factor in (rows, columns):
        if not np.array_equal(_nearest(places, factor, known), places // factor):
            how = f"{known['coordinate_transformation_mode']}, {known['nearest_mode']}"
            raise reader.error(
                node, f"each pixel must be repeated {factor} times in place, not shifted as by {how}"
            )
    if (rows, columns) == (1, 1):
        reader.known[node.output[0]] = reader.value(node, 0) or reader.tensor(node)
        return
    reader.known[node.output[0]] = _moved(
        reader, node, reader.value(node, 0), Repeat(rows, columns), node.output[0]
    )


def _check_factors(reader: "Reader", node: NodeProto, scales: Any, factors: tuple[int, ...]) -> None:
    """Scales that only round to whole factors choose other pixels."""
    for index in (1, 2):
        if (
            index < len(node.input)
            and node.input[index]
            and (index == 2 or node.op_type == "Upsample" or len(node.input) == 2)
        ):
            scales = reader.constant(node, index)
    if scales is None or not np.size(scales):
        return  # sizes are given
    found = [float(one) for one in np.asarray(scales).reshape(-1)]
    if len(found) == 2:  # with `axes`
        factors = factors[2:]
    if found != list(factors):
        raise reader.error(node, f"it must repeat pixels by whole factors, got scales {found}")


COORDINATES: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "half_pixel": lambda places, factor: (places + 0.5) / factor - 0.5,
    "half_pixel_symmetric": lambda places, factor: (places + 0.5) / factor - 0.5,
    "pytorch_half_pixel": lambda places, factor: (places + 0.5) / factor - 0.5,
    "asymmetric": lambda places, factor: places / factor,
    "tf_half_pixel_for_nn": lambda places, factor: (places + 0.5) / factor,
}
ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
}


def _nearest(places: np.ndarray, factor: int, known: dict[str, Any]) -> np.ndarray:
    """The source of each place by ONNX' definition, far from the ends."""
    exact = COORDINATES[known["coordinate_transformation_mode"]](places, factor)
    return np.maximum(ROUNDINGS[known["nearest_mode"]](exact), 0).astype(np.int64)


@handles("MaxPool")
def max_pool(reader: "Reader", node: NodeProto) -> None:
    kernel, stride, pads, dilation = _pool(reader, node)
    value = reader.value(node, 0)
    if isinstance(value, Padded):
        raise reader.error(node, "zeros in front of a maximum change it: give MaxPool the padding instead")
    reader.known[node.output[0]] = _moved(
        reader, node, value, Largest(kernel, stride, pads, dilation), node.output[0]
    )


@handles("AveragePool")
def average_pool(reader: "Reader", node: NodeProto) -> None:
    """The exact sum of each window; its scale is divided by the window's size."""
    if isinstance(reader.value(node, 0), Pending | Joined):
        raise reader.error(
            node, "its input must be quantized first: a mean of rounded values is not a rounded mean"
        )
    source, more = padded(reader, node)
    kernel, stride, pads, dilation = _pool(reader, node)
    include = reader.attributes(node, **dict.fromkeys(_POOL), count_include_pad=0)["count_include_pad"]
    if any(pads) and not include:
        raise reader.error(
            node,
            "windows at the border would be means of fewer pixels: leave out its padding or set count_include_pad = 1",
        )
    pads = both(pads, more)
    size = windows(source.size, kernel, stride, pads, dilation)
    source, pads = reached(reader, node, source, spans_of(kernel, dilation), stride, pads)
    count = kernel[0] * kernel[1]
    low, high = source.minimum * count, source.maximum * count
    bits = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + (low < 0)
    name, label = node.output[0], reader.label(node)
    result = Tensor(name, *size, source.channels, bits, high, source.scale / count, low)
    reader.add(
        SumPool(reader.name("avgpool", label), source, result, kernel, stride, pads, dilation, label=label)
    )
    reader.known[name] = result


_POOL = ("kernel_shape", "strides", "pads", "dilations", "ceil_mode", "auto_pad", "storage_order")


def _pool(reader: "Reader", node: NodeProto) -> tuple[Any, Any, Any, Any]:
    """Kernel, stride, pads and dilation of a pooling node."""
    known = reader.attributes(
        node, kernel_shape=None, strides=[1, 1], pads=[0, 0, 0, 0], dilations=[1, 1], ceil_mode=0, auto_pad="NOTSET",
        storage_order=0, count_include_pad=0,
    )  # fmt: skip
    kernel, stride, dilation = (tuple(known[key]) for key in ("kernel_shape", "strides", "dilations"))
    if len(kernel) != 2:
        raise reader.error(node, f"its windows must be of rows and columns, got {list(kernel)}")
    height, width, _ = reader.shape(node.input[0])
    spans = spans_of(kernel, dilation)
    pads = around(reader, node, known, (height, width), spans, stride)
    made = reader.shape(node.output[0])[:2]
    if made != windows((height, width), kernel, stride, pads, dilation):
        raise reader.error(
            node, "windows that reach beyond the padded input (ceil_mode) are not made: set ceil_mode = 0"
        )
    return kernel, stride, pads, dilation


@handles("Pad")
def pad(reader: "Reader", node: NodeProto) -> None:
    """Zeros around an image, which the convolution behind takes over."""
    known = reader.attributes(node, mode="constant", pads=None, value=0.0)
    if known["mode"] != "constant":
        raise reader.error(node, f"the border must be zeros (mode constant), got {known['mode']}")
    ends = known["pads"] if known["pads"] is not None else reader.integers(node, 1)
    axes = reader.integers(node, 3, list(range(len(ends) // 2)))
    value = reader.constant(node, 2)
    filling = float(known["value"] if value is None else np.asarray(value).reshape(()))
    if filling:
        raise reader.error(node, f"the border must be zeros, got {filling:g}")
    before, after = [0] * 4, [0] * 4
    for n, axis in enumerate(axes):
        before[axis], after[axis] = ends[n], ends[n + len(axes)]
    if min(*before, *after) < 0 or any((before[axis], after[axis]) != (0, 0) for axis in (0, 1)):
        raise reader.error(node, f"it must put zeros around rows and columns, got {ends}")
    source, more = padded(reader, node)
    pads = both((before[2], before[3], after[2], after[3]), more)
    reader.known[node.output[0]] = Padded(source, pads)


def _moved(reader: "Reader", node: NodeProto, value: Any, move: Move, name: str) -> Any:
    """A value behind a move: at once where it is integers, else once they are."""
    if isinstance(value, Pending):
        return replace(value, moves=(*value.moves, move))
    if isinstance(value, Joined):
        raise reader.error(node, "a concatenation of different scales must be quantized first")
    tensor = reader.part(value) if isinstance(value, Part) else value
    if not isinstance(tensor, Tensor):
        raise reader.error(node, f"its input {node.input[0]} must be quantized first")
    return moved(reader, node, tensor, move, name)
