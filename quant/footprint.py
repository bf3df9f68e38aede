"""What a generator costs in hardware, from its shapes alone: weight memory, products, skip FIFOs.

To rank by, before anything is lowered. Products are exactly those of the lowered network, and so are the
weights; a folding that keeps all multipliers busy needs cycles in proportion to the products. Skip FIFOs are
counted at the depth below which raster order deadlocks; at full pace they are deeper, by 1.75 to 1.95 in the
full-size build.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch

from model.generator import Generator, GeneratorConfig
from pixelmend.config import Frame
from quant.bits import QuantConfig, layer_names, layer_of

BIAS_BITS = 32
FLOAT_BITS = 32


@dataclass(frozen=True)
class Footprint:
    """Of one network and frame size."""

    weight_bits: int  # at the bit widths of the configuration
    bias_bits: int
    products: int  # a frame; transposed convolutions by phases
    skip_bits: int  # of all skip FIFOs

    @property
    def bytes(self) -> int:
        """Weights and biases, rounded up."""
        return -(-(self.weight_bits + self.bias_bits) // 8)


def footprint(generator: GeneratorConfig, quant: QuantConfig, frame: Frame) -> Footprint:
    """The cost of `generator` at the bit widths of `quant` on frames of this size."""
    weight_bits = bias_bits = products = 0
    level = 0  # sides of the layer's input are those of the frame / stride**level
    for name, layer in shapes(generator).items():
        weights = layer.weight.numel()
        weight_bits += weights * quant.weights(name)
        bias_bits += layer.bias.numel() * BIAS_BITS
        shrink = generator.stride**level
        sides = frame.height // shrink, frame.width // shrink
        if name.startswith("dec"):
            products += weights * phase_products(generator, sides) // generator.kernel**2
            level -= 1
        elif not name.startswith("enc"):
            products += weights * sides[0] * sides[1]
        else:
            products += weights * sides[0] * sides[1] // generator.stride**2
            level += 1
    return Footprint(weight_bits, bias_bits, products, skip_bits(generator, quant, frame))


def float_bytes(generator: GeneratorConfig) -> int:
    """Bytes of all weights and biases as float32."""
    layers = shapes(generator).values()
    numbers: int = sum(layer.weight.numel() + layer.bias.numel() for layer in layers)
    return numbers * FLOAT_BITS // 8


def shapes(generator: GeneratorConfig) -> dict[str, Any]:
    """The layers by name, without values: only their shapes are to be read."""
    with torch.device("meta"):
        network = Generator(replace(generator, spectral_norm=False))
    return {name: layer_of(network, name) for name in layer_names(generator)}


def phase_products(generator: GeneratorConfig, sides: tuple[int, int]) -> int:
    """Products of one pair of channels in a transposed convolution whose input has these sides.

    The kernel is padded to t * s a side, t = ceil(k / s); all phases share one window of t x t inputs, and
    the windows are those that make a pixel which is not cropped.
    """
    s, pad = generator.stride, generator.padding
    taps = -(-generator.kernel // s)
    windows = [(pad + s * side - 1) // s - pad // s + 1 for side in sides]
    return windows[0] * windows[1] * (taps * s) ** 2


def skip_bits(generator: GeneratorConfig, quant: QuantConfig, frame: Frame) -> int:
    """Bits of the FIFOs that hold each encoder output until the decoder's has come: whole rows."""
    if not generator.skips:
        return 0
    total, lag = 0, 0
    for level in range(generator.levels - 1, 0, -1):
        lag = lag_rows(generator, lag)
        width = frame.width // generator.stride**level
        total += lag * width * generator.widths[level - 1] * quant.acts(f"enc{level}")
    return total


def lag_rows(generator: GeneratorConfig, deeper: int) -> int:
    """Rows of a level's encoder output that have passed before the decoder gives back the first of them.

    `deeper` is the same of the next level, 0 at the centre. The decoder's row y needs row (y + p) / s of the
    next level, and that one, `deeper` rows late, needs the encoder's rows up to s * row + k - 1 - p.
    """
    s, k, p = generator.stride, generator.kernel, generator.padding
    return max(s * ((y + p) // s + deeper) + k - 1 - p - y for y in range(s))
