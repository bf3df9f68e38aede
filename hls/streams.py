"""Streams between folded nodes: width converters where widths differ, FIFOs where a branch must wait."""

from itertools import pairwise
from math import prod
from typing import Any

from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import SortGraph

from hls.graph import Graph
from hls.ops import DOMAIN, facets
from hls.ops.fifo.memory import ram_style
from hls.ops.fifo.op import StreamingFIFO_rtl
from hls.ops.width_converter.op import StreamingDataWidthConverter_rtl, steps_between
from hls.order import Order
from hls.ports import port_of

UNSIZED = 2  # beats; the depth of a skip FIFO until `fifo.size`, which needs all streams in place


def connect(model: ModelWrapper, pixels_per_beat: int) -> ModelWrapper:
    """Insert width converters and FIFOs, those of skips `UNSIZED`; returns the model in topological order.

    A converter must not be slower than the slowest node: where FINN's would be, two take its place.
    """
    order = Order(model)
    graph = Graph(model)
    pace = slowest(model)
    skips = {
        (node.name, index)
        for node in graph.nodes
        for index in range(len(facets(node).streams()))
        if order.is_skip(node, index)
    }
    for node in graph.nodes:
        for index, tensor in enumerate(facets(node).streams()):
            producer = graph.producer(tensor)
            if producer is None:
                have = port_of(model, tensor, pixels_per_beat).bits
            else:
                have = facets(producer).get_outstream_width(list(producer.output).index(tensor))
            _link(model, node, index, have, (node.name, index) in skips, producer, pace)
    for name in graph.outputs:
        _convert_output(model, graph.producer(name), name, pixels_per_beat, pace)
    return model.transform(SortGraph())


def slowest(model: ModelWrapper) -> int:
    """Cycles a frame of the slowest node of a folded graph."""
    return max(int(facets(node).get_exp_cycles()) for node in model.graph.node)


def _link(
    model: ModelWrapper, node: Any, index: int, have: int, skip: bool, producer: Any, pace: int
) -> None:
    """Producer, FIFO at its width, width converter, FIFO at the consumer's width, consumer: as needed."""
    operator = facets(node)
    tensor, wanted = node.input[index], operator.get_instream_width(index)
    stem = f"{node.name}_in{index}"
    if skip:
        tensor = _fifo(model, f"{stem}_fifo", tensor, have, UNSIZED)
    tensor = _widths(model, f"{stem}_width", tensor, have, wanted, pace)
    ahead = operator.ahead(producer and facets(producer)) if index == 0 else 0
    if ahead:
        tensor = _fifo(model, f"{stem}_ahead" if skip else f"{stem}_fifo", tensor, wanted, ahead)
    node.input[index] = tensor


def _fifo(model: ModelWrapper, name: str, tensor: str, width: int, depth: int) -> str:
    shape, kind = model.get_tensor_shape(tensor), model.get_tensor_datatype(tensor)
    lanes = width // kind.bitwidth()
    return _insert(
        model, StreamingFIFO_rtl, name, tensor,
        depth=depth, folded_shape=[*shape[:-1], shape[-1] // lanes, lanes], normal_shape=shape,
        dataType=kind.name, ram_style=ram_style(depth),
    )  # fmt: skip


def _widths(model: ModelWrapper, name: str, tensor: str, have: int, wanted: int, pace: int) -> str:
    shape, kind = model.get_tensor_shape(tensor), model.get_tensor_datatype(tensor)
    widths = steps_between(have, wanted, prod(shape) * kind.bitwidth(), pace)
    for before, after in pairwise(widths):
        tensor = _insert(
            model, StreamingDataWidthConverter_rtl, name if after == wanted else f"{name}_common", tensor,
            inShape=shape, outShape=shape, inWidth=before, outWidth=after, dataType=kind.name,
        )  # fmt: skip
    return tensor


def _convert_output(model: ModelWrapper, node: Any, name: str, pixels_per_beat: int, pace: int) -> None:
    """Beats of whole pixels at an output; the tensor there keeps its name."""
    port = list(node.output).index(name)
    have = facets(node).get_outstream_width(port)
    wanted = port_of(model, name, pixels_per_beat).bits
    if have == wanted:
        return
    inner = f"{node.name}_beats" if len(node.output) == 1 else f"{node.name}_{port}_beats"
    model.set_tensor_shape(inner, model.get_tensor_shape(name))
    model.set_tensor_datatype(inner, model.get_tensor_datatype(name))
    node.output[port] = inner
    made = _widths(model, f"{name}_width", inner, have, wanted, pace)
    converter = model.find_producer(made)
    converter.output[0] = name
    model.graph.value_info.remove(next(value for value in model.graph.value_info if value.name == made))


def _insert(model: ModelWrapper, kind: type, name: str, source: str, **attributes: Any) -> str:
    """Put an operator behind the tensor `source`; returns its output tensor, of the same shape and type."""
    result = f"{name}_out"
    shape = model.get_tensor_shape(source)
    model.graph.value_info.append(helper.make_tensor_value_info(result, TensorProto.FLOAT, shape))
    model.set_tensor_datatype(result, model.get_tensor_datatype(source))
    model.graph.node.append(
        helper.make_node(
            kind.__name__, [source], [result], name=name, domain=DOMAIN, backend="fpgadataflow", **attributes
        )
    )
    return result
