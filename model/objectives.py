"""The training objectives: which passes of the network are made, and which losses of them are summed.

An objective gives named terms; each is weighted by the setting `lambda_<name>` (`TrainConfig`).
Axis letters: N frames, P passes, H rows, W columns.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from model.generator import COLOURS, HALF, MAPPED, SLOPE, EncoderDecoder, Mode, Painted
from model.losses import (
    choice_entropy,
    found_entropy,
    global_l1,
    latent_l1,
    local_l1,
    local_l2,
    psnr_loss,
    ssim_loss,
)

Terms = dict[str, Tensor]

TERMS = ("px", "local", "psnr", "ssim", "choice", "found", "latent")
"""The losses that `terms` knows."""

LOCAL = {"l1": local_l1, "l2": local_l2}
"""The losses in the defects, by the setting `local`."""


@dataclass(frozen=True)
class Batch:
    """Frames (N, 3, H, W) in [0, 1], and the pixels (N, 1, H, W) bool as in `model.defects.Damage`."""

    clean: Tensor
    defective: Tensor
    mask: Tensor
    broken: Tensor

    def to(self, device: str) -> "Batch":
        """The same on another device."""
        tensors = (self.clean, self.defective, self.mask, self.broken)
        return Batch(*(tensor.to(device, memory_format=torch.channels_last) for tensor in tensors))

    def part(self, frames: slice) -> "Batch":
        """Some of its frames."""
        return Batch(self.clean[frames], self.defective[frames], self.mask[frames], self.broken[frames])

    def sound(self) -> "Batch":
        """The same with nothing broken; the mask stays, as the place to look at."""
        return Batch(self.clean, self.clean, self.mask, torch.zeros_like(self.broken))

    def damaged(self, mode: Mode) -> Tensor:
        """What the network gets of the defective frames: (N, 3, H, W), in the modes `MAPPED` (N, 4, H, W)."""
        return with_map(self.defective, self.broken) if mode in MAPPED else self.defective


class Passes(NamedTuple):
    """What the network makes of a batch in `number` passes, one after another along the first axis."""

    painted: Painted
    frames: Tensor  # (PN, 3 or 4, H, W), what it saw
    latents: Tensor  # (PN, C, H/s^L, W/s^L)
    batch: Batch  # (PN), what it should have made of them
    number: int  # P


def with_map(frames: Tensor, broken: Tensor) -> Tensor:
    """Frames (N, 3, H, W) and their defect map (N, 1, H, W) bool -> (N, 4, H, W), the map as 0 and 1."""
    return torch.cat([frames, broken.to(frames.dtype)], 1)


def repairing(network: EncoderDecoder, batch: Batch) -> Passes:
    """Defective -> clean."""
    return _passes(network, batch, 1)


def copying(network: EncoderDecoder, batch: Batch) -> Passes:
    """Clean -> clean."""
    return _passes(network, batch.sound(), 1)


def both(network: EncoderDecoder, batch: Batch) -> Passes:
    """Clean -> clean, and after it defective -> clean, through one network at once."""
    parts = batch.sound(), batch
    joined = Batch(
        torch.cat([part.clean for part in parts]),
        torch.cat([part.defective for part in parts]),
        torch.cat([part.mask for part in parts]),
        torch.cat([part.broken for part in parts]),
    )
    return _passes(network, joined, 2)


def finding(network: EncoderDecoder, batch: Batch) -> Passes:
    """Defective -> the score alone: nothing is filled, and the colours are those of the frames."""
    frames = network.enter(batch.damaged(network.config.mode))
    latents, outputs = network.encode(frames)
    score = network.decode(latents, outputs)[:, -1:].float()
    painted = Painted(frames[:, :COLOURS], torch.sigmoid(SLOPE * (score - HALF)), score)
    return Passes(painted, frames, latents, batch, 1)


@dataclass(frozen=True)
class Objective:
    """Which passes are made, and what is asked of them beyond the losses of `terms`."""

    passes: Callable[[EncoderDecoder, Batch], Passes]
    critic: bool = False  # an adversary judges the images of all passes
    autoencoder: bool = False  # the latents shall be those that a frozen autoencoder has of the clean frames


OBJECTIVES = {
    "supervised": Objective(repairing),
    "inpainter": Objective(repairing, critic=True),
    "latent_inpainter": Objective(repairing, critic=True, autoencoder=True),
    "dual_encoder": Objective(both, critic=True),
    "generative": Objective(both),
    "autoencoder": Objective(copying),
    "finder": Objective(finding),
}

Name = Literal[
    "supervised", "inpainter", "latent_inpainter", "dual_encoder", "generative", "autoencoder", "finder"
]


def terms(
    passes: Passes,
    local: Literal["l1", "l2"] = "l2",
    sound_weight: float = 1.0,
    wanted: Container[str] = TERMS,
) -> Terms:
    """The losses of the images, and with two passes L1 between their latents; of those only the `wanted`.

    The means of several passes are summed, not averaged.
    """
    painted, frames, batch = passes.painted, passes.frames, passes.batch
    losses: dict[str, Callable[[], Tensor]] = {
        "px": lambda: global_l1(painted, frames, batch.clean),
        "local": lambda: LOCAL[local](painted, frames, batch.clean, batch.mask),
        "psnr": lambda: psnr_loss(painted, frames, batch.clean, batch.mask, sound_weight),
        "ssim": lambda: ssim_loss(painted, frames, batch.clean, batch.mask),
        "choice": lambda: choice_entropy(painted, batch.broken),
        "found": lambda: found_entropy(painted, frames, batch.clean, batch.broken, sound_weight),
    }
    found = {name: passes.number * loss() for name, loss in losses.items() if name in wanted}
    if passes.number > 1 and "latent" in wanted:
        found["latent"] = latent_l1(*passes.latents.float().chunk(2))
    return found


def _passes(network: EncoderDecoder, batch: Batch, number: int) -> Passes:
    frames = network.enter(batch.damaged(network.config.mode))
    latents, outputs = network.encode(frames)
    return Passes(network.paint(frames, network.decode(latents, outputs)), frames, latents, batch, number)
