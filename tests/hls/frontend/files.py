"""QONNX files of a few nodes, built by hand."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

from quant.pyramid_fill import DOMAIN

QUANT = "qonnx.custom_op.general"
PIXEL = np.float32(1 / 255)


@dataclass
class File:
    """A QONNX file of a few nodes under construction."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    shape: tuple[int, ...] = (1, 3, 8, 8)
    inputs: tuple[str, ...] = ("image",)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of tensors that the file tells

    def constant(self, name: str, value: Any, kind: type = np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def node(self, kind: str, name: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}_y"], domain=domain, **attributes))
        return f"{name}_y"

    def quant(
        self, name: str, source: str, scale: Any, bits: float, zero: float = 0.0, **changed: Any
    ) -> str:
        constants = [
            self.constant(f"{name}_{key}", value) for key, value in (("s", scale), ("z", zero), ("b", bits))
        ]
        attributes = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND"} | changed
        return self.node("Quant", name, [source, *constants], QUANT, **attributes)

    def weights(self, name: str, values: Any, scale: Any = 0.5, bits: float = 4, **changed: Any) -> str:
        source = self.constant(f"{name}_w", values)
        return self.quant(name, source, scale, bits, **{"signed": 1, "narrow": 1} | changed)

    def convolved(
        self, name: str, source: str, outputs: int, inputs: int = 3, bits: float = 8, scale: float = PIXEL
    ) -> str:
        """The pixels of a 1x1 convolution, unless their bits or scale are others."""
        weights = self.weights(f"{name}_w", kernel(outputs, inputs, 1, 1))
        return self.quant(f"{name}_q", self.node("Conv", name, [source, weights]), scale, bits)

    def channels(self, name: str, source: str, first: int, last: int, axis: int = 1, step: int = 1) -> str:
        ends = (first, last, axis, step)
        constants = [self.constant(f"{name}{n}", [end], np.int64) for n, end in enumerate(ends)]
        return self.node("Slice", name, [source, *constants])

    def reached(self, name: str, source: str, limit: float = 0.5) -> str:
        return self.node("GreaterOrEqual", name, [source, self.constant(f"{name}_limit", limit)])

    def fill(self, name: str, image: str, broken: str, levels: int = 2, sweeps: int = 0) -> str:
        self.shapes[image] = (1, 3, *self.shape[2:])  # which torch writes into a file, and the node needs
        more = {"sweeps": sweeps} if sweeps else {}  # files before 2026-11-29 have none
        return self.node("PyramidFill", name, [image, broken], DOMAIN, levels=levels, **more)

    def save(self, path: Path, *outputs: str, opset: int = 18) -> Path:
        save(self.model(*outputs, opset=opset), path)
        return path

    def model(self, *outputs: str, opset: int = 18) -> Any:
        def info(name: str, shape: Any) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        graph = helper.make_graph(
            self.nodes,
            "g",
            [info(name, self.shape) for name in self.inputs],
            [info(output, None) for output in outputs],
            self.constants,
            value_info=[info(name, shape) for name, shape in self.shapes.items()],
        )
        opsets = [
            helper.make_opsetid("", opset),
            helper.make_opsetid(QUANT, 1),
            helper.make_opsetid(DOMAIN, 1),
        ]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def kernel(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-7, 8, shape) * 0.5
