"""Networks with random weights as QONNX: what hardware is tested with before anything is trained.

python -m quant.zoo srgan --height 12 --width 12 --out srgan.onnx
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor, nn

from model.networks import NETWORKS, Entry, network
from pixelmend.console import note, run
from pixelmend.errors import UserError
from quant.equality import as_list
from quant.twin import Port, QuantSettings, Twin, twin
from quant.twin.export import OPSET, Exporter, export
from quant.twin.settle import settle

BATCHES = 4  # of random frames, for the scales
FRAMES = 2  # in each
ENDS = ((0.0, 1.5), (0.5, 0.3), (0.0, 0.3))  # mean and deviation tried for the last convolutions
SETTINGS: dict[str, QuantSettings] = {
    "srgan": QuantSettings(sum_bits=6),
    "srgan16": QuantSettings(sum_bits=6),
    "edsr": QuantSettings(sum_bits=6),
    "preact": QuantSettings(sum_bits=6, merge_batch_norm=False),
    "chain50": QuantSettings(layer_weight_bits={"convs.1": 2, "convs.2": 8}),
    "unet_double": QuantSettings(layer_weight_bits={"enter.0": 8}, layer_act_bits={"encoders.*": 3}),
}  # fmt: skip
"""What is not as usual of a network's twin."""


def zoo(
    name: str, height: int, width: int, seed: int = 0, settings: QuantSettings | None = None
) -> tuple[Twin, Entry]:
    """The calibrated twin of the network `name` with seeded random weights, for frames of `height` x `width`.

    `UserError` where there is no such network or its strides don't divide the frame.
    """
    entry = network(name)
    if height % entry.multiple or width % entry.multiple:
        raise UserError(
            f"frame {height}x{width}: both sides must be multiples of {entry.multiple} for {name}"
        )
    generator = torch.Generator().manual_seed(seed)
    module = entry.make().eval()
    frames = random_frames(entry, height, width, generator)
    randomize(module, frames[0], generator)
    chosen = settings or SETTINGS.get(name, QuantSettings())
    if entry.features and settings is None:
        port = (Port("features", bits=chosen.act_bits),)
        chosen = replace(chosen, inputs=port, outputs=port)
    return twin(module, chosen, [(batch,) for batch in frames]), entry


def random_frames(entry: Entry, height: int, width: int, generator: torch.Generator) -> list[Tensor]:
    """Batches (N, C, H, W) on the grid k/255: random at every pixel, and at a quarter of the resolution."""
    frames = []
    for _ in range(BATCHES):
        fine = torch.rand(FRAMES, entry.channels, height, width, generator=generator)
        small = torch.rand(FRAMES, entry.channels, -(-height // 4), -(-width // 4), generator=generator)
        coarse = nn.functional.interpolate(small, scale_factor=4)[..., :height, :width]
        frames.append(torch.round(255 * (fine + coarse) / 2) / 255)
    return frames


@torch.no_grad()
def randomize(module: nn.Module, frames: Tensor, generator: torch.Generator) -> None:
    """Random weights with which values stay lively to the end, on `frames` (N, C, H, W).

    Biases, statistics of batch norm with gains of both signs, and slopes of PReLU are random too. Each
    convolution is scaled so that its sums have deviation 1; the last ones so that the results differ most.
    """
    layers: list[Any] = [one for one in module.modules() if isinstance(one, nn.Conv2d | nn.ConvTranspose2d)]
    for part in module.modules():
        _draw(part, generator)
    shifts = {layer: float(torch.empty(()).uniform_(-0.3, 0.3, generator=generator)) for layer in layers}
    last = _last_layers(module, frames)
    best, found = -1, ENDS[0]
    for end in ENDS:
        alive = _fit(module, frames, layers, shifts, dict.fromkeys(last, end))
        if alive > best:
            best, found = alive, end
    _fit(module, frames, layers, shifts, dict.fromkeys(last, found))


def _draw(part: Any, generator: torch.Generator) -> None:
    match part:
        case nn.Conv2d() | nn.ConvTranspose2d():
            part.weight.normal_(generator=generator)
            if part.bias is not None:
                part.bias.normal_(generator=generator)
        case nn.BatchNorm2d() if (
            part.affine and part.running_mean is not None and part.running_var is not None
        ):
            part.running_mean.normal_(0, 0.3, generator=generator)
            part.running_var.uniform_(0.5, 2.0, generator=generator)
            part.weight.uniform_(0.4, 1.6, generator=generator)
            signs = torch.rand(part.weight.shape, generator=generator) < 0.3
            part.weight.mul_(torch.where(signs, -1.0, 1.0))
            part.bias.normal_(0, 0.3, generator=generator)
        case nn.PReLU():
            part.weight.uniform_(0, 0.5, generator=generator)


def _last_layers(module: nn.Module, frames: Tensor) -> list[Any]:
    """The convolutions behind which there is no other: one for each result."""
    order: list[Any] = []
    handles = [
        one.register_forward_hook(lambda layer, _inputs, _result: order.append(layer))
        for one in module.modules()
        if isinstance(one, nn.Conv2d | nn.ConvTranspose2d)
    ]
    results = as_list(module(frames))
    for handle in handles:
        handle.remove()
    return order[-len(results) :]


def _fit(
    module: nn.Module, frames: Tensor, layers: list[Any], shifts: dict[Any, float], ends: dict[Any, Any]
) -> int:
    """Scale the convolutions in the order they are met; gives how many of 256 levels the results take."""

    def scale(layer: Any, _inputs: Any, result: Tensor) -> Tensor:
        mean, deviation = ends.get(layer, (shifts[layer], 1.0))
        bias = 0.0 if layer.bias is None else layer.bias.view(1, -1, 1, 1)
        plain = result - bias
        factor = deviation / plain.std().clamp_min(1e-6)
        layer.weight.mul_(factor)
        if layer.bias is None:
            return plain * factor
        spread = 0.2 * deviation / (layer.bias.std(correction=0) + 1e-6)
        layer.bias.sub_(layer.bias.mean()).mul_(spread).add_(mean - float(plain.mean() * factor))
        return plain * factor + layer.bias.view(1, -1, 1, 1)

    handles = [layer.register_forward_hook(scale) for layer in layers]
    results = as_list(module(frames))
    for handle in handles:
        handle.remove()
    levels = [torch.from_numpy(one).clamp(0, 1).mul(255).round().unique() for one in results]
    return min(len(one) for one in levels)


def exported(
    name: str,
    height: int,
    width: int,
    out: Path,
    seed: int = 0,
    opset: int = OPSET,
    exporter: Exporter = "dynamo",
) -> Entry:
    """Write the network `name` as the QONNX file `out`, settled; as `zoo`."""
    made, entry = zoo(name, height, width, seed)
    settle(made, [(entry.channels, height, width)])
    export(made, [(entry.channels, height, width)], out, seed, opset, exporter)
    return entry


def main(
    name: Annotated[str, typer.Argument(help="network, e.g. " + ", ".join(NETWORKS))],
    out: Annotated[Path, typer.Option(help="QONNX file to write")],
    height: Annotated[int, typer.Option(min=1, help="of a frame, px")] = 16,
    width: Annotated[int, typer.Option(min=1, help="of a frame, px")] = 16,
    seed: Annotated[int, typer.Option(help="of the weights and calibration frames")] = 0,
    opset: Annotated[int, typer.Option(min=13, max=20, help="of ONNX")] = OPSET,
    exporter: Annotated[
        Exporter, typer.Option(help="torch's: dynamo (opset 18 on) or torchscript")
    ] = "dynamo",
) -> None:
    """Export a network with random weights as QONNX."""
    entry = exported(name, height, width, out, seed, opset, exporter)
    note(f"{out}: {entry.description}; {height}x{width}, equals Brevitas")


if __name__ == "__main__":
    run(main)
