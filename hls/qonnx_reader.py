"""QONNX -> integer network: every scale must end in a threshold, or the file is refused.

Accepted are the operators a generator of this family exports: Quant, Conv, ConvTranspose, Relu, Add; for the
choice between two images Slice, GreaterOrEqual and Where; for filling and correcting broken pixels
PyramidFill (`quant.pyramid_fill`), Concat and Sub; in any names and order that make sense.
Anything else is a `UserError` that names the node and what was expected.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import get_by_name
from qonnx.util.cleanup import cleanup_model

from hls.layers import Convolution, Requantization, TransposedConvolution
from hls.layers.joins import add
from hls.layers.restoration import correct, filling, mark, select
from hls.network import Layer, Network, Tensor
from hls.ops.relax.op import NARROWEST
from hls.thresholds import clip, thresholds
from model.pyramid import MOST_SWEEPS
from pixelmend.errors import UserError
from quant.pyramid_fill import DOMAIN

PIXEL_SCALE = float(np.float32(1 / 255))
OPERATORS = (
    "Quant", "Conv", "ConvTranspose", "Relu", "Add", "Slice", "GreaterOrEqual", "Where", "PyramidFill",
    "Concat", "Sub",
)  # fmt: skip
DOMAINS = ("", "ai.onnx", "qonnx.custom_op.general", "onnx.brevitas", DOMAIN)
POSITIVE = ("strides", "dilations", "kernel_shape", "group")
COLOURS = 3  # R, G, B; a fourth channel is a flag
FLAGS = ((0, 1), (COLOURS, COLOURS + 1))  # first and last channel of a score, of a map beside an image
NEUTRAL = 128  # the correction that changes nothing
MOST_LEVELS = 6  # of a pyramid


@dataclass
class _Accumulator:
    """A convolution whose thresholds are not known yet; `rectified` once a Relu has been seen."""

    node: NodeProto
    source: Tensor
    weights: NDArray[np.int64]
    weight_bits: int
    scale: NDArray[np.float64]  # (Cout,)
    bias: NDArray[np.float64]  # (Cout,)
    rectified: bool = False


@dataclass(frozen=True)
class _Part:
    """Channels `first` .. `last` - 1 of a tensor; with `flag`, whether they are at least one half."""

    tensor: Tensor
    first: int
    last: int
    flag: bool = False


@dataclass(frozen=True)
class _Correction:
    """`image` + `correction`; `shifted` once the neutral value is taken off, `finished` once quantized."""

    image: Tensor  # of four channels, the flag the last
    correction: Tensor
    shifted: bool = False
    finished: bool = False


@dataclass(frozen=True)
class _Quantizer:
    scale: NDArray[np.float64]
    bits: int
    signed: bool
    narrow: bool


@dataclass
class _Reader:
    model: ModelWrapper
    path: Path
    known: dict[str, Tensor | _Accumulator | _Part | _Correction] = field(default_factory=dict)
    mapped: dict[str, Tensor] = field(default_factory=dict)  # image with a map, by the name of its filled one
    layers: list[Layer] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    least_margin: float = 0.5

    def read(self) -> Network:
        graph = self.model.graph
        if len(graph.input) != 1 or len(graph.output) != 1:
            raise UserError(
                f"{self.path}: expected one input and one output, "
                f"got {len(graph.input)} and {len(graph.output)}"
            )
        for node in graph.node:
            if node.op_type not in OPERATORS:
                raise UserError(
                    f"{self.path}: node {node.name} is a {node.op_type}; "
                    f"a generator may hold {', '.join(OPERATORS)}"
                )
            if node.op_type == "Quant" and self.model.get_initializer(node.input[0]) is not None:
                continue  # a weight's; read where it is used
            self._visit(node)
        image_in = next((t for t in self.known.values() if isinstance(t, Tensor)), None)
        if image_in is None:
            raise UserError(f"{self.path}: expected an image that is quantized, as pixels are; found none")
        image_out = self.known.get(graph.output[0].name)
        if not isinstance(image_out, Tensor) or image_out.bits != 8 or image_out.scale != PIXEL_SCALE:
            raise UserError(
                f"{self.path}: the output must be quantized to 8 bits with scale 1/255, as uint8 pixels are"
            )
        return Network(image_in, (image_out,), tuple(self.layers), self.least_margin)

    def _visit(self, node: NodeProto) -> None:
        try:
            getattr(self, f"_{node.op_type.lower()}")(node)
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            raise self._error(
                node, f"its inputs and attributes make no sense: {_first_line(error)}"
            ) from error

    def _quant(self, node: NodeProto) -> None:
        quantizer = self._quantizer(node)
        if quantizer.signed or quantizer.narrow or quantizer.scale.size != 1:
            raise self._error(node, "activations must be unsigned, full-range, with one scale")
        scale = float(quantizer.scale.reshape(()))
        if node.input[0] == self.model.graph.input[0].name:
            if quantizer.bits != 8 or scale != PIXEL_SCALE:
                raise self._error(
                    node,
                    f"the image must enter as 8 bits, scale 1/255; got {quantizer.bits} bits, scale {scale}",
                )
            self.known[node.output[0]] = self._tensor(node.output[0], 8, 255, scale)
            return
        corrected = self.known.get(node.input[0])
        if isinstance(corrected, _Correction):
            if (quantizer.bits, scale) != (8, PIXEL_SCALE) or not corrected.shifted:
                raise self._error(
                    node, "a corrected image must be less 128/255 and be quantized to 8 bits, scale 1/255"
                )
            self.known[node.output[0]] = replace(corrected, finished=True)
            return
        source = self._source(node, 0)
        result = self._tensor(node.output[0], quantizer.bits, 2**quantizer.bits - 1, scale)
        if isinstance(source, Tensor):
            self._requantize(node, source, result)
        else:
            self._finish(source, result)
        self.known[node.output[0]] = result

    def _requantize(self, node: NodeProto, source: Tensor, result: Tensor) -> None:
        one = np.full(source.channels, source.scale)
        steps, margin = thresholds(one, np.zeros_like(one), result.scale, result.bits)
        self.least_margin = min(
            self.least_margin, float(margin[:, steps[0] <= source.maximum].min(initial=0.5))
        )
        self.layers.append(
            Requantization(self._name("requant"), source, result, clip(steps, 0, source.maximum))
        )

    def _finish(self, layer: _Accumulator, result: Tensor) -> None:
        steps, margin = thresholds(layer.scale, layer.bias, result.scale, result.bits)
        transposed = layer.node.op_type == "ConvTranspose"
        flat = layer.weights.transpose(1, 0, 2, 3) if transposed else layer.weights
        flat = flat.reshape(flat.shape[0], -1)
        lowest = int(np.minimum(flat, 0).sum(1).min()) * layer.source.maximum
        highest = int(np.maximum(flat, 0).sum(1).max()) * layer.source.maximum
        reachable = (steps >= lowest) & (steps <= highest + 1)
        self.least_margin = min(self.least_margin, float(margin[reachable].min(initial=0.5)))
        steps = clip(steps, lowest, highest)
        name = self._name("deconv" if transposed else "conv")
        common = (name, layer.source, result, layer.weights, layer.weight_bits, steps)
        geometry = self._geometry(layer, result)
        if transposed:
            self.layers.append(TransposedConvolution(*common, geometry[0], geometry[1][0]))
        else:
            self.layers.append(Convolution(*common, *geometry))

    def _conv(self, node: NodeProto) -> None:
        source = self._source(node, 0)
        if not isinstance(source, Tensor):
            raise self._error(node, "its input must be quantized")
        producer = self.model.find_producer(node.input[1])
        if producer is None or producer.op_type != "Quant":
            raise self._error(node, "its weights must come from a Quant node over an initializer")
        quantizer = self._quantizer(producer)
        values = self.model.get_initializer(producer.input[0])
        if values is None:
            raise self._error(node, "its weights must be constant")
        if not quantizer.signed:
            raise self._error(producer, "weights must be signed")
        channels = 1 if node.op_type == "ConvTranspose" else 0
        outputs = values.shape[channels]
        # the float32 arithmetic of the QONNX operator, so that equal files give equal integers
        limit = 2 ** (quantizer.bits - 1) - 1
        lowest = -limit if quantizer.narrow else -limit - 1
        integers = np.clip(np.round(values / quantizer.scale.astype(np.float32)), lowest, limit).astype(
            np.int64
        )
        scale = np.broadcast_to(quantizer.scale.reshape(-1), (outputs,)) * source.scale
        bias = np.zeros(outputs)
        if len(node.input) > 2 and node.input[2]:
            bias = self.model.get_initializer(node.input[2])
            if bias is None:
                raise self._error(node, "its bias must be constant")
        self.known[node.output[0]] = _Accumulator(
            node, source, integers, quantizer.bits, scale, bias.astype(np.float64)
        )

    _convtranspose = _conv

    def _relu(self, node: NodeProto) -> None:
        found = self.known.get(node.input[0])
        source = found if isinstance(found, _Correction) else self._source(node, 0)
        self.known[node.output[0]] = source  # what follows is unsigned: it clips at 0 all the same

    def _add(self, node: NodeProto) -> None:
        if isinstance(self.known.get(node.input[0]), _Part):
            self._correction(node)
            return
        left, right = self._source(node, 0), self._source(node, 1)
        if not isinstance(left, Tensor) or not isinstance(right, Tensor):
            raise self._error(node, "both operands must be quantized tensors")
        if left.scale != right.scale:
            raise self._error(
                node,
                f"its operands have scales {left.scale:.9g} and {right.scale:.9g}, which can't be merged; "
                "let both share one quantizer",
            )
        maximum = left.maximum + right.maximum
        result = self._tensor(node.output[0], maximum.bit_length(), maximum, left.scale)
        self.layers.append(add(self._name("add"), (left, right), result))
        self.known[node.output[0]] = result

    def _slice(self, node: NodeProto) -> None:
        source = self._source(node, 0)
        first, last, axis, step = (self._integer(node, index) for index in range(1, 5))
        if not isinstance(source, Tensor) or axis not in (1, -3) or step != 1:
            raise self._error(node, "it must take neighbouring channels of a quantized tensor")
        first += source.channels * (first < 0)
        self.known[node.output[0]] = _Part(source, first, min(last, source.channels))

    def _greaterorequal(self, node: NodeProto) -> None:
        part = self.known.get(node.input[0])
        limit = self.model.get_initializer(node.input[1])
        if isinstance(part, Tensor):
            part = _Part(part, 0, part.channels)
        if not isinstance(part, _Part) or part.flag or (part.first, part.last) not in FLAGS:
            raise self._error(node, "it must look at the fourth channel of a quantized image, or at a score")
        if part.last != part.tensor.channels or (part.tensor.bits, part.tensor.scale) != (8, PIXEL_SCALE):
            raise self._error(node, "what it looks at must be the last channel, of 8 bits, scale 1/255")
        if limit is None or limit.size != 1 or float(limit.reshape(())) != 0.5:
            raise self._error(node, "it must compare with the constant 0.5, which is bit 7 of a pixel")
        self.known[node.output[0]] = _Part(part.tensor, part.first, part.last, flag=True)

    def _where(self, node: NodeProto) -> None:
        flag = self.known.get(node.input[0])
        if not isinstance(flag, _Part) or not flag.flag:
            raise self._error(node, "its condition must be the fourth channel of an image, at least 0.5")
        if isinstance(chosen := self.known.get(node.input[1]), _Correction):
            self._correct(node, flag, chosen)
            return
        images = self._colours(node, 1), self._colours(node, 2)
        first, second = images
        maximum = max(first.maximum, second.maximum)
        sides = {(image.height, image.width, image.bits, image.scale) for image in images}
        if sides != {(first.height, first.width, 8, PIXEL_SCALE)}:
            raise self._error(node, "it must choose between two images of one size, 8 bits, scale 1/255")
        channels = [image.channels for image in images]
        if sorted(channels) != [COLOURS, COLOURS + 1] or flag.tensor is not images[channels.index(4)]:
            raise self._error(node, "one of its images must have four channels, the last its condition")
        result = Tensor(node.output[0], first.height, first.width, COLOURS, 8, maximum, PIXEL_SCALE)
        self.layers.append(select(self._name("select"), images, result))
        self.known[node.output[0]] = result

    def _pyramidfill(self, node: NodeProto) -> None:
        image, flag = self._colours(node, 0), self.known.get(node.input[1])
        levels, sweeps = (getCustomOp(node).get_nodeattr(name) for name in ("levels", "sweeps"))
        if not 1 <= levels <= MOST_LEVELS:
            raise self._error(node, f"levels must be 1 to {MOST_LEVELS}, got {levels}")
        if not 0 <= sweeps <= MOST_SWEEPS:
            raise self._error(node, f"sweeps must be 0 to {MOST_SWEEPS}, got {sweeps}")
        if sweeps and image.width < NARROWEST:
            raise self._error(node, f"rows of {image.width} px can't be swept, only of {NARROWEST} and more")
        if image.height % 2**levels or image.width % 2**levels:
            raise self._error(node, f"{image.height}x{image.width} px can't be halved {levels} times")
        if not isinstance(flag, _Part) or not flag.flag:
            raise self._error(node, "what is broken must come from a score or a map, at least 0.5")
        sides = (flag.tensor.height, flag.tensor.width)
        if (image.height, image.width, image.bits, image.scale) != (*sides, 8, PIXEL_SCALE):
            raise self._error(node, "its image and what is broken must have one size, 8 bits, scale 1/255")
        if self.mapped or self.counts["mark"]:
            raise self._error(node, "only one image can be filled, and this is the second")
        if flag.tensor is image:
            layers, filled = filling(image, levels, True, node.output[0], sweeps)
            self.mapped[filled.name] = image
            self.known[node.output[0]] = _Part(filled, 0, COLOURS)
        elif (image.channels, flag.tensor.channels) == (COLOURS, 1):
            shape = image.height, image.width, COLOURS + 1
            marked = Tensor(f"{node.output[0]}_marked", *shape, 8, 255, PIXEL_SCALE)
            self.layers.append(mark(self._name("mark"), (flag.tensor, image), marked))
            layers, filled = filling(marked, levels, False, node.output[0], sweeps)
            self.known[node.output[0]] = filled
        else:
            raise self._error(node, "what is broken must be the image's own map, or a score of one channel")
        self.layers += layers

    def _concat(self, node: NodeProto) -> None:
        """A filled image and the map that came with it: what the stream of the filled image carries."""
        parts = [self.known.get(name) for name in node.input]
        joined = [part for part in parts if isinstance(part, _Part) and not part.flag]
        ends = [(part.first, part.last) for part in joined]
        if len(parts) != 2 or ends != [(0, COLOURS), (COLOURS, COLOURS + 1)]:
            raise self._error(node, "it must join a filled image and its map")
        filled, image = (part.tensor for part in joined)
        if self.mapped.get(filled.name) is not image or _int(node, "axis", 0) not in (1, -3):
            raise self._error(node, "it must join the channels of a filled image and its own map")
        self.known[node.output[0]] = filled

    def _correction(self, node: NodeProto) -> None:
        image, correction = self._colours(node, 0), self._colours(node, 1)
        sizes = {(one.height, one.width, one.bits, one.scale) for one in (image, correction)}
        if sizes != {(image.height, image.width, 8, PIXEL_SCALE)}:
            raise self._error(node, "image and correction must have one size, 8 bits, scale 1/255")
        if (image.channels, correction.channels) != (COLOURS + 1, COLOURS):
            raise self._error(node, "it must add a correction of three channels to an image with a map")
        self.known[node.output[0]] = _Correction(image, correction)

    def _sub(self, node: NodeProto) -> None:
        source, constant = self.known.get(node.input[0]), self.model.get_initializer(node.input[1])
        neutral = np.float32(NEUTRAL) * np.float32(PIXEL_SCALE)
        if not isinstance(source, _Correction) or source.shifted:
            raise self._error(node, "it must take the neutral value off a corrected image")
        if constant is None or constant.size != 1 or np.float32(constant.reshape(())) != neutral:
            raise self._error(node, f"it must take off the constant 128/255, {neutral}")
        self.known[node.output[0]] = replace(source, shifted=True)

    def _correct(self, node: NodeProto, flag: _Part, chosen: _Correction) -> None:
        kept = self._colours(node, 2)
        if not chosen.finished or kept is not chosen.image or flag.tensor is not chosen.image:
            raise self._error(node, "it must choose between an image and its correction by the image's map")
        result = Tensor(node.output[0], kept.height, kept.width, COLOURS, 8, 255, PIXEL_SCALE)
        self.layers.append(correct(self._name("correct"), (chosen.correction, kept), result))
        self.known[node.output[0]] = result

    def _colours(self, node: NodeProto, index: int) -> Tensor:
        """The image whose R, G, B are an operand of `node`."""
        source = self.known.get(node.input[index])
        if isinstance(source, _Part) and (source.first, source.last) == (0, COLOURS) and not source.flag:
            return source.tensor
        if isinstance(source, Tensor) and source.channels == COLOURS:
            return source
        raise self._error(node, f"its input {node.input[index]} must be R, G, B of a quantized image")

    def _source(self, node: NodeProto, index: int) -> Tensor | _Accumulator:
        found = self.known.get(node.input[index])
        if found is None or isinstance(found, _Part | _Correction):
            raise self._error(node, f"its input {node.input[index]} must be quantized first")
        return found

    def _integer(self, node: NodeProto, index: int) -> int:
        """Input `index`, a constant of one integer."""
        value = self.model.get_initializer(node.input[index]) if index < len(node.input) else np.array(1)
        if value is None or value.size != 1:
            raise self._error(node, f"its input {index} must be one constant integer")
        return int(value.reshape(()))

    def _quantizer(self, node: NodeProto) -> _Quantizer:
        scale, zero, bits = (self.model.get_initializer(name) for name in node.input[1:4])
        if scale is None or zero is None or bits is None:
            raise self._error(node, "scale, zero point and bit width must be constant")
        if np.any(zero != 0):
            raise self._error(node, f"the zero point must be 0, got {zero.reshape(-1)[0]}")
        width = float(np.asarray(bits).reshape(-1)[0])
        if width != int(width) or not 2 <= width <= 8:
            raise self._error(node, f"bit widths must be 2 to 8, got {width:g}")
        if np.any(scale <= 0) or not np.all(np.isfinite(scale)):
            raise self._error(node, f"scales must be positive, got {float(np.min(scale)):g}")
        operator = getCustomOp(node)
        rounding = operator.get_nodeattr("rounding_mode").upper()
        if rounding != "ROUND":
            raise self._error(node, f"rounding must be ROUND (half to even), got {rounding}")
        signed, narrow = operator.get_nodeattr("signed"), operator.get_nodeattr("narrow")
        return _Quantizer(np.asarray(scale, np.float64), int(width), bool(signed), bool(narrow))

    def _tensor(self, name: str, bits: int, maximum: int, scale: float) -> Tensor:
        shape = self.model.get_tensor_shape(name)
        if shape is None or len(shape) != 4 or shape[0] != 1:
            raise UserError(f"{self.path}: tensor {name} must have shape (1, C, H, W), got {shape}")
        return Tensor(name, shape[2], shape[3], shape[1], bits, maximum, scale)

    def _name(self, kind: str) -> str:
        """conv1, conv2, .. in order of execution: module names, so whatever the file calls its nodes."""
        self.counts[kind] += 1
        return f"{kind}{self.counts[kind]}"

    def _geometry(self, layer: _Accumulator, result: Tensor) -> tuple[int, tuple[int, int, int, int]]:
        node, kernel = layer.node, layer.weights.shape[2:]
        strides = _ints(node, "strides", [1, 1])
        top, left, bottom, right = _ints(node, "pads", [0, 0, 0, 0])
        if kernel[0] != kernel[1] or strides[0] != strides[1]:
            raise self._error(node, f"kernel and stride must be square, got {kernel} and {strides}")
        if _ints(node, "dilations", [1, 1]) != [1, 1] or _int(node, "group", 1) != 1:
            raise self._error(node, "dilation and groups must be 1")
        stride, source = strides[0], layer.source
        if node.op_type == "Conv":
            # rows and columns that no window reaches are not streamed
            bottom -= (source.height + top + bottom - kernel[0]) % stride
            right -= (source.width + left + right - kernel[1]) % stride
            if bottom < 0 or right < 0:
                raise self._error(node, "no window reaches the last row or column of its input")
            return stride, (top, left, bottom, right)
        if (result.height, result.width) != (stride * source.height, stride * source.width):
            raise self._error(
                node,
                f"its output must be {stride} times its input {source.height}x{source.width}, "
                f"got {result.height}x{result.width}",
            )
        if top != left or top // stride > -(-kernel[0] // stride) - 1:
            raise self._error(node, f"padding must be symmetric and less than the kernel, got {top}, {left}")
        return stride, (top, left, bottom, right)

    def _error(self, node: NodeProto, expected: str) -> UserError:
        return UserError(f"{self.path}: node {node.name} ({node.op_type}): {expected}")


def read(path: Path) -> Network:
    """Read a QONNX generator, image (1, 3, H, W) to image.

    Raises `UserError` where the file is missing, damaged or holds what this hardware can't do exactly.
    """
    return _Reader(prepared(path), path).read()


def prepared(path: Path) -> ModelWrapper:
    """The QONNX file cleaned up and with shapes, tensors named as `read` names them."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a QONNX model, as quant.export writes")
    try:
        model = ModelWrapper(str(path))
        _check_nodes(model, path)
        return cleanup_model(model).transform(InferShapes())
    except UserError:
        raise
    except Exception as error:  # onnx and protobuf raise many kinds on damaged files
        raise UserError(f"{path}: not a readable QONNX model: {_first_line(error)}") from error


def _check_nodes(model: ModelWrapper, path: Path) -> None:
    """What must be right before anything else looks at the nodes: qonnx finds an operator by importing the
    module that its domain names, and onnx divides by strides.
    """
    for node in model.graph.node:
        where = f"{path}: node {node.name} ({node.op_type})"
        if node.domain not in DOMAINS:
            raise UserError(f"{where}: expected an operator of ONNX or QONNX, got the domain '{node.domain}'")
        for one in node.attribute:
            values = [one.i] if one.name == "group" else list(one.ints)
            if one.name in POSITIVE and min(values, default=0) < 1:
                raise UserError(f"{where}: {one.name} must be positive, got {values}")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _ints(node: NodeProto, name: str, default: list[int]) -> list[int]:
    attribute = get_by_name(node.attribute, name)
    return default if attribute is None else list(attribute.ints)


def _int(node: NodeProto, name: str, default: int) -> int:
    attribute = get_by_name(node.attribute, name)
    return default if attribute is None else attribute.i
