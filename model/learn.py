"""What a training step is: the settings, the objectives, one step, one validation.

Axis letters: N crops of a batch, H = W = the crop's side.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor

from model.crops import CropPool
from model.defects import DefectConfig, synthesize
from model.generator import EncoderDecoder
from model.losses import global_l1, latent_l1, local_l2
from model.metrics import mean_quality, model_score, quality
from model.photos import Photo
from pixelmend.config import CHECKED
from pixelmend.errors import UserError


@dataclass(frozen=True, config=CHECKED)
class TrainConfig:
    """How the float network is trained; the loss weights and betas are the published ones."""

    objective: Literal["generative"] = "generative"  # dual-encoder losses with no critic
    steps: int = 60000  # optimizer steps
    batch: int = 16  # crops a step
    crop: int = 256  # px, side of a crop
    learning_rate: float = 2e-4  # at the start
    final_rate: float = 1.0  # share of the learning rate left at the last step, on a half cosine
    betas: tuple[float, float] = (0.0, 0.999)  # of Adam
    lambda_px: float = 10.0  # weight of the L1 loss over the frame
    lambda_local: float = 10.0  # weight of the L2 loss in the defects
    lambda_latent: float = 1.0  # weight of the L1 loss between the two latents
    validate_every: int = 1000  # steps
    validation_crops: int = 500  # fixed crops with fixed defects
    validation_share: float = 0.1  # of the photographs, none of which is trained on
    reduce: Literal[1, 2, 4, 8] = 2  # JPEGs are shrunk by this when read
    memory_mb: int = 1000  # most MB of photographs held, for training and for validation each
    threads: int = 1  # CPU threads; another number gives slightly other weights, and on busy cores loses time
    device: Literal["cpu", "cuda"] = "cpu"
    seed: int = 1

    @model_validator(mode="after")
    def _check(self) -> "TrainConfig":
        counts = ("steps", "batch", "crop", "validate_every", "validation_crops", "memory_mb", "threads")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if not 0.0 < self.validation_share < 1.0:
            raise ValueError("validation_share must be greater than 0 and less than 1")
        if self.learning_rate <= 0 or not 0.0 <= self.final_rate <= 1.0:
            raise ValueError("learning_rate must be positive and final_rate 0 to 1")
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise ValueError("betas must be at least 0 and less than 1")
        if min(self.lambda_px, self.lambda_local, self.lambda_latent, self.seed) < 0:
            raise ValueError("loss weights and seed must not be negative")
        return self


Objective = Callable[[EncoderDecoder, Tensor, Tensor, Tensor, TrainConfig], Tensor]
"""Network, clean and defective frames (N, 3, H, W), mask (N, 1, H, W), settings -> the loss."""


def generative(
    network: EncoderDecoder, clean: Tensor, defective: Tensor, mask: Tensor, settings: TrainConfig
) -> Tensor:
    """Clean -> clean and defective -> clean through one network, and L1 between the two latents."""
    latents, outputs = network.encode(torch.cat([clean, defective]))  # 2N, C, H/s^L, W/s^L
    kept, mended = network.decode(latents, outputs).chunk(2)
    loss = settings.lambda_px * (global_l1(kept, clean) + global_l1(mended, clean))
    loss = loss + settings.lambda_local * (local_l2(kept, clean, mask) + local_l2(mended, clean, mask))
    return loss + settings.lambda_latent * latent_l1(*latents.chunk(2))


OBJECTIVES: dict[str, Objective] = {"generative": generative}


@dataclass(frozen=True, config={"arbitrary_types_allowed": True})
class ValidationSet:
    """Fixed crops with fixed defects: uint8 (N, S, S, 3) and bool (N, S, S)."""

    clean: NDArray[np.uint8]
    defective: NDArray[np.uint8]
    masks: NDArray[np.bool_]


class Learner:
    """A network in training: everything that changes from step to step, and can be saved and restored.

    `name` is what the progress bar calls it.
    """

    def __init__(
        self,
        network: EncoderDecoder,
        defects: DefectConfig,
        settings: TrainConfig,
        pool: CropPool,
        validation: ValidationSet,
        name: str = "train",
    ) -> None:
        if settings.device == "cuda" and not torch.cuda.is_available():
            raise UserError(
                "[train] device: expected a CUDA device for 'cuda', PyTorch finds none; set 'cpu'"
            )
        self.defects, self.settings, self.name = defects, settings, name
        self.pool, self.validation = pool, validation
        self.network = network.to(settings.device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=settings.learning_rate, betas=settings.betas
        )
        self.step = 0
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, float] = {}
        self.best_weights: dict[str, Tensor] = {}
        self._losses: list[float] = []  # since the last validation

    def advance(self) -> None:
        """One optimizer step; all draws depend on the seed and the number of the step only."""
        clean, defective, mask = self._batch()
        torch.manual_seed(_seed(self.settings.seed, self.step))  # for dropout
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * self._rate()
        self.network.train()
        loss = OBJECTIVES[self.settings.objective](self.network, clean, defective, mask, self.settings)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self._losses.append(float(loss.detach()))
        self.step += 1

    def validate(self) -> dict[str, float]:
        """Append a row to the curve, and keep the weights where the model score is the best so far."""
        self.network.eval()
        rows = []
        for clean, defective, mask in zip(
            self.validation.clean, self.validation.defective, self.validation.masks, strict=True
        ):
            rows.append(quality(clean, repair(self.network, defective, self.settings.device), mask))
        figures = mean_quality(rows)
        row = {"step": float(self.step), "loss": math.fsum(self._losses) / max(1, len(self._losses))}
        row |= figures | {"model_score": model_score(figures)}
        if not math.isfinite(row["loss"]):
            raise UserError(
                f"the loss became {row['loss']} by step {self.step}; a lower learning_rate may help"
            )
        self._losses = []
        self.curve.append(row)
        if not self.best or row["model_score"] > self.best["model_score"]:
            self.best = row
            self.best_weights = {
                name: value.cpu().clone() for name, value in self.network.state_dict().items()
            }
        return row

    def state(self) -> dict[str, Any]:
        """What `restore` needs, made of tensors, numbers, strings, lists and dictionaries only."""
        names = ("step", "curve", "best", "best_weights", "_losses")
        changing = {name: getattr(self, name) for name in names}
        return changing | {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        self.network.load_state_dict(state.pop("network"))
        self.optimizer.load_state_dict(state.pop("optimizer"))
        for name, value in state.items():
            setattr(self, name, value)

    def _batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Drawn on the CPU, so that every device sees the same."""
        seed = _seed(self.settings.seed, self.step)
        crops = self.pool.draw(self.settings.batch, np.random.default_rng(seed))
        clean = to_frames(crops)
        defective, mask = synthesize(clean, self.defects, torch.Generator().manual_seed(seed))
        device = self.settings.device
        return clean.to(device), defective.to(device), mask.to(device)

    def _rate(self) -> float:
        """The share of the learning rate at this step: 1 at the first, `final_rate` at the end."""
        least = self.settings.final_rate
        return least + (1 - least) * (1 + math.cos(math.pi * self.step / self.settings.steps)) / 2


def validation_set(pool: CropPool, defects: DefectConfig, settings: TrainConfig) -> ValidationSet:
    """Draw the fixed set; it depends on the photographs, the defects and the seed."""
    seed = _seed(settings.seed, -1)
    clean = pool.draw(settings.validation_crops, np.random.default_rng(seed))
    at_least_one = max(1, defects.boxes[0]), defects.boxes[1]  # a frame with no defect has no defect figure
    always = DefectConfig(
        at_least_one, defects.side, defects.colour, defects.fill, defects.black, defects.white
    )
    defective, masks = synthesize(to_frames(clean), always, torch.Generator().manual_seed(seed))
    return ValidationSet(clean, to_pixels(defective), masks[:, 0].numpy())


def repair(network: torch.nn.Module, defective: Photo, device: str = "cpu") -> Photo:
    """One frame (H, W, 3) uint8 through a network in evaluation -> (H, W, 3) uint8, clipped and rounded."""
    with torch.inference_mode():
        result = network(to_frames(defective[None]).to(device))
    return to_pixels(result.cpu())[0]


def to_frames(pixels: Photo) -> Tensor:
    """Pixels (N, H, W, 3) uint8 -> frames (N, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


def to_pixels(frames: Tensor) -> Photo:
    """Frames (N, 3, H, W) -> pixels (N, H, W, 3) uint8, clipped to [0, 1] and rounded."""
    return (frames.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def _seed(seed: int, step: int) -> int:
    """One 32-bit seed for a step (-1: the validation set), far from those of its neighbours."""
    return int(np.random.SeedSequence([seed, step + 1]).generate_state(1)[0])
