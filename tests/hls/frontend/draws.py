"""Random networks of every family that the front end reads, each for `oracle.agree`. Values are near +-1 throughout."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper

from tests.hls.frontend.files import QUANT, File
from tests.hls.frontend.oracle import Close, agree

TRIES = 30


@dataclass(frozen=True)
class T:
    """A tensor of the file."""

    name: str
    channels: int
    height: int
    width: int
    scale: float = 0.0  # of one that is quantized


@dataclass
class Draw:
    """A file under construction by random choices."""

    rng: np.random.Generator
    file: File = field(default_factory=File)
    opset: int = 18
    count: int = 0

    def name(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def one(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def number(self, low: int, high: int) -> int:
        """low .. high, both included."""
        return int(self.rng.integers(low, high + 1))

    def maybe(self, chance: float = 0.5) -> bool:
        return bool(self.rng.random() < chance)

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        return self.file.node(kind, self.name(), inputs, **attributes)

    def floats(self, *shape: int, low: float = -1.0, high: float = 1.0) -> str:
        values = self.rng.uniform(low, high, shape)
        if self.maybe(0.3):  # as a Constant node
            name = self.name()
            self.file.nodes.append(
                helper.make_node("Constant", [], [name], value=_tensor(values.astype(np.float32)))
            )
            return name
        return self.file.constant(self.name(), values)

    def whole(self, *values: int) -> str:
        return self.file.constant(self.name(), list(values), np.int64)

    # Ends.

    def image(self, **fixed: Any) -> T:
        """The one input, quantized."""
        channels = fixed.get("channels", self.number(1, 4))
        height, width = fixed.get("size", (self.number(5, 10), self.number(5, 10)))
        bits = fixed.get("bits", self.one(8, 8, self.number(2, 7)))
        signed = fixed.get("signed", int(self.maybe(0.3)))
        scale = float(
            np.float32(
                1 / 255 if bits == 8 and not signed and self.maybe(0.7) else 1.0 / 2 ** (bits - signed)
            )
        )
        self.file.shape = (1, channels, height, width)
        name = self.file.quant(self.name(), "image", scale, bits, signed=signed)
        return T(name, channels, height, width, scale)

    def quantized(self, x: T, bits: int = 0, signed: int = -1, scale: float = 0.0, **more: Any) -> T:
        """Behind sums or functions, of values near +-1."""
        bits = bits or self.number(2, 6)
        signed = int(self.maybe()) if signed < 0 else signed
        scale = scale or float(np.float32(self.rng.uniform(1.2, 3) / 2 ** (bits - signed)))
        more = {"narrow": int(self.maybe(0.3)), "rounding_mode": self.one("ROUND", "HALF_EVEN")} | more
        name = self.file.quant(self.name(), x.name, scale, bits, signed=signed, **more)
        return T(name, x.channels, x.height, x.width, scale)

    def requantized(self, x: T, bits: int = 0, signed: int = -1) -> T:
        """Of a tensor: by a scale whose levels are no ties: an odd multiple of a part."""
        factor = self.one(1, 3, 5, 7, 9) / self.one(2, 4, 7, 11)
        return self.quantized(x, bits, signed, float(np.float32(x.scale * factor)), narrow=0)

    # Sums.

    def weights(self, shape: tuple[int, ...], fan_in: int, axis: int) -> str:
        bits = self.number(2, 8)
        most = 2 ** (bits - 1) - 1
        narrow = int(self.maybe(0.7))
        scale = 1.6 / (most * np.sqrt(fan_in)) * self.rng.uniform(0.7, 1.3)
        if self.maybe():
            sides = [1] * len(shape)
            sides[axis] = shape[axis]
            scale = scale * self.rng.uniform(0.5, 1.2, sides)
        scale = np.asarray(scale, np.float32)
        if self.maybe(0.15):
            values = self.file.constant(self.name(), self.rng.normal(size=shape))
            size = np.float32(1 / np.sqrt(fan_in)) * np.ones_like(scale)
            return self.file.node(
                "BipolarQuant", self.name(), [values, self.file.constant(self.name(), size)], QUANT
            )
        values = self.rng.integers(-most - 1 + narrow, most + 1, shape) * scale
        values = self.file.constant(self.name(), values)
        constants = [self.file.constant(self.name(), value) for value in (scale, 0.0, float(bits))]
        attributes = {"signed": 1, "narrow": narrow, "rounding_mode": "ROUND"}
        return self.file.node("Quant", self.name(), [values, *constants], QUANT, **attributes)

    def bias(self, channels: int) -> list[str]:
        return [self.floats(channels)] if self.maybe(0.7) else []

    def conv(self, x: T, outputs: int = 0, plain: bool = False, source: str = "") -> T:
        """A convolution; `plain`: 1x1 or 3x3 with padding, which keeps the size. `source`: x behind a Pad node."""
        kernel = [self.number(1, 7) if self.maybe(0.3) else self.number(1, 3) for _ in range(2)]
        stride, dilation = [self.number(1, 3), self.number(1, 3)], [self.one(1, 1, 2, 3), self.one(1, 1, 2)]
        pads = [self.number(0, 3) for _ in range(4)]
        if plain:
            kernel = self.one([1, 1], [3, 3])
            stride, dilation, pads = [1, 1], [1, 1], [kernel[0] // 2] * 4
        outputs = outputs or self.number(1, 6)
        group = 1
        if not plain and self.maybe(0.5):
            group = self.one(*[n for n in range(1, x.channels + 1) if x.channels % n == 0], x.channels)
            outputs = group * self.number(1, 2)
        auto = "NOTSET" if plain else self.one("NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
        if auto.startswith("SAME"):
            dilation = [1, 1]  # onnxruntime has no other
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        size = []
        for axis, side in enumerate((x.height, x.width)):
            around = pads[axis] + pads[axis + 2] if auto == "NOTSET" else 0
            if not auto.startswith("SAME") and side + around < spans[axis]:
                kernel[axis], dilation[axis], spans[axis] = 1, 1, 1
            made = (side + around - spans[axis]) // stride[axis] + 1
            size.append(-(-side // stride[axis]) if auto.startswith("SAME") else made)
        shape = (outputs, x.channels // group, *kernel)
        inputs = [
            source or x.name,
            self.weights(shape, shape[1] * kernel[0] * kernel[1], 0),
            *self.bias(outputs),
        ]
        attributes: dict[str, Any] = {"strides": stride, "dilations": dilation, "group": group}
        attributes |= {"pads": pads} if auto == "NOTSET" else {"auto_pad": auto}
        if self.maybe():
            attributes["kernel_shape"] = kernel
        return T(self.node("Conv", inputs, **attributes), outputs, *size)

    def deconv(self, x: T, outputs: int = 0) -> T:
        """A transposed convolution."""
        kernel = [self.number(1, 5), self.number(1, 5)]
        stride = self.one(1, 2, 2, 3, 4)
        dilation = self.one([1, 1], [1, 1], [2, 1])
        group = self.one(*[n for n in range(1, x.channels + 1) if x.channels % n == 0])
        per_group = self.number(1, 3) if not outputs else outputs // group
        shape = (x.channels, per_group, *kernel)
        fan_in = max(1, x.channels // group * kernel[0] * kernel[1] // stride**2)
        inputs = [x.name, self.weights(shape, fan_in, 1), *self.bias(per_group * group)]
        attributes: dict[str, Any] = {"strides": [stride] * 2, "dilations": dilation, "group": group}
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        extra = [self.number(0, stride - 1) if self.maybe(0.4) else 0 for _ in range(2)]
        attributes["output_padding"] = extra
        full = [(side - 1) * stride + span for side, span in zip((x.height, x.width), spans, strict=True)]
        if self.maybe(0.25):
            attributes["output_shape"] = size = [
                self.number(max(1, side - span + 1), side + more)
                for side, span, more in zip(full, spans, extra, strict=True)
            ]
            if self.maybe():
                attributes["auto_pad"] = self.one("SAME_UPPER", "SAME_LOWER")
        else:
            pads = [self.number(0, spans[n % 2] - 1) for n in range(4)]
            size = [
                side + more - pads[n] - pads[n + 2]
                for n, (side, more) in enumerate(zip(full, extra, strict=True))
            ]
            attributes["pads"] = pads
        return T(self.node("ConvTranspose", inputs, **attributes), per_group * group, *size)

    def box(self, x: T) -> T:
        """Some of its channels, rows and columns."""
        sides = [x.channels, x.height, x.width]
        axes = sorted(self.rng.choice(3, self.number(1, 3), replace=False).tolist())
        starts, stops = [], []
        for axis in axes:
            first = self.number(0, sides[axis] - 1)
            last = self.number(first + 1, sides[axis])
            starts.append(first - (sides[axis] if self.maybe(0.3) else 0))
            stops.append(2**62 if last == sides[axis] and self.maybe() else last)
            sides[axis] = last - first
        constants = [self.whole(*starts), self.whole(*stops), self.whole(*(axis + 1 for axis in axes))]
        return T(self.node("Slice", [x.name, *constants]), *sides, x.scale)

    def pool(self, x: T) -> T:
        """The maximum or the mean of windows, quantized where it is not yet."""
        kernel, stride = [self.number(1, 3), self.number(1, 3)], [self.number(1, 3), self.number(1, 3)]
        largest = not x.scale or self.maybe()
        attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": stride}
        size = [(side - k) // s + 1 for side, k, s in zip((x.height, x.width), kernel, stride, strict=True)]
        unsigned = largest and self.maybe()
        if unsigned or (not largest and self.maybe()):
            pads = [self.number(0, kernel[n % 2] - 1) for n in range(4)]
            attributes["pads"] = pads
            size = [
                (side + pads[n] + pads[n + 2] - kernel[n]) // stride[n] + 1
                for n, side in enumerate((x.height, x.width))
            ]
        if unsigned:  # zeros around it must not win
            x = self.quantized(FUNCTIONS["relu"](self, x), signed=0)
        if largest:
            made = T(self.node("MaxPool", [x.name], **attributes), x.channels, *size, x.scale)
            return made if x.scale and self.maybe() else self.quantized(self.rising(made), signed=1)
        attributes["count_include_pad"] = 1
        made = T(self.node("AveragePool", [x.name], **attributes), x.channels, *size)
        factor = self.one(5, 7, 9, 11) / self.one(2, 3)  # no ties
        scale = float(np.float32(x.scale * factor / (kernel[0] * kernel[1])))
        return self.quantized(made, bits=self.number(4, 8), scale=scale)

    def rising(self, x: T) -> T:
        """A function behind it that does not fall."""
        return FUNCTIONS[self.one("relu", "leaky", "tanh", "hard")](self, x) if self.maybe() else x

    def functions(self, x: T, count: int = 0) -> T:
        """Constants and functions that never fall behind one another."""
        kinds = list(FUNCTIONS)
        for _ in range(count or self.number(1, 3)):
            x = FUNCTIONS[self.one(*kinds)](self, x)
        return x


def _tensor(values: np.ndarray) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(values)


def _per_channel(draw: Draw, x: T, low: float, high: float) -> str:
    if draw.maybe():
        return draw.floats(*draw.one((), (1,)), low=low, high=high)
    return draw.floats(*draw.one((x.channels, 1, 1), (1, x.channels, 1, 1)), low=low, high=high)


def pointwise(kind: str, **attributes: Any) -> Callable[[Draw, T], T]:
    def function(draw: Draw, x: T) -> T:
        return T(draw.node(kind, [x.name], **attributes), x.channels, x.height, x.width)

    return function


def with_constant(kind: str, low: float, high: float, either: bool) -> Callable[[Draw, T], T]:
    def function(draw: Draw, x: T) -> T:
        inputs = [x.name, _per_channel(draw, x, low, high)]
        if either and draw.maybe():
            inputs.reverse()
        return T(draw.node(kind, inputs), x.channels, x.height, x.width)

    return function


def batch_norm(draw: Draw, x: T) -> T:
    gain = draw.rng.uniform(-1.5, 1.5, x.channels)
    gain[draw.rng.random(x.channels) < 0.15] = 0
    inputs = [
        x.name, draw.file.constant(draw.name(), gain), draw.floats(x.channels), draw.floats(x.channels),
        draw.floats(x.channels, low=0.3, high=2),
    ]  # fmt: skip
    name = draw.node("BatchNormalization", inputs, epsilon=draw.one(1e-5, 1e-3))
    return T(name, x.channels, x.height, x.width)


def prelu(draw: Draw, x: T) -> T:
    slopes = draw.rng.uniform(0, 1.4, (x.channels if draw.maybe() else 1, 1, 1))
    slopes[draw.rng.random(slopes.shape) < 0.3] = 0
    return T(
        draw.node("PRelu", [x.name, draw.file.constant(draw.name(), slopes)]), x.channels, x.height, x.width
    )


def clip(draw: Draw, x: T) -> T:
    low, high = draw.one((0.0, 6.0), (0.0, 1.0), (-0.7, 0.4), (-1.0, None), (None, 0.8))
    if draw.opset < 11:
        ends = {key: value for key, value in (("min", low), ("max", high)) if value is not None}
        return T(draw.node("Clip", [x.name], **ends), x.channels, x.height, x.width)
    inputs = ["" if end is None else draw.file.constant(draw.name(), end) for end in (low, high)]
    while not inputs[-1]:
        inputs.pop()
    return T(draw.node("Clip", [x.name, *inputs]), x.channels, x.height, x.width)


FUNCTIONS: dict[str, Callable[[Draw, T], T]] = {
    "relu": pointwise("Relu"),
    "leaky": pointwise("LeakyRelu", alpha=0.1),
    "prelu": prelu,
    "clip": clip,
    "sigmoid": pointwise("Sigmoid"),
    "tanh": pointwise("Tanh"),
    "hard": pointwise("HardSigmoid", alpha=0.3, beta=0.45),
    "softplus": pointwise("Softplus"),
    "softsign": pointwise("Softsign"),
    "elu": pointwise("Elu"),
    "neg": pointwise("Neg"),
    "norm": batch_norm,
    "norm2": batch_norm,
    "mul": with_constant("Mul", -1.5, 1.5, True),
    "div": with_constant("Div", 0.6, 2, False),
    "add": with_constant("Add", -0.6, 0.6, True),
    "sub": with_constant("Sub", -0.6, 0.6, True),
}


def check(family: Callable[[Draw], list[T]], seed: int, path: Path, frames: int = 2) -> Any:
    """A network of the family, drawn until no level lies on a tie."""
    for attempt in range(TRIES):
        rng = np.random.default_rng([seed, attempt])
        draw = Draw(rng)
        outputs = family(draw)
        draw.file.save(path, *(output.name for output in outputs), opset=draw.opset)
        try:
            return agree(path, rng, frames)
        except Close:
            continue
    raise AssertionError(f"{TRIES} draws, each with a level near a tie")
