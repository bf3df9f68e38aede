"""Bit widths, kinds and masks of the quantized generator's weights, and its activations' bits, per layer.

The layers of a generator with n levels are named, from input to output,
`enc1 .. encn`, `center` and `mid1 .. midm` (where it has them) and `dec1 .. decn`; `decn` writes the image.
"""

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from model.generator import EncoderDecoder, GeneratorConfig
from pixelmend.config import CHECKED
from pixelmend.errors import UserError

Bits = Annotated[int, Field(ge=2, le=8)]
WeightKind = Literal["uniform", "power_of_two", "binary"]  # see quant.weights
BINARY_BITS = 2  # 1-bit words have no -1
PIXEL_BITS = 8  # pixels go in and out as uint8, scale exactly 1/255


@dataclass(frozen=True, config=CHECKED)
class QuantConfig:
    """Bit widths, kinds and masks; all weights are signed and narrow-range, all activations unsigned."""

    weight_bits: Bits = 4  # of every layer not named in `layer_weight_bits`
    act_bits: Bits = 4  # of every layer's output not named in `layer_act_bits`
    sum_bits: Bits | None = None  # requantize each skip sum to this; None keeps the exact sum, one bit wider
    layer_weight_bits: dict[str, Bits] = field(default_factory=dict)  # e.g. { enc1 = 8 }
    layer_act_bits: dict[str, Bits] = field(default_factory=dict)  # the last layer's is always 8
    weight_kind: WeightKind = "uniform"  # of every layer not named in `layer_weight_kind`
    layer_weight_kind: dict[str, WeightKind] = field(default_factory=dict)
    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.0  # share of the weights masked to 0, see quant.masks
    n_of_m: tuple[int, int] | None = None  # (n, m): of m successive input channels the n largest weights stay
    dense_layers: tuple[str, ...] = ()  # layers without a mask
    layer_sum_bits: dict[str, Bits] = field(default_factory=dict)  # e.g. { dec3 = 6 }: the sum behind dec3
    # e.g. { enc2 = 4 }: fewer than enc1 gives to the skip
    layer_input_bits: dict[str, Bits] = field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "QuantConfig":
        if self.n_of_m is not None:
            n, m = self.n_of_m
            if not 1 <= n < m:
                raise ValueError("n_of_m must be two numbers n, m with 1 <= n < m")
            if self.sparsity:
                raise ValueError("set sparsity or n_of_m, not both")
        return self

    @property
    def masked(self) -> bool:
        """Whether layers have masks (those not in `dense_layers`)."""
        return self.sparsity > 0 or self.n_of_m is not None

    def kind(self, layer: str) -> WeightKind:
        """Which integers the weights of `layer` may be."""
        return self.layer_weight_kind.get(layer, self.weight_kind)

    def weights(self, layer: str) -> int:
        """Bits of the weights of `layer`; binary weights have `BINARY_BITS`, whatever is set."""
        if self.kind(layer) == "binary":
            return BINARY_BITS
        return self.layer_weight_bits.get(layer, self.weight_bits)

    def acts(self, layer: str) -> int:
        """Bits of the output of `layer` (before a skip add)."""
        return self.layer_act_bits.get(layer, self.act_bits)

    def sums(self, layer: str) -> int | None:
        """Bits to which the skip sum behind `layer` is requantized; None where it has no more."""
        bits = self.layer_sum_bits.get(layer, self.sum_bits)
        return None if bits is None or bits > self.acts(layer) else bits


def layer_names(generator: GeneratorConfig) -> list[str]:
    """Names of the layers from input to output."""
    levels = range(1, generator.levels + 1)
    center = ["center"] if generator.center else []
    middle = [f"mid{n}" for n in range(1, generator.middle + 1)]
    return [f"enc{n}" for n in levels] + center + middle + [f"dec{n}" for n in levels]


def check_layers(quant: QuantConfig, generator: GeneratorConfig) -> None:
    """`UserError` where `quant` names a layer the generator has not, or operands of one sum differ."""
    names = layer_names(generator)
    joined = [right for _, right in skip_pairs(generator)]
    split = [f"enc{level + 1}" for level in range(1, generator.levels) if generator.skips]
    known = dict.fromkeys(("layer_weight_bits", "layer_act_bits", "layer_weight_kind", "dense_layers"), names)
    known |= {"layer_sum_bits": joined, "layer_input_bits": split}
    for key, allowed in known.items():
        for name in getattr(quant, key):
            if name not in allowed:
                can = ", ".join(allowed) or "none"
                raise UserError(f"[quant] {key} names layer '{name}'; of this generator it can be {can}")
    for name, bits in quant.layer_input_bits.items():
        before = f"enc{int(name[3:]) - 1}"
        if bits >= quant.acts(before):
            raise UserError(
                f"[quant] layer_input_bits.{name} must be fewer than the {quant.acts(before)} bits of "
                f"{before}, got {bits}"
            )
    last = names[-1]
    if quant.layer_act_bits.get(last, PIXEL_BITS) != PIXEL_BITS:
        raise UserError(f"[quant] layer_act_bits.{last} must be {PIXEL_BITS}: it is the uint8 image")
    for name in masked_layers(quant, generator):
        if quant.kind(name) == "binary":
            raise UserError(f"[quant] {name} is masked, but binary weights have no 0; add it to dense_layers")
    for left, right in skip_pairs(generator):
        if quant.acts(left) != quant.acts(right):
            raise UserError(
                f"[quant] {left} and {right} are added and share one quantizer, so they need the same "
                f"activation bits; got {quant.acts(left)} and {quant.acts(right)}"
            )


def masked_layers(quant: QuantConfig, generator: GeneratorConfig) -> list[str]:
    """Names of the layers whose weights have a mask, from input to output."""
    names = layer_names(generator)
    return [name for name in names if quant.masked and name not in quant.dense_layers]


def layer_of(network: EncoderDecoder, name: str) -> Any:
    """The (transposed) convolution that `layer_names` calls `name`, of a float network or its twin."""
    if name == "center":
        return network.center
    stack: Any = getattr(network, name[:3])
    return stack[int(name[3:]) - 1]


def skip_pairs(generator: GeneratorConfig) -> list[tuple[str, str]]:
    """Pairs (encoder layer, decoder layer) whose outputs a skip connection adds."""
    if not generator.skips:
        return []
    return [(f"enc{generator.levels - n}", f"dec{n}") for n in range(1, generator.levels)]
