"""Integer network -> FINN dataflow graph, one hardware operator a node, not folded yet (PE = SIMD = 1).

Tensors are (1, H, W, C); a convolution becomes padding, sliding window, matrix-vector unit, thresholds; a
transposed one has a pixel shuffle behind (see `hls.deconv`). Padding with no zeros and the sliding window of
a 1x1 kernel are left out. A tensor read twice goes through a fork.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from hls.deconv import phases
from hls.network import (
    Convolution,
    Correct,
    Double,
    Halve,
    Integers,
    Mark,
    Network,
    Relax,
    Requantization,
    Select,
    SkipAdd,
    Tensor,
    TransposedConvolution,
    sources,
)
from hls.ops import DOMAIN  # the import registers our operators
from hls.thresholds import clip
from pixelmend.errors import UserError


class _Graph:
    """Nodes and tensors under construction; `view` says which stream carries which tensor to its reader."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.nodes: list[Any] = []
        self.shapes: dict[str, list[int]] = {}
        self.types: dict[str, BaseDataType] = {}
        self.constants: dict[str, np.ndarray] = {}
        readers = Counter(tensor.name for layer in network.layers for tensor in sources(layer))
        self.readers = readers
        self.pending: dict[str, list[str]] = {}

    def stream(self, name: str, shape: tuple[int, ...], kind: BaseDataType) -> str:
        """Declare a tensor (1, H, W, C)."""
        self.shapes[name], self.types[name] = [1, *shape], kind
        return name

    def constant(self, name: str, values: Integers, kind: BaseDataType) -> str:
        """Declare a constant; containers are float32, as everywhere in FINN."""
        self.constants[name] = values.astype(np.float32)
        self.types[name] = kind
        return name

    def node(self, kind: str, name: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        """Append a hardware operator."""
        self.nodes.append(
            helper.make_node(
                kind, inputs, outputs, name=name, domain=DOMAIN, backend="fpgadataflow", **attributes
            )
        )

    def publish(self, tensor: Tensor, name: str) -> None:
        """The finished stream `name` carries `tensor`; fork it where more than one layer reads it."""
        copies = self.readers[tensor.name]
        if copies <= 1:
            self.pending[tensor.name] = [name]
            return
        outputs = [
            self.stream(f"{name}_{n}", _shape(tensor), DataType[f"UINT{tensor.bits}"]) for n in range(copies)
        ]
        self.node(
            "StreamFork_rtl",
            f"{_stem(name)}_fork",
            [name],
            outputs,
            ImgDim=[tensor.height, tensor.width],
            NumChannels=tensor.channels,
            NumOutputs=copies,
            SIMD=1,
            inputDataType=f"UINT{tensor.bits}",
        )
        # the deep branch, which comes first in execution order, takes the first copy
        self.pending[tensor.name] = outputs

    def read(self, tensor: Tensor) -> str:
        """The stream by which the next reader gets `tensor`."""
        return self.pending[tensor.name].pop(0)


def read(path: Path) -> ModelWrapper:
    """The graph in a build's `dataflow.onnx`. `UserError` where it is missing, damaged, or of foreign nodes.

    FINN finds an operator by importing the module that its domain names, so no other domain than ours is let
    through.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a lowered build, as hls.lower writes")
    try:
        graph = ModelWrapper(str(path))
    except Exception as error:  # onnx and protobuf raise many kinds on damaged files
        raise UserError(f"{path}: not a readable dataflow graph; lower again") from error
    known = {value.name for value in (*graph.graph.input, *graph.graph.initializer)}
    for node in graph.graph.node:
        if node.domain != DOMAIN:
            raise UserError(
                f"{path}: node {node.name} ({node.op_type}): expected a node of {DOMAIN}, got one of "
                f"'{node.domain}'; lower again"
            )
        missing = [name for name in node.input if name not in known]
        if missing:
            raise UserError(
                f"{path}: node {node.name} ({node.op_type}): no such input {missing[0]}; lower again"
            )
        known.update(node.output)
    ends = len(graph.graph.input), len(graph.graph.output)
    names = [end.name for end in (*graph.graph.input, *graph.graph.output)]
    shaped = all(len(graph.get_tensor_shape(name) or ()) == 4 for name in names)
    if ends != (1, 1) or not shaped or names[1] not in known:
        raise UserError(f"{path}: expected one image in and one out, (1, H, W, C); lower again")
    return graph


def build(network: Network) -> ModelWrapper:
    """The dataflow graph of `network`: input `image_in`, output `image_out`, uint8 (1, H, W, 3).

    The input has a fourth channel where the network reads a defect map.
    """
    graph = _Graph(network)
    first = graph.stream("image_in", _shape(network.image_in), DataType["UINT8"])
    graph.publish(network.image_in, first)
    for layer in network.layers:
        last = "image_out" if layer.result is network.image_out else f"{layer.name}_out"
        match layer:
            case Convolution():
                _convolution(graph, layer, last)
            case TransposedConvolution():
                _transposed(graph, layer, last)
            case SkipAdd():
                _skip_add(graph, layer, last)
            case Select() | Mark() | Halve() | Double() | Correct():
                _pixels(graph, layer, last)
            case Relax():
                _relax(graph, layer, last)
            case Requantization():
                source = graph.read(layer.source)
                _thresholds(
                    graph, layer.name, source, layer.thresholds, layer.result, last, _size(layer.source)
                )
        graph.publish(layer.result, last)
    return _model(graph)


def _convolution(graph: _Graph, layer: Convolution, last: str) -> None:
    source = graph.read(layer.source)
    windows = _size(layer.result)
    sums, steps = _matrix(graph, layer, source, layer.weights, layer.pads, layer.stride, windows)
    _thresholds(graph, layer.name, sums, steps, layer.result, last, windows)


def _transposed(graph: _Graph, layer: TransposedConvolution, last: str) -> None:
    lowered = phases(layer)
    source = graph.read(layer.source)
    sums, steps = _matrix(graph, layer, source, lowered.weights, lowered.pads, 1, lowered.windows)
    repeated = np.tile(steps, (layer.stride**2, 1))  # every phase has the channel's thresholds
    rows, columns = lowered.windows
    # thresholds come before the shuffle, so that its row buffer holds few-bit words
    wide = graph.stream(
        f"{layer.name}_phases",
        (rows, columns, layer.stride**2 * layer.result.channels),
        DataType[f"UINT{layer.result.bits}"],
    )
    _thresholds(graph, layer.name, sums, repeated, layer.result, wide, lowered.windows)
    out = graph.stream(last, _shape(layer.result), DataType[f"UINT{layer.result.bits}"])
    top, left, bottom, right = lowered.crop
    graph.node(
        "PixelShuffle_rtl",
        f"{layer.name}_shuffle",
        [wide],
        [out],
        ImgDim=[rows, columns],
        NumChannels=layer.result.channels,
        Stride=layer.stride,
        CropNorth=top,
        CropWest=left,
        CropSouth=bottom,
        CropEast=right,
        SIMD=1,
        inputDataType=f"UINT{layer.result.bits}",
    )


def _matrix(
    graph: _Graph,
    layer: Convolution | TransposedConvolution,
    source: str,
    weights: Integers,  # (Cout, Cin, k, k)
    pads: tuple[int, int, int, int],
    stride: int,
    windows: tuple[int, int],
) -> tuple[str, Integers]:
    """Padding, sliding window and matrix-vector unit.

    Returns the stream of accumulators, and the layer's thresholds within what these can reach: a phase of a
    transposed convolution sums a part of the kernel only.
    """
    outputs, channels, kernel, _ = weights.shape
    kind = DataType[f"UINT{layer.source.bits}"]
    height, width = layer.source.height, layer.source.width
    if any(pads):
        padded = (height + pads[0] + pads[2], width + pads[1] + pads[3])
        out = graph.stream(f"{layer.name}_padded", (*padded, channels), kind)
        graph.node(
            "FMPadding_rtl",
            f"{layer.name}_pad",
            [source],
            [out],
            ImgDim=[height, width],
            Padding=list(pads),
            NumChannels=channels,
            SIMD=1,
            inputDataType=kind.name,
        )
        source, (height, width) = out, padded
    if kernel > 1 or stride > 1:
        out = graph.stream(f"{layer.name}_windows", (*windows, kernel * kernel * channels), kind)
        graph.node(
            "ConvolutionInputGenerator_rtl",
            f"{layer.name}_window",
            [source],
            [out],
            ConvKernelDim=[kernel, kernel],
            IFMChannels=channels,
            IFMDim=[height, width],
            OFMDim=list(windows),
            SIMD=1,
            Stride=[stride, stride],
            Dilation=[1, 1],
            inputDataType=kind.name,
            outputDataType=kind.name,
            ram_style="auto",
        )
        source = out
    matrix = weights.transpose(2, 3, 1, 0).reshape(-1, outputs)  # MW = (u, v, Cin), MH = Cout
    lowest = int(np.minimum(matrix, 0).sum(0).min()) * layer.source.maximum
    highest = int(np.maximum(matrix, 0).sum(0).max()) * layer.source.maximum
    steps = clip(layer.thresholds, lowest, highest)
    # FINN's unit wants room for one full product, even where the weights never make one
    product = layer.weight_bits + layer.source.bits
    sums = holding(lowest, max(highest, int(steps.max())), product)
    weight_type = DataType[f"INT{layer.weight_bits}"]
    out = graph.stream(f"{layer.name}_sums", (*windows, outputs), sums)
    graph.node(
        "MVAU_rtl",
        f"{layer.name}_mvau",
        [source, graph.constant(f"{layer.name}_weights", matrix, weight_type)],
        [out],
        MW=matrix.shape[0],
        MH=outputs,
        SIMD=1,
        PE=1,
        resType="dsp",
        noActivation=1,
        numInputVectors=[1, *windows],
        mem_mode="internal_decoupled",
        ram_style="auto",
        inputDataType=kind.name,
        weightDataType=weight_type.name,
        outputDataType=sums.name,
        accDataType=sums.name,
    )
    return out, steps


def _thresholds(
    graph: _Graph,
    name: str,
    source: str,
    steps: Integers,  # (C, T)
    result: Tensor,
    last: str,
    windows: tuple[int, int],
) -> None:
    channels, count = steps.shape
    kind = DataType[f"UINT{result.bits}"]
    source_type = graph.types[source]
    step_type = source_type
    if steps.max() > source_type.max():  # a step that no value reaches, which FINN's unit takes a bit wider
        step_type = DataType[f"UINT{source_type.bitwidth() + 1}"]
    if last not in graph.shapes:
        graph.stream(last, (*windows, channels), kind)
    graph.node(
        "Thresholding_rtl",
        f"{name}_thresholds",
        [source, graph.constant(f"{name}_steps", steps, step_type)],
        [last],
        PE=1,
        NumChannels=channels,
        numSteps=count,
        inputDataType=source_type.name,
        weightDataType=step_type.name,
        outputDataType=kind.name,
        numInputVectors=[1, *windows],
        ActVal=0,
    )


def _skip_add(graph: _Graph, layer: SkipAdd, last: str) -> None:
    left, right = (graph.read(tensor) for tensor in layer.sources)
    out = graph.stream(last, _shape(layer.result), DataType[f"UINT{layer.result.bits}"])
    graph.node(
        "SkipAdd_rtl",
        f"{layer.name}_add",
        [left, right],
        [out],
        ImgDim=[layer.result.height, layer.result.width],
        NumChannels=layer.result.channels,
        SIMD=1,
        inputDataType=f"UINT{layer.sources[0].bits}",
        inputDataType1=f"UINT{layer.sources[1].bits}",
        outputDataType=f"UINT{layer.result.bits}",
    )


def _pixels(graph: _Graph, layer: Select | Mark | Halve | Double | Correct, last: str) -> None:
    """An operator on whole pixels of 8-bit channels."""
    inputs = [graph.read(tensor) for tensor in sources(layer)]
    size = layer.result
    own: dict[str, int] = {}
    match layer:
        case Select():
            kind = "PixelSelect_rtl"
            own = {"FlagInput": int(layer.sources[1].channels > layer.result.channels)}
        case Mark():
            kind = "PixelMark_rtl"
        case Halve():
            kind, size = "PyramidHalve_rtl", layer.source
        case Double():
            kind = "PyramidDouble_rtl"
            own = {"KeepFlag": int(layer.result.channels == 4)}
        case Correct():
            kind = "PixelCorrect_rtl"
    graph.node(
        kind,
        f"{layer.name}_pixels",
        inputs,
        [graph.stream(last, _shape(layer.result), DataType["UINT8"])],
        ImgDim=[size.height, size.width],
        inputDataType="UINT8",
        **own,
    )


def _relax(graph: _Graph, layer: Relax, last: str) -> None:
    source = graph.read(layer.source)
    for n in range(1, layer.sweeps + 1):
        result = layer.result if n == layer.sweeps else layer.source
        name = last if n == layer.sweeps else f"{layer.name}_sweep{n}_out"
        graph.node(
            "PyramidRelax_rtl",
            f"{layer.name}_sweep{n}",
            [source],
            [graph.stream(name, _shape(result), DataType["UINT8"])],
            ImgDim=[result.height, result.width],
            inputDataType="UINT8",
            KeepFlag=int(result.channels == 4),
        )
        source = name


def _model(graph: _Graph) -> ModelWrapper:
    def info(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, graph.shapes[name])

    inner = [info(name) for name in graph.shapes if name not in ("image_in", "image_out")]
    body = helper.make_graph(
        graph.nodes, "pixelmend", [info("image_in")], [info("image_out")], value_info=inner
    )
    model = ModelWrapper(helper.make_model(body, producer_name="pixelmend"))
    for name, values in graph.constants.items():
        model.set_initializer(name, values)
    for name, kind in graph.types.items():
        model.set_tensor_datatype(name, kind)
    return model


def holding(lowest: int, highest: int, least_bits: int) -> BaseDataType:
    """The narrowest signed type that holds both ends and has at least so many bits."""
    bits = max((-lowest - 1).bit_length(), highest.bit_length()) + 1
    return DataType[f"INT{max(bits, least_bits)}"]


def _shape(tensor: Tensor) -> tuple[int, int, int]:
    return tensor.height, tensor.width, tensor.channels


def _size(tensor: Tensor) -> tuple[int, int]:
    return tensor.height, tensor.width


def _stem(name: str) -> str:
    return name.removesuffix("_out")
