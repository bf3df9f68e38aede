"""Streams between folded nodes: width converters where widths differ, FIFOs where a branch must wait."""

from typing import Any

from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import SortGraph

from hls import fifo
from hls.ops import DOMAIN

UNSIZED = 2  # beats; the depth of a skip FIFO until `fifo.size_skips`, which needs all streams in place


def connect(model: ModelWrapper, pixels_per_beat: int) -> ModelWrapper:
    """Insert width converters and FIFOs, those of skips `UNSIZED`; returns the model in topological order."""
    for node in list(model.graph.node):
        for index, tensor in enumerate(node.input):
            if model.get_initializer(tensor) is None:
                _link(model, node, index, pixels_per_beat)
    last = model.find_producer(model.graph.output[0].name)
    _convert_output(model, last, pixels_per_beat)
    return model.transform(SortGraph())


def pixel_bits(model: ModelWrapper, image: str) -> int:
    """Bits of a pixel of the image tensor (1, H, W, C): a byte a channel."""
    return 8 * int(model.get_tensor_shape(image)[-1])


def _link(model: ModelWrapper, node: Any, index: int, pixels_per_beat: int) -> None:
    """Producer, FIFO at its width, width converter, FIFO at the consumer's width, consumer: as needed."""
    tensor = node.input[index]
    wanted = getCustomOp(node).get_instream_width(index)
    producer = model.find_producer(tensor)
    have = pixels_per_beat * pixel_bits(model, tensor)
    if producer is not None:
        port = list(producer.output).index(tensor)
        have = getCustomOp(producer).get_outstream_width(port)
    stem = f"{node.name}_in{index}"
    if fifo.is_skip(model, node, index):
        tensor = _fifo(model, stem, tensor, have, UNSIZED)
    if have != wanted:
        shape = model.get_tensor_shape(tensor)
        tensor = _insert(
            model, "StreamingDataWidthConverter_rtl", f"{stem}_width", tensor,
            inShape=shape, outShape=shape, inWidth=have, outWidth=wanted,
            dataType=model.get_tensor_datatype(tensor).name,
        )  # fmt: skip
    ahead = fifo.window_depth(producer, node) or fifo.row_depth(producer, node)
    if ahead:
        tensor = _fifo(model, stem, tensor, wanted, ahead)
    node.input[index] = tensor


def _fifo(model: ModelWrapper, stem: str, tensor: str, width: int, depth: int) -> str:
    shape, kind = model.get_tensor_shape(tensor), model.get_tensor_datatype(tensor)
    lanes = width // kind.bitwidth()
    return _insert(
        model, "StreamingFIFO_rtl", f"{stem}_fifo", tensor,
        depth=depth, folded_shape=[*shape[:-1], shape[-1] // lanes, lanes], normal_shape=shape,
        dataType=kind.name, ram_style=fifo.ram_style(depth),
    )  # fmt: skip


def _convert_output(model: ModelWrapper, node: Any, pixels_per_beat: int) -> None:
    have = getCustomOp(node).get_outstream_width(0)
    wanted = pixels_per_beat * pixel_bits(model, model.graph.output[0].name)
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
