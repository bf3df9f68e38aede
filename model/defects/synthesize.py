"""Damage frames: what training and evaluation call.

Axis letters: N frames, H rows, W columns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.defects.boxes import channels, dynamic
from model.defects.clusters import irregular, single
from model.defects.config import DefectConfig, SetName
from model.defects.detector import detector
from model.defects.lines import lines
from model.defects.pattern import Damage, Pattern, Sides, with_neighbours
from model.defects.shapes import orbit, shapes

Draw = Callable[[Sides, DefectConfig, torch.Generator], Pattern]
"""N, H, W, the settings, and the generator on the device of the frames -> a pattern for each frame."""

SETS: dict[SetName, Draw] = {
    "dynamic": dynamic,
    "irregular": irregular,
    "lines": lines,
    "single": single,
    "channels": channels,
    "detector": detector,
    "shapes": shapes,
    "orbit": orbit,
}


class DamagedImage(NamedTuple):
    """One damaged image: `defective` (H, W, 3) uint8; `mask` and `broken` (H, W) bool, as in `Damage`."""

    defective: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    broken: NDArray[np.bool_]


@dataclass(frozen=True)
class _Plan:
    """The patterns of all frames: `code` and `mask` (N, H, W), `fill` (N, 1, 1), `channels` (N, 3, H, W).

    Where `read` (N, 1, 1) is true, or wherever there is one number of it, pixels read `gain` and `offset`.
    """

    code: Tensor
    mask: Tensor
    fill: Tensor | float
    channels: Tensor | None
    read: Tensor | None = None
    gain: Tensor | None = None
    offset: Tensor | None = None


def synthesize(clean: Tensor, config: DefectConfig, generator: torch.Generator) -> Damage:
    """Damage frames (N, 3, H, W) in [0, 1], each by one set of `config.mix`.

    A broken pixel has the same amplitude clamp(|n| * hi, lo, hi), n from N(0, 1), in R, G and B, but in the
    sets `shapes` and `orbit` what these say. The result
    lies on the 8-bit grid k/255, as a sensor delivers it. Draws come from `generator`, which lives on the
    device of `clean`. Raises `UserError` where a defect could be larger than the frame, or the detector maps
    are asked for and not there.
    """
    n, _, height, width = clean.shape
    plan = _plan((n, height, width), config, generator)
    inside, bright = plan.code > 0, (plan.code & 1) > 0  # N, H, W
    low, high = (torch.where(bright, config.white[i], config.black[i]).to(clean.dtype) for i in (0, 1))
    noise = torch.randn(inside.shape, generator=generator, device=clean.device, dtype=clean.dtype).abs()
    hit = torch.rand(inside.shape, generator=generator, device=clean.device) < plan.fill
    amplitude = torch.clamp(noise * high, low, high)
    broken = (hit & inside).unsqueeze(1)  # N, 1, H, W
    lost = broken if plan.channels is None else broken & plan.channels
    values = amplitude.unsqueeze(1)
    if plan.read is not None and plan.gain is not None and plan.offset is not None:
        off_scene = (plan.gain * clean + plan.offset).clamp(0, 1)
        values = torch.where(plan.read.unsqueeze(1), off_scene, values)
    defective = torch.where(lost, values, clean)
    return Damage((defective * 255).round() / 255, plan.mask.unsqueeze(1), broken)


def damage(image: NDArray[np.uint8], config: DefectConfig, seed: int) -> DamagedImage:
    """Damage one image, uint8 (H, W, 3)."""
    clean = torch.from_numpy(image.copy()).permute(2, 0, 1).unsqueeze(0) / 255  # 1, 3, H, W
    defective, mask, broken = synthesize(clean, config, torch.Generator().manual_seed(seed))
    pixels = (defective[0].permute(1, 2, 0) * 255).round().to(torch.uint8)  # H, W, 3
    return DamagedImage(pixels.numpy(), mask[0, 0].numpy(), broken[0, 0].numpy())


def _plan(sides: Sides, config: DefectConfig, generator: torch.Generator) -> _Plan:
    """Draw a set for each frame, and the patterns of each set together."""
    names = [name for name in SETS if config.mix.get(name, 0.0) > 0]
    if len(names) == 1:
        pattern = SETS[names[0]](sides, config, generator)
        read = (
            None if pattern.gain is None else torch.ones((1, 1, 1), dtype=torch.bool, device=generator.device)
        )
        spoilt = read, pattern.gain, pattern.offset
        return _Plan(pattern.code, _mask(pattern), pattern.fill, pattern.channels, *spoilt)
    n, height, width = sides
    device = generator.device
    chances = torch.tensor([config.mix[name] for name in names], dtype=torch.float64, device=device)
    u = torch.rand(n, generator=generator, device=device, dtype=torch.float64)
    choice = torch.bucketize(u, (chances.cumsum(0) / chances.sum())[:-1], right=True)
    code = torch.zeros(sides, dtype=torch.int16, device=device)
    mask = torch.zeros(sides, dtype=torch.bool, device=device)
    fill = torch.ones((n, 1, 1), device=device)
    channels = None
    read = torch.zeros((n, 1, 1), dtype=torch.bool, device=device)
    gain = torch.zeros((n, 3, height, width), device=device)
    offset = torch.zeros_like(gain)
    for number, name in enumerate(names):
        frames = (choice == number).nonzero().flatten()
        if not len(frames):
            continue
        pattern = SETS[name]((len(frames), height, width), config, generator)
        code[frames], mask[frames], fill[frames] = pattern.code, _mask(pattern), pattern.fill
        if pattern.channels is not None:
            if channels is None:
                channels = torch.ones((n, 3, height, width), dtype=torch.bool, device=device)
            channels[frames] = pattern.channels
        if pattern.gain is not None and pattern.offset is not None:
            read[frames], gain[frames], offset[frames] = True, pattern.gain, pattern.offset
    return _Plan(code, mask, fill, channels, read, gain, offset)


def _mask(pattern: Pattern) -> Tensor:
    inside = pattern.code > 0
    return with_neighbours(inside) if pattern.margin else inside
