"""Quantizers: of weights, of the image, and behind pending expressions, which they close."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto

from hls.frontend.closing import closed
from hls.frontend.registry import handles
from hls.frontend.values import MOST_BITS, PIXEL_SCALE, Correction, Joined, Pending, Quantizer, Refused, whole
from hls.network import Integers, Tensor

if TYPE_CHECKING:
    from hls.frontend.reader import Reader


@handles("Quant", "IntQuant")
def quant(reader: "Reader", node: NodeProto) -> None:
    """round(x / scale) within so many bits: the image's, or the end of a pending expression."""
    quantizer = of(reader, node)
    (name,) = node.output
    if node.input[0] in reader.raw:
        reader.known[name] = _image(reader, node, quantizer)
        return
    value = reader.value(node, 0)
    if isinstance(value, Correction):
        if (quantizer.bits, float(quantizer.scale.reshape(-1)[0])) != (8, PIXEL_SCALE) or not value.shifted:
            raise reader.error(
                node, "a corrected image must be less 128/255 and be quantized to 8 bits, scale 1/255"
            )
        reader.known[name] = replace(value, finished=True)
        return
    check_scale(reader, node, quantizer)
    if isinstance(value, Refused):
        shape = reader.model.get_tensor_shape(name)
        if shape is None or len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
            reader.known[name] = value  # nothing is known of what was refused
            return
        low, high = ends(quantizer)
        reader.known[name] = Tensor(
            name, *reader.shape(name), quantizer.bits, high, float(quantizer.scale.reshape(())), low
        )
        return
    if isinstance(value, Joined):
        from hls.frontend.shapes import joined

        parts = [
            closed(
                reader,
                node,
                part if isinstance(part, Pending) else whole(part, node),
                quantizer,
                f"{name}:{n}",
            )
            for n, part in enumerate(value.parts)
        ]
        reader.known[name] = joined(reader, node, parts, name)
        return
    reader.known[name] = closed(reader, node, reader.pending(node), quantizer, name)


@handles("BipolarQuant")
def bipolar(reader: "Reader", node: NodeProto) -> None:
    """Of weights only, which are read where they are used."""
    raise reader.error(
        node, "activations of 1 bit (-1 and 1) have no thresholds here: quantize them to 2 bits"
    )


def _image(reader: "Reader", node: NodeProto, quantizer: Quantizer) -> Tensor:
    check_scale(reader, node, quantizer)
    height, width, channels = reader.shape(node.output[0])
    scale = float(quantizer.scale.reshape(()))
    low, high = ends(quantizer)
    found = Tensor("", height, width, channels, quantizer.bits, high, scale, low)
    if reader.image is None:
        reader.image = replace(found, name=node.output[0])
    elif found != replace(reader.image, name=""):
        raise reader.error(
            node,
            f"the image is quantized twice and differently, as {reader.image.kind} with scale {reader.image.scale!r} "
            f"and as {found.kind} with scale {scale!r}: it enters once",
        )
    return reader.image


def ends(quantizer: Quantizer) -> tuple[int, int]:
    """The smallest and the largest integer of a quantizer's bits; a sign counts as one."""
    if not quantizer.signed:
        return 0, 2**quantizer.bits - 1
    return -(2 ** (quantizer.bits - 1)), 2 ** (quantizer.bits - 1) - 1


def check_scale(reader: "Reader", node: NodeProto, quantizer: Quantizer) -> None:
    """Refuse a quantizer of activations with several scales."""
    if quantizer.scale.size != 1:
        raise reader.error(
            node,
            f"activations must have one scale, got {quantizer.scale.size}: the next layer's sums could not be merged "
            "(scaling_per_output_channel=False in Brevitas)",
        )


def of(reader: "Reader", node: NodeProto) -> Quantizer:
    """The constants of a Quant node."""
    known = reader.attributes(node, signed=None, narrow=None, rounding_mode="ROUND")
    scale, zero, bits = (reader.constant(node, index) for index in (1, 2, 3))
    if scale is None or zero is None or bits is None:
        raise reader.error(node, "scale, zero point and bit width must be constant")
    if np.any(zero != 0):
        raise reader.error(node, f"the zero point must be 0, got {zero.reshape(-1)[0]}")
    widths = np.unique(np.asarray(bits, np.float64))
    width = float(widths[0])
    if len(widths) > 1 or width != int(width) or not 2 <= width <= MOST_BITS:
        raise reader.error(
            node, f"bit widths must be 2 to {MOST_BITS}, got {', '.join(f'{one:g}' for one in widths)}"
        )
    if np.any(scale <= 0):
        raise reader.error(node, f"scales must be positive, got {float(np.min(scale)):g}")
    rounding = known["rounding_mode"].upper()
    if rounding not in ("ROUND", "HALF_EVEN"):
        raise reader.error(node, f"rounding must be ROUND (half to even), got {rounding}")
    if None in (known["signed"], known["narrow"]):
        raise reader.error(node, "it must say whether it is signed and narrow")
    return Quantizer(np.asarray(scale, np.float64), int(width), bool(known["signed"]), bool(known["narrow"]))


def weights(reader: "Reader", node: NodeProto, index: int, axis: int) -> tuple[Integers, int, Any]:
    """Weights at input `index` of `node`: integers, their bits, and the scale of each output channel.

    `axis` is that of the output channels. A scale that changes along another axis can't be taken out of the sums.
    """
    producer = reader.producer(node.input[index])
    if producer is None or producer.op_type not in ("Quant", "IntQuant", "BipolarQuant"):
        raise reader.error(node, "its weights must come from a Quant node over an initializer")
    values = reader.constant(producer, 0)
    if values is None:
        raise reader.error(node, "its weights must be constant")
    if producer.op_type == "BipolarQuant":
        scale = reader.constant(producer, 1)
        if scale is None or np.any(scale <= 0):
            raise reader.error(producer, "the scale must be constant and positive")
        integers, bits = np.where(values >= 0, 1, -1).astype(np.int64), 2
    else:
        quantizer = of(reader, producer)
        if not quantizer.signed:
            raise reader.error(producer, "weights must be signed")
        # the float32 arithmetic of the QONNX operator, so that equal files give equal integers
        limit = 2 ** (quantizer.bits - 1) - 1
        lowest = -limit if quantizer.narrow else -limit - 1
        rounded = np.clip(np.round(values / quantizer.scale.astype(np.float32)), lowest, limit)
        integers, bits, scale = rounded.astype(np.int64), quantizer.bits, quantizer.scale
    spread = np.broadcast_to(np.asarray(scale, np.float64), values.shape)
    moved = np.moveaxis(spread, axis, 0).reshape(values.shape[axis], -1)
    if (moved != moved[:, :1]).any():
        raise reader.error(
            producer,
            f"the scales of weights must be one, or one for each output channel (axis {axis}), got shape "
            f"{np.asarray(scale).shape} for weights {values.shape}: sums of several scales are no integers",
        )
    return integers, bits, moved[:, 0].copy()
