"""Bit widths of the quantized generator, per layer.

The layers of a generator with n levels are named, from input to output,
`enc1 .. encn`, `center` (where it has one) and `dec1 .. decn`; `decn` writes the image.
"""

from dataclasses import field
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from model.generator import GeneratorConfig
from pixelmend.config import CHECKED
from pixelmend.errors import UserError

Bits = Annotated[int, Field(ge=2, le=8)]
PIXEL_BITS = 8  # pixels go in and out as uint8, scale exactly 1/255


@dataclass(frozen=True, config=CHECKED)
class QuantConfig:
    """Bit widths; all weights are signed and narrow-range, all activations unsigned."""

    weight_bits: Bits = 4  # of every layer not named in `layer_weight_bits`
    act_bits: Bits = 4  # of every layer's output not named in `layer_act_bits`
    sum_bits: Bits | None = None  # requantize each skip sum to this; None keeps the exact sum, one bit wider
    layer_weight_bits: dict[str, Bits] = field(default_factory=dict)  # e.g. { enc1 = 8 }
    layer_act_bits: dict[str, Bits] = field(default_factory=dict)  # the last layer's is always 8

    def weights(self, layer: str) -> int:
        """Bits of the weights of `layer`."""
        return self.layer_weight_bits.get(layer, self.weight_bits)

    def acts(self, layer: str) -> int:
        """Bits of the output of `layer` (before a skip add)."""
        return self.layer_act_bits.get(layer, self.act_bits)


def layer_names(generator: GeneratorConfig) -> list[str]:
    """Names of the layers from input to output."""
    levels = range(1, generator.levels + 1)
    center = ["center"] if generator.center else []
    return [f"enc{n}" for n in levels] + center + [f"dec{n}" for n in levels]


def check_layers(quant: QuantConfig, generator: GeneratorConfig) -> None:
    """`UserError` where `quant` names a layer the generator has not, or operands of one sum differ."""
    names = layer_names(generator)
    for key in ("layer_weight_bits", "layer_act_bits"):
        for name in getattr(quant, key):
            if name not in names:
                raise UserError(f"[quant] {key} names layer '{name}'; this generator has {', '.join(names)}")
    last = names[-1]
    if quant.layer_act_bits.get(last, PIXEL_BITS) != PIXEL_BITS:
        raise UserError(f"[quant] layer_act_bits.{last} must be {PIXEL_BITS}: it is the uint8 image")
    for left, right in skip_pairs(generator):
        if quant.acts(left) != quant.acts(right):
            raise UserError(
                f"[quant] {left} and {right} are added and share one quantizer, so they need the same "
                f"activation bits; got {quant.acts(left)} and {quant.acts(right)}"
            )


def skip_pairs(generator: GeneratorConfig) -> list[tuple[str, str]]:
    """Pairs (encoder layer, decoder layer) whose outputs a skip connection adds."""
    if not generator.skips:
        return []
    return [(f"enc{generator.levels - n}", f"dec{n}") for n in range(1, generator.levels)]
