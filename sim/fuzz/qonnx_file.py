"""A general network as a QONNX file: random parameters, scales from what the layers make of a few frames.

Every node is executed as it is added, so that sums are spread around 0 before they are bent, and quantizers
cover what comes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, save
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from hls import frontend
from hls.frontend.registry import domains
from pixelmend.console import without_notes
from quant.settle_onnx import settle_file
from sim.fuzz.known import span, tensors
from sim.fuzz.net import Net, Step

Floats = NDArray[np.float32]
Frames = NDArray[Any]

QUANT = "qonnx.custom_op.general"
OPSET = 18
PIXEL = np.float32(1 / 255)
SAMPLES = 3  # frames that scales are taken from
SAFE = 5e-4  # units of the sums: float execution must not decide otherwise than integers
TRIES = 4
IN = "image"


def write(net: Net, path: Path) -> Path:
    """The file; random numbers are drawn again where a step lies too near to a tie and can't be settled."""
    for salt in range(TRIES):
        raw = path.with_suffix(".raw.onnx")
        save(_Writer(net, salt).model(), raw)
        with without_notes():
            settle_file(raw, path, domains())
        if frontend.read(path).least_margin >= SAFE:
            break
    return path


def frames(net: Net, count: int, salt: int = 0) -> Frames:
    """Integers (N, H, W, C): ramps with noise, noise, the two ends, one colour."""
    rng = np.random.default_rng([net.seed, 2, salt])
    low, high = span(net.bits, net.signed)
    shape = (net.height, net.width, net.channels)
    made = []
    for number in range(count):
        kind = rng.integers(4) if number else 0
        if kind == 0:
            rows, columns = np.mgrid[: net.height, : net.width] / max(net.height, net.width)
            slopes = rng.normal(size=(3, net.channels))
            ramp = 0.5 + rows[..., None] * slopes[0] + columns[..., None] * slopes[1] + 0.2 * slopes[2]
            frame = low + (high - low) * (ramp + rng.normal(scale=0.1, size=shape))
        elif kind == 1:
            frame = rng.integers(low, high + 1, shape)
        elif kind == 2:
            frame = np.where(rng.integers(0, 2, shape) > 0, high, low)
        else:
            frame = np.broadcast_to(rng.integers(low, high + 1, net.channels), shape)
        made.append(np.clip(np.rint(frame), low, high))
    return np.stack(made).astype(np.int8 if net.signed else np.uint8)


class _Writer:
    """Nodes under construction, and their values (N, C, H, W) on the samples."""

    def __init__(self, net: Net, salt: int) -> None:
        self.net, self.known = net, tensors(net)
        self.rng = np.random.default_rng([net.seed, 1, salt])
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.values: dict[str, Floats] = {}
        self.domains = {QUANT}
        self.names: list[str] = []  # of the tensors
        self.sums: dict[int, str] = {}  # of convolutions, before they are bent
        self.scales: dict[tuple[Any, ...], np.float32] = {}
        self.count = 0

    def model(self) -> Any:
        """All of it."""
        net = self.net
        scale = (
            PIXEL if net.pixels else np.float32(2.0 ** int(self.rng.integers(-9, 1)) * self.rng.uniform(1, 2))
        )
        given = frames(net, SAMPLES, 1).transpose(0, 3, 1, 2)
        self.values[IN] = given.astype(np.float32) * scale
        self.scales["input",] = scale
        self.names.append(self.quantizer(IN, scale, net.bits, net.signed, False))
        for number, step in enumerate(net.steps, 1):
            self.names.append(self.step(number, step))
        outputs = [self.names[number] for number in net.outputs]

        def info(name: str) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *self.values[name].shape[1:]))

        inner = [info(name) for name in self.values if name not in (IN, *outputs)]
        graph = helper.make_graph(
            self.nodes, "net", [info(IN)], [info(name) for name in outputs], self.constants, value_info=inner
        )
        opsets = [
            helper.make_opsetid("", OPSET),
            *(helper.make_opsetid(name, 1) for name in sorted(self.domains)),
        ]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def constant(self, value: Any, kind: type = np.float32) -> str:
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def node(
        self, kind: str, inputs: list[str], value: Floats | None = None, domain: str = "", **attributes: Any
    ) -> str:
        """Append a node; `value` is what it gives where that is known."""
        self.count += 1
        name = f"t{self.count}"
        node = helper.make_node(kind, inputs, [name], domain=domain, **attributes)
        self.nodes.append(node)
        if value is None:
            value = self.executed(node)
        self.values[name] = value.astype(np.float32)
        return name

    def executed(self, node: Any) -> Floats:
        read = [name for name in node.input if name in self.values]
        inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in read]
        output = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)
        own = [one for one in self.constants if one.name in node.input]
        imports = [helper.make_opsetid("", OPSET)]
        if not node.domain:
            graph = helper.make_graph([node], "one", inputs, [output], own)
            model = helper.make_model(graph, opset_imports=imports, ir_version=9)
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), providers=["CPUExecutionProvider"]
            )
            (result,) = session.run(None, {name: self.values[name] for name in read})
            return np.asarray(result, np.float32)
        results = []  # qonnx executes graphs of one shape
        for sample in range(SAMPLES):
            given = {name: self.values[name][sample : sample + 1] for name in read}
            shapes = [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, one.shape)
                for name, one in given.items()
            ]
            graph = helper.make_graph([node], "one", shapes, [output], own)
            imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(node.domain, 1)]
            model = ModelWrapper(helper.make_model(graph, opset_imports=imports))
            model.set_tensor_shape(node.output[0], next(iter(given.values())).shape)
            results.append(execute_onnx(model, given)[node.output[0]])
        return np.concatenate(results)

    def quantizer(self, source: str, scale: np.float32, bits: int, signed: bool, narrow: bool) -> str:
        low, high = span(bits, signed)
        low, high = (low + (narrow and signed), high - (narrow and not signed))
        value = np.clip(np.round(self.values[source] / scale), low, high) * scale
        constants = [self.constant(scale), self.constant(0.0), self.constant(float(bits))]
        return self.node(
            "Quant",
            [source, *constants],
            value,
            QUANT,
            signed=int(signed),
            narrow=int(narrow),
            rounding_mode="ROUND",
        )

    def step(self, number: int, step: Step) -> str:
        sources = [self.names[one] for one in step.sources]
        match step.kind:
            case "conv" | "deconv":
                return self.closed(number, step, self.convolution(number, step, sources[0]))
            case "again":
                return self.closed(number, step, self.sums[step.sources[0]])
            case "requant":
                value = self.normalised(step, sources[0]) if step.norm else sources[0]
                return self.closed(number, step, value)
            case "add" | "sub":
                return self.node(step.kind.capitalize(), sources)
            case "concat":
                joined = self.node("Concat", sources, axis=1)
                return self.closed(number, step, joined) if step.bits else joined
            case "slice":
                return self.sliced(sources[0], (1,), (step.first,), (step.first + step.channels,))
            case "crop":
                top, left, bottom, right = step.pads
                height, width = self.values[sources[0]].shape[2:]
                return self.sliced(sources[0], (2, 3), (top, left), (height - bottom, width - right))
            case "maxpool" | "avgpool":
                kind = "MaxPool" if step.kind == "maxpool" else "AveragePool"
                more: dict[str, Any] = {} if step.kind == "maxpool" else {"count_include_pad": 1}
                more |= {"kernel_shape": step.kernel, "strides": step.stride, "pads": step.pads}
                return self.node(kind, sources, **more)
            case "upsample" | "shuffle":
                return self.moved(step, step.kind, sources[0])
            case "gather":
                return self.node("SpaceToDepth", sources, blocksize=step.factor[0])
            case "user":
                return self.user(step, sources[0])
        raise AssertionError(step.kind)

    def sliced(
        self, source: str, axes: tuple[int, ...], first: tuple[int, ...], last: tuple[int, ...]
    ) -> str:
        return self.node("Slice", [source, *(self.constant(one, np.int64) for one in (first, last, axes))])

    def moved(self, step: Step, kind: str, source: str) -> str:
        match kind:
            case "upsample":
                scales = self.constant((1.0, 1.0, *step.factor))
                return self.node(
                    "Resize", [source, "", scales], mode="nearest", nearest_mode="floor",
                    coordinate_transformation_mode="asymmetric",
                )  # fmt: skip
            case "shuffle":
                mode = "CRD" if step.column_row else "DCR"
                return self.node("DepthToSpace", [source], blocksize=step.factor[0], mode=mode)
            case "maxpool":
                return self.node("MaxPool", [source], kernel_shape=(2, 2), strides=(2, 2))
        return source

    def user(self, step: Step, source: str) -> str:
        domain, kind = step.settings["domain"], step.settings["kind"]
        self.domains.add(domain)
        attributes = {key: value for key, value in step.settings.items() if key not in ("domain", "kind")}
        return self.node(kind, [source], None, domain, **attributes)

    def convolution(self, number: int, step: Step, source: str) -> str:
        """Weights of which sums are spread by about 1; their mean is taken off by the bias, or batch norm."""
        rng, transposed = self.rng, step.kind == "deconv"
        inputs = self.known[step.sources[0]].channels
        shape = (
            (inputs, step.channels // step.groups) if transposed else (step.channels, inputs // step.groups)
        )
        bits = step.weight_bits
        if bits == 1:
            integers = rng.choice([-1.0, 1.0], (*shape, *step.kernel))
        else:
            most = 2 ** (bits - 1) - 1
            integers = rng.integers(-most - (not step.narrow), most + 1, (*shape, *step.kernel)).astype(float)
        attributes: dict[str, Any] = {
            "kernel_shape": step.kernel, "strides": step.stride, "pads": step.pads,
            "dilations": step.dilation, "group": step.groups,
        }  # fmt: skip
        kind = "ConvTranspose" if transposed else "Conv"
        if transposed:
            attributes["output_padding"] = step.extra
        trial = helper.make_node(kind, [source, self.constant(integers)], ["trial"], **attributes)
        spread = self.executed(trial).std(axis=(0, 2, 3))
        self.constants.pop()
        axis = 1 if transposed else 0
        per_channel = step.weight_scales and bits > 1 and not (transposed and step.groups > 1)
        wanted = np.full((), 1 / max(float(spread.mean()), 1e-6))
        if per_channel:
            wanted = wanted * rng.uniform(0.5, 2, integers.shape[axis])
            wanted = wanted.reshape((1, -1, 1, 1) if axis else (-1, 1, 1, 1))
        scale = np.asarray(wanted * rng.uniform(0.8, 2.5), np.float32)
        values = np.asarray(integers * scale, np.float32)
        if bits == 1:
            weights = self.node("BipolarQuant", [self.constant(values), self.constant(scale)], values, QUANT)
        else:
            constants = [self.constant(one) for one in (values, scale, 0.0, float(bits))]
            weights = self.node(
                "Quant", constants, values, QUANT, signed=1, narrow=int(step.narrow), rounding_mode="ROUND"
            )
        del self.values[weights]
        self.constants.append(numpy_helper.from_array(values, weights))  # for the execution of this node only
        bias = []
        if step.bias:
            plain = helper.make_node(kind, [source, weights], ["trial"], **attributes)
            mean = self.executed(plain).mean(axis=(0, 2, 3))
            bias = [self.constant(-mean + rng.normal(scale=0.5, size=mean.shape))]
        sums = self.node(kind, [source, weights, *bias], **attributes)
        self.constants.remove(next(one for one in self.constants if one.name == weights))
        self.sums[number] = self.normalised(step, sums) if step.norm else sums
        return self.sums[number]

    def normalised(self, step: Step, source: str) -> str:
        """Batch norm by the samples' own mean and variance; some gains are negative."""
        value = self.values[source]
        channels = value.shape[1]
        gain = self.rng.uniform(0.5, 2, channels) * self.rng.choice([1, -1], channels, p=[0.7, 0.3])
        offset = self.rng.normal(scale=0.5, size=channels)
        mean, variance = value.mean(axis=(0, 2, 3)), value.var(axis=(0, 2, 3)) + 1e-3
        return self.node("BatchNormalization", [source, *map(self.constant, (gain, offset, mean, variance))])

    def closed(self, number: int, step: Step, source: str) -> str:
        """Moves, the activation and the quantizer."""
        value = self.bent(step, self.moved(step, step.move, source))
        scale = self.scales.get(self.known[number].scale)
        if scale is None:
            most = float(np.quantile(np.abs(self.values[value]), self.rng.uniform(0.97, 1)))
            most *= self.rng.uniform(
                0.85, 1.1
            )  # the largest of quantized values stands to them as small numbers do
            high = span(step.bits, step.signed)[1]
            scale = np.float32(max(most, 1e-3) / high)
            if self.rng.random() < 0.2 and step.kind != "requant":
                scale = np.float32(2.0 ** np.round(np.log2(scale)))
            self.scales[self.known[number].scale] = scale
        return self.quantizer(value, scale, step.bits, step.signed, step.narrow and step.signed)

    def bent(self, step: Step, source: str) -> str:
        rng, channels = self.rng, self.values[source].shape[1]
        match step.activation:
            case "none":
                return source
            case "leaky":
                return self.node("LeakyRelu", [source], alpha=float(rng.uniform(0, 0.5)))
            case "prelu":
                return self.node("PRelu", [source, self.constant(rng.uniform(0, 1, (channels, 1, 1)))])
            case "relu6" | "clip":
                most = float(rng.uniform(0.5, 2))
                low = 0.0 if step.activation == "relu6" else -float(rng.uniform(0.2, 1.5))
                return self.node("Clip", [source, self.constant(low), self.constant(most)])
            case "hard_sigmoid":
                return self.node("HardSigmoid", [source], alpha=float(rng.uniform(0.1, 0.4)), beta=0.5)
        kind = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus", "elu": "Elu"}
        return self.node(kind[step.activation], [source])
