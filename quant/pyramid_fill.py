"""The operator PyramidFill: `model.pyramid.fill` as a node of a QONNX file, and how it gets there.

| | |
|---|---|
| Domain | `quant.pyramid_fill`; qonnx executes it by importing this module |
| Inputs | image (1, 3, H, W) on the grid k/255, broken (1, 1, H, W) bool |
| Output | the image with its broken pixels filled, on the same grid |
| Attributes | `levels`, halvings of the pyramid: both sides are divisible by 2**levels |
| | `sweeps` over what it filled, 0 where it is missing |
"""

from typing import Any

import torch
from onnx import helper
from qonnx.custom_op.base import CustomOp
from torch import Tensor

from model.pyramid import fill

DOMAIN = "quant.pyramid_fill"
VERSION = 1


def fill_node(images: Tensor, broken: Tensor, levels: int, sweeps: int) -> Tensor:
    """`fill`, which becomes one node where torch exports."""
    if torch.compiler.is_exporting():
        return torch.onnx.ops.symbolic(
            f"{DOMAIN}::PyramidFill",
            (images, broken),
            {"levels": levels, "sweeps": sweeps},
            dtype=images.dtype,
            shape=images.shape,
            version=VERSION,
        )
    return fill(images, broken, levels, sweeps)


class PyramidFill(CustomOp):
    """The node, as qonnx executes it."""

    def get_nodeattr_types(self) -> dict[str, Any]:
        return {"levels": ("i", True, 0), "sweeps": ("i", False, 0)}

    def make_shape_compatible_op(self, model: Any) -> Any:
        return helper.make_node("Identity", self.onnx_node.input[:1], self.onnx_node.output)

    def infer_node_datatype(self, model: Any) -> None:
        model.set_tensor_datatype(
            self.onnx_node.output[0], model.get_tensor_datatype(self.onnx_node.input[0])
        )

    def execute_node(self, context: dict[str, Any], graph: Any) -> None:
        image, broken = (torch.from_numpy(context[name]) for name in self.onnx_node.input)
        filled = fill(image, broken.bool(), self.get_nodeattr("levels"), self.get_nodeattr("sweeps"))
        context[self.onnx_node.output[0]] = filled.numpy()

    def verify_node(self) -> list[str]:
        return []


custom_op = {"PyramidFill": PyramidFill}
"""Where qonnx looks for the operators of a domain."""
