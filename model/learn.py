"""What a training step is: the settings, one step, one validation.

Axis letters: N crops of a batch, H = W = the crop's side.
"""

import math
from dataclasses import field, replace
from typing import Any, Literal

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
from model.generator import MAPPED, SCORED, EncoderDecoder, Generator, expected_image
from model.losses import latent_l1
from model.metrics import mean_quality, model_score, quality
from model.objectives import OBJECTIVES, TERMS, Batch, Name, Passes, Terms, terms, with_map
from model.optimizer import Descent
from model.photos import Photo
from model.processes import average_gradients, averaged, gathered, rank, share, world
from pixelmend.config import CHECKED
from pixelmend.errors import UserError


@dataclass(frozen=True, config=CHECKED)
class TrainConfig:
    """How the float network is trained; the loss weights and betas are the published ones."""

    objective: Name = "generative"  # see `model.objectives`
    steps: int = 60000  # optimizer steps
    batch: int = 16  # crops a step
    crop: int = 256  # px, side of a crop
    uniform: float = 0.25  # share of crops from anywhere; the rest come from where photographs have detail
    optimizer: Literal["adam", "muon"] = (
        "adam"  # muon: for the kernels, with Adam for the rest (`model.optimizer`)
    )
    learning_rate: float = 2e-4  # of Adam, at the start
    muon_rate: float = 0.01  # of Muon, at the start
    final_rate: float = 1.0  # share of the learning rate left at the last step, on a half cosine
    warm_up: int = 0  # first steps, in which the learning rate rises from nothing
    betas: tuple[float, float] = (0.0, 0.999)  # of Adam
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
    validate_every: int = 1000  # steps
    validation_crops: int = 500  # fixed crops with fixed defects
    validation_share: float = 0.1  # of the photographs, none of which is trained on
    reduce: Literal[1, 2, 4, 8] = 2  # JPEGs are shrunk by this when read
    memory_mb: int = 1000  # most MB of photographs held, for training and for validation each
    threads: int = 1  # CPU threads; another number gives slightly other weights, and on busy cores loses time
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["float32", "bfloat16"] = "float32"  # bfloat16: mixed, weights and losses stay float32
    draw_on: Literal["cpu", "device"] = (
        "cpu"  # who cuts crops and draws defects; cpu: the same for all devices
    )
    seed: int = 1

    @model_validator(mode="after")
    def _check(self) -> "TrainConfig":
        counts = ("steps", "batch", "crop", "validate_every", "validation_crops", "memory_mb", "threads")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.sound_weight <= 0:
            raise ValueError("sound_weight must be positive")
        if not 0.0 <= self.uniform <= 1.0:
            raise ValueError("uniform must be 0 to 1")
        if not 0.0 < self.validation_share < 1.0:
            raise ValueError("validation_share must be greater than 0 and less than 1")
        if min(self.learning_rate, self.muon_rate) <= 0 or not 0.0 <= self.final_rate <= 1.0:
            raise ValueError("learning_rate and muon_rate must be positive, final_rate 0 to 1")
        if self.warm_up < 0:
            raise ValueError("warm_up must not be negative")
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise ValueError("betas must be at least 0 and less than 1")
        if min(self.seed, *(value for name, value in vars(self).items() if name.startswith("lambda_"))) < 0:
            raise ValueError("loss weights and seed must not be negative")
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
        if settings.batch % world():
            raise UserError(
                f"[train] batch: must be divisible by the {world()} processes, got {settings.batch}"
            )
        self.defects, self.settings, self.name = defects, settings, name
        self.pool = pool if settings.draw_on == "cpu" else DeviceCrops(pool, settings.device)
        self.validation = validation
        self.network = network.to(settings.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective = OBJECTIVES[settings.objective]
        self._check(network)
        self.crops: FinderCrops | None = None
        if settings.objective == "finder":
            self.crops = FinderCrops(pool, settings.finder, settings.seed)
        self.adversary: Adversary | None = None
        if self.objective.critic:
            seed = _seed(settings.seed, 0, "critic")
            self.adversary = Adversary(settings.critic, settings.betas, seed, settings.device)
        self.teacher: Generator | None = None
        if self.objective.autoencoder and settings.autoencoder is not None:
            self.teacher = load_autoencoder(settings.autoencoder, network.config).to(settings.device)
        muon_rate = settings.muon_rate if settings.optimizer == "muon" else None
        self.optimizer = Descent(self.network.parameters(), settings.learning_rate, settings.betas, muon_rate)
        self._wanted = [name for name in TERMS if getattr(settings, f"lambda_{name}") > 0]
        self.step = 0
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, float] = {}
        self.best_weights: dict[str, Tensor] = {}
        self.terms: Terms = {}  # of the last step, not weighted
        self._losses: list[float] = []  # since the last validation
        self._critic_losses: list[float] = []

    def advance(self) -> None:
        """One optimizer step, after those of the critic where there is one.

        All draws depend on the seed and the number of the step only; but which values dropout takes depends
        on the number of processes, too.
        """
        batch = self._batch()
        torch.manual_seed(_seed(self.settings.seed, self.step) + rank())  # for dropout
        self.network.train()
        with torch.autocast(self.settings.device, torch.bfloat16, self.settings.precision == "bfloat16"):
            passes = self.objective.passes(self.network, batch)
        weight = self.settings.sound_weight if self.crops is None else self.settings.finder.sound_weight
        found = terms(passes, self.settings.local, weight, self._wanted)
        if self.teacher is not None and "latent" in self._wanted:
            found["latent"] = latent_l1(passes.latents.float(), self.teacher.latent(batch.clean))
        if self.adversary is not None:
            found["adversarial"] = self._contest(self.adversary, passes)
        weighted = (getattr(self.settings, f"lambda_{name}") * term for name, term in found.items())
        loss = torch.stack(list(weighted)).sum()
        self.optimizer.zero_grad()
        loss.backward()
        average_gradients(self.network.parameters())
        self.optimizer.step(self._rate())
        self.terms = {name: term.detach() for name, term in found.items()}
        self._losses.append(float(averaged(loss)))
        self.step += 1

    def validate(self) -> dict[str, float]:
        """Append a row to the curve, and keep the weights where the model score is the best so far.

        The objective `autoencoder` is judged by how it copies the clean crops.
        """
        self.network.eval()
        held = self.validation
        if self.settings.objective == "autoencoder":
            held = replace(held, defective=held.clean, broken=np.zeros_like(held.broken))
        if held.finder is None:
            rows = []
            for i in range(rank(), len(held.clean), world()):
                result = repair(self.network, held.defective[i], held.broken[i], self.settings.device)
                rows.append(quality(held.clean[i], result, held.masks[i]))
            figures = mean_quality(gathered(rows))
            figures |= {"model_score": model_score(figures)}
        else:
            figures = self._found(held.finder)
        row = {"step": float(self.step), "loss": _mean(self._losses)}
        if self.adversary is not None:
            row["critic_loss"] = _mean(self._critic_losses)
        row |= figures
        for name, text in (("loss", "the loss"), ("critic_loss", "the critic's loss")):
            if not math.isfinite(row.get(name, 0.0)):
                raise UserError(
                    f"{text} became {row[name]} by step {self.step}; a lower learning_rate may help"
                )
        self._losses, self._critic_losses = [], []
        self.curve.append(row)
        if not self.best or row["model_score"] > self.best["model_score"]:
            self.best = row
            self.best_weights = {
                name: value.cpu().clone() for name, value in self.network.state_dict().items()
            }
        return row

    def state(self) -> dict[str, Any]:
        """What `restore` needs, made of tensors, numbers, strings, lists and dictionaries only."""
        names = ("step", "curve", "best", "best_weights", "_losses", "_critic_losses")
        changing = {name: getattr(self, name) for name in names}
        changing |= {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        return changing | ({} if self.adversary is None else {"adversary": self.adversary.state()})

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        self.network.load_state_dict(state.pop("network"))
        self.optimizer.load_state_dict(state.pop("optimizer"))
        if self.adversary is not None:
            self.adversary.restore(state.pop("adversary"))
        for name, value in state.items():
            setattr(self, name, value)

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
            batch = self.crops.draw(self.settings.batch, self.defects, _seed(self.settings.seed, self.step))
            return batch.part(share(self.settings.batch)).to(self.settings.device)
        whole = draw(self.pool, self.defects, self.settings.batch, _seed(self.settings.seed, self.step))
        return whole.part(share(self.settings.batch)).to(self.settings.device)

    def _contest(self, adversary: Adversary, passes: Passes) -> Tensor:
        """Train the critic on the images of the passes; what it then says of them, summed over the passes."""
        images, clean = expected_image(passes.frames, passes.painted), passes.batch.clean
        n, steps = self.settings.batch, self.settings.critic.steps
        random = torch.Generator().manual_seed(_seed(self.settings.seed, self.step, "critic"))
        mix = torch.rand((steps, passes.number, n, 1, 1, 1), generator=random)[:, :, share(n)]
        places = mix.reshape(steps, -1, 1, 1, 1).to(images.device)
        loss = adversary.learn(clean, images, passes.frames, places, self._rate())
        self._critic_losses.append(loss)
        return passes.number * adversary.term(images, passes.frames)

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

    def _rate(self) -> float:
        """The share of the learning rate at this step: rising for `warm_up` steps, at last `final_rate`."""
        least, warm_up = self.settings.final_rate, self.settings.warm_up
        share = least + (1 - least) * (1 + math.cos(math.pi * self.step / self.settings.steps)) / 2
        return share * min(1.0, (self.step + 1) / (warm_up + 1))


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
    seed = _seed(settings.seed, -1)
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


def to_frames(pixels: Photo) -> Tensor:
    """Pixels (N, H, W, 3) uint8 -> frames (N, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


def to_pixels(frames: Tensor) -> Photo:
    """Frames (N, 3, H, W) -> pixels (N, H, W, 3) uint8, clipped to [0, 1] and rounded."""
    return (frames.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def _seed(seed: int, step: int, use: Literal["batch", "critic"] = "batch") -> int:
    """One 32-bit seed for a step (-1: the validation set), far from those of its neighbours."""
    entropy = [seed, step + 1] + ([1] if use == "critic" else [])
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def _mean(values: list[float]) -> float:
    return math.fsum(values) / max(1, len(values))
