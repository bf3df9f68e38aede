"""The Brevitas twin of a module: the same layers by the same names, quantized."""

from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import Int8ActPerTensorFloat, Uint8ActPerTensorFloat
from torch import nn
from torch.fx import GraphModule
from torch.fx.node import Node

from quant.bits import PIXEL_BITS
from quant.twin.layers import Role
from quant.twin.place import Placement, Quantizer
from quant.twin.settings import QuantSettings
from quant.twin.trace import Traced, trace
from quant.weights import QUANTIZERS

FOLDER = "quantizers"  # where the graph holds its quantizers


class PixelQuant(Uint8ActPerTensorFloat):
    """uint8 with the constant scale 1/255: the quantizer of images."""

    scaling_impl_type = ScalingImplType.CONST
    scaling_init = 1.0  # the largest value; divided by 2**8 - 1 it is the scale
    bit_width = PIXEL_BITS


class UnsignedQuant(Uint8ActPerTensorFloat):
    """Unsigned activation of a learned scale, which the calibration starts."""

    scaling_impl_type = ScalingImplType.PARAMETER
    scaling_init = 1.0


class SignedQuant(Int8ActPerTensorFloat):
    """Signed activation of a learned scale, which the calibration starts."""

    scaling_impl_type = ScalingImplType.PARAMETER
    scaling_init = 1.0


class Twin(nn.Module):
    """What `twin` makes: `forward` takes what the author's module takes and gives what it gives, quantized.

    Images are k * float32(1/255) exactly, so `round(255 * result)` is the uint8 image.
    """

    def __init__(self, body: GraphModule, settings: QuantSettings, names: dict[str, str]) -> None:
        """`names`: the author's name of the layer whose result each quantizer of `body` quantizes."""
        super().__init__()
        self.body = body
        self.settings = settings
        self.quantized = names

    def forward(self, *inputs: torch.Tensor) -> Any:
        """(N, C, H, W) each."""
        return self.body(*inputs)

    def quantizers(self) -> dict[str, Any]:
        """The activation quantizers by name; a shared one is there once, under its first layer's name."""
        return dict(self.body.get_submodule(FOLDER).named_children())

    def weighted(self) -> dict[str, Any]:
        """The (transposed) convolutions by the author's name."""
        kinds = (qnn.QuantConv2d, qnn.QuantConvTranspose2d)
        return {name: one for name, one in self.body.named_modules() if isinstance(one, kinds)}


def build(module: nn.Module, settings: QuantSettings) -> Twin:
    """The twin of `module`, in evaluation, with scales of 1: `quant.twin.calibrate` measures them.

    Raises `UserError` that lists every layer that can't be in hardware, and where `settings` fit no layer.
    """
    traced = trace(module, settings.merge_batch_norm)
    graph, roles = traced.graph, traced.roles
    weighted = [node for node in graph.graph.nodes if roles.get(node.name) is Role.WEIGHTED]
    others = [node for node in graph.graph.nodes if node.name in roles and node not in weighted]
    settings.check_layers(
        dict.fromkeys(traced.layers[node.name] for node in weighted),
        dict.fromkeys(traced.layers[node.name] for node in others),
    )
    placement = Placement(traced, settings)
    names = _insert(traced, placement, settings)
    for name in dict.fromkeys(str(node.target) for node in weighted):
        _put(graph, name, _with_quantized_weights(graph.get_submodule(name), name, settings))
    graph.graph.lint()
    graph.recompile()
    return Twin(graph, settings, names).eval()


def set_threshold(quantizer: Any, threshold: float) -> None:
    """What the largest integer of a quantizer of learned scale stands for (signed, full: the lowest)."""
    scaling = quantizer.act_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl
    with torch.no_grad():
        scaling.value.fill_(threshold)


def steps(quantizer: Any) -> int:
    """How many steps of its scale the threshold of a quantizer is."""
    act = quantizer.act_quant
    bits, narrow = int(act.bit_width()), bool(act.is_narrow_range)
    if act.is_signed:
        return int(2 ** (bits - 1)) - narrow
    return int(2**bits - 1)


def _insert(traced: Traced, placement: Placement, settings: QuantSettings) -> dict[str, str]:
    """Put the quantizers into the graph; gives the author's layer of each call, by node name."""
    graph = traced.graph
    graph.add_submodule(FOLDER, nn.Module())
    shared: dict[tuple[int, bool], str] = {}
    names: dict[str, str] = {}
    taken: set[str] = set()
    for quantizer in placement.quantizers:
        key = placement.grid_of(quantizer), quantizer.pixels
        if key not in shared:
            name = quantizer.layer.replace(".", "_")
            while name in taken:
                name += "_out"
            taken.add(name)
            shared[key] = f"{FOLDER}.{name}"
            graph.add_submodule(shared[key], _quantizer(quantizer, settings))
        with graph.graph.inserting_after(quantizer.after):
            node: Node = graph.graph.call_module(shared[key], (quantizer.after,))
        names[node.name] = quantizer.layer
        for reader in quantizer.readers:
            reader.replace_input_with(quantizer.after, node)
    return names


def _quantizer(of: Quantizer, settings: QuantSettings) -> nn.Module:
    if of.pixels:
        return qnn.QuantIdentity(act_quant=PixelQuant, return_quant_tensor=False)
    kind = SignedQuant if of.signed else UnsignedQuant
    options: dict[str, Any] = {"bit_width": of.bits}
    if of.signed:
        # a given scale must come out of Brevitas' division exactly, and it does with a power of two
        options["narrow_range"] = settings.narrow and of.scale is None
    if of.scale is not None:
        most = 2 ** (of.bits - 1) if of.signed else 2**of.bits - 1
        options |= {"scaling_impl_type": ScalingImplType.CONST, "scaling_init": _times(of.scale, most)}
    return qnn.QuantIdentity(act_quant=kind, return_quant_tensor=False, **options)


def _times(scale: float, steps_: int) -> float:
    """The float32 that divided by `steps_` in float32 gives float32(`scale`)."""
    wanted = torch.tensor(scale)
    found = wanted * steps_
    for toward in (torch.inf, -torch.inf):
        tried = found
        for _ in range(4):
            if tried / steps_ == wanted:
                return float(tried)
            tried = torch.nextafter(tried, torch.tensor(toward))
    raise AssertionError(f"no float32 divided by {steps_} is {scale}")  # of five neighbours one is


def _with_quantized_weights(layer: Any, name: str, settings: QuantSettings) -> nn.Module:
    transposed = isinstance(layer, nn.ConvTranspose2d)
    options: dict[str, Any] = {"output_padding": layer.output_padding} if transposed else {}
    if transposed and layer.groups > 1:  # Brevitas has no scale for each channel of these
        options["weight_scaling_per_output_channel"] = False
    padding = layer.padding
    if padding == "valid":
        padding = 0
    made: Any = (qnn.QuantConvTranspose2d if transposed else qnn.QuantConv2d)(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=padding,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=True,
        weight_quant=QUANTIZERS[settings.kind(name)],
        weight_bit_width=settings.weights(name),
        return_quant_tensor=False,
        **options,
    )
    with torch.no_grad():
        made.weight.copy_(layer.weight)
        made.bias.copy_(torch.zeros(layer.out_channels) if layer.bias is None else layer.bias)
    return made


def _put(graph: GraphModule, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(graph.get_submodule(parent), last, module)
