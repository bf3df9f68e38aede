"""The Brevitas twin of any module of supported layers, made by itself.

    settings = QuantSettings(weight_bits=4, act_bits=4)
    quantized = twin(module, settings, frames)

`layers` says which layers there are, `trace` makes a graph of a module, `place` decides where quantizers go,
`build` makes the twin, `calibrate` measures scales, `export` writes QONNX.
"""

from torch import Tensor, nn

from quant.twin.build import Twin, build
from quant.twin.calibrate import calibrate
from quant.twin.settings import Port, QuantSettings


def twin(
    module: nn.Module, settings: QuantSettings, frames: list[tuple[Tensor, ...]] | Tensor | None = None
) -> Twin:
    """The twin of `module`, calibrated on `frames` (N, C, H, W), or batches of them, where there are some.

    Raises `UserError` that lists every layer that can't be in hardware, with the nearest way.
    """
    made = build(module, settings)
    if frames is not None:
        calibrate(made, [(frames,)] if isinstance(frames, Tensor) else frames)
    return made


__all__ = ["Port", "QuantSettings", "Twin", "twin"]
