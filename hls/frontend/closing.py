"""A pending expression and the quantizer behind it become layers."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto

from hls.frontend.values import Cut, Largest, Move, Pending, Quantizer, Repeat, Shuffle, Sums
from hls.functions import Affine, Chain
from hls.layers import Convolution, Requantization, TransposedConvolution
from hls.layers.convolution import reach
from hls.layers.pooling import Depthwise, MaxPool
from hls.layers.shape import crop, depth_to_space, upsample
from hls.network import Integers, Layer, Tensor
from hls.thresholds import clip, close

if TYPE_CHECKING:
    from hls.frontend.reader import Reader


def closed(reader: "Reader", node: NodeProto, pending: Pending, quantizer: Quantizer, name: str) -> Tensor:
    """The tensor `name`: `pending`, quantized by `node`."""
    from hls.frontend.quantizers import ends

    scale = float(quantizer.scale.reshape(()))
    sums, chain = pending.sums, pending.chain
    low, high = ends(quantizer)
    steps, distance, signs = close(
        chain, sums.channels, scale, quantizer.bits, quantizer.signed, quantizer.narrow
    )
    inner = Tensor(
        name if not pending.moves else f"{name}:sums",
        *sums.size,
        sums.channels,
        quantizer.bits,
        high,
        scale,
        low,
    )
    if _nothing_changes(sums, chain, inner, quantizer):
        result = sums.source
    else:
        result = _emit(reader, node, sums, steps, distance, signs, inner)
    for n, move in enumerate(pending.moves):
        last = n == len(pending.moves) - 1
        result = moved(reader, sums.node, result, move, name if last else f"{name}:{n}")
    return result


def _nothing_changes(sums: Sums, chain: Chain, result: Tensor, quantizer: Quantizer) -> bool:
    """Whether a tensor is quantized again to what it is."""
    source = sums.source
    if sums.kind != "tensor" or len(chain) != 1 or not isinstance(chain[0], Affine) or quantizer.narrow:
        return False
    same = (source.kind, source.scale) == (result.kind, result.scale)
    return same and bool((chain[0].gain == source.scale).all() and (chain[0].offset == 0).all())


def _emit(
    reader: "Reader",
    node: NodeProto,
    sums: Sums,
    steps: Integers,
    distance: np.ndarray,
    signs: Integers,
    result: Tensor,
) -> Tensor:
    if sums.kind == "tensor" and (signs < 0).any():
        sums = matrix(sums, np.diag(signs))
        signs = np.ones_like(signs)
    if sums.kind == "tensor":
        lowest, highest = sums.source.minimum, sums.source.maximum
        _note(reader, steps, distance, lowest, highest)
        label = reader.label(node) or reader.label(sums.node)
        reader.add(
            Requantization(
                reader.name("requant", label), sums.source, result, clip(steps, lowest, highest), label=label
            )
        )
        return result
    label = reader.label(sums.node)
    weights = turned(sums, signs)
    # the lowest value of a type that is no narrow range has no counterpart in it
    sums = replace(sums, weight_bits=max(sums.weight_bits, int(weights.max(initial=0)).bit_length() + 1))
    lowest, highest = extremes(sums, weights)
    _note(reader, steps, distance, lowest, highest)
    steps = clip(steps, lowest, highest)
    if _joins(reader, sums, weights, steps, result):
        return result
    reader.add(_layer(reader, sums, weights, steps, result, label))
    return result


def _note(reader: "Reader", steps: Integers, distance: np.ndarray, lowest: int, highest: int) -> None:
    """Of ties that can be reached, how near the nearest is."""
    reader.note_margin(distance[(steps >= lowest) & (steps <= highest + 1)])


def _layer(
    reader: "Reader", sums: Sums, weights: Integers, steps: Integers, result: Tensor, label: str
) -> Layer:
    kind = {"transposed": "deconv", "depthwise": "depthwise"}.get(sums.kind, "conv")
    name = reader.name(kind, label)
    if sums.kind == "depthwise":
        return Depthwise(
            name, sums.source, result, weights.shape[2:], sums.stride, sums.pads, sums.dilation, label=label,
            weights=weights[:, 0], weight_bits=sums.weight_bits, thresholds=steps,
        )  # fmt: skip
    common = (name, sums.source, result, weights, sums.weight_bits, steps)
    if sums.kind == "transposed":
        return TransposedConvolution(*common, sums.stride[0], (sums.pads[0], sums.pads[1]), label=label)
    return Convolution(*common, sums.stride, sums.pads, sums.dilation, label=label)


def _joins(reader: "Reader", sums: Sums, weights: Integers, steps: Integers, result: Tensor) -> bool:
    """Whether another quantizer has closed the same sums: then they are made once, and compared twice."""
    for index in reader.closed.get(sums.node.output[0], []):
        layer = reader.layers[index]
        if (
            not isinstance(layer, Convolution | TransposedConvolution | Depthwise)
            or layer.source != sums.source
        ):
            continue
        if np.array_equal(layer.weights, weights[:, 0] if isinstance(layer, Depthwise) else weights):
            reader.layers[index] = replace(layer, more=(*layer.more, (steps, result)))
            return True
    reader.closed.setdefault(sums.node.output[0], []).append(len(reader.layers))
    return False


def turned(sums: Sums, signs: Integers) -> Integers:
    """The weights, of channels whose chain falls with the other sign."""
    if (signs > 0).all():
        return sums.weights
    shape = (1, -1, 1, 1) if sums.kind == "transposed" else (-1, 1, 1, 1)
    return sums.weights * signs.reshape(shape)


def extremes(sums: Sums, weights: Integers) -> tuple[int, int]:
    """The smallest and the largest sum that any channel can reach."""
    by_output = weights.transpose(1, 0, 2, 3) if sums.kind == "transposed" else weights
    low, high = reach(by_output.reshape(by_output.shape[0], -1).T, sums.source)
    return min(0, low), max(0, high)


def matrix(sums: Sums, weights: Integers) -> Sums:
    """A tensor's values through a 1x1 convolution with `weights` (Cout, Cin): signs turned, or channels reordered."""
    return replace(
        sums, kind="convolution", weights=weights[:, :, None, None].astype(np.int64), weight_bits=2,
        channels=len(weights),
    )  # fmt: skip


def moved(reader: "Reader", node: NodeProto, source: Tensor, move: Move, name: str) -> Tensor:
    """A tensor behind a move, as the tensor `name`."""
    label = reader.label(node)
    match move:
        case Shuffle(block):
            size = source.height * block, source.width * block
            result = replace(
                source, name=name, height=size[0], width=size[1], channels=source.channels // block**2
            )
            reader.add(depth_to_space(reader.name("shuffle", label), source, result, block, label))
        case Repeat(rows, columns):
            result = replace(source, name=name, height=source.height * rows, width=source.width * columns)
            reader.add(upsample(reader.name("upsample", label), source, result, (rows, columns), label))
        case Cut(sides):
            top, left, bottom, right = sides
            result = replace(
                source, name=name, height=source.height - top - bottom, width=source.width - left - right
            )
            reader.add(crop(reader.name("crop", label), source, result, top, left, label))
        case Largest(kernel, stride, pads, dilation):
            from hls.frontend.linear import reached

            if any(pads) and source.signed:
                raise reader.error(
                    node,
                    f"a maximum with padding {list(pads)} of signed values: the padding is zeros here, which would win "
                    "over negative values; leave out the padding, or put a ReLU and an unsigned quantizer before it",
                )
            height, width = windows(source.size, kernel, stride, pads, dilation)
            source, pads = reached(reader, node, source, spans_of(kernel, dilation), stride, pads)
            result = replace(source, name=name, height=height, width=width)
            reader.add(
                MaxPool(
                    reader.name("maxpool", label), source, result, kernel, stride, pads, dilation, label=label
                )
            )
    return result


def spans_of(kernel: tuple[int, int], dilation: tuple[int, int]) -> list[int]:
    """Rows and columns from a kernel's first to its last element."""
    return [(taps - 1) * apart + 1 for taps, apart in zip(kernel, dilation, strict=True)]


def windows(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pads: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> tuple[int, int]:
    """Rows and columns of a convolution's or a pooling's windows."""
    spans = spans_of(kernel, dilation)
    padded = size[0] + pads[0] + pads[2], size[1] + pads[1] + pads[3]
    return (padded[0] - spans[0]) // stride[0] + 1, (padded[1] - spans[1]) // stride[1] + 1
