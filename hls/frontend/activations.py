"""Monotone functions: each becomes a stage of the pending expression it stands in."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto

from hls.frontend.registry import handles
from hls.frontend.values import Correction, Joined, Largest, Pending, whole
from hls.functions import (
    ELU,
    SIGMOID,
    SOFTPLUS,
    SOFTSIGN,
    TANH,
    Affine,
    Piecewise,
    Stage,
    extended,
)
from hls.network import Tensor

if TYPE_CHECKING:
    from hls.frontend.reader import Reader

FLAT, LEVEL = np.zeros((1, 1)), np.ones((1, 1))


@handles("Relu")
def relu(reader: "Reader", node: NodeProto) -> None:
    value = reader.value(node, 0)
    if isinstance(value, Correction) or (isinstance(value, Tensor) and not value.signed):
        reader.known[node.output[0]] = (
            value  # nothing is below 0; what is corrected is clipped there all the same
        )
        return
    bent(reader, node, Piecewise(FLAT))


@handles("LeakyRelu")
def leaky_relu(reader: "Reader", node: NodeProto) -> None:
    alpha = float(reader.attributes(node, alpha=0.01)["alpha"])
    if alpha < 0:
        raise reader.error(
            node, f"its slope must be 0 or more, got {alpha:g}: the function would fall and rise"
        )
    bent(reader, node, Piecewise(np.full((1, 1), alpha)))


@handles("PRelu")
def prelu(reader: "Reader", node: NodeProto) -> None:
    slope = reader.constant(node, 1)
    if slope is None:
        raise reader.error(node, "its slopes must be constant")
    if (slope < 0).any():
        raise reader.error(
            node,
            f"its slopes must be 0 or more, got {float(slope.min()):g}: the function would fall and rise",
        )
    bent(reader, node, Piecewise(per_channel(reader, node, slope)))


@handles("Clip")
def clip(reader: "Reader", node: NodeProto) -> None:
    ends = reader.attributes(node, min=-np.inf, max=np.inf)
    low, high = (reader.constant(node, index) for index in (1, 2))
    if (len(node.input) > 1 and node.input[1] and low is None) or (
        len(node.input) > 2 and node.input[2] and high is None
    ):
        raise reader.error(node, "its limits must be constant")
    least = float(ends["min"] if low is None else np.asarray(low).reshape(()))
    most = float(ends["max"] if high is None else np.asarray(high).reshape(()))
    if least > most:
        raise reader.error(node, f"its limits must not cross, got {least:g} and {most:g}")
    value = reader.value(node, 0)
    if (
        isinstance(value, Tensor)
        and least <= value.minimum * value.scale
        and most >= value.maximum * value.scale
    ):
        reader.known[node.output[0]] = value
        return
    bent(reader, node, Piecewise(LEVEL, least, most))


@handles("Max", "Min")
def limited(reader: "Reader", node: NodeProto) -> None:
    """The larger, or the smaller, of a value and a constant."""
    constants = [reader.constant(node, index) for index in range(len(node.input))]
    known = [np.asarray(one) for one in constants if one is not None]
    if len(constants) != 2 or len(known) != 1 or known[0].size != 1:
        raise reader.error(
            node, "it must compare a value with one constant number: two images make no threshold"
        )
    limit, index = float(known[0].reshape(())), next(n for n, one in enumerate(constants) if one is None)
    ends = (limit, np.inf) if node.op_type == "Max" else (-np.inf, limit)
    bent(reader, node, Piecewise(LEVEL, *ends), index=index)


@handles("Sigmoid")
def sigmoid(reader: "Reader", node: NodeProto) -> None:
    bent(reader, node, SIGMOID)


@handles("Tanh")
def tanh(reader: "Reader", node: NodeProto) -> None:
    bent(reader, node, TANH)


@handles("Softplus")
def softplus(reader: "Reader", node: NodeProto) -> None:
    bent(reader, node, SOFTPLUS)


@handles("Softsign")
def softsign(reader: "Reader", node: NodeProto) -> None:
    bent(reader, node, SOFTSIGN)


@handles("Elu")
def elu(reader: "Reader", node: NodeProto) -> None:
    alpha = float(reader.attributes(node, alpha=1.0)["alpha"])
    if alpha != 1.0:
        raise reader.error(node, f"ELU is known with alpha = 1, got {alpha:g}")
    bent(reader, node, ELU)


@handles("HardSigmoid")
def hard_sigmoid(reader: "Reader", node: NodeProto) -> None:
    known = reader.attributes(node, alpha=0.2, beta=0.5)
    if known["alpha"] < 0:
        raise reader.error(node, f"its slope must be 0 or more, got {known['alpha']:g}")
    line = Affine(np.full((1, 1), float(known["alpha"])), np.full((1, 1), float(known["beta"])))
    bent(reader, node, line, Piecewise(LEVEL, 0.0, 1.0))


@handles("Identity", "Dropout")
def identity(reader: "Reader", node: NodeProto) -> None:
    if node.op_type == "Dropout":
        known = reader.attributes(node, ratio=0.5, seed=0, is_test=1)
        training = reader.constant(node, 2)
        if not known["is_test"] or (
            len(node.input) > 2 and node.input[2] and (training is None or np.any(training))
        ):
            raise reader.error(node, "it must be of inference: export the network in evaluation mode")
    if node.input[0] in reader.raw:
        reader.raw.add(node.output[0])
    value = reader.known.get(node.input[0])
    if value is not None:
        reader.known[node.output[0]] = value
    elif node.output[0] not in reader.raw:
        raise reader.error(node, f"its input {node.input[0]} must be quantized first")


def bent(reader: "Reader", node: NodeProto, *stages: Stage, index: int = 0) -> None:
    """The node's input `index` with further functions behind it."""
    value = reader.value(node, index)
    if isinstance(value, Joined):
        reader.known[node.output[0]] = _each_bent(reader, node, value, stages)
        return
    pending = reader.pending(node, index)
    for stage in stages:
        _check(reader, node, stage, pending.channels)
        falls = isinstance(stage, Affine) and bool((stage.gain < 0).any())
        if falls and any(isinstance(move, Largest) for move in pending.moves):
            raise reader.error(
                node,
                "it turns the sign of what a MaxPool chose from values that are not quantized yet, and so the smallest "
                "would be the largest: put a quantizer, or the constants, in front of the MaxPool",
            )
    reader.known[node.output[0]] = applied(pending, *stages)


def _each_bent(reader: "Reader", node: NodeProto, joined: Joined, stages: tuple[Stage, ...]) -> Joined:
    """The functions behind each part of a concatenation whose parts have no scale in common."""
    for stage in stages:
        _check(reader, node, stage, sum(part.channels for part in joined.parts))
    parts, first = [], 0
    for part in joined.parts:
        order = np.arange(first, first + part.channels)
        pending = part if isinstance(part, Pending) else whole(part, node)
        parts.append(applied(pending, *(chosen(stage, order) for stage in stages)))
        first += part.channels
    return Joined(joined.node, tuple(parts))


def _check(reader: "Reader", node: NodeProto, stage: Stage, channels: int) -> None:
    count = _channels(stage)
    if count not in (1, channels):
        raise reader.error(node, f"its constants must be one, or {channels} of as many channels, got {count}")


def applied(pending: Pending, *stages: Stage) -> Pending:
    """A pending expression with further functions behind it."""
    chain = pending.chain
    for stage in stages:
        # a channel behind a shuffle stands for a group of the sums' channels
        wide = stage.tiled(pending.groups) if _channels(stage) > 1 else stage
        chain = extended(chain, wide)
    return replace(pending, chain=chain)


def chosen(stage: Stage, order: np.ndarray) -> Stage:
    """A function for some of its channels."""
    if _channels(stage) == 1:
        return stage
    if isinstance(stage, Affine):
        gain, offset = (
            values if len(values) == 1 else values[order] for values in (stage.gain, stage.offset)
        )
        return Affine(gain, offset)
    assert isinstance(stage, Piecewise)
    return replace(stage, slope=stage.slope[order])


def _channels(stage: Stage) -> int:
    """How many it has constants for; 1: all are treated alike."""
    if isinstance(stage, Affine):
        return max(len(stage.gain), len(stage.offset))
    return len(stage.slope) if isinstance(stage, Piecewise) else 1


def per_channel(reader: "Reader", node: NodeProto, values: Any) -> np.ndarray:
    """A constant that is broadcast to (1, C, H, W), as (C, 1) or (1, 1). Refused where pixels differ."""
    array = np.asarray(values, np.float64)
    shape = (1,) * (4 - array.ndim) + array.shape
    if len(shape) != 4 or shape[0] != 1 or shape[2:] != (1, 1):
        raise reader.error(
            node,
            f"its constant must be one number, or one for each channel (C, 1, 1), got shape {array.shape}",
        )
    return array.reshape(-1, 1)
