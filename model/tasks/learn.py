"""Training for a task: the settings, the loss of a step, the figures of a validation."""

from dataclasses import dataclass as plain
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from model.critic import CriticConfig
from model.crops import CropPool
from model.features import SHIPPED, load_extractor
from model.frames import to_frames, to_pixels
from model.metrics import psnr_db, ssim
from model.photos import Photo
from model.processes import gathered, rank, share, world
from model.schedule import Schedule
from model.tasks.task import Outputs, Task
from model.trainee import Trainee, seed_of
from pixelmend.config import CHECKED
from pixelmend.errors import UserError

SHOWN = 4  # validation crops on a picture sheet
Loss = Literal["mse", "mae", "psnr"]
GLOBAL = CriticConfig(loss="gan", judges="global", widths=(32, 64, 128, 128))
Scheme = Literal["end-to-end", "stacked", "separate"]


@dataclass(frozen=True, config=CHECKED)
class TaskSchedule(Schedule):
    """The tables [train] and [qat] of a task."""

    loss: Loss = "mse"  # psnr: the logarithm of each image's mean squared error, in dB
    scheme: Scheme = "end-to-end"  # of a stack of modules: see `stage_losses`
    features: str = SHIPPED  # the frozen extractor of the content loss; see `model.features`
    feature_layer: str | None = None  # of it; none: no content loss
    feature_weight: Annotated[float, Field(ge=0)] = (
        0.01  # of the mean squared difference, in units of its scale
    )
    adversarial: Annotated[float, Field(ge=0)] = (
        0.0  # weight of what a critic says of the largest output; 1e-3: SRGAN
    )
    critic: CriticConfig = GLOBAL  # table [train.critic]
    output_weights: tuple[Annotated[float, Field(ge=0)], ...] = ()  # of each output's loss; none: all 1


@plain(frozen=True)
class Held:
    """Fixed crops to judge by: what is given (N, s, s, 3), and what is wanted of each output."""

    given: Photo
    wanted: Outputs


def held_crops(task: Task, pool: CropPool, n: int, seed: int) -> Held:
    """Draw them; they depend on the photographs, the task and the seed."""
    rng = np.random.default_rng(seed)
    clean = pool.draw(n, rng)
    return Held(task.given(clean, rng), task.wanted(clean))


class TaskLearner(Trainee):
    """A network that learns a task."""

    def __init__(
        self,
        network: nn.Module,
        task: Task,
        settings: TaskSchedule,
        pool: CropPool,
        held: Held,
        name: str = "train",
    ) -> None:
        super().__init__(network, settings, name)
        self.task, self.settings, self.pool, self.held = task, settings, pool, held
        weights = settings.output_weights or (1.0,) * len(task.outputs)
        if len(weights) != len(task.outputs):
            raise UserError(
                f"[train] output_weights: expected one for each of {', '.join(task.outputs)}, got {weights}"
            )
        self.weights = weights
        self.content: Content | None = None
        if settings.feature_layer is not None:
            self.content = Content(settings.features, settings.feature_layer, settings.device)
        if settings.adversarial:
            self.oppose(settings.critic)

    def advance(self) -> None:
        """One step, after which no PReLU falls left of 0: thresholds can't say a function that falls."""
        super().advance()
        with torch.no_grad():
            for layer in self.trained.modules():
                if isinstance(layer, nn.PReLU):
                    layer.weight.clamp_(min=0)

    def loss(self) -> Tensor:
        """The sum of the outputs' weighted losses on this process's share of the batch."""
        rng = np.random.default_rng(seed_of(self.settings.seed, self.step))
        clean = self.pool.draw(self.settings.batch, rng)
        given, targets = self.task.given(clean, rng), self.task.targets(clean, rng)
        part, device = share(self.settings.batch), self.settings.device
        frames = to_frames(given[part]).to(device)
        if self.settings.scheme != "end-to-end":
            truths = [to_frames(one[part]).to(device) for one in (*self.task.between(clean), *targets)]
            staged = stage_losses(self.trained, frames, truths, self.settings)
            self.terms = {f"module {n}": one.detach() for n, one in enumerate(staged, 1)}
            return torch.stack(staged).sum()
        with torch.autocast(device, torch.bfloat16, self.settings.precision == "bfloat16"):
            results = run(self.trained, frames, self.task)
        found = [
            loss_of(self.settings.loss, result.float(), to_frames(target[part]).to(device))
            for result, target in zip(results, targets, strict=True)
        ]
        self.terms = {name: one.detach() for name, one in zip(self.task.outputs, found, strict=True)}
        whole = torch.stack([weight * one for weight, one in zip(self.weights, found, strict=True)]).sum()
        image, wanted = results[-1].float(), to_frames(targets[-1][part]).to(device)
        if self.content is not None:
            self.terms["content"] = (term := self.content(image, wanted)).detach()
            whole = whole + self.settings.feature_weight * term
        if self.adversary is not None:
            self.terms["adversarial"] = (term := self.contest(self.adversary, image, wanted, image)).detach()
            whole = whole + self.settings.adversarial * term
        return whole

    def figures(self) -> dict[str, float]:
        """Mean PSNR and SSIM over the crops and outputs, and of each output where there are several."""
        rows = []
        for i in range(rank(), len(self.held.given), world()):
            results = restore(self.trained, self.task, self.held.given[i], self.settings.device)
            wanted = [one[i] for one in self.held.wanted]
            rows.append([(psnr_db(a, b), ssim(a, b)) for a, b in zip(wanted, results, strict=True)])
        means = np.mean(gathered(rows), 0)  # outputs, 2
        row = {"psnr_db": float(means[:, 0].mean()), "ssim": float(means[:, 1].mean())}
        if len(means) > 1:
            row |= {
                f"{name}_psnr_db": float(one[0]) for name, one in zip(self.task.outputs, means, strict=True)
            }
        if self.adversary is not None:  # PSNR and SSIM don't see what a contest gains: the latest counts
            return row | {"model_score": float(self.step)}
        return row | {"model_score": row["psnr_db"] + 100 * row["ssim"]}

    def shown(self, row: dict[str, float]) -> str:
        """Decibels, in the mean over the outputs."""
        return f"{row['psnr_db']:.2f} dB"

    def sheet(self) -> Photo:
        """Crops below each other, of the largest output: wanted, result, errors."""
        rows = []
        for given, wanted in zip(self.held.given[:SHOWN], self.held.wanted[-1][:SHOWN], strict=True):
            result = restore(self.trained, self.task, given, self.settings.device)[-1]
            rows.append(np.concatenate([wanted, result, *self.task.errors(wanted, result).values()], axis=1))
        return np.concatenate(rows)


class Content(nn.Module):
    """The content loss (Johnson et al. 2016, Ledig et al. 2017): the mean squared difference of a layer's features.

    In units of the layer's scale where the extractor knows it. `UserError` where there is no such layer.
    """

    def __init__(self, features: str, layer: str, device: str) -> None:
        super().__init__()
        self.extractor = load_extractor(Path(features)).to(device)
        self.extractor.stride(layer)
        self.layer, self.scale = layer, self.extractor.scales.get(layer, 1.0)

    def forward(self, image: Tensor, wanted: Tensor) -> Tensor:
        """Images (N, 3, H, W)."""
        found, due = (self.extractor.results(one, [self.layer])[self.layer] for one in (image, wanted))
        return (found - due).square().mean() / self.scale**2


def stage_losses(
    network: nn.Module, frames: Tensor, truths: list[Tensor], settings: TaskSchedule
) -> list[Tensor]:
    """The loss of each module of a stack, against what should come out of it, `truths`.

    separate: each is given what should come out of the one before, so that they learn as if one by one; stacked: what
    does come. `UserError` where the network has no modules `stages`, or not as many.
    """
    stages = getattr(network, "stages", None)
    if not isinstance(stages, nn.ModuleList) or len(stages) != len(truths):
        raise UserError(
            f"[train] scheme = '{settings.scheme}' needs a network with a list `stages` of {len(truths)} modules, one "
            f"for each of [task] layers; {type(network).__name__} has {len(stages) if stages is not None else 'none'}"
        )
    found, x = [], frames
    for stage, truth in zip(stages, truths, strict=True):
        result = stage(x)
        found.append(loss_of(settings.loss, result, truth))
        x = truth if settings.scheme == "separate" else result
    return found


def run(network: nn.Module, frames: Tensor, task: Task) -> tuple[Tensor, ...]:
    """The network's results as a tuple; `UserError` where they are not of the task's outputs."""
    found = network(frames)
    results = tuple(found) if isinstance(found, tuple | list) else (found,)
    height, width = frames.shape[2:]
    wanted = [(3, height * factor, width * factor) for factor in task.factors]
    came = [tuple(one.shape[1:]) for one in results]
    if came != wanted:
        raise UserError(
            f"[network]: for an input of {height}x{width} px the task wants {', '.join(task.outputs)} of shapes "
            f"{wanted}, the network gives {came}"
        )
    return results


def restore(network: nn.Module, task: Task, image: Photo, device: str = "cpu") -> Outputs:
    """What is given, (h, w, channels) uint8, through a network in evaluation -> its outputs, clipped and rounded."""
    with torch.inference_mode():
        results = run(network, to_frames(image[None]).to(device), task)
    return tuple(to_pixels(one.cpu())[0] for one in results)


def loss_of(kind: Loss, result: Tensor, target: Tensor) -> Tensor:
    """Frames (N, 3, H, W) against frames; the mean over all of them."""
    if kind == "mae":
        return (result - target).abs().mean()
    squared = (result - target).square()
    if kind == "mse":
        return squared.mean()
    return 10 * torch.log10(squared.mean((1, 2, 3)) + 1e-8).mean()
