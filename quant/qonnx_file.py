"""A QONNX file, whoever wrote it, made safe to look at and cleaned up: what settling and lowering both begin with."""

import re
from collections.abc import Collection
from pathlib import Path

from onnx import helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model

from pixelmend.errors import UserError
from quant.channels_first import WRAPPED, channels_first
from quant.pyramid_fill import DOMAIN

LABEL = "pixelmend.layer"
"""Metadata of a node of the file: the name that the network's author gave its layer."""

STANDARD = ("", "ai.onnx", "qonnx.custom_op.general", "onnx.brevitas")
"""Domains whose operators have one meaning each, whatever the domain."""

DOMAINS = (*STANDARD, WRAPPED, DOMAIN)


def cleaned(path: Path, domains: Collection[str] = DOMAINS) -> ModelWrapper:
    """The file with shapes and with qonnx's own names of nodes and tensors; authors' names are metadata (`LABEL`).
    Images are channels first, whichever way the file has them.

    `UserError` where it is missing, damaged, or has an operator of none of the `domains`.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a QONNX model, as quant.export writes")
    try:
        model = ModelWrapper(str(path))
        _check_nodes(model, path, domains)
        _state_kernels(model, path)
        _keep_names(model)
        _read_once(model)
        return channels_first(cleanup_model(model).transform(InferShapes()))
    except UserError:
        raise
    except Exception as error:  # onnx and protobuf raise many kinds on damaged files
        said = "its nodes form a cycle" if "Circular" in str(error) else first_line(error)
        raise UserError(f"{path}: not a readable QONNX model: {said}") from error


def _keep_names(model: ModelWrapper) -> None:
    """Names that an author gave to nodes become metadata: cleaning up gives all nodes new ones."""
    for node in model.graph.node:
        # an exporter's own name is the operator's with a number, or begins with node_
        own = re.fullmatch(rf"node_.*|{node.op_type}_?\d*", node.name, re.IGNORECASE) is None
        labelled = any(entry.key == LABEL for entry in node.metadata_props)
        if node.name and own and not labelled:
            node.metadata_props.add(key=LABEL, value=_layer_of(node.name, node.op_type))


def _read_once(model: ModelWrapper) -> None:
    """A node that reads a tensor twice gets it the second time through an Identity: qonnx renames only the first."""
    graph, more = model.graph, []
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name and name in node.input[:index]:
                copy = f"{node.output[0]}_{index}_again"
                more.append((node, helper.make_node("Identity", [name], [copy])))
                node.input[index] = copy
    for node, identity in reversed(more):
        graph.node.insert(list(graph.node).index(node), identity)


def _layer_of(name: str, kind: str) -> str:
    """`/body/0/conv/Conv`, as PyTorch's exporter names a node, without the operator at its end."""
    parts = [part for part in name.split("/") if part]
    if len(parts) > 1 and parts[-1].split("_")[0] == kind:
        parts.pop()
    return ".".join(parts)


def _check_nodes(model: ModelWrapper, path: Path, domains: Collection[str]) -> None:
    """What must be right before anything else looks at the nodes: qonnx finds an operator by importing the
    module that its domain names, and onnx divides by strides.
    """
    for node in model.graph.node:
        where = f"{path}: node {node.name} ({node.op_type})"
        if node.domain not in domains:
            raise UserError(
                f"{where}: expected an operator of ONNX or QONNX, or of a domain that --operators registers, got the "
                f"domain '{node.domain}'"
            )
        for one in node.attribute:
            values = [one.i] if one.name == "group" else list(one.ints)
            if one.name in ("strides", "dilations", "kernel_shape", "group") and min(values, default=1) < 1:
                raise UserError(f"{where}: {one.name} must be positive, got {values}")


def _state_kernels(model: ModelWrapper, path: Path) -> None:
    """Give each convolution the shape of its kernel: onnx, inferring shapes without it, ends the whole process
    where input and weights have unlike numbers of axes.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type not in ("Conv", "ConvTranspose") or any(
            one.name == "kernel_shape" for one in node.attribute
        ):
            continue
        name = node.input[1] if len(node.input) > 1 else ""
        seen: set[str] = set()
        while name in producers and name not in seen and producers[name].op_type != "Constant":
            seen.add(name)
            name = producers[name].input[0] if producers[name].input else ""
        value = model.get_initializer(name) if name else None
        if name in producers and producers[name].op_type == "Constant":
            value = next(
                (numpy_helper.to_array(one.t) for one in producers[name].attribute if one.name == "value"),
                None,
            )
        if value is None or value.ndim < 3:
            raise UserError(
                f"{path}: node {node.name} ({node.op_type}): its weights must come from a Quant node over an "
                "initializer (Cout, Cin, k, k)"
            )
        sides = value.shape[1:-1] if node.domain == WRAPPED else value.shape[2:]
        node.attribute.append(helper.make_attribute("kernel_shape", list(sides)))


def first_line(error: Exception) -> str:
    """What an exception says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
