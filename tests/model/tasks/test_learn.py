"""Learning a task: content and adversarial losses, and an end before the last step."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from model.checkpoint import save
from model.crops import CropPool
from model.features.extractor import KIND, Extractor, ExtractorConfig
from model.loop import config_json, fit, tired
from model.networks.espcn import ESPCN, ESPCNConfig
from model.photos import find_photos, load_photos
from model.tasks.learn import Content, TaskLearner, TaskSchedule, held_crops
from model.tasks.super_resolve import SuperResolve
from model.tasks.task import TaskConfig
from pixelmend.errors import UserError

SHAPE = ExtractorConfig("vgg", (4, 6), (1, 1))


@pytest.fixture
def features(tmp_path: Path) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        extractor = Extractor(SHAPE)
    path = tmp_path / "features.safetensors"
    save(
        path,
        KIND,
        {"shape": config_json(asdict(SHAPE)), "scales": {"relu1_1": 2.0}},
        extractor.state_dict(),
        {},
    )
    return path


def learner(data: Path, **settings: object) -> TaskLearner:
    schedule = TaskSchedule(steps=6, batch=2, crop=16, validate_every=1, validation_crops=2, **settings)
    task = SuperResolve(TaskConfig("super-resolve", factors=(2,)))
    pool = CropPool(load_photos(find_photos(data), 16, 100, 1), 16)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ESPCN(ESPCNConfig(widths=(4, 4), factor=2))
    return TaskLearner(network, task, schedule, pool, held_crops(task, pool, 2, 1))


def test_content_is_compared_in_units_of_the_scale(features: Path) -> None:
    content = Content(str(features), "relu1_1", "cpu")
    one, other = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    by_hand = [content.extractor.results(x, ["relu1_1"])["relu1_1"] / 2 for x in (one, other)]
    assert torch.allclose(content(one, other), (by_hand[0] - by_hand[1]).square().mean())
    one.requires_grad_()
    content(one, other).backward()
    assert one.grad is not None and float(one.grad.abs().max()) > 0
    with pytest.raises(UserError, match="no layer 'relu5_4'"):
        Content(str(features), "relu5_4", "cpu")


def test_content_and_adversary_pull_the_network(data: Path, features: Path) -> None:
    plain = learner(data)
    content = learner(data, features=str(features), feature_layer="relu2_1", feature_weight=0.5)
    against = learner(data, adversarial=0.1)
    losses = [float(one.loss().detach()) for one in (plain, content, against)]
    assert losses[1] == pytest.approx(losses[0] + 0.5 * float(content.terms["content"]), rel=1e-5)
    assert losses[2] == pytest.approx(losses[0] + 0.1 * float(against.terms["adversarial"]), rel=1e-5)
    assert against.adversary is not None
    critic = [weight.clone() for weight in against.adversary.critic.parameters()]
    against.advance()
    assert any(
        not torch.equal(a, b) for a, b in zip(critic, against.adversary.critic.parameters(), strict=True)
    )
    against.trained.eval()
    assert against.validate()["critic_loss"] > 0


def test_an_interrupted_contest_goes_on_as_it_was(data: Path) -> None:
    whole, first = learner(data, adversarial=0.1), learner(data, adversarial=0.1)
    for _ in range(3):
        whole.advance()
    first.advance()
    rest = learner(data, adversarial=0.1)
    rest.restore(first.state())
    rest.advance()
    rest.advance()
    for a, b in zip(whole.trained.parameters(), rest.trained.parameters(), strict=True):
        assert torch.equal(a, b)


def test_of_a_contest_the_latest_network_is_kept(data: Path, tmp_path: Path) -> None:
    """Though PSNR and SSIM are lost by it: a rate so large that the network forgets what it knew."""
    one = learner(data, adversarial=0.1, learning_rate=1.0)
    fit(one, tmp_path / "state.pt", {}, validate_first=True)
    quality = [row["psnr_db"] + 100 * row["ssim"] for row in one.curve]
    assert max(quality) > quality[-1], "nothing was lost"
    assert one.best["step"] == one.step == 6
    same = zip(one.best_weights.values(), one.trained.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)


def test_patience_ends_a_training_that_gets_no_better(data: Path, tmp_path: Path) -> None:
    one = learner(data, patience=2)
    scores = iter([1.0, 2.0, 1.5, 2.0, 9.0, 9.0])
    one.figures = lambda: {"psnr_db": 0.0, "model_score": next(scores)}  # type: ignore[method-assign]
    fit(one, tmp_path / "state.pt", {})
    assert one.step == 4 and one.best["step"] == 2
    assert tired(one)
    assert np.array_equal([row["step"] for row in one.curve], [1, 2, 3, 4])
    assert learner(data).schedule.patience == 0


def test_no_slope_becomes_negative(data: Path) -> None:
    """What falls left of 0 can't be built, and would be refused only when it is quantized."""
    one = learner(data)
    one.trained.bend = nn.PReLU(2, init=-0.1)
    one.advance()
    assert float(one.trained.bend.weight.min()) == 0
