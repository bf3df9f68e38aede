"""Which layers a twin can have, what each does to values, and what to use instead of the others.

A layer plays one of the roles of `Role`. Functions called in a `forward` become modules: `nn` ones where
there is one that does the same, else `Call`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.node import Argument, Node, map_aggregate

Interval = tuple[float, float]


class Role(Enum):
    """What a layer does to the values that come in."""

    WEIGHTED = "weighted"  # sums of products: (transposed) convolutions
    SUM = "sum"  # adds or subtracts two tensors
    JOIN = "join"  # concatenates channels
    POINTWISE = "pointwise"  # a monotone function of each value: activations, batch norm, constant factors
    MOVE = "move"  # other places, same values: shuffles, upsampling, slices
    PAD = "pad"  # the same, and zeros
    LARGEST = "largest"  # max pooling
    MEAN = "mean"  # average pooling


class Slot:
    """Where a tensor goes in the arguments of a `Call`."""

    def __init__(self, index: int) -> None:
        self.index = index


class Call(nn.Module):
    """A function or tensor method that was called in a `forward`, as a module of its own."""

    def __init__(self, target: Callable[..., Any] | str, args: Any, kwargs: Any, role: Role) -> None:
        """`args` and `kwargs` hold a `Slot` for each tensor that `forward` gets; constants as they are."""
        super().__init__()
        self.target, self.role = target, role
        self.arguments = (args, kwargs)

    def forward(self, *tensors: Tensor) -> Any:
        """The tensors in the places of their slots."""
        args, kwargs = map_aggregate(
            self.arguments, lambda one: tensors[one.index] if isinstance(one, Slot) else one
        )
        if isinstance(self.target, str):
            return getattr(args[0], self.target)(*args[1:], **kwargs)
        return self.target(*args, **kwargs)


@dataclass(frozen=True)
class Refusal:
    """Why a layer can't be in a twin, and the nearest way."""

    reason: str


MODULES: dict[type[nn.Module], Role] = {
    nn.Conv2d: Role.WEIGHTED,
    nn.ConvTranspose2d: Role.WEIGHTED,
    nn.BatchNorm2d: Role.POINTWISE,
    nn.ReLU: Role.POINTWISE,
    nn.ReLU6: Role.POINTWISE,
    nn.Hardtanh: Role.POINTWISE,
    nn.LeakyReLU: Role.POINTWISE,
    nn.PReLU: Role.POINTWISE,
    nn.Sigmoid: Role.POINTWISE,
    nn.Hardsigmoid: Role.POINTWISE,
    nn.Tanh: Role.POINTWISE,
    nn.ELU: Role.POINTWISE,
    nn.SELU: Role.POINTWISE,
    nn.PixelShuffle: Role.MOVE,
    nn.PixelUnshuffle: Role.MOVE,
    nn.Upsample: Role.MOVE,
    nn.UpsamplingNearest2d: Role.MOVE,
    nn.ZeroPad2d: Role.PAD,
    nn.MaxPool2d: Role.LARGEST,
    nn.AvgPool2d: Role.MEAN,
}
NOTHING = (nn.Identity, nn.Dropout, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)  # in evaluation

_CURVED = "is not monotone, so no row of thresholds computes it: use ReLU, leaky ReLU or Hardtanh"
_SHARPEN = "normalizes with statistics of the frame at hand: use BatchNorm2d, whose numbers are fixed"
_PADDED = "pads with copies of pixels: use ZeroPad2d or the convolution's own zero padding"
_FLAT = "mixes all pixels of a frame: use a 1x1 Conv2d, or a convolution that covers what it needs"
_GLOBAL = "needs the whole frame before its first result: use AvgPool2d or MaxPool2d of a fixed kernel"
_ONE_D = "is not of images: use the 2-d layer of the same name"
INSTEAD: dict[str, str] = {
    **dict.fromkeys(("GELU", "SiLU", "Mish", "Hardswish", "gelu", "silu", "mish", "hardswish"), _CURVED),
    **dict.fromkeys(
        ("LayerNorm", "GroupNorm", "InstanceNorm2d", "LocalResponseNorm", "RMSNorm", "layer_norm",
         "group_norm", "instance_norm", "local_response_norm"),
        _SHARPEN,
    ),
    **dict.fromkeys(
        ("ReflectionPad2d", "ReplicationPad2d", "CircularPad2d", "ConstantPad2d"), _PADDED
    ),
    **dict.fromkeys(("Linear", "Bilinear", "MultiheadAttention", "linear", "matmul", "bmm"), _FLAT),
    **dict.fromkeys(
        ("AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "mean"),
        _GLOBAL,
    ),
    **dict.fromkeys(
        ("Conv1d", "Conv3d", "ConvTranspose1d", "ConvTranspose3d", "BatchNorm1d", "BatchNorm3d"), _ONE_D
    ),
    **dict.fromkeys(
        ("Softmax", "Softmax2d", "softmax"), "divides by a sum of other channels: use Sigmoid"
    ),
    **dict.fromkeys(
        ("abs", "pow", "square", "sin", "cos"),
        "is not monotone, so no row of thresholds computes it; two ReLUs of x and -x make |x|",
    ),
    **dict.fromkeys(
        ("conv2d", "conv_transpose2d"),
        "is called as a function: make it a layer, nn.Conv2d or nn.ConvTranspose2d",
    ),
    **dict.fromkeys(
        ("mul", "truediv", "div"),
        "multiplies or divides two tensors: only a constant factor can be, scalar or one a channel",
    ),
    "UpsamplingBilinear2d": "interpolates: use Upsample(mode='nearest') and a convolution behind it",
    "size": "depends on the frame at hand: write the number, or scale_factor= for a size",
    "getattr": "depends on the frame at hand: write the number, or scale_factor= for a size",
    **dict.fromkeys(
        ("Softplus", "softplus", "LogSigmoid", "Softsign"),
        "is written as several operators that no reader takes for one: use ELU, ReLU or Sigmoid",
    ),
    "LPPool2d": "is not linear or monotone of each value: use AvgPool2d or MaxPool2d",
}  # fmt: skip


def judge(name: str, module: nn.Module) -> Role | Refusal:
    """The role of a module that does something, or why it has none."""
    if isinstance(module, Call):
        return module.role
    role = MODULES.get(type(module))
    if role is None:
        kind = type(module).__name__
        return Refusal(INSTEAD.get(kind, "has no hardware: build it of the layers of quant.twin.layers"))
    wrong = _wrong_settings(module)
    return Refusal(wrong) if wrong else role


def bounds(module: nn.Module, interval: Interval) -> Interval:
    """What a pointwise layer makes of values in `interval`."""
    channels = 1
    if isinstance(module, nn.BatchNorm2d):
        channels = module.num_features
    elif isinstance(module, nn.PReLU):
        channels = module.num_parameters
    ends = torch.tensor(interval, dtype=torch.float32)[:, None, None, None].expand(2, channels, 1, 1)
    with torch.no_grad():
        result = module(ends)
    flat = result.reshape(2, -1)
    low = torch.where(flat.isnan(), -torch.inf, flat).min()
    high = torch.where(flat.isnan(), torch.inf, flat).max()
    return float(low), float(high)


def _wrong_settings(module: Any) -> str | None:
    """What of a module's settings can't be."""
    match module:
        case nn.Conv2d() | nn.ConvTranspose2d() if module.padding_mode != "zeros":
            return f"has padding_mode='{module.padding_mode}': use 'zeros'"
        case nn.Upsample() if module.mode != "nearest":
            return f"interpolates, mode='{module.mode}': use mode='nearest' and a convolution behind it"
        case nn.Upsample() | nn.UpsamplingNearest2d():
            return _wrong_factor(module)
        case nn.MaxPool2d() if module.return_indices or module.ceil_mode:
            return "has return_indices or ceil_mode: leave them off"
        case nn.AvgPool2d() if module.ceil_mode or module.divisor_override is not None:
            return "has ceil_mode or divisor_override: leave them off"
        case nn.AvgPool2d() if module.padding not in (0, (0, 0)) and not module.count_include_pad:
            return "leaves padding out of its means: use count_include_pad=True"
        case nn.LeakyReLU() if module.negative_slope < 0:
            return f"falls left of 0, negative_slope={module.negative_slope}: use a slope of at least 0"
        case nn.PReLU() if bool((module.weight < 0).any()):
            return (
                f"falls left of 0, its least slope is {float(module.weight.detach().min()):.3g}: "
                "use slopes of at least 0, e.g. weight.data.clamp_(min=0)"
            )
        case nn.ELU() if module.alpha < 0:
            return f"falls left of 0, alpha={module.alpha}: use an alpha of at least 0"
        case nn.BatchNorm2d() if module.running_mean is None:
            return "has no running statistics: use track_running_stats=True"
    return None


def _wrong_factor(module: Any) -> str | None:
    factor = module.scale_factor
    if factor is None:
        return "has a size: use scale_factor="
    factors = factor if isinstance(factor, tuple) else (factor, factor)
    if any(one != int(one) or one < 1 for one in factors):
        return f"has scale_factor={factor}: use whole numbers"
    return None


def subtracts(module: nn.Module) -> bool:
    """Whether a module of the role `SUM` takes its second tensor from the first."""
    assert isinstance(module, Call)
    return function_of(module.target) in ("sub", "isub", "subtract")


def _scalar(value: Any) -> bool:
    return isinstance(value, int | float)


def _pool_largest(a: dict[str, Any]) -> nn.Module:
    return nn.MaxPool2d(
        a["kernel_size"], a.get("stride"), a.get("padding", 0), a.get("dilation", 1),
        ceil_mode=a.get("ceil_mode", False), return_indices=a.get("return_indices", False),
    )  # fmt: skip


def _pool_mean(a: dict[str, Any]) -> nn.Module:
    return nn.AvgPool2d(
        a["kernel_size"], a.get("stride"), a.get("padding", 0), a.get("ceil_mode", False),
        a.get("count_include_pad", True), a.get("divisor_override"),
    )  # fmt: skip


FUNCTIONS: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
    "relu": lambda a: nn.ReLU(),
    "relu6": lambda a: nn.ReLU6(),
    "hardtanh": lambda a: nn.Hardtanh(a.get("min_val", -1.0), a.get("max_val", 1.0)),
    "leaky_relu": lambda a: nn.LeakyReLU(a.get("negative_slope", 0.01)),
    "sigmoid": lambda a: nn.Sigmoid(),
    "hardsigmoid": lambda a: nn.Hardsigmoid(),
    "tanh": lambda a: nn.Tanh(),
    "elu": lambda a: nn.ELU(a.get("alpha", 1.0)),
    "selu": lambda a: nn.SELU(),
    "pixel_shuffle": lambda a: nn.PixelShuffle(a["upscale_factor"]),
    "pixel_unshuffle": lambda a: nn.PixelUnshuffle(a["downscale_factor"]),
    "interpolate": lambda a: nn.Upsample(a.get("size"), a.get("scale_factor"), a.get("mode", "nearest")),
    "max_pool2d": _pool_largest,
    "boolean_dispatch": _pool_largest,  # what torch calls it
    "avg_pool2d": _pool_mean,
}
"""The `nn` layer that does what a function with these constant arguments does."""

POSITIONS: dict[str, tuple[str, ...]] = {
    "hardtanh": ("min_val", "max_val"),
    "leaky_relu": ("negative_slope",),
    "elu": ("alpha",),
    "pixel_shuffle": ("upscale_factor",),
    "pixel_unshuffle": ("downscale_factor",),
    "interpolate": ("size", "scale_factor", "mode"),
    "max_pool2d": ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "boolean_dispatch": ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": (
        "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override",
    ),
}  # fmt: skip
"""The names of what follows the tensor in a call by position."""

DROPPED = ("dropout", "dropout2d", "contiguous", "detach", "clone")
"""Functions that change no value in evaluation."""


def from_call(node: Node, constants: Callable[[Node], Any]) -> nn.Module | Refusal | None:
    """A module that does what a call of a function or method does; None where it does nothing.

    `constants` gives the value of a node that is one (`get_attr`), and the node itself otherwise.
    """
    name = function_name(node)
    tensors: list[Node] = []

    def place(one: Argument) -> Any:
        if not isinstance(one, Node):
            return one
        value = constants(one)
        if not isinstance(value, Node):
            return value
        tensors.append(one)
        return Slot(len(tensors) - 1)

    args = map_aggregate(node.args, place)
    kwargs: dict[str, Any] = {key: map_aggregate(value, place) for key, value in node.kwargs.items()}
    if name in DROPPED:
        return None
    rest = dict(zip(POSITIONS.get(name, ()), args[1:], strict=False)) | kwargs
    if name in FUNCTIONS:
        return FUNCTIONS[name](rest)
    role = _role_of_call(name, args, kwargs, len(tensors))
    if isinstance(role, Refusal):
        return role
    return Call(node.target, args, kwargs, role)


def function_name(node: Node) -> str:
    """The plain name of what a node calls, without underscores at its ends."""
    return function_of(node.target)


def function_of(target: Any) -> str:
    """The plain name of a function, or of a method given by its name."""
    name = target if isinstance(target, str) else getattr(target, "__name__", type(target).__name__)
    return str(name).strip("_")


def _role_of_call(name: str, args: Any, kwargs: dict[str, Any], tensors: int) -> Role | Refusal:
    match name:
        case "add" | "iadd" | "sub" | "isub" | "subtract":
            if kwargs.get("alpha", 1) != 1:
                return Refusal("has a factor alpha: multiply by a constant before")
            return Role.SUM if tensors == 2 else Role.POINTWISE
        case "mul" | "imul" | "multiply" | "truediv" | "div" | "divide" if tensors == 1:
            if name in ("truediv", "div", "divide") and isinstance(args[1], Slot):
                return Refusal("divides by a tensor: only a constant divisor can be")
            return Role.POINTWISE
        case "neg":
            return Role.POINTWISE
        case "clamp" | "clip" | "clamp_min" | "clamp_max":
            values = [*args[1:], *kwargs.values()]
            if all(value is None or _scalar(value) for value in values):
                return Role.POINTWISE
            return Refusal("has bounds that are tensors: use numbers")
        case "cat" | "concat" | "concatenate":
            dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
            return Role.JOIN if dim in (1, -3) else Refusal(f"joins dimension {dim}: use dim=1, channels")
        case "getitem":
            return _slicing(args[1])
        case "chunk" | "split":
            dim = args[2] if len(args) > 2 else kwargs.get("dim", 0)
            return Role.MOVE if dim in (1, -3) else Refusal(f"splits dimension {dim}: use dim=1, channels")
        case "pad":
            mode = args[2] if len(args) > 2 else kwargs.get("mode", "constant")
            value = args[3] if len(args) > 3 else kwargs.get("value")
            return Role.PAD if mode == "constant" and not value else Refusal(_PADDED)
    return Refusal(INSTEAD.get(name, "has no hardware: use the layers of quant.twin.layers"))


def _slicing(index: Any) -> Role | Refusal:
    """`x[:, a:b]` takes channels; `parts[i]` takes one of the parts of a split."""
    if isinstance(index, int):
        return Role.MOVE
    everything = slice(None)
    parts = index if isinstance(index, tuple) else (index,)
    plain = all(isinstance(part, slice) and part.step in (None, 1) for part in parts)
    if plain and all(part == everything for n, part in enumerate(parts) if n != 1):
        return Role.MOVE
    return Refusal("takes other than a run of channels: use x[:, first:last]")
