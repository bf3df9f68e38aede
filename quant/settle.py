"""Move biases off rounding ties, so that float evaluation and integer hardware can't disagree.

Lowering turns (a * s + b) / r >= t - 1/2 into a >= ceil(T), T = ((t - 1/2) * r - b) / s, with accumulator a,
s = weight scale * input scale, b = bias, r = scale of the result. That is exact, but Brevitas and QONNX
evaluate the left side in float32: where some T lies within their rounding error of an integer, they may
decide otherwise. A bias changed by less than half an accumulator unit shifts all T of its channel together;
the shift taken is the smallest that brings every T at least `MARGIN` from an integer, or else the best one.

255 steps of an 8-bit result leave no such place, as they fall anywhere between two integers. Where the margin
would be below `LEAST`, the channel's weights are first scaled, by `MOST_SCALING` at most, so that the steps
r / s are whole accumulator units apart: then all T of the channel fall alike.

As a command, it settles a QONNX file of anybody's, see `quant.settle_onnx`:

python -m quant.settle network.onnx --out settled.onnx
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from pixelmend.console import note, run
from quant.bits import layer_names
from quant.generator import QuantGenerator
from quant.margins import LEAST, MOST_SCALING, best_shift
from quant.settle_onnx import settle_file


def settle(twin: QuantGenerator) -> float:
    """Adjust the biases of `twin` in place, and scale the weights of channels that need it.

    Returns the least margin reached, in accumulator units.
    """
    twin.eval()
    least = 0.5
    with torch.no_grad():
        for name in layer_names(twin.config):
            layer: Any = twin.layer(name)
            bits = _act_bits(twin, name)
            crossings, scale = _crossings(twin, name, bits)
            close = [n for n, places in enumerate(crossings) if best_shift(places)[1] < LEAST]
            if close:
                _align(layer, close, float(_scale(twin.act_of(name))) / scale)
                crossings, scale = _crossings(twin, name, bits)
            bias = _array(layer.bias)
            for channel in range(len(bias)):
                shift, margin = best_shift(crossings[channel])
                bias[channel] -= shift * scale[channel]
                least = min(least, margin)
            layer.bias.copy_(torch.from_numpy(bias).to(layer.bias))
    return least


def _crossings(twin: QuantGenerator, name: str, bits: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """T of every channel of a layer, (C, T), and the number that an accumulator unit stands for, (C,)."""
    layer: Any = twin.layer(name)
    bias, result_scale = _array(layer.bias), float(_scale(twin.act_of(name)))
    scale = _array(layer.quant_weight().scale).reshape(-1) * float(_scale(twin.input_act_of(name)))
    scale = np.broadcast_to(scale, bias.shape)
    steps = np.arange(1, 2**bits) - 0.5
    return (steps * result_scale - bias[:, None]) / scale[:, None], scale


def _align(layer: Any, channels: list[int], units: NDArray[np.float64]) -> None:
    """Scale the weights of these output channels so that their `units` a step (C,) are whole numbers.

    A channel's weight scale comes from its largest weight or from their mean, so it follows, and the integers
    stay as they are.
    """
    output_axis = 1 if isinstance(layer, torch.nn.ConvTranspose2d) else 0
    for channel in channels:
        factor = units[channel] / max(1.0, np.round(units[channel]))
        if abs(factor - 1) <= MOST_SCALING:
            layer.weight.select(output_axis, channel).mul_(factor)


def _act_bits(twin: QuantGenerator, name: str) -> int:
    last = layer_names(twin.config)[-1]
    return 8 if name == last else twin.quant.acts(name)


def _scale(quantizer: Any) -> Any:
    return quantizer.act_quant.scale()


def _array(tensor: torch.Tensor) -> NDArray[np.float64]:
    return tensor.detach().cpu().double().numpy()


def main(
    model: Annotated[Path, typer.Argument(help="QONNX file")],
    out: Annotated[Path, typer.Option(help="file to write")],
) -> None:
    """Move the biases of a QONNX file off rounding ties."""
    result = settle_file(model, out)
    for line in result.unknown:
        note(f"not settled: {line}")
    for line in result.ties:
        note(f"a tie that no bias moves; change the scale of the Quant node behind: {line}")
    note(
        f"{out}: every step at least {result.margin:.4f} units of its sum from an integer; biases moved: "
        f"{result.moved}, channels scaled: {result.scaled}"
    )


if __name__ == "__main__":
    run(main)
