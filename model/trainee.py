"""A network in training: what changes from step to step, whatever it learns. The loop is in `model.loop`."""

import math
from abc import ABC, abstractmethod
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from model.adversary import Adversary
from model.critic import CriticConfig
from model.optimizer import Descent
from model.photos import Photo
from model.processes import average_gradients, averaged, rank, share, world
from model.schedule import Schedule
from pixelmend.errors import UserError

Terms = dict[str, Tensor]


class Trainee(ABC):
    """Everything of a training that can be saved and restored; `name` is what the progress bar calls it."""

    def __init__(self, network: nn.Module, settings: Schedule, name: str) -> None:
        if settings.device == "cuda" and not torch.cuda.is_available():
            raise UserError(
                "[train] device: expected a CUDA device for 'cuda', PyTorch finds none; set 'cpu'"
            )
        if settings.batch % world():
            raise UserError(
                f"[train] batch: must be divisible by the {world()} processes, got {settings.batch}"
            )
        self.schedule, self.name = settings, name
        network.to(settings.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.trained = network
        muon_rate = settings.muon_rate if settings.optimizer == "muon" else None
        self.optimizer = Descent(network.parameters(), settings.learning_rate, settings.betas, muon_rate)
        self.step = 0
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, float] = {}
        self.best_weights: dict[str, Tensor] = {}
        self.terms: Terms = {}  # of the last step, not weighted
        self._losses: list[float] = []  # since the last validation
        self.adversary: Adversary | None = None
        self._critic_losses: list[float] = []  # likewise

    @abstractmethod
    def loss(self) -> Tensor:
        """What this step's batch says, the network being in training; leaves its parts in `terms`."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """What validation finds, the network being in evaluation; `model_score` is the higher the better."""

    @abstractmethod
    def shown(self, row: dict[str, float]) -> str:
        """A row of the curve in a few words, for the progress bar."""

    @abstractmethod
    def sheet(self) -> Photo:
        """Pictures of a few validation crops, (H, W, 3) uint8."""

    def advance(self) -> None:
        """One optimizer step.

        All draws depend on the seed and the number of the step only; but which values dropout takes depends
        on the number of processes, too.
        """
        torch.manual_seed(seed_of(self.schedule.seed, self.step) + rank())  # for dropout
        self.trained.train()
        loss = self.loss()
        self.optimizer.zero_grad()
        loss.backward()
        average_gradients(self.trained.parameters())
        self.optimizer.step(self.schedule.rate(self.step))
        self._losses.append(float(averaged(loss)))
        self.step += 1

    def validate(self) -> dict[str, float]:
        """Append a row to the curve, and keep the weights where the model score is the best so far.

        `UserError` where a loss is no longer a number.
        """
        self.trained.eval()
        row = {"step": float(self.step)} | self._losses_since() | self.figures()
        for name, text in (("loss", "the loss"), ("critic_loss", "the critic's loss")):
            if not math.isfinite(row.get(name, 0.0)):
                raise UserError(
                    f"{text} became {row[name]} by step {self.step}; a lower learning_rate may help"
                )
        self.curve.append(row)
        if not self.best or row["model_score"] > self.best["model_score"]:
            self.best = row
            self.best_weights = {
                name: value.cpu().clone() for name, value in self.trained.state_dict().items()
            }
        return row

    def oppose(self, config: CriticConfig) -> None:
        """Give it an adversary."""
        seed = seed_of(self.schedule.seed, 0, "critic")
        self.adversary = Adversary(config, self.schedule.betas, seed, self.schedule.device)

    def contest(
        self, adversary: Adversary, images: Tensor, real: Tensor, frames: Tensor, passes: int = 1
    ) -> Tensor:
        """Train the critic on `images` and `real` ones, both (N, 3, H, W) of as many passes; what it then says of the
        images. `frames` (N, .., H, W) are what the network saw, which not every critic looks at.
        """
        n, steps = self.schedule.batch, adversary.config.steps
        random = torch.Generator().manual_seed(seed_of(self.schedule.seed, self.step, "critic"))
        mix = torch.rand((steps, passes, n, 1, 1, 1), generator=random)[:, :, share(n)]
        places = mix.reshape(steps, -1, 1, 1, 1).to(images.device)
        self._critic_losses.append(
            adversary.learn(real, images, frames, places, self.schedule.rate(self.step))
        )
        return adversary.term(images, frames)

    def state(self) -> dict[str, Any]:
        """What `restore` needs, made of tensors, numbers, strings, lists and dictionaries only."""
        names = ("step", "curve", "best", "best_weights", "_losses", "_critic_losses")
        changing = {name: getattr(self, name) for name in names}
        if self.adversary is not None:
            changing["adversary"] = self.adversary.state()
        return changing | {"network": self.trained.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        if self.adversary is not None:
            self.adversary.restore(state.pop("adversary"))
        self.trained.load_state_dict(state.pop("network"))
        self.optimizer.load_state_dict(state.pop("optimizer"))
        for name, value in state.items():
            setattr(self, name, value)

    def _losses_since(self) -> dict[str, float]:
        """Mean losses since the last validation, by the names of the curve."""
        found = {"loss": mean(self._losses)}
        if self.adversary is not None:
            found["critic_loss"] = mean(self._critic_losses)
        self._losses, self._critic_losses = [], []
        return found


def seed_of(seed: int, step: int, use: Literal["batch", "critic"] = "batch") -> int:
    """One 32-bit seed for a step (-1: the validation set), far from those of its neighbours."""
    entropy = [seed, step + 1] + ([1] if use == "critic" else [])
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def mean(values: list[float]) -> float:
    """0 of none."""
    return math.fsum(values) / max(1, len(values))
