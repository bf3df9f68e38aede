"""Every kind of network that the front end refuses, and the message it gets.

    python -m tests.hls.frontend.bad_graphs [build/bad_graphs.md]

writes the list of all.
"""

# ruff: noqa: E501  a kind is one line

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper

from hls.frontend import read
from pixelmend.errors import UserError
from pixelmend.files import write_text
from tests.hls.frontend.files import PIXEL, QUANT, File, kernel

SIDES = (1, 4, 8, 8)


class Graph(File):
    """A network of four channels around the node that can't be taken."""

    def __init__(self) -> None:
        super().__init__(shape=SIDES)
        self.count = 0
        self.x = self.q("image", PIXEL, 8)

    def new(self) -> str:
        self.count += 1
        return f"t{self.count}"

    def c(self, value: Any, kind: type = np.float32) -> str:
        return self.constant(self.new(), value, kind)

    def q(self, x: str, scale: Any = 0.25, bits: float = 4, **more: Any) -> str:
        return self.quant(self.new(), x, scale, bits, **more)

    def n(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        return self.node(kind, self.new(), list(inputs), domain, **attributes)

    def w(self, *shape: int, **more: Any) -> str:
        return self.weights(self.new(), kernel(*shape), **more)

    def conv(self, x: str = "", *shape: int, weights: str = "", bias: Any = None, **attributes: Any) -> str:
        weights = weights or self.w(*(shape or (4, 4, 3, 3)))
        more = [] if bias is None else [self.c(bias)]
        return self.n("Conv", x or self.x, weights, *more, **attributes)

    def deconv(self, *shape: int, **attributes: Any) -> str:
        return self.n("ConvTranspose", self.x, self.w(*(shape or (4, 4, 4, 4))), **attributes)


class Kind(NamedTuple):
    """`build` adds the nodes and returns the sums, or the tensor, that is quantized and given out."""

    what: str
    build: Callable[[Graph], Any]
    message: str
    whole: bool = False  # what it returns is the output itself


def _nan(shape: tuple[int, ...] = (4,)) -> np.ndarray:
    values = np.zeros(shape)
    values.flat[0] = np.nan
    return values


def _gate(g: Graph) -> str:
    gate = g.q(g.n("Sigmoid", g.conv()), 1 / 16)
    return g.n("Mul", g.q(g.conv(), 1 / 16), gate)


def _swish(g: Graph) -> str:
    x = g.conv()
    return g.n("Mul", x, g.n("Sigmoid", x))


def _two_scales(g: Graph) -> str:
    return g.n("Add", g.q(g.conv(), 0.25), g.q(g.conv(), 0.2500001))


def _split_steps(g: Graph) -> str:
    return g.n("Slice", g.x, *(g.c([one], np.int64) for one in (0, 4, 1, 2)))


def _reversed(g: Graph) -> str:
    return g.n("Slice", g.x, *(g.c([one], np.int64) for one in (3, -100, 1, -1)))


def _batch_norm(g: Graph, **changed: Any) -> str:
    values = {
        "gain": np.ones(4),
        "offset": np.zeros(4),
        "mean": np.zeros(4),
        "variance": np.ones(4),
    } | changed
    more = values.pop("attributes", {})
    return g.n("BatchNormalization", g.conv(), *(g.c(one) for one in values.values()), **more)


def _resize(g: Graph, scales: Any = (1, 1, 2, 2), **attributes: Any) -> str:
    return g.n("Resize", g.x, "", g.c(scales), **{"mode": "nearest"} | attributes)


def _behind_maximum(g: Graph) -> str:
    return g.n("Neg", g.n("MaxPool", g.conv(), kernel_shape=[2, 2]))


def _cast(g: Graph) -> str:
    return g.n("Cast", g.conv(), to=TensorProto.FLOAT)


KINDS = [
    # functions
    Kind("GELU", lambda g: g.n("Gelu", g.conv()), "GELU rises and falls: use ReLU"),
    Kind("GELU written out", lambda g: g.n("Erf", g.conv()), "(Erf): there is no hardware for it; a GELU"),
    Kind("SiLU", _swish, "its factor must be a constant; products of two images (gates, attention, SiLU"),
    Kind("a gate", _gate, "its factor must be a constant; products of two images"),
    Kind("hard swish", lambda g: g.n("HardSwish", g.conv()), "hard swish rises and falls: use ReLU6"),
    Kind("mish", lambda g: g.n("Mish", g.conv()), "mish rises and falls"),
    Kind("absolute value", lambda g: g.n("Abs", g.conv()), "|x| rises and falls"),
    Kind("sine", lambda g: g.n("Sin", g.conv()), "a sine rises and falls"),
    Kind("a power", lambda g: g.n("Pow", g.conv(), g.c(2.0)), "only functions that never fall are thresholds"),
    Kind("exponential", lambda g: g.n("Exp", g.conv()), "not bounded: use Sigmoid"),
    Kind("softmax", lambda g: g.n("Softmax", g.conv(), axis=1), "it divides by a sum of each pixel's channels"),
    Kind("leaky ReLU that falls", lambda g: g.n("LeakyRelu", g.conv(), alpha=-0.1), "its slope must be 0 or more, got -0.1"),
    Kind("PReLU that falls", lambda g: g.n("PRelu", g.conv(), g.c(np.full((4, 1, 1), -0.25))), "its slopes must be 0 or more, got -0.25"),
    Kind("PReLU along columns", lambda g: g.n("PRelu", g.conv(), g.c(np.full(6, 0.25))), "must be one number, or one for each channel"),
    Kind("slopes that are no constants", lambda g: g.n("PRelu", g.q(g.conv()), g.q(g.conv())), "its slopes must be constant"),
    Kind("ELU of another alpha", lambda g: g.n("Elu", g.conv(), alpha=0.5), "ELU is known with alpha = 1, got 0.5"),
    Kind("hard sigmoid that falls", lambda g: g.n("HardSigmoid", g.conv(), alpha=-0.2), "its slope must be 0 or more, got -0.2"),
    Kind("limits that cross", lambda g: g.n("Clip", g.conv(), g.c(2.0), g.c(1.0)), "its limits must not cross, got 2 and 1"),
    Kind("an attribute that no rule knows", lambda g: g.n("Relu", g.conv(), consumed_inputs=[0]), "its attributes consumed_inputs = [0] have no meaning here"),
    Kind("the larger of two images", lambda g: g.n("Max", g.q(g.conv()), g.q(g.conv())), "it must compare a value with one constant number"),
    # constants
    Kind("a division by zero", lambda g: g.n("Div", g.conv(), g.c([[[1.0]], [[0.0]], [[1.0]], [[1.0]]])), "its divisor must not be 0"),
    Kind("division of images", lambda g: g.n("Div", g.q(g.conv()), g.q(g.conv())), "its factor must be a constant"),
    Kind("constants along columns", lambda g: g.n("Mul", g.conv(), g.c(np.ones(6))), "its constant must be one number, or one for each channel (C, 1, 1), got shape (6,)"),
    Kind("a positional constant", lambda g: g.n("Add", g.conv(), g.c(kernel(4, 6, 6))), "its constant must be one number, or one for each channel"),
    Kind("NaN among constants", lambda g: g.n("Add", g.conv(), g.c(_nan((4, 1, 1)))), "must be finite, it holds NaN or infinity"),
    Kind("a negative variance", lambda g: _batch_norm(g, variance=-np.ones(4)), "its variance must not be negative, got -1"),
    Kind("batch norm in training", lambda g: _batch_norm(g, attributes={"training_mode": 1}), "batch norm must be of inference"),
    Kind("instance norm", lambda g: g.n("InstanceNormalization", g.conv(), g.c(np.ones(4)), g.c(np.ones(4))), "its factors are of each image: use batch norm"),
    Kind("local response", lambda g: g.n("LRN", g.conv(), size=3), "it divides by a sum of each pixel's channels"),
    # convolutions
    Kind("weights that are not quantized", lambda g: g.conv(weights=g.c(kernel(4, 4, 3, 3))), "its weights must come from a Quant node over an initializer"),
    Kind("weights of 9 bits", lambda g: g.conv(weights=g.w(4, 4, 3, 3, bits=9)), "bit widths must be 2 to 8, got 9"),
    Kind("unsigned weights", lambda g: g.conv(weights=g.w(4, 4, 3, 3, signed=0)), "weights must be signed"),
    Kind("weights with a zero point", lambda g: g.conv(weights=g.w(4, 4, 3, 3, zero=1.0)), "the zero point must be 0, got 1"),
    Kind("scales of input channels", lambda g: g.conv(weights=g.w(4, 4, 3, 3, scale=np.full((1, 4, 1, 1), 0.5) + np.arange(4).reshape(1, 4, 1, 1))), "the scales of weights must be one, or one for each output channel (axis 0)"),
    Kind("a scale for each tap", lambda g: g.conv(weights=g.w(4, 4, 3, 3, scale=0.5 + np.arange(9).reshape(1, 1, 3, 3))), "the scales of weights must be one, or one for each output channel (axis 0)"),
    Kind("NaN among weights", lambda g: g.conv(weights=g.weights(g.new(), _nan((4, 4, 3, 3)))), "must be finite, it holds NaN"),
    Kind("NaN in a bias", lambda g: g.conv(bias=_nan()), "must be finite, it holds NaN"),
    Kind("a bias of another length", lambda g: g.conv(bias=np.zeros(3)), "it must have a bias for each of 4 channels, got 3"),
    Kind("a bias that is no constant", lambda g: g.n("Conv", g.x, g.w(4, 4, 3, 3), g.q(g.conv())), "its bias must be constant"),
    Kind("negative padding", lambda g: g.conv(pads=[-1, -1, 0, 0]), "padding must be 0 or more, got [-1, -1, 0, 0]: crop with a Slice"),
    Kind("an auto_pad that is none", lambda g: g.conv(auto_pad="SOME"), "auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, got SOME"),
    Kind("a kernel larger than the frame", lambda g: g.conv("", 4, 4, 9, 9), "its kernel spans [9, 9], more than the padded input (8, 8)"),
    Kind("a stride of 0", lambda g: g.conv(strides=[0, 1]), "strides must be positive, got [0, 1]"),
    Kind("groups that don't fit", lambda g: g.conv(group=3), "4 channels, weights (4, 4, 3, 3) and 3 groups do not fit each other"),
    Kind("a one-dimensional convolution", lambda g: g.conv(weights=g.w(4, 4, 3)), "its weights must be (Cout, Cin, k, k), got shape (4, 4, 3)"),
    Kind("two sums behind one another", lambda g: g.conv(g.conv(pads=[1] * 4)), "must be quantized first"),
    Kind("a deconvolution with two strides", lambda g: g.deconv(strides=[2, 1]), "its stride must be the same along rows and columns, got [2, 1]"),
    Kind("a deconvolution cut on one side", lambda g: g.deconv(strides=[2, 2], pads=[4, 0, 0, 0]), "padding must be 0 or more and less than the kernel"),
    Kind("a deformable convolution", lambda g: g.n("DeformConv", g.x, g.w(4, 4, 3, 3), g.conv("", 18, 4, 3, 3)), "there is no hardware for it"),
    Kind("a fully connected layer", lambda g: g.n("MatMul", g.x, g.w(8, 8)), "a fully connected layer: write it as a 1x1 convolution"),
    Kind("Gemm", lambda g: g.n("Gemm", g.n("Flatten", g.x), g.w(256, 4)), "a fully connected layer: write it as a 1x1 convolution"),
    Kind("integer convolution", lambda g: g.n("ConvInteger", g.x, g.w(4, 4, 3, 3)), "there is no hardware for it"),
    # quantizers
    Kind("activations of 1 bit", lambda g: g.n("BipolarQuant", g.conv(), g.c(1.0), domain=QUANT), "activations of 1 bit", True),
    Kind("activations of 16 bits", lambda g: g.q(g.conv(), bits=16), "bit widths must be 2 to 8, got 16", True),
    Kind("two and a half bits", lambda g: g.q(g.conv(), bits=2.5), "bit widths must be 2 to 8, got 2.5", True),
    Kind("bits that are NaN", lambda g: g.q(g.conv(), bits=np.nan), "must be finite", True),
    Kind("a scale for each channel", lambda g: g.q(g.conv(), np.full((1, 4, 1, 1), 0.25) * np.arange(1, 5).reshape(1, 4, 1, 1)), "activations must have one scale, got 4", True),
    Kind("a scale of 0", lambda g: g.q(g.conv(), 0.0), "scales must be positive, got 0", True),
    Kind("a negative scale", lambda g: g.q(g.conv(), -0.5), "scales must be positive, got -0.5", True),
    Kind("an infinite scale", lambda g: g.q(g.conv(), np.inf), "must be finite", True),
    Kind("a zero point", lambda g: g.q(g.conv(), zero=8.0), "the zero point must be 0, got 8", True),
    Kind("rounding down", lambda g: g.q(g.conv(), rounding_mode="FLOOR"), "rounding must be ROUND (half to even), got FLOOR", True),
    Kind("a scale that is computed", lambda g: g.n("Quant", g.conv(), g.n("ReduceMax", g.x, keepdims=0), g.c(0.0), g.c(4.0), domain=QUANT, signed=0, narrow=0), "scale, zero point and bit width must be constant", True),
    Kind("truncation", lambda g: g.n("Trunc", g.q(g.conv()), g.c(0.25), g.c(0.0), g.c(4.0), g.c(2.0), domain=QUANT), "there is no hardware for it; write it as a Quant node"),
    Kind("8-bit floats", lambda g: g.n("FloatQuant", g.conv(), *(g.c(one) for one in (1.0, 4.0, 3.0, 7.0, 448.0)), domain=QUANT), "floating point values: use Quant", True),
    Kind("QDQ", lambda g: g.n("QuantizeLinear", g.conv(), g.c(0.25), g.c(0, np.uint8)), "convert the file to QONNX first", True),
    Kind("FINN's thresholds", lambda g: g.n("MultiThreshold", g.conv(), g.c(kernel(4, 15)), domain=QUANT), "thresholds that FINN has already made", True),
    Kind("a float output", lambda g: g.conv(), "it is float: it must be quantized at the end", True),
    # sums
    Kind("two scales at a sum", _two_scales, "its operands have scales 0.25 (node Quant"),
    Kind("a float operand", lambda g: g.n("Add", g.x, g.conv(pads=[1] * 4)), "both operands must be quantized tensors: Conv_0_out0 (node Conv_0 (Conv)) is float"),
    Kind("sums of other sizes", lambda g: g.n("Add", g.q(g.conv()), g.q(g.conv("", 1, 4, 3, 3))), "its operands must have one shape (H, W, C), got (6, 6, 4) and (6, 6, 1)"),
    Kind("a product of images", lambda g: g.n("Mul", g.q(g.conv()), g.q(g.conv())), "its factor must be a constant"),
    Kind("three operands", lambda g: g.n("Sum", g.x, g.x, g.x), "there is no hardware for it"),
    # shapes
    Kind("concatenated rows", lambda g: g.n("Concat", g.x, g.x, axis=2), "it must join channels (axis 1), got axis 2"),
    Kind("every second channel", _split_steps, "it must take neighbouring channels, rows or columns (step 1), got steps [2]"),
    Kind("channels backwards", _reversed, "it must take neighbouring channels, rows or columns (step 1), got steps [-1]"),
    Kind("split rows", lambda g: g.n("Split", g.x, axis=2, num_outputs=1), "it must split channels (axis 1), got axis 2"),
    Kind("channels by index", lambda g: g.n("Gather", g.x, g.c([0, 2], np.int64), axis=1), "channels are chosen by Slice or Split"),
    Kind("a transposed image", lambda g: g.n("Transpose", g.x, perm=[0, 1, 3, 2]), "axes may change their order"),
    Kind("a flattened image", lambda g: g.n("Flatten", g.x), "only images (1, C, H, W) are streamed"),
    Kind("a missing axis", lambda g: g.n("Squeeze", g.x, g.c([0], np.int64)), "only images (1, C, H, W) are streamed: keep all four axes"),
    Kind("five axes", lambda g: g.n("Unsqueeze", g.x, g.c([2], np.int64)), "only images (1, C, H, W) are streamed: keep all four axes"),
    Kind("a reshape that shuffles nothing", lambda g: g.n("Reshape", g.n("Reshape", g.x, g.c([1, 8, 4, 8], np.int64)), g.c([1, 2, 16, 8], np.int64)), "known are shuffles of pixels (SpaceToDepth, PixelUnshuffle)"),
    Kind("bilinear", lambda g: _resize(g, mode="linear"), "it must be nearest, got linear"),
    Kind("bicubic", lambda g: _resize(g, mode="cubic"), "it must be nearest, got cubic"),
    Kind("half as large", lambda g: _resize(g, (1, 1, 0.5, 0.5)), "it must repeat pixels by whole factors"),
    Kind("1.5 times", lambda g: _resize(g, (1, 1, 1.5, 1.5)), "it must repeat pixels by whole factors"),
    Kind("2.1 times", lambda g: _resize(g, (1, 1, 2.1, 2.1)), "it must repeat pixels by whole factors, got scales [1.0, 1.0, 2.0999"),
    Kind("nearest, shifted", lambda g: _resize(g, coordinate_transformation_mode="asymmetric", nearest_mode="ceil"), "not shifted as by asymmetric, ceil"),
    Kind("nearest, corners aligned", lambda g: _resize(g, coordinate_transformation_mode="align_corners"), "its coordinates must be half_pixel"),
    Kind("reflected border", lambda g: g.conv(g.n("Pad", g.x, g.c([0, 0, 1, 1, 0, 0, 1, 1], np.int64), mode="reflect")), "the border must be zeros (mode constant), got reflect"),
    Kind("border of ones", lambda g: g.conv(g.n("Pad", g.x, g.c([0, 0, 1, 1, 0, 0, 1, 1], np.int64), g.c(1.0))), "the border must be zeros, got 1"),
    Kind("padded channels", lambda g: g.n("Pad", g.x, g.c([0, 1, 0, 0, 0, 0, 0, 0], np.int64)), "it must put zeros around rows and columns"),
    Kind("zeros around an activation", lambda g: g.n("Relu", g.n("Pad", g.q(g.conv(), signed=1), g.c([0, 0, 1, 1, 0, 0, 1, 1], np.int64))), "zeros around Quant"),
    # windows
    Kind("the mean of the frame", lambda g: g.n("GlobalAveragePool", g.x), "it sees the whole frame before the first result"),
    Kind("the maximum of the frame", lambda g: g.n("GlobalMaxPool", g.x), "it sees the whole frame before the first result"),
    Kind("the mean of channels", lambda g: g.n("ReduceMean", g.x, g.c([1], np.int64)), "it sees the whole frame before the first result"),
    Kind("windows beyond the border", lambda g: g.n("MaxPool", g.x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), "(ceil_mode) are not made: set ceil_mode = 0"),
    Kind("means of fewer pixels", lambda g: g.n("AveragePool", g.x, kernel_shape=[3, 3], pads=[1] * 4), "windows at the border would be means of fewer pixels"),
    Kind("the mean of floats", lambda g: g.n("AveragePool", g.conv(), kernel_shape=[2, 2]), "its input must be quantized first: a mean of rounded values"),
    Kind("a maximum with padding of signed values", lambda g: g.n("MaxPool", g.q(g.conv(), signed=1), kernel_shape=[3, 3], pads=[1] * 4), "a maximum with padding [1, 1, 1, 1] of signed values"),
    Kind("a maximum that turns", _behind_maximum, "it turns the sign of what a MaxPool chose"),
    Kind("a maximum of zeros around", lambda g: g.n("MaxPool", g.n("Pad", g.x, g.c([0, 0, 1, 1, 0, 0, 1, 1], np.int64)), kernel_shape=[3, 3]), "zeros in front of a maximum change it"),
    # others
    Kind("a recurrent layer", lambda g: g.n("GRU", g.n("Squeeze", g.x, g.c([0], np.int64)), g.c(kernel(1, 24, 8)), g.c(kernel(1, 24, 8)), hidden_size=8), "it keeps a state"),
    Kind("an operator of nobody", lambda g: g.n("Sparkle", g.x), "there is no hardware for it; a network may hold"),
    Kind("a foreign domain", lambda g: g.n("Relu", g.x, domain="com.microsoft"), "got the domain 'com.microsoft'"),
    Kind("a node of FINN", lambda g: g.n("MVAU", g.x, domain="finn.custom_op.fpgadataflow"), "got the domain 'finn.custom_op.fpgadataflow'"),
    Kind("a cast", _cast, "there is no hardware for it; values keep one type"),
    Kind("nothing to build", lambda g: g.x, "its output is its input: there is nothing to build", True),
]  # fmt: skip


def changed(change: Callable[[Any], None]) -> Callable[[Path], None]:
    """A sound network, with something about its file as a whole changed."""

    def write(path: Path) -> None:
        g = Graph()
        model = g.model(g.q(g.conv()))
        change(model)
        onnx.save(model, path)

    return write


def _dynamic(model: Any) -> None:
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = "side"


def _cycle(model: Any) -> None:
    (conv,) = (node for node in model.graph.node if node.op_type == "Conv")
    (last,) = (node for node in model.graph.node if node.output[0] == model.graph.output[0].name)
    conv.input[0] = last.output[0]


def _sides(*sides: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        shape = model.graph.input[0].type.tensor_type.shape
        del shape.dim[:]
        for side in sides:
            shape.dim.add().dim_value = side

    return change


def _half(model: Any) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16


def _second_input(model: Any) -> None:
    model.graph.input.append(helper.make_tensor_value_info("noise", TensorProto.FLOAT, SIDES))


def _output_of_nothing(model: Any) -> None:
    model.graph.output[0].name = "nowhere"


def _no_output(model: Any) -> None:
    del model.graph.output[:]


def _hanging(model: Any) -> None:
    (conv,) = (node for node in model.graph.node if node.op_type == "Conv")
    conv.input[0] = "nowhere"


def _twice(model: Any) -> None:
    model.graph.output.append(model.graph.output[0])


FILES = {
    "dynamic height and width": (_dynamic, "must have the fixed shape (1, C, H, W), got (1, 4, side, side)"),
    "a batch of four": (_sides(4, 4, 8, 8), "must have the fixed shape (1, C, H, W), got (4, 4, 8, 8)"),
    "no channels": (_sides(1, 8, 8), "must have the fixed shape (1, C, H, W), got (1, 8, 8)"),
    "a volume": (_sides(1, 4, 8, 8, 8), "must have the fixed shape (1, C, H, W), got (1, 4, 8, 8, 8)"),
    "float16": (_half, "is FLOAT16; expected FLOAT (float32)"),
    "an unused input": (_second_input, "expected one input and one or more outputs, got 2: "),
    "a cycle": (_cycle, "its nodes form a cycle"),
    "an output of nothing": (_output_of_nothing, "output global_out: no node makes it"),
    "no output": (_no_output, "expected one output or more, got none"),
    "an input of nothing": (_hanging, "(Conv): no node makes its input nowhere"),
    "one output twice": (_twice, "not a readable QONNX model: Multiple ValueInfoProto"),
}


def write(kind: Kind, path: Path) -> None:
    """The file of a kind."""
    g = Graph()
    result = kind.build(g)
    g.save(path, result if kind.whole else g.q(result))


def message(path: Path) -> str:
    """What the front end says of a file, which it must refuse."""
    try:
        read(path)
    except UserError as error:
        return str(error).removeprefix(f"{path}: ")
    raise AssertionError("it was read")


def table() -> str:
    """Markdown, a row a kind."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "m.onnx"
        for kind in KINDS:
            write(kind, path)
            rows.append((kind.what, message(path)))
        for what, (change, _) in FILES.items():
            changed(change)(path)
            rows.append((what, message(path)))
    lines = [
        f"| {what} | {said.replace('|', chr(92) + '|').replace(chr(10), '<br>')} |" for what, said in rows
    ]
    head = f"# Networks that are refused\n\n{len(rows)} kinds, each with its message.\n\n| what | message |\n|---|---|\n"
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build/bad_graphs.md")
    write_text(out, table())
    print(f"{out}: {len(KINDS) + len(FILES)} kinds of networks that are refused, each with its message")
