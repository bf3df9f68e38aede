"""Learning to repair: the settings, the loss of a step, the figures of a validation.

Axis letters: N crops of a batch, H = W = the crop's side.
"""

from dataclasses import field, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor

from model.adversary import Adversary
from model.autoencoder import load_autoencoder
from model.critic import CriticConfig
from model.crops import CropPool, DeviceCrops
from model.defects import DefectConfig, synthesize
from model.finder import FinderConfig, FinderCrops, FinderValidation, finder_figures, finder_validation
from model.frames import to_frames, to_pixels
from model.generator import MAPPED, SCORED, EncoderDecoder, Generator, expected_image
from model.losses import latent_l1
from model.metrics import mean_quality, model_score, quality
from model.objectives import OBJECTIVES, TERMS, Batch, Name, Passes, terms, with_map
from model.photos import Photo
from model.processes import gathered, rank, share, world
from model.schedule import Schedule
from model.sheet import absolute_error
from model.trainee import Trainee, seed_of
from pixelmend.config import CHECKED
from pixelmend.errors import UserError

SHOWN = 4  # validation crops on a picture sheet


@dataclass(frozen=True, config=CHECKED)
class TrainConfig(Schedule):
    """How the float network is trained; the loss weights and betas are the published ones."""

    objective: Name = "generative"  # see `model.objectives`
    lambda_px: float = 10.0  # weight of the L1 loss over the frame
    lambda_local: float = 10.0  # weight of the L2 loss in the defects
    lambda_latent: float = 1.0  # weight of the L1 loss between the two latents
    lambda_adversarial: float = 1.0  # weight of the critic's opinion, in objectives with a critic
    lambda_choice: float = 1.0  # weight of the score's cross entropy, in modes with a score
    lambda_found: float = 0.0  # weight of the score's cross entropy as a finder's, see `model.finder`
    lambda_psnr: float = 0.0  # weight of the logarithm of the squared error, whole and in the defects
    lambda_ssim: float = 0.0  # weight of 1 - SSIM in the defects
    sound_weight: float = 1.0  # of pixels outside the defects in lambda_psnr's whole, see `model.losses`
    local: Literal["l1", "l2"] = "l2"  # the loss that lambda_local weights
    critic: CriticConfig = field(default_factory=CriticConfig)  # table [train.critic]
    finder: FinderConfig = field(default_factory=FinderConfig)  # table [train.finder], of objective finder
    autoencoder: str | None = None  # float checkpoint, of the project's folder; for `latent_inpainter`
    draw_on: Literal["cpu", "device"] = (
        "cpu"  # who cuts crops and draws defects; cpu: the same for all devices
    )

    @model_validator(mode="after")
    def _check(self) -> "TrainConfig":
        if self.sound_weight <= 0:
            raise ValueError("sound_weight must be positive")
        if min(value for name, value in vars(self).items() if name.startswith("lambda_")) < 0:
            raise ValueError("loss weights must not be negative")
        if OBJECTIVES[self.objective].autoencoder and self.autoencoder is None:
            raise ValueError(
                f"objective '{self.objective}' needs autoencoder, the path of a float checkpoint "
                "trained with objective 'autoencoder'"
            )
        return self


@dataclass(frozen=True, config={"arbitrary_types_allowed": True})
class ValidationSet:
    """Fixed crops with fixed defects: uint8 (N, S, S, 3) and bool (N, S, S), as in `DamagedImage`."""

    clean: NDArray[np.uint8]
    defective: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    broken: NDArray[np.bool_]
    finder: FinderValidation | None = None  # of objective finder, in place of the others


class Learner(Trainee):
    """A network that learns to repair: its objective, its critic if there is one, its crops and defects."""

    def __init__(
        self,
        network: EncoderDecoder,
        defects: DefectConfig,
        settings: TrainConfig,
        pool: CropPool,
        validation: ValidationSet,
        name: str = "train",
    ) -> None:
        super().__init__(network, settings, name)
        self.network = network
        self.defects, self.settings = defects, settings
        self.pool = pool if settings.draw_on == "cpu" else DeviceCrops(pool, settings.device)
        self.validation = validation
        self.objective = OBJECTIVES[settings.objective]
        self._check(network)
        self.crops: FinderCrops | None = None
        if settings.objective == "finder":
            self.crops = FinderCrops(pool, settings.finder, settings.seed)
        if self.objective.critic:
            self.oppose(settings.critic)
        self.teacher: Generator | None = None
        if self.objective.autoencoder and settings.autoencoder is not None:
            self.teacher = load_autoencoder(settings.autoencoder, network.config).to(settings.device)
        self._wanted = [name for name in TERMS if getattr(settings, f"lambda_{name}") > 0]

    def loss(self) -> Tensor:
        """The objective's weighted terms on the step's batch, after the steps of the critic where there is one."""
        batch = self._batch()
        with torch.autocast(self.settings.device, torch.bfloat16, self.settings.precision == "bfloat16"):
            passes = self.objective.passes(self.network, batch)
        weight = self.settings.sound_weight if self.crops is None else self.settings.finder.sound_weight
        found = terms(passes, self.settings.local, weight, self._wanted)
        if self.teacher is not None and "latent" in self._wanted:
            found["latent"] = latent_l1(passes.latents.float(), self.teacher.latent(batch.clean))
        if self.adversary is not None:
            found["adversarial"] = self._contest(self.adversary, passes)
        self.terms = {name: term.detach() for name, term in found.items()}
        weighted = (getattr(self.settings, f"lambda_{name}") * term for name, term in found.items())
        return torch.stack(list(weighted)).sum()

    def figures(self) -> dict[str, float]:
        """The quality of the validation crops; `autoencoder` is judged by how it copies the clean ones."""
        held = self.validation
        if held.finder is not None:
            return self._found(held.finder)
        if self.settings.objective == "autoencoder":
            held = replace(held, defective=held.clean, broken=np.zeros_like(held.broken))
        rows = []
        for i in range(rank(), len(held.clean), world()):
            result = repair(self.network, held.defective[i], held.broken[i], self.settings.device)
            rows.append(quality(held.clean[i], result, held.masks[i]))
        figures = mean_quality(gathered(rows))
        return figures | {"model_score": model_score(figures)}

    def shown(self, row: dict[str, float]) -> str:
        """Decibels of the whole crops and in the defects."""
        return f"{row['psnr_db']:.2f} dB, in the defect {row['defect_psnr_db']:.2f} dB"

    def sheet(self) -> Photo:
        """Validation crops below each other: clean, defective, repaired, absolute error."""
        held, rows = self.validation, []
        for clean, defective, broken in zip(
            held.clean[:SHOWN], held.defective[:SHOWN], held.broken[:SHOWN], strict=True
        ):
            result = repair(self.network, defective, broken, self.settings.device)
            rows.append(np.concatenate([clean, defective, result, absolute_error(clean, result)], axis=1))
        return np.concatenate(rows)

    def _found(self, held: FinderValidation) -> dict[str, float]:
        """The figures of a finder, by the names that the loop and the curve know, too."""
        repaired = {
            name: [
                repair(self.network, defective, broken, self.settings.device)
                for defective, broken in zip(frames, held.broken[name], strict=True)
            ]
            for name, frames in held.defective.items()
        }
        figures = finder_figures(held, repaired)
        named = {"psnr_db": figures["dynamic_psnr_db"], "defect_psnr_db": figures["defect_psnr_db"]}
        return named | figures | {"model_score": figures["score"]}

    def _batch(self) -> Batch:
        """This process's share of the step's batch."""
        if self.crops is not None:
            batch = self.crops.draw(self.settings.batch, self.defects, seed_of(self.settings.seed, self.step))
            return batch.part(share(self.settings.batch)).to(self.settings.device)
        whole = draw(self.pool, self.defects, self.settings.batch, seed_of(self.settings.seed, self.step))
        return whole.part(share(self.settings.batch)).to(self.settings.device)

    def _contest(self, adversary: Adversary, passes: Passes) -> Tensor:
        """Train the critic on the images of the passes; what it then says of them, summed over the passes."""
        images, clean = expected_image(passes.frames, passes.painted), passes.batch.clean
        return passes.number * self.contest(adversary, images, clean, passes.frames, passes.number)

    def _check(self, network: EncoderDecoder) -> None:
        mode = network.config.mode
        if self.settings.objective == "autoencoder" and mode != "direct":
            raise UserError(
                f"[train] objective: 'autoencoder' needs [generator] mode = 'direct', got '{mode}', with "
                "which a frame is copied past the network"
            )
        if self.settings.objective == "finder" and mode not in SCORED:
            raise UserError(
                f"[train] objective: 'finder' needs [generator] mode = {' or '.join(map(repr, SCORED))}, "
                f"got '{mode}', which has no score"
            )
        if world() > 1 and network.config.batch_norm:
            raise UserError(
                "[generator] batch_norm: its means are over a whole batch, which several processes share; "
                "train in one process"
            )


def draw(pool: CropPool | DeviceCrops, defects: DefectConfig, n: int, seed: int) -> Batch:
    """N crops and their defects.

    Drawn on the CPU, every device sees the same; drawn on a device, the crops are still the same, but the
    defects come from the device's own generator.
    """
    rng = np.random.default_rng(seed)
    clean = to_frames(pool.draw(n, rng)) if isinstance(pool, CropPool) else pool.draw(n, rng)
    return Batch(clean, *synthesize(clean, defects, torch.Generator(clean.device).manual_seed(seed)))


def validation_set(pool: CropPool, defects: DefectConfig, settings: TrainConfig) -> ValidationSet:
    """Draw the fixed set; it depends on the photographs, the defects and the seed."""
    seed = seed_of(settings.seed, -1)
    finder = None
    if settings.objective == "finder":
        finder = finder_validation(pool, settings.validation_crops, settings.crop, seed)
    clean = pool.draw(settings.validation_crops, np.random.default_rng(seed))
    random = torch.Generator().manual_seed(seed)
    defective, masks, broken = synthesize(to_frames(clean), defects.at_least_one, random)
    return ValidationSet(clean, to_pixels(defective), masks[:, 0].numpy(), broken[:, 0].numpy(), finder)


def repair(
    network: EncoderDecoder, defective: Photo, broken: NDArray[np.bool_], device: str = "cpu"
) -> Photo:
    """One frame (H, W, 3) uint8 through a network in evaluation -> (H, W, 3) uint8, clipped and rounded.

    `broken` (H, W) is the sensor's map; only networks of the modes `MAPPED` look at it.
    """
    frames = to_frames(defective[None])
    if network.config.mode in MAPPED:
        frames = with_map(frames, torch.from_numpy(broken)[None, None])
    with torch.inference_mode():
        result = network(frames.to(device))
    return to_pixels(result.cpu())[0]
