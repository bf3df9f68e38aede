"""The Brevitas twin of the Defect Generator: the same network with every tensor quantized.

Quantizers (design section 3): input uint8 with scale exactly 1/255 and zero point 0; weights signed,
narrow-range, of a kind of `quant.weights`, one scale per output channel; activations unsigned with a
learned scale each; the two operands of a skip add share one quantizer, so that their sum is exact in
integers, and the next encoder layer may get fewer bits than the skip; output uint8 with scale exactly 1/255.
Biases stay float: lowering moves them into the thresholds.

N = batch, H, W = height and width, C = channels.
"""

from collections.abc import Mapping
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.inject.enum import ScalingImplType, StatsOp
from brevitas.quant import Uint8ActPerTensorFloat
from torch import Tensor, nn

from model.generator import EncoderDecoder, Generator, GeneratorConfig
from pixelmend.errors import UserError
from quant.bits import (
    PIXEL_BITS,
    QuantConfig,
    check_layers,
    layer_names,
    layer_of,
    masked_layers,
    skip_pairs,
)
from quant.masks import hold, n_of_m, set_mask, unstructured
from quant.pyramid_fill import fill_node
from quant.weights import QUANTIZERS


def check_hardware(generator: GeneratorConfig) -> None:
    """`UserError` where the hardware has no part that computes what this generator does."""
    if generator.mode == "residual":
        raise UserError("[generator] mode: 'residual' can't be quantized, its output is signed")
    if generator.last != "relu":
        raise UserError(
            f"[generator] last: expected 'relu' for quantization, the hardware's last activation; "
            f"got '{generator.last}'"
        )
    if generator.batch_norm:
        raise UserError(
            "[generator] batch_norm: expected a network with it folded, as model.train writes it, got true"
        )


class PixelQuant(Uint8ActPerTensorFloat):
    """uint8 with the constant scale 1/255: the quantizer of images."""

    scaling_impl_type = ScalingImplType.CONST
    scaling_init = 1.0  # the largest value; divided by 2**8 - 1 it is the scale
    bit_width = PIXEL_BITS


class ActQuant(Uint8ActPerTensorFloat):
    """Unsigned activation; scale learned, started from a high percentile of the first batches."""

    scaling_impl_type = ScalingImplType.PARAMETER_FROM_STATS
    scaling_stats_op = StatsOp.PERCENTILE
    high_percentile_q = 99.9
    collect_stats_steps = 20


class QuantGenerator(EncoderDecoder):
    """A `Generator` with `QuantConfig` bit widths; parameters keep the float generator's names.

    `forward` takes (N, inputs, H, W) and gives (N, 3, H, W) in [0, 1]; the result lies on the grid k/255
    exactly as computed in float32, so `round(255 * result)` is the uint8 image. Raises `UserError` as
    `check_hardware` does.
    """

    def __init__(self, generator: GeneratorConfig, quant: QuantConfig) -> None:
        super().__init__()
        check_layers(quant, generator)
        self.config = generator
        self.quant = quant
        check_hardware(generator)
        widths = (generator.inputs, *generator.widths)
        self.image_in = qnn.QuantIdentity(act_quant=PixelQuant, return_quant_tensor=False)
        shape = {"kernel_size": generator.kernel, "stride": generator.stride, "padding": generator.padding}
        self.enc = nn.ModuleList(
            _conv(qnn.QuantConv2d, widths[n], widths[n + 1], quant, f"enc{n + 1}", **shape)
            for n in range(generator.levels)
        )
        self.center = None
        if generator.center:
            self.center = _conv(qnn.QuantConv2d, widths[-1], widths[-1], quant, "center", kernel_size=1)
        deepest = widths[-1]
        self.mid = nn.ModuleList(
            _conv(qnn.QuantConv2d, deepest, deepest, quant, f"mid{n + 1}", kernel_size=3, padding=1)
            for n in range(generator.middle)
        )
        back = (*generator.widths[::-1], generator.outputs)
        self.dec = nn.ModuleList(
            _conv(
                qnn.QuantConvTranspose2d,
                back[n],
                back[n + 1],
                quant,
                f"dec{n + 1}",
                output_padding=generator.output_padding,
                **shape,
            )
            for n in range(generator.levels)
        )
        shared = dict((decoder, encoder) for encoder, decoder in skip_pairs(generator))
        self.shared = shared  # decoder layer -> encoder layer whose quantizer it uses
        names = layer_names(generator)
        self.acts = nn.ModuleDict(
            {name: _relu(quant.acts(name)) for name in names[:-1] if name not in shared}
        )
        self.image_out = qnn.QuantReLU(act_quant=PixelQuant, return_quant_tensor=False)
        self.sums = nn.ModuleDict(
            {name: _requantize(bits) for name in shared if (bits := quant.sums(name)) is not None}
        )
        self.inputs = nn.ModuleDict(
            {name: _requantize(bits) for name, bits in quant.layer_input_bits.items()}
        )
        for name in masked_layers(quant, generator):
            hold(self.layer(name))

    def enter(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) in [0, 1] -> the nearest values of the grid k/255, in mode `corrected` filled."""
        return super().enter(self.image_in(x))

    def fill(self, images: Tensor, broken: Tensor) -> Tensor:
        """As the float network's, and one node of the exported file."""
        return fill_node(images, broken, self.config.fill_levels, self.config.fill_sweeps)

    def sharpen(self, images: Tensor) -> Tensor:
        """Corrected images -> the nearest values of the grid k/255 from 0 to 1."""
        return self.image_out(images)

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Frames (N, inputs, H, W) on the grid k/255 -> the latent and the encoder outputs, all quantized."""
        outputs = []
        for n, layer in enumerate(self.enc, start=1):
            name = f"enc{n}"
            if name in self.inputs:
                x = self.inputs[name](x)
            x = self.acts[name](layer(x))
            outputs.append(x)
        if self.center is not None:
            x = self.acts["center"](self.center(x))
        for n, layer in enumerate(self.mid, start=1):
            x = self.acts[f"mid{n}"](layer(x))
        return x, outputs

    def decode(self, latent: Tensor, outputs: list[Tensor]) -> Tensor:
        """The latent and the encoder outputs -> the last layer's sums (N, outputs, H, W)."""
        x = latent
        for n, layer in enumerate(self.dec[:-1], start=1):
            name = f"dec{n}"
            x = self.act_of(name)(layer(x))
            if name in self.shared:
                x = x + outputs[-1 - n]
            if name in self.sums:
                x = self.sums[name](x)
        return self.dec[-1](x)

    def activate(self, sums: Tensor) -> Tensor:
        """(N, outputs, H, W) on the grid k/255; the score as well, for its one bit is that grid's middle."""
        return self.image_out(sums)

    def layer(self, name: str) -> nn.Module:
        """The (transposed) convolution called `name`, as `quant.bits.layer_names` counts."""
        module: nn.Module = layer_of(self, name)
        return module

    def layers(self) -> dict[str, nn.Module]:
        """All (transposed) convolutions by name, from input to output."""
        return {name: self.layer(name) for name in layer_names(self.config)}

    def mask_weights(self) -> None:
        """Choose the masks that `quant` asks for by the magnitudes of the weights, and set those to 0."""
        layers: dict[str, Any] = {name: self.layer(name) for name in masked_layers(self.quant, self.config)}
        weights = {name: layer.weight for name, layer in layers.items()}
        if self.quant.n_of_m is not None:
            n, m = self.quant.n_of_m
            masks = {
                name: n_of_m(weight, n, m, 0 if name.startswith("dec") else 1)
                for name, weight in weights.items()
            }
        else:
            masks = unstructured(weights, self.quant.sparsity)
        for name, mask in masks.items():
            set_mask(layers[name], mask)

    def act_of(self, name: str) -> nn.Module:
        """The quantizer of the output of layer `name`; operands of one sum give the same."""
        if name == f"dec{self.config.levels}":
            return self.image_out
        return self.acts[self.shared.get(name, name)]

    def input_act_of(self, name: str) -> nn.Module:
        """The quantizer whose scale the input of layer `name` has."""
        names = layer_names(self.config)
        index = names.index(name)
        if name in self.inputs:
            return self.inputs[name]
        if index == 0:
            return self.image_in
        before = names[index - 1]
        return self.sums[before] if before in self.sums else self.act_of(before)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Values go into the parameters that are there: Brevitas puts new ones in the place of its learned
        scales, which an optimizer that holds the old ones would no longer train.
        """
        held = dict(self.named_parameters())
        result = super().load_state_dict(state_dict, strict, assign)
        for name, value in list(self.named_parameters()):
            if value is not held[name]:
                held[name].data.copy_(value.data)
                module, field = name.rsplit(".", 1)
                setattr(self.get_submodule(module), field, held[name])
        return result

    def load_float(self, generator: Generator) -> None:
        """Take weights and biases of a float generator (spectral norm folded) of the same configuration."""
        float_state = generator.state_dict()
        own = dict(self.named_parameters())
        with torch.no_grad():
            for name, value in float_state.items():
                own[name].copy_(value)


def _conv(
    operator: type, inputs: int, outputs: int, quant: QuantConfig, name: str, **shape: int
) -> nn.Module:
    return operator(
        inputs,
        outputs,
        bias=True,
        weight_quant=QUANTIZERS[quant.kind(name)],
        weight_bit_width=quant.weights(name),
        return_quant_tensor=False,
        **shape,
    )


def _relu(bits: int) -> nn.Module:
    return qnn.QuantReLU(act_quant=ActQuant, bit_width=bits, return_quant_tensor=False)


def _requantize(bits: int) -> nn.Module:
    return qnn.QuantIdentity(act_quant=ActQuant, bit_width=bits, return_quant_tensor=False)
