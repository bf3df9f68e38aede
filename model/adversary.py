"""The critic as the generator's adversary: its losses, its optimizer, its steps.

Published (the defaults of `CriticConfig`): a Wasserstein critic under spectral norm, which learns twice as
fast as the generator (TTUR). Axis letters: N frames, H rows, W columns; K scores of a frame.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from model.critic import Critic, CriticConfig
from model.generator import COLOURS
from model.optimizer import Descent
from model.processes import average_gradients, averaged


def critic_loss(config: CriticConfig, real: Tensor, fake: Tensor) -> Tensor:
    """What the critic makes small, of the scores of clean images and of the generator's.

    wgan: mean D(fake) - mean D(real); gan and cgan: the binary cross entropies of both, summed.
    """
    if config.loss == "wgan":
        return fake.mean() - real.mean()
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(config: CriticConfig, fake: Tensor) -> Tensor:
    """What the generator makes small: -mean D(fake), or with (c)gan the cross entropy of passing for real."""
    return -fake.mean() if config.loss == "wgan" else softplus(-fake).mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor, judges: str
) -> Tensor:
    """Mean of (|gradient| - 1)^2 on the lines between real and fake images; Gulrajani et al., 2017.

    `mix` (N, 1, 1, 1) in [0, 1] is how much of the point is real. The gradient is that of the score with
    respect to what it judges: the three colours of a pixel, or a frame.
    """
    between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    axes = (1,) if judges == "pixel" else (1, 2, 3)
    # the root has no gradient at 0
    norm = (gradient.square().sum(axes) + torch.finfo(gradient.dtype).tiny).sqrt()
    return (norm - 1).square().mean()


class Adversary:
    """A critic in training, on the device of the frames and in float32 throughout."""

    def __init__(self, config: CriticConfig, betas: tuple[float, float], seed: int, device: str) -> None:
        """`seed` is of the first weights; the caller's generator stays as it is."""
        self.config = config
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.critic = Critic(config)
        self.critic.to(device)
        self.optimizer = Descent(self.critic.parameters(), config.learning_rate, betas)

    def learn(self, real: Tensor, fake: Tensor, frames: Tensor, mix: Tensor, rate: float) -> float:
        """The critic's steps; the loss at the last of them.

        Images `real` and `fake` (N, 3, H, W); `frames` (N, 3 or 4, H, W) are what the generator saw, `mix`
        (steps, N, 1, 1, 1) the places of the gradient penalty, `rate` the share of the learning rate.
        """
        self.critic.requires_grad_(True)
        fake = fake.detach()
        for places in mix:
            loss = critic_loss(self.config, *self._see(torch.cat([real, fake]), frames.repeat(2, 1, 1, 1)))
            if self.config.gradient_penalty:
                penalty = gradient_penalty(
                    lambda images: self._scores(images, frames), real, fake, places, self.config.judges
                )
                loss = loss + self.config.gradient_penalty * penalty
            self.optimizer.zero_grad()
            loss.backward()
            average_gradients(self.critic.parameters())
            self.optimizer.step(rate)
        return float(averaged(loss))

    def term(self, fake: Tensor, frames: Tensor) -> Tensor:
        """The generator's loss, with a gradient to `fake` (N, 3, H, W) and none to the critic."""
        self.critic.requires_grad_(False)
        return generator_loss(self.config, self._scores(fake, frames))

    def state(self) -> dict[str, Any]:
        """What `restore` needs: weights, power iterations, the optimizer's moments."""
        return {"critic": self.critic.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        self.critic.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _see(self, images: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """The scores of the first and of the second half, by one pass."""
        real, fake = self._scores(images, frames).chunk(2)
        return real, fake

    def _scores(self, images: Tensor, frames: Tensor) -> Tensor:
        seen = torch.cat([images, frames[:, :COLOURS]], 1) if self.config.loss == "cgan" else images
        scores: Tensor = self.critic(seen)
        return scores
