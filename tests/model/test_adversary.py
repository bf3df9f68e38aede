"""The critic as an adversary: its losses and penalty by hand, its norm, what it learns from and what not."""

from copy import deepcopy
from math import exp, log1p

import pytest
import torch
from torch import Tensor

from model.adversary import Adversary, critic_loss, generator_loss, gradient_penalty
from model.critic import CriticConfig

WGAN, CGAN = CriticConfig(), CriticConfig(loss="cgan")
REAL, FAKE = torch.tensor([1.0, 3.0]), torch.tensor([0.0, -2.0])


def softplus(x: float) -> float:
    return log1p(exp(x))


def test_losses_by_hand() -> None:
    assert float(critic_loss(WGAN, REAL, FAKE)) == -1.0 - 2.0
    assert float(generator_loss(WGAN, FAKE)) == 1.0
    real, fake = (softplus(-1) + softplus(-3)) / 2, (softplus(0) + softplus(-2)) / 2
    assert float(critic_loss(CGAN, REAL, FAKE)) == pytest.approx(real + fake)
    assert float(generator_loss(CGAN, FAKE)) == pytest.approx((softplus(0) + softplus(2)) / 2)


def test_cross_entropy_is_torchs() -> None:
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    expected = entropy(REAL, torch.ones(2)) + entropy(FAKE, torch.zeros(2))
    assert torch.allclose(critic_loss(CGAN, REAL, FAKE), expected)
    assert torch.allclose(generator_loss(CGAN, FAKE), entropy(FAKE, torch.ones(2)))


def flat(images: Tensor) -> Tensor:
    """The gradient is (3, 4, 0) at every pixel, of norm 5."""
    return 3 * images[:, :1] + 4 * images[:, 1:2]


def test_the_penalty_of_a_pixel_critic_is_by_pixel() -> None:
    real, fake, mix = torch.rand(2, 3, 2, 2), torch.rand(2, 3, 2, 2), torch.rand(2, 1, 1, 1)
    assert float(gradient_penalty(flat, real, fake, mix, "pixel")) == pytest.approx((5 - 1) ** 2)


def test_the_penalty_of_a_global_critic_is_by_frame() -> None:
    """Of a mean over 2 x 2 pixels: sqrt(4) * 5 / 4 = 2.5."""
    real, fake, mix = torch.rand(2, 3, 2, 2), torch.rand(2, 3, 2, 2), torch.rand(2, 1, 1, 1)

    def scores(images: Tensor) -> Tensor:
        return flat(images).mean((2, 3), keepdim=True)

    assert float(gradient_penalty(scores, real, fake, mix, "global")) == pytest.approx((2.5 - 1) ** 2)


def test_the_penalty_is_taken_between_the_images() -> None:
    """D = r^2 / 2 has the gradient r, which is mix * 4 + (1 - mix) * 2 there."""
    real, fake = torch.zeros(2, 3, 1, 1), torch.zeros(2, 3, 1, 1)
    real[:, 0], fake[:, 0] = 4.0, 2.0
    mix = torch.tensor([0.25, 1.0]).view(2, 1, 1, 1)
    penalty = gradient_penalty(lambda images: images[:, :1].square() / 2, real, fake, mix, "pixel")
    assert float(penalty.detach()) == pytest.approx(((2.5 - 1) ** 2 + (4 - 1) ** 2) / 2)


def test_a_critic_with_no_slope_has_a_penalty_and_a_gradient() -> None:
    scale = torch.zeros((), requires_grad=True)
    ones = torch.ones(1, 3, 1, 1)
    penalty = gradient_penalty(lambda images: scale * images, ones, ones, torch.ones(1, 1, 1, 1), "pixel")
    penalty.backward()
    assert float(penalty.detach()) == 1.0
    assert scale.grad is not None and torch.isfinite(scale.grad)


def images(seed: int, shift: float = 0.0) -> Tensor:
    return torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) + shift


def mixes(steps: int = 1) -> Tensor:
    return torch.full((steps, 4, 1, 1, 1), 0.5)


@pytest.mark.parametrize("judges", ["pixel", "global"])
def test_spectral_norm_bounds_every_layer(judges: str) -> None:
    config = CriticConfig(judges=judges, widths=(8, 12), learning_rate=1e-3)  # type: ignore[arg-type]
    adversary = Adversary(config, (0.0, 0.999), 1, "cpu")
    for parameter in adversary.critic.parameters():
        parameter.data *= 8
    for _ in range(30):
        adversary.learn(images(1), images(2, 0.5), images(3), mixes(), 1.0)
    adversary.critic.eval()
    layers = [layer for layer in adversary.critic.layers if isinstance(layer, torch.nn.Conv2d)]
    raw = [layer.parametrizations.weight.original for layer in layers]  # type: ignore[union-attr]
    assert all(float(torch.linalg.matrix_norm(one.flatten(1), 2).detach()) > 1.5 for one in raw)
    for layer in layers:
        norm = float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2))
        assert 0.99 < norm < 1.01  # one step of the power iteration follows each step of the optimizer


def test_it_learns_to_tell_them_apart() -> None:
    adversary = Adversary(CriticConfig(learning_rate=0.01), (0.0, 0.999), 1, "cpu")
    losses = [adversary.learn(images(1), images(2, 0.5), images(3), mixes(), 1.0) for _ in range(20)]
    assert losses[-1] < losses[0] - 0.2
    real, fake = (float(adversary.critic(one).mean().detach()) for one in (images(1), images(2, 0.5)))
    assert real > fake


def test_the_generators_term_reaches_its_images_only() -> None:
    adversary = Adversary(WGAN, (0.0, 0.999), 1, "cpu")
    own = images(1).requires_grad_()
    adversary.learn(images(2), own, images(3), mixes(), 1.0)
    assert own.grad is None
    before = [value.grad.clone() for value in adversary.critic.parameters() if value.grad is not None]
    adversary.term(own, images(3)).backward()
    assert own.grad is not None and bool(own.grad.any())
    after = [value.grad for value in adversary.critic.parameters() if value.grad is not None]
    assert len(after) == len(before) == 5
    assert all(torch.equal(one, other) for one, other in zip(after, before, strict=True))


def test_a_conditional_critic_sees_the_defective_frame() -> None:
    for config, sees in ((WGAN, False), (CGAN, True)):
        adversary = Adversary(config, (0.0, 0.999), 1, "cpu")
        adversary.critic.eval()
        first, second = (float(adversary.term(images(1), images(seed))) for seed in (2, 3))
        assert (first != second) == sees


def test_the_caller_s_draws_stay_as_they_are_and_the_seed_counts() -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    critics = [Adversary(WGAN, (0.0, 0.999), seed, "cpu").critic for seed in (1, 1, 2)]
    weights = [torch.cat([value.flatten() for value in critic.parameters()]) for critic in critics]
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_going_on_from_its_state_is_exact() -> None:
    config = CriticConfig(gradient_penalty=1.0, steps=2)
    first, second = (Adversary(config, (0.0, 0.999), seed, "cpu") for seed in (1, 2))
    first.learn(images(1), images(2), images(3), mixes(2), 1.0)
    second.restore(deepcopy(first.state()))
    losses = [one.learn(images(4), images(5), images(6), mixes(2), 0.5) for one in (first, second)]
    assert losses[0] == losses[1]
    for one, other in zip(first.critic.parameters(), second.critic.parameters(), strict=True):
        assert torch.equal(one, other)
