"""Streams between folded nodes: width converters where widths differ, FIFOs where a branch must wait."""

from typing import Any

from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import SortGraph

from hls.fifo import depth, ram_style
from hls.ops import DOMAIN


def connect(model: ModelWrapper, pixels_per_beat: int) -> ModelWrapper:
    """Insert width converters and FIFOs; returns the model in topological order."""
    for node in list(model.graph.node):
        for index, tensor in enumerate(node.input):
            if model.get_initializer(tensor) is None:
                _link(model, node, index, pixels_per_beat)
    last = model.find_producer(model.graph.output[0].name)
    _convert_output(model, last, pixels_per_beat)
    return model.transform(SortGraph())


def _link(model: ModelWrapper, node: Any, index: int, pixels_per_beat: int) -> None:
    tensor = node.input[index]
    consumer = getCustomOp(node)
    producer_node = model.find_producer(tensor)
    wanted = consumer.get_instream_width(index)
    kind = model.get_tensor_datatype(tensor)
    if producer_node is None:
        have = pixels_per_beat * 3 * kind.bitwidth()
    else:
        producer = getCustomOp(producer_node)
        port = list(producer_node.output).index(tensor)
        have = producer.get_outstream_width(port)
    stem = f"{node.name}_in{index}"
    current = tensor
    fifo = 0 if producer_node is None else depth(model, producer_node, node)
    if fifo:
        folded = producer.get_folded_output_shape(port)
        current = _insert(
            model, "StreamingFIFO_rtl", f"{stem}_fifo", current,
            depth=fifo, folded_shape=folded, normal_shape=model.get_tensor_shape(tensor),
            dataType=kind.name, ram_style=ram_style(fifo),
        )  # fmt: skip
    if have != wanted:
        current = _insert(
            model, "StreamingDataWidthConverter_rtl", f"{stem}_width", current,
            inShape=model.get_tensor_shape(tensor), outShape=model.get_tensor_shape(tensor),
            inWidth=have, outWidth=wanted, dataType=kind.name,
        )  # fmt: skip
    node.input[index] = current


def _convert_output(model: ModelWrapper, node: Any, pixels_per_beat: int) -> None:
    have = getCustomOp(node).get_outstream_width(0)
    wanted = pixels_per_beat * 3 * 8
    if have == wanted:
        return
    name = node.output[0]
    inner = f"{node.name}_beats"
    model.set_tensor_shape(inner, model.get_tensor_shape(name))
    model.set_tensor_datatype(inner, model.get_tensor_datatype(name))
    node.output[0] = inner
    shape = model.get_tensor_shape(name)
    model.graph.node.append(
        helper.make_node(
            "StreamingDataWidthConverter_rtl", [inner], [name], name="image_out_width", domain=DOMAIN,
            backend="fpgadataflow", inShape=shape, outShape=shape, inWidth=have, outWidth=wanted,
            dataType="UINT8",
        )
    )  # fmt: skip


def _insert(model: ModelWrapper, kind: str, name: str, source: str, **attributes: Any) -> str:
    """Put an operator behind the tensor `source`; returns its output tensor, of the same shape and type."""
    result = f"{name}_out"
    shape = model.get_tensor_shape(source)
    model.graph.value_info.append(helper.make_tensor_value_info(result, TensorProto.FLOAT, shape))
    model.set_tensor_datatype(result, model.get_tensor_datatype(source))
    model.graph.node.append(
        helper.make_node(
            kind, [source], [result], name=name, domain=DOMAIN, backend="fpgadataflow", **attributes
        )
    )
    return result
