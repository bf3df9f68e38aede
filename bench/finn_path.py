"""FINN's own lowering of a QONNX generator, transformation by transformation.

Streamlining is the shortest list that gets every scale into a threshold on this topology; FINN's exhaustive
`StreamlinePlus` is timed apart (`bench.streamline_plus`). The rest is what FINN offers:
`InferPixelPaddingDeconv` inserts zeros between the pixels, so that a transposed convolution becomes a
convolution over the larger image.
"""

import logging
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from finn.transformation.fpgadataflow.convert_to_hw.conv_inp_gen import InferConvInpGen
from finn.transformation.fpgadataflow.convert_to_hw.duplicate_streams import InferDuplicateStreamsLayer
from finn.transformation.fpgadataflow.convert_to_hw.elementwise_binary_operation import (
    InferElementwiseBinaryOperation,
)
from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
    InferQuantizedMatrixVectorActivation,
)
from finn.transformation.fpgadataflow.convert_to_hw.thresholding import InferThresholdingLayer
from finn.transformation.fpgadataflow.infer_pixel_padding_deconv import InferPixelPaddingDeconv
from finn.transformation.fpgadataflow.minimize_accumulator_width import MinimizeAccumulatorWidth
from finn.transformation.fpgadataflow.minimize_weight_bit_width import MinimizeWeightBitWidth
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
from finn.transformation.streamline.absorb import (
    AbsorbAddIntoMultiThreshold,
    AbsorbConsecutiveTransposes,
    AbsorbMulIntoMultiThreshold,
    AbsorbTransposeIntoMultiThreshold,
)
from finn.transformation.streamline.collapse_repeated import CollapseRepeatedMul, CollapseRepeatedTranspose
from finn.transformation.streamline.remove import RemoveIdentityTranspose
from finn.transformation.streamline.reorder import (
    MoveLinearPastEltwiseAdd,
    MoveMulPastFork,
    MoveMulPastJoinAdd,
    MoveScalarLinearPastInvariants,
    MoveScalarMulPastConv,
    MoveScalarMulPastConvTranspose,
    MoveTransposePastFork,
    MoveTransposePastJoinAdd,
)
from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import (
    ConvertDivToMul,
    ConvertSubToAdd,
    GiveReadableTensorNames,
    GiveUniqueNodeNames,
)
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

from hls.frontend import prepared
from pixelmend.errors import UserError

ROUNDS = 20  # of a list of transformations; two are enough on this topology

SCALES = (
    MoveMulPastFork,
    MoveScalarLinearPastInvariants,
    MoveScalarMulPastConv,
    MoveScalarMulPastConvTranspose,
    MoveMulPastJoinAdd,
    MoveLinearPastEltwiseAdd,
    CollapseRepeatedMul,
    AbsorbAddIntoMultiThreshold,
    AbsorbMulIntoMultiThreshold,
    InferShapes,
)

TRANSPOSES = (
    MoveTransposePastFork,
    MoveTransposePastJoinAdd,
    AbsorbTransposeIntoMultiThreshold,
    AbsorbConsecutiveTransposes,
    CollapseRepeatedTranspose,
    RemoveIdentityTranspose,
)

HARDWARE = (
    InferElementwiseBinaryOperation,
    InferThresholdingLayer,
    InferQuantizedMatrixVectorActivation,
    InferConvInpGen,
    InferDuplicateStreamsLayer,
)


@dataclass(frozen=True)
class Lowered:
    """FINN's graph of a network: uint8 in and out."""

    operators: ModelWrapper  # (1, 3, H, W), before an implementation is chosen; Python can execute it
    dataflow: ModelWrapper  # (1, H, W, 3), all nodes RTL or HLS, not folded yet
    seconds: dict[str, float]  # by step


def lower(path: Path, part: str) -> Lowered:
    """Lower a QONNX generator with FINN; `UserError` where FINN leaves anything that is no hardware."""
    seconds: dict[str, float] = {}

    def timed(name: str, step: Callable[[ModelWrapper], ModelWrapper], model: ModelWrapper) -> ModelWrapper:
        start = time.perf_counter()
        result = step(model)
        seconds[name] = time.perf_counter() - start
        return result

    with quiet():
        start = time.perf_counter()
        model = prepared(path)
        seconds["read"] = time.perf_counter() - start
        model = timed("convert", convert, model)
        model = timed("streamline", streamline, model)
        operators = timed("operators", lambda model: _operators(model, path), model)
        dataflow = timed("specialize", lambda model: _specialize(model, part, path), operators)
    return Lowered(operators, dataflow, seconds)


def convert(model: ModelWrapper) -> ModelWrapper:
    """QONNX to FINN's dialect: weights folded, quantizers as thresholds with scales around them."""
    return _apply(model, (ConvertQONNXtoFINN, InferShapes, InferDataTypes, GiveUniqueNodeNames,
                          GiveReadableTensorNames, ConvertSubToAdd, ConvertDivToMul))  # fmt: skip


def streamline(model: ModelWrapper) -> ModelWrapper:
    """All scales and biases into thresholds."""
    return _until_stable(model, SCALES)


def wrong_values(path: Path, lowered: Lowered, seed: int = 0) -> int:
    """Execute FINN's operators and the QONNX file on one random image; values that differ."""
    reference = prepared(path)
    name = reference.graph.input[0].name
    pixels = np.random.default_rng(seed).integers(0, 256, reference.get_tensor_shape(name))
    image = pixels.astype(np.float32)
    expected = execute_onnx(reference, {name: image / np.float32(255)})[reference.graph.output[0].name]
    ports = lowered.operators.graph
    with quiet():
        result = execute_onnx(lowered.operators, {ports.input[0].name: image})[ports.output[0].name]
    return int((result != np.round(expected * 255)).sum())


@contextmanager
def quiet():  # type: ignore[no-untyped-def]
    """FINN warns of every data type it narrows; that is no news."""
    logger = logging.getLogger("finn_logger")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _operators(model: ModelWrapper, path: Path) -> ModelWrapper:
    """Convolutions as windows and matrix products, then every node as a hardware operator."""
    model = _apply(_integer_ends(model, path), (InferShapes, InferDataTypes))
    model = _apply(
        model, (InferPixelPaddingDeconv, LowerConvsToMatMul, InferShapes, InferDataTypes, InferDataLayouts)
    )
    model = _until_stable(model, TRANSPOSES)
    model = _apply(model, (InferDataTypes, RoundAndClipThresholds, InferDataLayouts, *HARDWARE))
    return _apply(model, (GiveUniqueNodeNames, InferShapes, InferDataTypes))


def _specialize(model: ModelWrapper, part: str, path: Path) -> ModelWrapper:
    model = ModelWrapper(model.model, make_deepcopy=True)
    _without_end_transposes(model)
    for node in model.graph.node:
        if node.op_type == "MVAU":
            getCustomOp(node).set_nodeattr("preferred_impl_style", "rtl")  # FINN's DSP packing, any bits
    # widths first: a sum counts as 32 bits until then, which FINN's RTL matrix unit can't take
    model = _apply(model, (MinimizeWeightBitWidth, MinimizeAccumulatorWidth, InferDataTypes))
    model = _apply(model.transform(SpecializeLayers(part)), (GiveUniqueNodeNames,))
    kinds = Counter(node.op_type for node in model.graph.node)
    foreign = [kind for kind in kinds if not kind.endswith(("_rtl", "_hls")) or kind == "MVAU_hls"]
    if foreign:
        raise UserError(f"{path}: FINN's path ends with nodes that are not its RTL or HLS: {kinds}")
    return model


def _integer_ends(model: ModelWrapper, path: Path) -> ModelWrapper:
    """Pixels k instead of k/255 at both ends: the first quantizer and the last scale are the host's."""
    graph = model.graph
    first, last = graph.node[0], graph.node[-1]
    if first.op_type != "MultiThreshold" or last.op_type != "Mul":
        raise UserError(
            f"{path}: FINN's streamlined graph should open with the image's quantizer and end with its "
            f"scale; it has {first.op_type} and {last.op_type}"
        )
    image_in, image_out = graph.input[0].name, graph.output[0].name
    _replace_input(model, first.output[0], image_in)
    model.set_tensor_datatype(image_in, DataType["UINT8"])
    model.find_producer(last.input[0]).output[0] = image_out
    model.set_tensor_datatype(image_out, DataType["UINT8"])
    graph.node.remove(first)
    graph.node.remove(last)
    return model


def _without_end_transposes(model: ModelWrapper) -> None:
    """Images come and go channel last, as in FINN's own partitioning, where the host transposes."""
    graph = model.graph
    first, last = graph.node[0], graph.node[-1]
    image_in, image_out = graph.input[0].name, graph.output[0].name
    if first.op_type == "Transpose":
        shape, kind = (
            getattr(model, f"get_tensor_{what}")(first.output[0]) for what in ("shape", "datatype")
        )
        _replace_input(model, first.output[0], image_in)
        graph.node.remove(first)
        model.set_tensor_shape(image_in, shape)
        model.set_tensor_datatype(image_in, kind)
    if last.op_type == "Transpose":
        shape = model.get_tensor_shape(last.input[0])
        model.find_producer(last.input[0]).output[0] = image_out
        graph.node.remove(last)
        model.set_tensor_shape(image_out, shape)
        model.set_tensor_datatype(image_out, DataType["UINT8"])


def _replace_input(model: ModelWrapper, old: str, new: str) -> None:
    for node in model.graph.node:
        for index, tensor in enumerate(node.input):
            if tensor == old:
                node.input[index] = new


def _apply(model: ModelWrapper, transformations: Iterable[type]) -> ModelWrapper:
    for transformation in transformations:
        model = model.transform(transformation())
    return model


def _until_stable(model: ModelWrapper, transformations: Iterable[type]) -> ModelWrapper:
    """Repeat the list until nothing changes."""
    for _ in range(ROUNDS):
        before = model.model.SerializeToString()
        model = _apply(model, transformations)
        if model.model.SerializeToString() == before:
            break
    return model
