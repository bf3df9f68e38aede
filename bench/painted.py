"""A network up to the pixels it paints or scores: FINN has no operator that chooses or fills."""

from pathlib import Path

from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper

CHOICE = ("Slice", "GreaterOrEqual", "Where", "PyramidFill")


def painted(model: Path, out: Path) -> bool:
    """Write the QONNX `model` without its choice of pixels to `out`; whether there was one.

    What is left ends in the last quantizer: R, G, B and the score, as far as the network gives them.
    """
    graph = ModelWrapper(str(model))
    nodes = graph.graph.node
    dropped = [node for node in nodes if node.op_type in CHOICE]
    for node in dropped:
        nodes.remove(node)
    if dropped:
        read = {name for node in nodes for name in node.input}
        (last,) = [node.output[0] for node in nodes if node.output[0] not in read]
        shape = graph.get_tensor_shape(last)
        end = graph.graph.output[0]
        end.CopyFrom(helper.make_tensor_value_info(last, TensorProto.FLOAT, shape))
        for info in [info for info in graph.graph.value_info if info.name == last]:
            graph.graph.value_info.remove(info)
    graph.save(str(out))
    return bool(dropped)
