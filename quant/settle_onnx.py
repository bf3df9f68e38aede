"""Move biases of a QONNX file off rounding ties, so that float evaluation and integers can't disagree.

As `quant.settle` does for the generator, for every convolution between whose sums and the next quantizers lie
monotone functions of each value (activations, batch norm, constant factors): the sums at which the quantized
result changes are found by bisection of the file's own functions. A bias changes by less than half a unit of
the sums; where 255 steps leave no room, a channel's weights are also scaled by at most `MOST_SCALING`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import get_by_name

from pixelmend.files import replacing
from quant.margins import LEAST, MARGIN, MOST_SCALING, best_shift
from quant.qonnx_file import DOMAINS, cleaned

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]

MOVES = (
    "MaxPool", "DepthToSpace", "SpaceToDepth", "Resize", "Upsample", "Slice", "Split", "Pad", "Identity",
    "Transpose", "Flatten", "Reshape",
)  # fmt: skip
"""Operators whose results are some of the values that come in (and zeros)."""
TIE = 1e-3  # units: float32 errs by some 1e-4 on sums of integers of some 1,000
HALVINGS = 50  # of the interval in which a step lies
NOTHING = 1e-4  # of a unit: a shift that is only the rounding of the bias
TRIES = 40  # factors of a channel's weights, where a shift is not enough


@dataclass(frozen=True)
class Grid:
    """Integers from `low` to `high`, times `scale`: what is known of a quantized tensor."""

    scale: float
    low: float
    high: float


@dataclass
class Settled:
    """What became of a file."""

    margin: float = 0.5  # the least distance of a step from an integer, in units of the sums
    moved: int = 0  # channels whose bias changed
    scaled: int = 0  # channels whose weights did
    ties: tuple[str, ...] = ()  # where integers are requantized nearer to one than `TIE`: no bias to move
    unknown: tuple[str, ...] = ()  # convolutions whose steps are not known, and why
    factors: dict[str, Floats] = None  # type: ignore[assignment]  # of each channel's weights, by node name


@dataclass(frozen=True)
class _Path:
    """From a convolution to a quantizer: what a sum of channel c becomes, and where it is rounded."""

    functions: list[Function]
    scale: float
    steps: Floats  # (T,) the values, in units of the scale, at which the result changes

    def __call__(self, values: Floats) -> Floats:
        for function in self.functions:
            values = function(values)
        return values


def settle_model(model: ModelWrapper) -> Settled:
    """Settle a cleaned-up model with shapes, in place."""
    grids = find_grids(model)
    result, unknown = Settled(factors={}), []
    for node in model.graph.node:
        if node.op_type not in ("Conv", "ConvTranspose"):
            continue
        try:
            _settle_layer(model, node, grids, result)
        except _Unknown as reason:
            unknown.append(f"{node.name} ({node.op_type}): {reason}")
    result.unknown = tuple(unknown)
    result.ties = tuple(_ties(model, grids))
    return result


def settle_file(source: Path, out: Path, domains: Collection[str] = DOMAINS) -> Settled:
    """Settle the QONNX file `source`, written to `out`. `UserError` where it is no such file, or has operators of
    none of the `domains`.
    """
    model = cleaned(source, domains)
    result = settle_model(model)
    with replacing(out) as temporary:
        model.save(str(temporary))
    return result


def _ties(model: ModelWrapper, grids: dict[str, Grid]) -> list[str]:
    """Where integers become others (sums, pools' results, ..) and a step lies nearly on one of them."""
    found = []
    for tensor, grid in grids.items():
        channels = int((model.get_tensor_shape(tensor) or [1, 1])[1])
        for node in model.find_consumers(tensor) or []:
            if node.op_type in MOVES or node.op_type in ("Conv", "ConvTranspose"):
                continue
            try:
                paths = _paths_through(model, node, tensor, np.arange(channels))
            except _Unknown:  # a join of two tensors
                continue
            each = np.ones(channels)
            places = _crossings(paths, 0 * each, grid.scale * each, grid.low * each, grid.high * each)
            joined = np.concatenate(places)
            margin = float(np.abs(joined - np.round(joined)).min(initial=0.5))
            if margin < TIE:
                found.append(f"{node.name} ({node.op_type}) of {tensor}: {margin:.2g} units")
    return found


class _Unknown(Exception):
    """Why the steps of a convolution are not known."""


def find_grids(model: ModelWrapper) -> dict[str, Grid]:
    """What is known of each tensor that holds integers times one scale, by name."""
    grids: dict[str, Grid] = {}
    for node in model.graph.node:
        known = [grids.get(name) for name in node.input if name in grids]
        if node.op_type == "Quant" and model.get_initializer(node.input[0]) is None:
            found = _quantizer(model, node)
            if found is not None:
                grids[node.output[0]] = found
        elif node.op_type in MOVES and known and known[0] is not None:
            low, high = known[0].low, known[0].high
            if node.op_type == "Pad":
                low, high = min(low, 0.0), max(high, 0.0)
            for name in node.output:
                grids[name] = Grid(known[0].scale, low, high)
        elif node.op_type in ("Add", "Sub", "Concat") and len(known) == len(node.input):
            joined = _joined(node.op_type, [one for one in known if one is not None])
            if joined is not None:
                grids[node.output[0]] = joined
    return grids


def _joined(kind: str, parts: list[Grid]) -> Grid | None:
    if any(one.scale != parts[0].scale for one in parts):
        return None
    if kind == "Concat":
        return Grid(parts[0].scale, min(one.low for one in parts), max(one.high for one in parts))
    first, second = parts
    if kind == "Sub":
        return Grid(first.scale, first.low - second.high, first.high - second.low)
    return Grid(first.scale, first.low + second.low, first.high + second.high)


def _quantizer(model: ModelWrapper, node: NodeProto) -> Grid | None:
    scale, zero, bits = (model.get_initializer(name) for name in node.input[1:4])
    if scale is None or zero is None or bits is None or scale.size != 1 or np.any(zero != 0):
        return None
    operator = getCustomOp(node)
    signed, narrow = operator.get_nodeattr("signed"), operator.get_nodeattr("narrow")
    most = 2.0 ** (float(bits.reshape(-1)[0]) - signed)
    return Grid(
        float(scale.reshape(-1)[0]), -most + narrow if signed else 0.0, most - 1 - (narrow and not signed)
    )


def _settle_layer(model: ModelWrapper, node: NodeProto, grids: dict[str, Grid], result: Settled) -> None:
    source = grids.get(node.input[0])
    if source is None:
        raise _Unknown("its input is not quantized with one scale")
    weights, units, quant = _weights(model, node)
    channels = len(units)
    units = units * source.scale
    paths = _paths(model, node.output[0], np.arange(channels))
    bias = np.zeros(channels)
    if len(node.input) > 2 and node.input[2]:
        stored = model.get_initializer(node.input[2])
        if stored is None:
            raise _Unknown("its bias is not constant")
        bias = stored.astype(np.float64)
    low, high = _reach(weights, source)
    crossings = _crossings(paths, bias, units, low, high)
    factors = np.ones(channels)
    scalable = _scalable(model, node, quant, channels)
    for channel in range(channels):
        shift, margin = _shift(crossings[channel])
        if margin < LEAST and scalable:
            alone = _paths(model, node.output[0], np.array([channel]))
            factors[channel], shift, margin = _scaled(alone, channel, bias, units, low, high)
            result.scaled += factors[channel] != 1
        bias[channel] -= shift * units[channel] * factors[channel]
        result.moved += abs(shift) > NOTHING
        result.margin = min(result.margin, margin)
    if np.any(factors != 1):
        _scale_weights(model, node, quant, factors)
        result.factors[node.name] = factors
    _set_bias(model, node, bias)


def _shift(crossings: Floats) -> tuple[float, float]:
    return best_shift(crossings, MARGIN) if len(crossings) else (0.0, 0.5)


def _scaled(
    paths: list[_Path], channel: int, bias: Floats, units: Floats, low: Floats, high: Floats
) -> tuple[float, float, float]:
    """The factor of a channel's weights nearest to 1 with which a shift is enough, else the best; the shift
    and the margin that it gives. `paths` are of this channel alone.
    """
    only = slice(channel, channel + 1)
    best = (1.0, 0.0, -1.0)
    for number in range(TRIES + 1):
        for sign in (1, -1) if number else (1,):
            factor = 1 + sign * MOST_SCALING * number / TRIES
            (places,) = _crossings(paths, bias[only], units[only] * factor, low[only], high[only])
            shift, margin = _shift(places)
            if margin > best[2]:
                best = factor, shift, margin
            if margin >= LEAST:
                return best
    return best


def _weights(model: ModelWrapper, node: NodeProto) -> tuple[Floats, Floats, NodeProto]:
    """Integers (Cout, n) of a convolution, the scale of each output channel (Cout,), and their Quant node."""
    quant = model.find_producer(node.input[1])
    if quant is None or quant.op_type != "Quant":
        raise _Unknown("its weights do not come from a Quant node")
    values, scale = model.get_initializer(quant.input[0]), model.get_initializer(quant.input[1])
    if values is None or scale is None:
        raise _Unknown("its weights are not constant")
    groups = get_by_name(node.attribute, "group")
    count = 1 if groups is None else groups.i
    integers = np.round(values.astype(np.float64) / scale)
    if node.op_type == "Conv":
        outputs = values.shape[0]
        return (
            integers.reshape(outputs, -1),
            np.broadcast_to(scale.reshape(-1), (outputs,)).astype(float),
            quant,
        )
    inputs, each = values.shape[:2]  # of transposed ones I, O / groups, k, k
    flat = integers.reshape(count, inputs // count, each, -1).transpose(0, 2, 1, 3).reshape(count * each, -1)
    one = np.broadcast_to(scale.reshape(-1), (each,)).astype(float)
    return flat, np.tile(one, count), quant


def _reach(weights: Floats, source: Grid) -> tuple[Floats, Floats]:
    """The least and the largest sum of each channel (C,); padding can put 0 for any product."""
    low, high = min(source.low, 0.0), max(source.high, 0.0)
    products = np.minimum(weights * low, weights * high), np.maximum(weights * low, weights * high)
    return products[0].sum(1), products[1].sum(1)


def _paths(model: ModelWrapper, tensor: str, channels: NDArray[np.int64]) -> list[_Path]:
    """Every way from `tensor` to a quantizer; `channels`: which channel each of the convolution's is now."""
    found: list[_Path] = []
    readers = model.find_consumers(tensor) or []
    if any(one.name == tensor for one in model.graph.output):
        raise _Unknown("its sums are an output of the file")
    for node in readers:
        found += _paths_through(model, node, tensor, channels)
    return found


def _paths_through(
    model: ModelWrapper, node: NodeProto, tensor: str, channels: NDArray[np.int64]
) -> list[_Path]:
    """Those that begin with `node`, a reader of `tensor`."""
    if node.op_type == "Quant":
        grid = _quantizer(model, node)
        if grid is None:
            raise _Unknown(f"{node.name} has a scale for each channel, or a zero point")
        return [_Path([], grid.scale, np.arange(grid.low, grid.high) + 0.5)]
    function = _function(model, node, tensor, channels)
    if function is None and node.op_type not in ("DepthToSpace", "Resize", "Upsample", "Identity"):
        raise _Unknown(f"{node.name} ({node.op_type}) is no function of each value")
    before = [] if function is None else [function]
    behind = _paths(model, node.output[0], _moved_channels(model, node, channels))
    return [_Path([*before, *path.functions], path.scale, path.steps) for path in behind]


def _moved_channels(model: ModelWrapper, node: NodeProto, channels: NDArray[np.int64]) -> NDArray[np.int64]:
    if node.op_type != "DepthToSpace":
        return channels
    attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    parts = attributes["blocksize"] ** 2
    if attributes.get("mode", b"DCR") == b"CRD":
        return channels // parts
    return channels % (int(model.get_tensor_shape(node.input[0])[1]) // parts)


def _function(
    model: ModelWrapper, node: NodeProto, tensor: str, channels: NDArray[np.int64]
) -> Function | None:
    """What a pointwise node does to values (C, T), C the convolution's channels."""
    attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}

    def constant(index: int, default: float | None = None) -> Floats:
        """Input `index` for each of the convolution's channels, (C, 1) or (1, 1)."""
        if index >= len(node.input) or not node.input[index]:
            return np.full((1, 1), default)
        value = model.get_initializer(node.input[index])
        if value is None:
            raise _Unknown(f"{node.name} ({node.op_type}) joins two tensors before they are quantized")
        if value.size == 1:
            return np.full((1, 1), float(value.reshape(())))
        flat = value.reshape(-1).astype(np.float64)
        if value.size != value.shape[max(0, value.ndim - 3)]:
            raise _Unknown(f"{node.name} ({node.op_type}) has other constants than one a channel")
        return flat[channels][:, None]

    simple = _SIMPLE.get(node.op_type)
    if simple is not None:
        return lambda x: simple(x, attributes)
    first = bool(node.input[0] == tensor)
    match node.op_type:
        case "PRelu":
            slope = constant(1)
            return lambda x: np.where(x < 0, slope * x, x)
        case "Clip":
            low, high = constant(1, -np.inf), constant(2, np.inf)
            return lambda x: np.clip(x, low, high)
        case "Max" | "Min" if len(node.input) == 2:
            bound, pick = constant(1 if first else 0), np.maximum if node.op_type == "Max" else np.minimum
            return lambda x: pick(x, bound)
        case "Add" | "Sub" | "Mul" | "Div":
            other = constant(1 if first else 0)
            operation: Any = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}[
                node.op_type
            ]
            return (lambda x: operation(x, other)) if first else (lambda x: operation(other, x))
        case "BatchNormalization":
            gain, bias, mean, variance = (_flat(model, node, n)[channels][:, None] for n in range(1, 5))
            root = np.sqrt(variance + attributes.get("epsilon", 1e-5))
            return lambda x: (x - mean) / root * gain + bias
    return None


def _flat(model: ModelWrapper, node: NodeProto, index: int) -> Floats:
    value = model.get_initializer(node.input[index])
    if value is None:
        raise _Unknown(f"{node.name} has numbers that are not constant")
    return np.asarray(value, np.float64).reshape(-1)


def _exp(x: Floats) -> Floats:
    return np.exp(np.clip(x, -700, 700))


_SIMPLE: dict[str, Callable[[Floats, dict[str, Any]], Floats]] = {
    "Relu": lambda x, _: np.maximum(x, 0),
    "LeakyRelu": lambda x, a: np.where(x < 0, a.get("alpha", 0.01) * x, x),
    "Sigmoid": lambda x, _: 1 / (1 + _exp(-x)),
    "Tanh": lambda x, _: np.tanh(x),
    "HardSigmoid": lambda x, a: np.clip(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1),
    "Elu": lambda x, a: np.where(x < 0, a.get("alpha", 1.0) * (_exp(np.minimum(x, 0)) - 1), x),
    "Selu": lambda x, a: (
        a.get("gamma", 1.0507009873554805)
        * np.where(x < 0, a.get("alpha", 1.6732632423543772) * (_exp(np.minimum(x, 0)) - 1), x)
    ),
    "Softplus": lambda x, _: np.logaddexp(0, x),
    "Neg": lambda x, _: -x,
    "Identity": lambda x, _: x,
}


def _crossings(paths: list[_Path], bias: Floats, units: Floats, low: Floats, high: Floats) -> list[Floats]:
    """For each channel the sums (real, in units) at which a quantized result changes, within reach."""
    ends = low - 1, high + 1
    found: list[list[Floats]] = [[] for _ in bias]
    for path in paths:

        def value(sums: Floats, path: _Path = path) -> Floats:
            return path(sums * units[:, None] + bias[:, None]) / path.scale

        first, last = value(ends[0][:, None]), value(ends[1][:, None])
        rising = last >= first
        shape = len(bias), len(path.steps)
        below, above = np.broadcast_to(ends[0][:, None], shape), np.broadcast_to(ends[1][:, None], shape)
        for _ in range(HALVINGS):
            middle = (below + above) / 2
            passed = (value(middle) >= path.steps) == rising
            below, above = np.where(passed, below, middle), np.where(passed, middle, above)
        inside = (np.minimum(first, last) < path.steps) & (path.steps < np.maximum(first, last))
        for channel, places in enumerate(found):
            places.append(above[channel][inside[channel]])
    return [np.concatenate(places) if places else np.empty(0) for places in found]


def _scalable(model: ModelWrapper, node: NodeProto, quant: NodeProto, channels: int) -> bool:
    """Whether each output channel has a weight scale of its own, and the weights one reader."""
    values, scale = model.get_initializer(quant.input[0]), model.get_initializer(quant.input[1])
    axis = 0 if node.op_type == "Conv" else 1
    return bool(
        scale.size == values.shape[axis] == channels and len(model.find_consumers(node.input[1])) == 1
    )


def _scale_weights(model: ModelWrapper, node: NodeProto, quant: NodeProto, factors: Floats) -> None:
    values, scale = model.get_initializer(quant.input[0]), model.get_initializer(quant.input[1])
    axis = 0 if node.op_type == "Conv" else 1
    shape = [1] * values.ndim
    shape[axis] = -1
    integers = np.round(values / scale)
    scale = (scale.reshape(shape) * factors.reshape(shape)).astype(np.float32)
    model.set_initializer(quant.input[1], scale)
    model.set_initializer(quant.input[0], (integers * scale).astype(np.float32))


def _set_bias(model: ModelWrapper, node: NodeProto, bias: Floats) -> None:
    if len(node.input) > 2 and node.input[2]:
        model.set_initializer(node.input[2], bias.astype(np.float32))
    elif np.any(bias != 0):
        name = model.make_new_valueinfo_name()
        del node.input[2:]
        node.input.append(name)
        model.set_initializer(name, bias.astype(np.float32))
