"""A module of any author -> a graph whose every node is a layer with a name and a role.

What is done on the way, all of it without changing a value: dropout and identity leave, parametrizations
(spectral and weight norm) become plain weights, batch norm goes into the convolution before it, a layer
without weights that is called twice becomes two, functions become modules named after the module that calls
them.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Tracer
from torch.fx.node import Node, map_arg
from torch.nn.utils import parametrize

from pixelmend.errors import UserError
from quant.twin.layers import NOTHING, Call, Refusal, Role, from_call, function_name, judge


@dataclass(frozen=True)
class Traced:
    """A float graph: every node but inputs and output calls a module of `graph`, whose role is known."""

    graph: GraphModule
    roles: dict[str, Role]  # by node name
    layers: dict[str, str]  # the author's name of each node's layer, by node name


def trace(module: nn.Module, merge_batch_norm: bool = True) -> Traced:
    """Trace a copy of `module` in evaluation.

    `UserError` that lists everything that stands in the way, where something does.
    """
    module = copy.deepcopy(module).eval()
    _plain_weights(module)
    tracer = Tracer()
    name = type(module).__name__
    if tracer.is_leaf_module(module, ""):
        module = nn.Sequential(module)  # one layer alone
    try:
        graph = GraphModule(module, tracer.trace(module))
    except Exception as error:  # whatever the author's forward does with something that has no value yet
        raise UserError(
            f"{name} can't be traced: {str(error).splitlines()[0]}; its forward must do the "
            "same whatever the values and sizes are"
        ) from error
    refusals: list[str] = []
    layers = _name_everything(graph, refusals)
    roles = _roles(graph, layers, refusals)
    if refusals:
        lines = "\n".join(f"- {line}" for line in refusals)
        raise UserError(f"{name} holds what hardware can't do exactly:\n{lines}")
    if merge_batch_norm:
        _merge_batch_norm(graph, layers)
    graph.graph.eliminate_dead_code()
    graph.graph.lint()
    graph.delete_all_unused_submodules()
    graph.recompile()
    names = {node.name for node in graph.graph.nodes}
    return Traced(
        graph,
        {name: role for name, role in roles.items() if name in names},
        {name: layer for name, layer in layers.items() if name in names},
    )


def module_of(graph: GraphModule, node: Node) -> Any:
    """The module that a node calls."""
    return graph.get_submodule(str(node.target))


def _plain_weights(module: nn.Module) -> None:
    for part in module.modules():
        if parametrize.is_parametrized(part):
            # a copy shares the class that torch made for the original, and removing changes the class
            made = type(part)
            part.__class__ = type(made.__name__, made.__bases__, dict(vars(made)))
        for name in list(getattr(part, "parametrizations", {})):
            parametrize.remove_parametrizations(part, name, leave_parametrized=True)


def _name_everything(graph: GraphModule, refusals: list[str]) -> dict[str, str]:
    """Turn each call into a call of a module of its own, and say what its author calls it, by node name."""
    taken = {name for name, _ in graph.named_modules()}
    called: set[str] = set()
    layers: dict[str, str] = {}
    for node in list(graph.graph.nodes):
        if node.op == "call_module":
            name = str(node.target)
            module = graph.get_submodule(name)
            if isinstance(module, NOTHING):
                _leave_out(graph, node)
                continue
            if name in called and not list(module.parameters()) and not list(module.buffers()):
                name = _free(name, taken)
                graph.add_submodule(name, copy.deepcopy(module))
                node.target = name
            called.add(name)
            layers[node.name] = name
        elif node.op in ("call_function", "call_method"):
            made = from_call(node, lambda one: _constant(graph, one))
            inside = [path for path, _ in node.meta.get("nn_module_stack", {}).values() if path]
            name = ".".join([*inside[-1:], function_name(node)])
            if made is None:
                _leave_out(graph, node)
            elif isinstance(made, Refusal):
                refusals.append(f"{name} {made.reason}")
                layers[node.name] = name
            else:
                name = _free(name, taken)
                graph.add_submodule(name, made)
                node.args, node.kwargs = _slots(node, made), {}
                node.op, node.target = "call_module", name
                layers[node.name] = name
        else:
            layers[node.name] = node.name
    return layers


def _slots(node: Node, made: nn.Module) -> tuple[Node, ...]:
    """The tensors that a module made of a call gets, in the order of its slots: a tensor can come twice."""
    found: list[Node] = []
    map_arg((node.args, node.kwargs), found.append)
    tensors = [one for one in found if one.op != "get_attr"]
    return tuple(tensors if isinstance(made, Call) else tensors[:1])


def _constant(graph: GraphModule, node: Node) -> Any:
    if node.op != "get_attr":
        return node
    value: Any = graph
    for part in str(node.target).split("."):
        value = getattr(value, part)
    return value.detach().clone() if isinstance(value, Tensor) else node


def _free(name: str, taken: set[str]) -> str:
    """`name`, or with the next number behind it where a module is called so."""
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _leave_out(graph: GraphModule, node: Node) -> None:
    node.replace_all_uses_with(node.all_input_nodes[0])
    graph.graph.erase_node(node)


def _roles(graph: GraphModule, layers: dict[str, str], refusals: list[str]) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for node in graph.graph.nodes:
        if node.op == "get_attr" and node.users:
            refusals.append(f"{node.target} is a constant where a layer's result is expected: add it to one")
        if node.op != "call_module":
            continue
        module = module_of(graph, node)
        role = judge(layers[node.name], module)
        if isinstance(role, Refusal):
            refusals.append(f"{layers[node.name]} ({type(module).__name__}) {role.reason}")
        else:
            roles[node.name] = role
    return roles


def _merge_batch_norm(graph: GraphModule, layers: dict[str, str]) -> None:
    """Into the convolution before it, where nothing else reads that; elsewhere it stays a pointwise layer."""
    calls: dict[str, int] = {}
    for node in graph.graph.nodes:
        calls[str(node.target)] = calls.get(str(node.target), 0) + 1
    for node in list(graph.graph.nodes):
        if node.op != "call_module" or not isinstance(module_of(graph, node), nn.BatchNorm2d):
            continue
        before = node.all_input_nodes[0]
        if before.op != "call_module" or len(before.users) > 1 or calls[str(before.target)] > 1:
            continue
        layer = module_of(graph, before)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            merge(layer, module_of(graph, node))
            node.replace_all_uses_with(before)
            graph.graph.erase_node(node)


@torch.no_grad()
def merge(layer: nn.Conv2d | nn.ConvTranspose2d, norm: nn.BatchNorm2d) -> None:
    """Let `layer` do what `norm` did behind it.

    With its mean m and variance v, and the learned g and b: w' = w g / sqrt(v + eps) for each output channel,
    and bias' = (bias - m) g / sqrt(v + eps) + b.
    """
    assert norm.running_mean is not None and norm.running_var is not None
    gain = torch.rsqrt(norm.running_var.double() + norm.eps)
    if norm.affine:
        gain = gain * norm.weight
    bias = -norm.running_mean.double() if layer.bias is None else layer.bias - norm.running_mean.double()
    bias = bias * gain + (norm.bias if norm.affine else 0.0)
    if isinstance(layer, nn.ConvTranspose2d):  # weights are I, O / groups, k, k
        each = gain.view(layer.groups, 1, -1).expand(-1, layer.in_channels // layer.groups, -1)
        factors = each.reshape(layer.in_channels, -1, 1, 1)
    else:
        factors = gain.view(-1, 1, 1, 1)
    layer.weight.copy_(layer.weight.double() * factors)
    layer.bias = nn.Parameter(bias.to(layer.weight.dtype))
