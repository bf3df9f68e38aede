"""What the twin of a module is to be: bits by layer pattern, and what its inputs and outputs are."""

from collections.abc import Iterable
from dataclasses import field
from fnmatch import fnmatchcase
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED
from pixelmend.errors import UserError
from quant.bits import BINARY_BITS, PIXEL_BITS, Bits, WeightKind

Value = TypeVar("Value")


@dataclass(frozen=True, config=CHECKED)
class Port:
    """An input or output: an image (uint8, scale exactly 1/255, whatever else is set) or a feature map.

    A feature map that is added to others, or joined with them, takes the most bits and the sign of them all.
    """

    kind: Literal["image", "features"] = "image"
    bits: Bits = PIXEL_BITS
    signed: bool = False  # of an input; an output is signed where its values can be negative
    scale: Annotated[float, Field(gt=0)] | None = None  # of one step; None: from the calibration


@dataclass(frozen=True, config=CHECKED)
class QuantSettings:
    """Bits, kinds and ports of a twin.

    Patterns are layer names as `named_modules` gives them with `*` and `?`, e.g. "blocks.*.conv1"; functions
    called in a `forward` are layers too, named after the module they are called in ("blocks.0.add"). Of
    several patterns that fit, the last one holds. The pattern of an activation's bits may name any layer from
    the convolution to the activation.
    """

    weight_bits: Bits = 4
    act_bits: Bits = 4
    sum_bits: Bits | None = None  # requantize each sum to this; None keeps the exact sum, a bit wider each
    layer_weight_bits: dict[str, Bits] = field(default_factory=dict)
    layer_act_bits: dict[str, Bits] = field(default_factory=dict)
    layer_sum_bits: dict[str, Bits | None] = field(default_factory=dict)
    weight_kind: WeightKind = "uniform"  # see `quant.weights`
    layer_weight_kind: dict[str, WeightKind] = field(default_factory=dict)
    merge_batch_norm: bool = True  # into the convolution before it; else it stays a layer, as in the file
    narrow: bool = False  # signed activations without their lowest integer
    power_of_two: bool = False  # scales of activations rounded up to powers of two, and not trained
    percentile: Annotated[float, Field(gt=0, le=100)] = (
        99.9  # of |values|, what the largest integer stands for
    )
    inputs: tuple[Port, ...] = (Port(),)  # in the order of `forward`'s arguments; the last one repeats
    outputs: tuple[Port, ...] = (Port(),)  # in the order of what it returns; the last one repeats

    @model_validator(mode="after")
    def _check(self) -> "QuantSettings":
        if not self.inputs or not self.outputs:
            raise ValueError("inputs and outputs must name at least one port each")
        return self

    def kind(self, layer: str) -> WeightKind:
        """Which integers the weights of `layer` may be."""
        return _last(self.layer_weight_kind, [layer], self.weight_kind)

    def weights(self, layer: str) -> int:
        """Bits of the weights of `layer`."""
        if self.kind(layer) == "binary":
            return BINARY_BITS
        return _last(self.layer_weight_bits, [layer], self.weight_bits)

    def acts(self, layers: list[str]) -> int:
        """Bits of a quantizer behind these layers, from the convolution to the last activation."""
        return _last(self.layer_act_bits, layers, self.act_bits)

    def sums(self, layer: str) -> int | None:
        """Bits to which the sum `layer` is requantized; None where it stays exact."""
        return _last(self.layer_sum_bits, [layer], self.sum_bits)

    def check_layers(self, weighted: Iterable[str], others: Iterable[str]) -> None:
        """`UserError` where a pattern fits no layer: of those with weights, and of all the others."""
        weighted, others = list(weighted), list(others)
        known = {
            "layer_weight_bits": weighted,
            "layer_weight_kind": weighted,
            "layer_act_bits": weighted + others,
            "layer_sum_bits": others,
        }
        wrong = [
            f"[quant] {key} names '{pattern}', which fits no layer; there are {', '.join(names) or 'none'}"
            for key, names in known.items()
            for pattern in getattr(self, key)
            if not any(fnmatchcase(name, pattern) for name in names)
        ]
        if wrong:
            raise UserError("\n".join(wrong))


def port_of(ports: tuple[Port, ...], index: int) -> Port:
    """The port of input or output `index`."""
    return ports[min(index, len(ports) - 1)]


def _last(patterns: dict[str, Value], names: list[str], default: Value) -> Value:
    fits = [value for pattern, value in patterns.items() if any(fnmatchcase(name, pattern) for name in names)]
    return fits[-1] if fits else default
