"""Integer network -> FINN dataflow graph, one hardware operator a node, not folded yet (PE = SIMD = 1).

Tensors are (1, H, W, C). What a layer becomes, it says itself (`hls.layers`). A tensor that is read twice
goes through a fork.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from hls.network import Integers, Network, Tensor
from hls.ops import DOMAIN
from hls.ops.fork.op import StreamFork_rtl
from hls.ops.modules import taken
from hls.ports import set_scales
from pixelmend.errors import UserError

IN, OUT = "image_in", "image_out"
EXACT_FLOAT32 = 2**24


class Builder:
    """Nodes and tensors under construction. Layers read and write tensors; streams carry them."""

    def __init__(self, network: Network) -> None:
        self.nodes: list[Any] = []
        self.shapes: dict[str, list[int]] = {}
        self.types: dict[str, BaseDataType] = {}
        self.constants: dict[str, np.ndarray] = {}
        self._readers = Counter(tensor.name for layer in network.layers for tensor in layer.inputs)
        self._ends = dict(
            zip((tensor.name for tensor in network.images_out), output_names(network), strict=True)
        )
        self._pending: dict[str, list[str]] = {}
        self._makers = {tensor.name: layer.name for layer in network.layers for tensor in layer.outputs}
        self._several = {
            tensor.name: n for layer in network.layers for n, tensor in enumerate(layer.outputs) if n
        }
        self._label = ""

    def layer(self, label: str) -> None:
        """The nodes that follow belong to the layer that its author calls `label`."""
        self._label = label

    def stream(self, name: str, shape: tuple[int, ...], kind: str) -> str:
        """Declare a stream (1, H, W, C) of the datatype `kind`; where its name is taken, it gets a longer one."""
        while name in self.shapes:
            name += "_"
        self.shapes[name], self.types[name] = [1, *shape], DataType[kind]
        return name

    def name_of(self, tensor: Tensor) -> str:
        """The stream that a layer's result comes on."""
        name = self._makers[tensor.name]
        if tensor.name in self._several:
            name += f"_{self._several[tensor.name]}"
        name += "_out"
        if tensor.name in self._ends and not self._readers[tensor.name]:
            name = self._ends[tensor.name]
        return name

    def declare(self, tensor: Tensor) -> str:
        """The stream that a layer's result comes on; it is finished by `write`."""
        return self.stream(self.name_of(tensor), tensor.shape, tensor.kind)

    def constant(self, name: str, values: Integers, kind: str) -> str:
        """Declare a constant; containers are float32, as everywhere in FINN, or float64 where that loses digits."""
        exact = np.abs(values).max(initial=0) <= EXACT_FLOAT32
        self.constants[name] = values.astype(np.float32 if exact else np.float64)
        self.types[name] = DataType[kind]
        return name

    def node(
        self, operator: type, name: str, inputs: list[str], outputs: list[str], **attributes: Any
    ) -> None:
        """Append a hardware operator; where its name is another node's or a library module's, it gets a longer one."""
        known = taken() | {node.name for node in self.nodes}
        while name in known:
            name += "_"
        self.nodes.append(
            helper.make_node(
                operator.__name__, inputs, outputs, name=name, domain=DOMAIN, backend="fpgadataflow",
                doc_string=self._label, **attributes,
            )
        )  # fmt: skip

    def write(self, tensor: Tensor, stream: str) -> None:
        """The finished `stream` carries `tensor`; fork it where more than one layer or output reads it."""
        own = [self._ends[tensor.name]] if tensor.name in self._ends else []
        copies = self._readers[tensor.name] + len(own)
        if copies <= 1:
            self._pending[tensor.name] = [stream]
            return
        # the deep branch, which comes first in execution order, takes the first copy, an output the last
        copied = [f"{stream}_{n}" for n in range(copies - len(own))] + own
        outputs = [self.stream(name, tensor.shape, tensor.kind) for name in copied]
        self.node(
            StreamFork_rtl,
            f"{stream.removesuffix('_out')}_fork",
            [stream],
            outputs,
            ImgDim=list(tensor.size),
            NumChannels=tensor.channels,
            NumOutputs=copies,
            SIMD=1,
            inputDataType=tensor.kind,
        )
        self._pending[tensor.name] = outputs

    def read(self, tensor: Tensor) -> str:
        """The stream by which the next reader gets `tensor`."""
        return self._pending[tensor.name].pop(0)


def output_names(network: Network) -> list[str]:
    """The streams of the network's outputs: image_out, then image_out_1 and so on."""
    return [OUT, *(f"{OUT}_{n}" for n in range(1, len(network.images_out)))]


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
    names = [end.name for end in (*graph.graph.input, *graph.graph.output)]
    shaped = all(len(graph.get_tensor_shape(name) or ()) == 4 for name in names)
    if len(graph.graph.input) != 1 or not graph.graph.output or not shaped or not known.issuperset(names):
        raise UserError(f"{path}: expected one image in and images out, (1, H, W, C); lower again")
    return graph


def build(network: Network) -> ModelWrapper:
    """The dataflow graph of `network`: input `image_in`, outputs as `output_names` has them, (1, H, W, C)."""
    graph = Builder(network)
    graph.write(network.image_in, graph.stream(IN, network.image_in.shape, network.image_in.kind))
    for layer in network.layers:
        graph.layer(layer.label)
        layer.build(graph)
    model = _model(graph, output_names(network))
    set_scales(model, network, [IN, *output_names(network)])
    return model


def _model(graph: Builder, outputs: list[str]) -> ModelWrapper:
    def info(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, graph.shapes[name])

    inner = [info(name) for name in graph.shapes if name not in (IN, *outputs)]
    ends = [info(name) for name in outputs]
    body = helper.make_graph(graph.nodes, "pixelmend", [info(IN)], ends, value_info=inner)
    model = ModelWrapper(helper.make_model(body, producer_name="pixelmend"))
    for name, values in graph.constants.items():
        model.set_initializer(name, values)
    for name, kind in graph.types.items():
        model.set_tensor_datatype(name, kind)
    return model
