"""Files whose images are channels last (1, H, W, C), as Keras writes them, turned to channels first (1, C, H, W).

Such a file has Transposes around its convolutions, or qonnx's own `channels_last` operators. Which tensors are channels
last follows from these, forwards and backwards through operators that treat all axes alike. Each of them is then held
channels first under its own name: Transposes between the two layouts become Identities, constants and axes are
turned. Where an operator depends on the order of a tensor's values otherwise (Reshape), a Transpose is put in front of
it: the results are the same in any case.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import AttributeProto, NodeProto, ValueInfoProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import get_by_name

WRAPPED = "qonnx.custom_op.channels_last"
"""Domain of qonnx's Conv, MaxPool and BatchNormalization of images (1, H, W, C)."""

TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
AXIS = (0, 2, 3, 1)
"""Where axis 0 .. 3 of a tensor (1, H, W, C) lies in (1, C, H, W)."""

ALIKE = (
    "Quant", "IntQuant", "BipolarQuant", "Identity", "Dropout", "Add", "Sub", "Mul", "Div", "Neg", "Clip", "Min", "Max",
    "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "Tanh", "Softplus", "Softsign",
    "Concat", "Split", "Slice", "Pad",
)  # fmt: skip
"""Operators that work on either layout, their axes and constants turned."""


def channels_first(model: ModelWrapper) -> ModelWrapper:
    """The model with all its images channels first. All shapes must be known; a model without tensors that are
    channels last is returned as it is.
    """
    turning = _Turning(model)
    return turning.turned() if turning.last else model


@dataclass
class _Turning:
    """A model under way, and the tensors of it that are channels last."""

    model: ModelWrapper
    last: set[str] = field(init=False)
    nodes: list[NodeProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._constants = {init.name for init in self.model.graph.initializer}
        for node in self.model.graph.node:
            if all(name in self._constants for name in node.input if name):
                self._constants |= set(node.output)
        self._makers = {name: node for node in self.model.graph.node for name in node.output}
        self.last = self._channels_last()

    # Which tensors are channels last.

    def _channels_last(self) -> set[str]:
        known: dict[str, bool] = {}
        for node in self.model.graph.node:
            self._state(known, node)
        if True not in known.values():
            return set()
        alike = [self._images(node) for node in self.model.graph.node if _is_alike(node)]
        before = -1
        while before != len(known):
            before = len(known)
            for names in (*alike, *reversed(alike)):
                found = next((known[name] for name in names if name in known), None)
                if found is not None:
                    known |= {name: found for name in names if name not in known}
        return {name for name, is_last in known.items() if is_last}

    def _state(self, known: dict[str, bool], node: NodeProto) -> None:
        """What a node says of its own tensors; of two that disagree the one that makes the tensor is right."""
        order = self._turn(node)
        if order is not None:
            known.setdefault(node.input[0], order == TO_FIRST)
            known[node.output[0]] = order == TO_LAST
        elif node.domain == WRAPPED:
            known.setdefault(node.input[0], True)
            known[node.output[0]] = True
        elif not _is_alike(node):
            known |= dict.fromkeys(node.output, False)

    def _turn(self, node: NodeProto) -> tuple[int, ...] | None:
        """The order of axes of a Transpose of an image from one layout into the other, else None."""
        if node.op_type != "Transpose" or node.input[0] in self._constants:
            return None
        perm = get_by_name(node.attribute, "perm")
        order = tuple(perm.ints) if perm is not None else None
        return order if order in (TO_FIRST, TO_LAST) else None

    def _images(self, node: NodeProto) -> list[str]:
        """Tensors of four axes that a node reads and makes, constants left out."""
        names = [name for name in (*node.input, *node.output) if name and name not in self._constants]
        return [name for name in names if len(self.model.get_tensor_shape(name) or ()) == 4]

    # The model turned.

    def turned(self) -> ModelWrapper:
        graph = self.model.graph
        for value in (*graph.input, *graph.output, *graph.value_info):
            if value.name in self.last:
                _turn_shape(value)
        for node in list(graph.node):
            self._add(node)
        del graph.node[:]
        graph.node.extend(self.nodes)
        return self.model.transform(InferShapes())

    def _add(self, node: NodeProto) -> None:
        order = self._turn(node)
        if order is not None and (node.input[0] in self.last) == (order == TO_FIRST):
            self._emit(node, "Identity", [node.input[0]], attributes=())
        elif node.domain == WRAPPED and node.input[0] in self.last:
            weights = node.input[1:2] if node.op_type == "Conv" else ()
            inputs = [node.input[0], *map(self._constant, weights), *node.input[1 + len(weights) :]]
            self._emit(node, node.op_type, inputs, domain="")
        elif _is_alike(node) and node.output[0] in self.last and self._can_turn(node):
            self._emit_alike(node)
        else:
            self._emit_as_it_is(node)

    def _emit(
        self,
        node: NodeProto,
        kind: str,
        inputs: Iterable[str],
        attributes: Iterable[AttributeProto] | None = None,
        domain: str | None = None,
    ) -> None:
        """The node with other inputs; its name, outputs and metadata stay."""
        made = NodeProto()
        made.CopyFrom(node)
        made.op_type = kind
        made.domain = node.domain if domain is None else domain
        inputs = list(inputs)
        del made.input[:]
        made.input.extend(inputs)
        if attributes is not None:
            attributes = list(attributes)
            del made.attribute[:]
            made.attribute.extend(attributes)
        self.nodes.append(made)

    def _emit_alike(self, node: NodeProto) -> None:
        """An operator that works on either layout, of tensors that are channels first from here on."""
        inputs = []
        for index, name in enumerate(node.input):
            turn = _INPUTS.get((node.op_type, index))
            if turn is not None and name:
                inputs.append(self._initializer(name, turn(self._whole_constant(name))))
            elif not name or name in self._constants:
                inputs.append(self._constant(name) if name else "")
            elif name in self.last:
                inputs.append(name)
            else:
                inputs.append(self._transposed(node, name, TO_FIRST))
        if node.op_type == "Slice" and len(node.input) == 3:  # without axes: all of them, from the first on
            inputs.append(self._initializer(f"{node.output[0]}_axes", _axes(np.arange(4))))
        self._emit(node, node.op_type, inputs, [_turned_attribute(node, one) for one in node.attribute])

    def _can_turn(self, node: NodeProto) -> bool:
        """Whether all that says what axes the node works on is constant."""
        constant = (
            self._whole_constant(name) is not None
            for index, name in enumerate(node.input)
            if name and (node.op_type, index) in _INPUTS
        )
        short = node.op_type == "Slice" and get_by_name(node.attribute, "starts") is not None
        return all(constant) and not (short and get_by_name(node.attribute, "axes") is None)

    def _emit_as_it_is(self, node: NodeProto) -> None:
        """A node whose result depends on the order of the values: it reads and makes them as in the file."""
        inputs = [self._transposed(node, name, TO_LAST) if name in self.last else name for name in node.input]
        self._emit(node, node.op_type, inputs)
        made = self.nodes[-1]
        for index, name in enumerate(node.output):
            if name in self.last:
                made.output[index] = f"{name}_channels_last"
                self.nodes.append(_transpose(node, made.output[index], name, TO_FIRST))

    def _transposed(self, node: NodeProto, name: str, order: tuple[int, ...]) -> str:
        made = f"{name}_of_{node.name}"
        self.nodes.append(_transpose(node, name, made, order))
        return made

    def _whole_constant(self, name: str) -> Any:
        return self.model.get_initializer(name)

    def _constant(self, name: str) -> str:
        """A constant that is spread over (1, H, W, C), or a kernel (Cout, k, k, Cin), spread over channels first; a
        quantizer of constants is made again over such.
        """
        value = self._whole_constant(name)
        if value is not None:
            if value.size == 1 or value.ndim > 4:
                return name
            whole = value.reshape((1,) * (4 - value.ndim) + value.shape)
            return self._initializer(name, whole.transpose(TO_FIRST))
        maker = self._makers[name]
        made = f"{name}_channels_first"
        if all(made not in node.output for node in self.nodes):
            self._emit(maker, maker.op_type, [self._constant(one) if one else "" for one in maker.input])
            self.nodes[-1].output[0] = made
        return made

    def _initializer(self, name: str, value: Any) -> str:
        made = f"{name}_channels_first"
        self.model.set_initializer(made, np.ascontiguousarray(value))
        return made


def _is_alike(node: NodeProto) -> bool:
    return node.op_type in ALIKE and node.domain != WRAPPED


def _turn_shape(value: ValueInfoProto) -> None:
    sides = [int(side.dim_value) for side in value.type.tensor_type.shape.dim]
    if len(sides) != 4:
        return  # not known; whoever needs it says so
    del value.type.tensor_type.shape.dim[:]
    for axis in TO_FIRST:
        value.type.tensor_type.shape.dim.add(dim_value=sides[axis])


def _transpose(node: NodeProto, name: str, made: str, order: tuple[int, ...]) -> NodeProto:
    return helper.make_node("Transpose", [name], [made], perm=order, name=f"{node.name}_layout")


def _axes(axes: Any) -> Any:
    return np.array([AXIS[int(axis) % 4] for axis in np.asarray(axes).reshape(-1)], np.int64)


def _pads(pads: Any) -> Any:
    """Begins of all axes, then ends."""
    return np.asarray(pads).reshape(2, -1)[:, TO_FIRST].reshape(-1) if len(pads) == 8 else np.asarray(pads)


_INPUTS: dict[tuple[str, int], Callable[[Any], Any]] = {
    ("Slice", 1): np.asarray,
    ("Slice", 2): np.asarray,
    ("Slice", 3): _axes,
    ("Slice", 4): np.asarray,
    ("Split", 1): np.asarray,
    ("Pad", 1): _pads,
    ("Pad", 2): np.asarray,
    ("Pad", 3): _axes,
}
"""Inputs of an operator that are about axes, and how they turn."""

_ATTRIBUTES: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("Concat", "axis"): lambda axis: AXIS[axis % 4],
    ("Split", "axis"): lambda axis: AXIS[axis % 4],
    ("Slice", "axes"): lambda axes: _axes(axes).tolist(),
    ("Pad", "pads"): lambda pads: _pads(pads).tolist(),
}


def _turned_attribute(node: NodeProto, attribute: AttributeProto) -> AttributeProto:
    turn = _ATTRIBUTES.get((node.op_type, attribute.name))
    if turn is None:
        return attribute
    return helper.make_attribute(attribute.name, turn(helper.get_attribute_value(attribute)))
