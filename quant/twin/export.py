"""A twin -> QONNX, checked: what is written computes what Brevitas computes, to the last bit.

Every node of the file holds the name that the author gave its layer in its `metadata_props`, under the key
`LAYER`: "blocks.0.conv1" for a convolution and the Quant node of its weights, "blocks.0.prelu" for an
activation and the Quant node behind it. Cleaning up a file renames nodes and keeps this. The nodes' own names
are made of it too. Functions called in a `forward` count as layers ("blocks.0.add").
"""

from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from brevitas.export import export_qonnx
from onnx import NodeProto, StringStringEntryProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model
from torch import Tensor

from pixelmend.errors import UserError
from pixelmend.files import replacing
from quant.bits import PIXEL_BITS
from quant.equality import Comparison, compare
from quant.qonnx_file import LABEL as LAYER
from quant.quiet import quiet
from quant.twin.build import Twin
from quant.twin.settings import port_of

SCOPES = "pkg.torch.onnx.name_scopes"  # where torch says which modules a node comes from
BODY = "body"  # the name that a `Twin` has for its graph
CHECKS = 4  # random frames on which the file is compared with Brevitas
OPSET = 18
Exporter = Literal["dynamo", "torchscript"]


def export(
    twin: Twin,
    shapes: list[tuple[int, int, int]],
    path: Path,
    seed: int = 0,
    opset: int = OPSET,
    exporter: Exporter = "dynamo",
) -> Comparison:
    """Write `twin` as QONNX for inputs of these shapes (C, H, W); returns how it compares.

    Raises `UserError` where the file computes anything else than the twin on `CHECKS` seeded frames;
    nothing is written then.
    """
    twin.eval()
    rng = np.random.default_rng(seed)
    frames = [random_inputs(twin, shapes, rng) for _ in range(CHECKS)]
    with replacing(path) as temporary:
        write(twin, frames[0], temporary, opset, exporter)
        found = compare(twin, ModelWrapper(str(temporary)), frames)
        if found.wrong:
            raise UserError(f"{path}: " + "\n".join(found.wrong))
    return found


def write(
    twin: Twin,
    example: tuple[Tensor, ...],
    path: Path,
    opset: int = OPSET,
    exporter: Exporter = "dynamo",
) -> None:
    """Write `twin` as QONNX for inputs of the shapes of `example`, unchecked.

    torch's older exporter, "torchscript", takes opsets from 13 on; it tells the names of convolutions only,
    and what follows one is named after it.
    """
    options: dict[str, Any] = {"dynamo": False} if exporter == "torchscript" else {"external_data": False}
    with quiet():
        export_qonnx(twin, example, str(path), opset_version=opset, input_names=_inputs(twin), **options)
    model = ModelWrapper(str(path))
    _name_layers(model)
    _store_quantized(model, twin)
    model = cleanup_model(model)
    _name_nodes(model)
    model.save(str(path))


def random_inputs(
    twin: Twin, shapes: list[tuple[int, int, int]], rng: np.random.Generator
) -> tuple[Tensor, ...]:
    """Inputs (1, C, H, W) on the grids of their ports: what hardware can be given."""
    made = []
    names = _inputs(twin)
    for index, shape in enumerate(shapes):
        port = port_of(twin.settings.inputs, index)
        if port.kind == "image":
            integers = rng.integers(0, 2**PIXEL_BITS, (1, *shape))
            made.append(torch.from_numpy(integers.astype(np.float32) / np.float32(255)))
            continue
        quantizer: Any = input_quantizer(twin, names[index])
        scale = quantizer.act_quant.scale().detach()
        bits, signed = int(quantizer.act_quant.bit_width()), bool(quantizer.act_quant.is_signed)
        low = -(2 ** (bits - 1)) if signed else 0
        integers = rng.integers(low, low + 2**bits, (1, *shape))
        made.append(torch.from_numpy(integers.astype(np.float32)) * scale)
    return tuple(made)


def input_quantizer(twin: Twin, name: str) -> Any:
    """The quantizer of the input called `name`."""
    for node in twin.body.graph.nodes:
        if node.name in twin.quantized and node.all_input_nodes[0].name == name:
            return twin.body.get_submodule(str(node.target))
    raise LookupError(name)


def layer_of(node: NodeProto) -> str | None:
    """The author's name of the layer that a node of a file belongs to, where the file tells."""
    return next((one.value for one in node.metadata_props if one.key == LAYER), None)


def _inputs(twin: Twin) -> list[str]:
    return [node.name for node in twin.body.graph.nodes if node.op == "placeholder"]


def _name_layers(model: ModelWrapper) -> None:
    """Replace torch's notes (stack traces with absolute paths) by the one that says the layer."""
    graph = model.graph
    layers: dict[str, str] = {}  # by the tensor a node writes
    inputs = {one.name for one in graph.input}
    weights = _weights(model)
    for node in graph.node:
        layer = _scope(node) or _of_weights(node, weights)
        if layer and layer.startswith("quantizers."):
            source = node.input[0]
            layer = layers.get(source) or (source if source in inputs else layer)
        elif not layer:
            named = (layers.get(name) or (name if name in inputs else "") for name in node.input)
            layer = next((name for name in named if name), "")
        for name in node.output:
            layers[name] = layer
    for part in (model.model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
    for node in graph.node:
        node.metadata_props.append(StringStringEntryProto(key=LAYER, value=layers[node.output[0]]))


def _weights(model: ModelWrapper) -> dict[str, str]:
    """Layers by the names of their weights in the file, "body.blocks.0.conv1.weight", and as quantized."""
    found = {
        one.name: one.name.removeprefix(f"{BODY}.").removesuffix(".weight")
        for one in model.graph.initializer
        if one.name.startswith(f"{BODY}.") and one.name.endswith(".weight")
    }
    for node in model.graph.node:
        if node.op_type in ("Quant", "BipolarQuant") and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _of_weights(node: NodeProto, weights: dict[str, str]) -> str:
    return next((weights[name] for name in node.input if name in weights), "")


def _scope(node: NodeProto) -> str:
    """The innermost module of the twin's graph that a node comes from, e.g. "blocks.0.conv1"."""
    scopes = next((one.value for one in node.metadata_props if one.key == SCOPES), "[]")
    names = [name.strip(" '") for name in scopes.strip("[]").split(",")]
    inside = [name.removeprefix(f"{BODY}.") for name in names[:-1] if name.startswith(f"{BODY}.")]
    return inside[0] if inside else ""


def _store_quantized(model: ModelWrapper, twin: Twin) -> None:
    """Put the weights as quantized in the place of the float ones, which Brevitas leaves to the file's Quant
    nodes to round: right for uniform weights only. Values on the grid stay as they are.
    """
    weighted = twin.weighted()
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            weights = model.find_producer(node.input[1]).input[0]
            value = weighted[layer_of(node) or ""].quant_weight().value
            model.set_initializer(weights, value.detach().cpu().numpy())


def _name_nodes(model: ModelWrapper) -> None:
    """Nodes are called by layer and, where a layer has several, kind: "blocks.0.conv1.Quant"."""
    taken: Counter[str] = Counter()
    for node in model.graph.node:
        layer = layer_of(node) or node.name
        name = layer if node.op_type not in ("Quant", "BipolarQuant") else f"{layer}.{node.op_type}"
        if node.op_type == "Quant" and model.get_initializer(node.input[0]) is not None:
            name = f"{layer}.weight"
        taken[name] += 1
        node.name = name if taken[name] == 1 else f"{name}_{taken[name]}"
