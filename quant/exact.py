"""Networks in float64, where no sum of a quantized network is rounded enough to change a result.

In float32 a sum of products is exact up to 2^24 of its units only. Past that, two executions of one network that add in
another order can give neighbouring integers, and neither need be the one that the exact sum gives, which the hardware
computes. Here every value is an integer times its float32 scale, as a float64 product, and sums have 53 bits. What is
left is the rounding of a scale times an integer, 1e-16 of the value; `quant.settle` keeps every step of a quantizer
farther from the sums than that.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper
from onnx.reference import ReferenceEvaluator
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.general.quant import quant
from qonnx.custom_op.registry import getCustomOp
from torch import Tensor, nn
from torch.nn import functional as F

Array = NDArray[Any]
WEIGHTED = (qnn.QuantConv2d, qnn.QuantConvTranspose2d)
QUANTIZERS = (qnn.QuantIdentity, qnn.QuantReLU)


class Quantizer(nn.Module):
    """What a Brevitas quantizer does, (..) to the same, in the type of what comes in."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        act = layer.act_quant
        bits, signed, narrow = int(act.bit_width()), bool(act.is_signed), bool(act.is_narrow_range)
        self.scale = act.scale().detach().double()
        self.lowest = -(2 ** (bits - 1)) + narrow if signed else 0
        self.highest = 2 ** (bits - signed) - 1  # only signed ones are ever narrow

    def forward(self, x: Tensor) -> Tensor:
        """Halves go to the even integer."""
        return torch.round(x / self.scale).clamp(self.lowest, self.highest) * self.scale


def exact(network: nn.Module) -> nn.Module:
    """A copy of a Brevitas network that computes in float64, its scales as float32 has them; gradients are lost."""
    network.eval()
    copy = deepcopy(network).double()
    with torch.no_grad():
        for name, layer in network.named_modules():
            if isinstance(layer, QUANTIZERS):
                copy.set_submodule(name, Quantizer(layer))
            elif isinstance(layer, WEIGHTED):
                copy.set_submodule(name, _convolution(layer))
    return copy


def _convolution(layer: Any) -> nn.Module:
    transposed = isinstance(layer, nn.ConvTranspose2d)
    options: dict[str, Any] = {"output_padding": layer.output_padding} if transposed else {}
    made: Any = (nn.ConvTranspose2d if transposed else nn.Conv2d)(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias is not None,
        dtype=torch.float64,
        **options,
    )
    weights = layer.quant_weight()
    scale = weights.scale.double()
    made.weight.copy_(torch.round(weights.value.double() / scale) * scale)
    if layer.bias is not None:
        made.bias.copy_(layer.bias)
    return made


def execute(model: ModelWrapper, feed: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor of a QONNX file by name, float64 where the file has float32."""
    values = {one.name: _wide(model.get_initializer(one.name)) for one in model.graph.initializer}
    values |= {name: _wide(array) for name, array in feed.items()}
    opsets = model.get_opset_imports()
    for node in model.graph.node:
        if node.op_type in OPERATORS and _attributes(node).get("auto_pad", b"NOTSET") == b"NOTSET":
            values[node.output[0]] = OPERATORS[node.op_type](node, [values[one] for one in node.input if one])
        elif node.domain in ("", "ai.onnx"):
            values |= _standard(node, values, opsets[node.domain])
        else:
            getCustomOp(node).execute_node(values, model.graph)
    return values


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype == np.float32 else array


def _standard(node: NodeProto, values: Mapping[str, Array], opset: int) -> dict[str, Array]:
    """By onnx's own reference, whose operators are numpy's."""
    names = [name for name in dict.fromkeys(node.input) if name]
    made = helper.make_model(
        helper.make_graph(
            [node],
            "one",
            [_info(name, values[name]) for name in names],
            [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in node.output],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
    )
    results = ReferenceEvaluator(made).run(None, {name: values[name] for name in names})
    return dict(zip(node.output, map(np.asarray, results), strict=True))


def _info(name: str, value: Array) -> Any:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def _conv(node: NodeProto, inputs: list[Array]) -> Array:
    """A convolution of images (N, C, H, W), or a transposed one."""
    options = _attributes(node)
    x, weights, bias = (
        None if one is None else torch.from_numpy(np.ascontiguousarray(one)) for one in (*inputs, None)[:3]
    )
    assert x is not None and weights is not None
    axes = x.ndim - 2
    top, left, bottom, right = options.get("pads", [0] * 2 * axes)
    stride, dilation = options.get("strides", [1] * axes), options.get("dilations", [1] * axes)
    groups = options.get("group", 1)
    if node.op_type == "Conv":
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, weights, bias, stride=stride, dilation=dilation, groups=groups).numpy()
    more = options.get("output_padding", [0] * axes)
    result = F.conv_transpose2d(
        x, weights, bias, stride=stride, output_padding=more, dilation=dilation, groups=groups
    )
    height, width = result.shape[2:]
    return result[:, :, top : height - bottom, left : width - right].numpy()


def _quant(node: NodeProto, inputs: list[Array]) -> Array:
    options = _attributes(node)
    rounding = options.get("rounding_mode", b"ROUND").decode()
    return np.asarray(quant(*inputs, options["signed"], options["narrow"], rounding))


OPERATORS: dict[str, Callable[[NodeProto, list[Array]], Array]] = {
    "Conv": _conv,
    "ConvTranspose": _conv,
    "Quant": _quant,
    "IntQuant": _quant,
}
"""Those that onnx's reference has not, or computes in float32, or slowly."""
