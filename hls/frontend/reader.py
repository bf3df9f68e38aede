"""The front end itself: a QONNX file, node by node, each by its handler; `read` at the end is what others call."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls.frontend.advice import ADVICE
from hls.frontend.registry import domains, handler, names
from hls.frontend.values import MOST_BITS, PIXEL_SCALE, Padded, Part, Pending, Refused, Value, whole
from hls.network import Layer, Network, Tensor
from pixelmend.errors import UserError
from quant.qonnx_file import LABEL, cleaned, first_line

MOST_MARGIN = 0.5
QUANTIZERS = ("Quant", "IntQuant")

BAD = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    RuntimeError,
)
"""What numpy and Python raise where numbers of a file fit nothing."""


@dataclass(frozen=True)
class Problem:
    """Something that stands in the way, and where."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class Refusal(Exception):
    """Raised by `Reader.error`'s users to give up a node; the reader goes on with the next."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass
class Reader:
    """A file under way: what its tensors stand for, the layers so far, and what stands in the way."""

    model: ModelWrapper
    path: Path
    known: dict[str, Any] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)
    least_margin: float = MOST_MARGIN
    image: Tensor | None = None
    raw: set[str] = field(default_factory=set)  # names of the input as it comes, not quantized yet
    mapped: dict[str, Tensor] = field(default_factory=dict)  # image with a map, by the name of its filled one
    closed: dict[str, list[int]] = field(default_factory=dict)  # layers that make the sums of a node's output
    slices: dict[tuple[str, int, int], Tensor] = field(default_factory=dict)
    asked: set[str] = field(
        default_factory=set
    )  # first outputs of nodes whose attributes have been looked at

    def read(self) -> Network:
        """All nodes, in the order of the file. `UserError` with everything that stands in the way."""
        graph = self.model.graph
        self._producers = {name: node for node in graph.node for name in node.output}
        self._constants = {init.name for init in graph.initializer}
        if len(graph.input) != 1:
            inputs = ", ".join(value.name for value in graph.input)
            raise UserError(
                f"{self.path}: expected one input and one or more outputs, got {len(graph.input)}: {inputs}"
            )
        self._check_input()
        self.raw = {graph.input[0].name}
        if not graph.output:
            raise UserError(f"{self.path}: expected one output or more, got none")
        for node in graph.node:
            known = handler(node.domain, node.op_type) is not None
            if known and node.input and all(self._is_constant(name) for name in node.input if name):
                continue  # a weight's quantizer; read where the weight is used
            self._visit(node)
        outputs = [self._output(value.name) for value in graph.output]
        self._raise()
        if self.image is None:
            raise UserError(f"{self.path}: expected an image that is quantized, as pixels are; found none")
        images = [tensor for tensor in outputs if tensor is not None]
        layers = needed(self.layers, images)
        if not layers:
            raise UserError(f"{self.path}: its output is its input: there is nothing to build")
        doubled = [name for name, count in Counter(tensor.name for tensor in images).items() if count > 1]
        if doubled or self.image in images:
            what = "its input" if self.image in images else f"one tensor ({doubled[0]}) twice"
            raise UserError(f"{self.path}: its outputs hold {what}; give each tensor out once")
        return Network(self.image, tuple(images), tuple(layers), self.least_margin)

    def _check_input(self) -> None:
        (value,) = self.model.graph.input
        kind = value.type.tensor_type.elem_type
        if kind != TensorProto.FLOAT:
            kind_name = helper.tensor_dtype_to_string(kind).removeprefix("TensorProto.")
            raise UserError(
                f"{self.path}: input {value.name} is {kind_name}; expected FLOAT (float32), in which QONNX files hold "
                "integers: export the network in float32"
            )
        shape = value.type.tensor_type.shape.dim
        sides = [side.dim_param or side.dim_value for side in shape]
        if len(sides) != 4 or not all(isinstance(side, int) and side > 0 for side in sides) or sides[0] != 1:
            raise UserError(
                f"{self.path}: input {value.name} must have the fixed shape (1, C, H, W), got "
                f"({', '.join(str(side) for side in sides)}): export one frame of the size that the hardware is for"
            )

    def _visit(self, node: NodeProto) -> None:
        function = handler(node.domain, node.op_type)
        if function is None:
            advice = ADVICE.get(node.op_type, "")
            known = f"a network may hold {', '.join(sorted(set(names())))}"
            self.problems.append(Problem(self.place(node), f"there is no hardware for it; {advice or known}"))
            self._refuse(node)
            return
        refused = any(isinstance(self.known.get(name), Refused) for name in node.input)
        if refused and node.op_type not in QUANTIZERS:  # behind a quantizer the rest can be judged again
            self._refuse(node)
            return
        try:
            function(self, node)
            if node.output[0] not in self.asked:
                self.attributes(node)
        except Refusal as refusal:
            self.problems.append(refusal.problem)
            self._refuse(node)
        except UserError as error:
            self.problems.append(Problem(self.place(node), str(error)))
            self._refuse(node)
        except BAD as error:
            message = f"its inputs and attributes make no sense: {first_line(error)}"
            self.problems.append(Problem(self.place(node), message))
            self._refuse(node)

    def _refuse(self, node: NodeProto) -> None:
        self.known |= dict.fromkeys(node.output, Refused())

    def _output(self, name: str) -> Tensor | None:
        value = self.known.get(name)
        if isinstance(value, Refused) or (value is None and self.problems):
            return None
        if isinstance(value, Part) and not value.flag:
            return self.part(value)
        if value is None and name not in self._producers:
            self.problems.append(Problem(f"output {name}", "no node makes it"))
            return None
        if not isinstance(value, Tensor):
            self.problems.append(
                Problem(
                    f"output {name}",
                    "it is float: it must be quantized at the end, as pixels to 8 bits with scale 1/255, or as a "
                    "feature map to any bits and one scale",
                )
            )
            return None
        return value

    def _raise(self) -> None:
        if len(self.problems) == 1:
            raise UserError(f"{self.path}: {self.problems[0]}")
        if self.problems:
            said = "\n".join(f"  - {problem}" for problem in self.problems)
            raise UserError(f"{self.path}: {len(self.problems)} things stand in the way of hardware:\n{said}")

    # What handlers use.

    def place(self, node: NodeProto) -> str:
        """A node as a message names it, with the layer that its author named."""
        label = self.label(node)
        return f"node {node.name} ({node.op_type}{f', layer {label}' if label else ''})"

    def error(self, node: NodeProto, expected: str) -> Refusal:
        """What to raise where a node can't be taken: what was expected, what came, and the nearest way round."""
        return Refusal(Problem(self.place(node), expected))

    def label(self, node: NodeProto) -> str:
        """The name that the network's author gave the layer, or nothing."""
        return next((entry.value for entry in node.metadata_props if entry.key == LABEL), "")

    def name(self, kind: str, label: str = "") -> str:
        """A name for a layer, from which those of modules come: its author's, else conv1, conv2, .. in order."""
        word = re.sub(r"\W+", "_", label).strip("_")
        if word:
            word = word if word[0].isalpha() else f"layer_{word}"
            if word not in self.taken and word not in ("image_in", "image_out"):
                self.taken.add(word)
                return word
            kind = word
        while True:
            self.counts[kind] += 1
            name = f"{kind}_{self.counts[kind] + 1}" if word else f"{kind}{self.counts[kind]}"
            if name not in self.taken:
                self.taken.add(name)
                return name

    def add(self, layer: Layer) -> None:
        """Append a layer to the network."""
        self.layers.append(layer)

    def note_margin(self, distance: NDArray[np.float64]) -> None:
        """Distances to rounding ties, in accumulator units, of levels that can be reached."""
        self.least_margin = min(self.least_margin, float(distance.min(initial=MOST_MARGIN)))

    def value(self, node: NodeProto, index: int) -> Value | Tensor | None:
        """What input `index` of a node stands for; None where nothing has made it."""
        if index < len(node.input) and node.input[index] in self.raw:
            self._assume_image(node)
        return self.known.get(node.input[index]) if index < len(node.input) else None

    def _assume_image(self, node: NodeProto) -> None:
        """The input as integers, where the file says so; where not, a problem, and pixels to judge the rest by."""
        name = self.model.graph.input[0].name
        if name in self.known:
            return
        kind = self.model.get_tensor_datatype(name)
        height, width, channels = self.shape(name)
        if kind.is_integer() and kind.is_fixed_point() is False and MOST_BITS >= kind.bitwidth() > 1:
            low, high = int(kind.min()), int(kind.max())
            self.image = Tensor(name, height, width, channels, kind.bitwidth(), high, 1.0, low)
        else:
            self.problems.append(
                Problem(
                    self.place(node),
                    f"it reads the input {name} as floating point: quantize it, pixels with a Quant of 8 bits and "
                    "scale 1/255, or annotate it with an integer datatype as FINN does",
                )
            )
            self.image = Tensor(name, height, width, channels, 8, 255, PIXEL_SCALE)
        self.known |= dict.fromkeys(self.raw, self.image)

    def tensor(self, node: NodeProto, index: int = 0) -> Tensor:
        """Input `index`, which must be integers by then."""
        value = self.value(node, index)
        if isinstance(value, Part) and not value.flag:
            return self.part(value)
        if isinstance(value, Padded):
            raise self.error(
                node,
                f"zeros around {value.tensor.name} are made by a convolution or AveragePool: put Pad right before one",
            )
        if not isinstance(value, Tensor):
            raise self.error(node, self._missing(node, index))
        return value

    def _missing(self, node: NodeProto, index: int) -> str:
        """Why input `index` is no integers."""
        if index >= len(node.input) or not node.input[index]:
            return f"it must have {index + 1} inputs or more, got {len(node.input)}"
        name = node.input[index]
        if name in self._constants:
            return f"its input {name} is a constant where an image was expected"
        if name not in self._producers and name != self.model.graph.input[0].name:
            return f"no node makes its input {name}"
        return f"its input {name} must be quantized first"

    def part(self, part: Part) -> Tensor:
        """A part of a tensor's channels, as a tensor of its own."""
        from hls.frontend.shapes import taken_out

        return taken_out(self, part)

    def pending(self, node: NodeProto, index: int = 0) -> Pending:
        """Input `index`, sums of a convolution or the values of a tensor."""
        value = self.value(node, index)
        if isinstance(value, Pending):
            return value
        return whole(self.tensor(node, index), node)

    def constant(self, node: NodeProto, index: int) -> NDArray[Any] | None:
        """Input `index` where it is a constant, else None."""
        if index >= len(node.input) or not node.input[index]:
            return None
        value = self.model.get_initializer(node.input[index])
        maker = self.producer(node.input[index])
        if value is None and maker is not None and maker.op_type in ("Quant", "IntQuant", "BipolarQuant"):
            inputs = [self.constant(maker, one) for one in range(len(maker.input))]
            if all(one is not None for one in inputs):
                value = _quantized(maker, inputs)
        if value is not None and value.dtype.kind == "f" and not np.isfinite(value).all():
            raise self.error(
                node, f"its constant {node.input[index]} must be finite, it holds NaN or infinity"
            )
        return value

    def integers(self, node: NodeProto, index: int, default: list[int] | None = None) -> list[int]:
        """Input `index`, a constant of integers."""
        value = self.constant(node, index)
        if value is None and default is not None and (index >= len(node.input) or not node.input[index]):
            return default
        if value is None:
            raise self.error(node, f"its input {index} must be constant integers")
        return [int(one) for one in np.asarray(value).reshape(-1)]

    def attributes(self, node: NodeProto, **known: Any) -> dict[str, Any]:
        """The node's attributes, with defaults for those that it lacks. One that has no rule here is refused."""
        self.asked.update(node.output[:1])
        found = {one.name: _value(one) for one in node.attribute}
        odd = [name for name in found if name not in known]
        if odd:
            said = ", ".join(f"{name} = {found[name]!r}" for name in odd)
            others = f"known are {', '.join(known)}" if known else "it has none"
            raise self.error(node, f"its attributes {said} have no meaning here; {others}")
        return known | found

    def producer(self, name: str) -> NodeProto | None:
        """The node that makes a tensor."""
        return self._producers.get(name)

    def shape(self, name: str) -> tuple[int, int, int]:
        """(H, W, C) of a tensor (1, C, H, W) of the file."""
        shape = self.model.get_tensor_shape(name)
        if shape is None or len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
            raise UserError(f"tensor {name} must have shape (1, C, H, W), got {shape}")
        return shape[2], shape[3], shape[1]

    def _is_constant(self, name: str) -> bool:
        if name in self._constants:
            return True
        node = self._producers.get(name)
        return node is not None and all(self._is_constant(source) for source in node.input if source)


def needed(layers: list[Layer], outputs: list[Tensor]) -> list[Layer]:
    """The layers from which something reaches an output; a dead branch is left out."""
    wanted = {tensor.name for tensor in outputs}
    kept = []
    for layer in reversed(layers):
        live = [tensor for tensor in layer.outputs if tensor.name in wanted]
        if live:
            layer = layer.only(live)
            wanted |= {tensor.name for tensor in layer.inputs}
            kept.append(layer)
    return kept[::-1]


def read(path: Path) -> Network:
    """Read a QONNX file, one image or feature map (1, C, H, W) in, one or more out.

    Raises `UserError` where the file is missing, damaged or holds what this hardware can't do exactly: with everything
    that stands in the way.
    """
    return Reader(prepared(path), path).read()


def prepared(path: Path) -> ModelWrapper:
    """The QONNX file cleaned up and with shapes, tensors named as `read` names them."""
    return cleaned(path, domains())


def _quantized(node: NodeProto, inputs: list[Any]) -> NDArray[Any]:
    """What a quantizer of constants makes, by qonnx."""
    values = dict(zip(node.input, inputs, strict=True))
    getCustomOp(node).execute_node(values, None)
    return np.asarray(values[node.output[0]])


def _value(attribute: AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    return list(value) if attribute.type in (AttributeProto.INTS, AttributeProto.FLOATS) else value


from hls.frontend import activations, linear, quantizers, reshapes, restoration, shapes  # noqa: E402, F401  they register
