"""What a finder trains on, what it is judged by, and how it starts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.crops import CropPool
from model.defects import named_set
from model.finder import (
    CALLS_NOTHING,
    VALIDATED,
    FinderConfig,
    FinderCrops,
    finder_figures,
    finder_validation,
    halved,
    start,
)
from model.generator import Generator, GeneratorConfig, Painted
from model.losses import found_entropy
from model.objectives import Batch, finding

SIDE = 32
RANDOM = np.random.default_rng(2)
POOL = CropPool([RANDOM.integers(0, 256, (80, 90, 3), dtype=np.uint8)], SIDE)
CONFIG = FinderConfig(hard_pictures=1, hard_side=64)
SHAPE = GeneratorConfig(widths=(24, 8), mode="filled", spectral_norm=False, fill_levels=2)


def test_crops_repeat_and_most_are_sound() -> None:
    crops = FinderCrops(POOL, replace(CONFIG, sound_share=0.75, hard_share=0.5), 1)
    first, again, other = (crops.draw(40, named_set("dynamic"), seed) for seed in (1, 1, 2))
    assert torch.equal(first.defective, again.defective)
    assert not torch.equal(first.defective, other.defective)
    sound = ~first.broken.flatten(1).any(1)
    assert 22 <= int(sound.sum()) <= 37
    assert torch.equal(first.clean[sound], first.defective[sound])
    assert not first.mask[sound].any()
    assert ((first.clean != first.defective).any(1, keepdim=True) <= first.broken).all()
    assert torch.equal(first.clean, (first.clean * 255).round() / 255)


def test_shares_of_nothing_and_of_all() -> None:
    never = replace(
        CONFIG, hard_share=0.0, small_share=0.0, noisy_share=0.0, exposed_share=0.0, sound_share=0.0
    )
    flat = CropPool([np.full((64, 64, 3), 77, np.uint8)], SIDE)
    batch = FinderCrops(flat, never, 1).draw(8, named_set("dynamic"), 3)
    assert torch.equal(batch.clean, torch.full_like(batch.clean, 77 / 255))
    assert batch.broken.flatten(1).any(1).all()
    hard = FinderCrops(flat, replace(never, hard_share=1.0), 1).draw(16, named_set("dynamic"), 3)
    assert float(hard.clean.std()) > 0.1
    noisy = FinderCrops(flat, replace(never, noisy_share=1.0), 1).draw(16, named_set("dynamic"), 3)
    assert noisy.clean.flatten(1).std(1).min() > 0.5 / 255
    lit = FinderCrops(flat, replace(never, exposed_share=1.0), 1).draw(16, named_set("dynamic"), 3)
    assert len(lit.clean[:, 0, 0, 0].unique()) > 10


def test_half_size_is_the_mean_of_cells() -> None:
    photo = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    assert halved(photo)[0, 0].tolist() == [8, 9, 10]  # (0 + 3 + 12 + 15 + 2) / 4
    assert halved(photo).shape == (2, 2, 3)


def test_the_loss_weighs_what_is_seen() -> None:
    clean = torch.full((1, 3, 1, 4), 0.5)
    frames = clean.clone()
    frames[0, 1, 0, 0] += 56 / 255  # plain
    frames[0, 1, 0, 1] += 32 / 255  # half way
    frames[0, 1, 0, 2] += 8 / 255  # hidden
    broken = torch.tensor([True, True, True, False]).view(1, 1, 1, 4)
    score = torch.full((1, 1, 1, 4), 0.5)  # a logit of 0
    loss = found_entropy(Painted(frames, score, score), frames, clean, broken, 3.0)
    assert float(loss) == pytest.approx((1 + 0.5 + 0 + 3) * np.log(2) / 4, rel=1e-4)
    assert float(found_entropy(Painted(frames, score, None), frames, clean, broken, 3.0)) == 0.0


def test_finding_fills_nothing_and_has_a_gradient() -> None:
    network = Generator(SHAPE)
    start(network)
    frames = torch.rand(2, 3, SIDE, SIDE)
    broken = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.bool)
    passes = finding(network, Batch(frames, frames, broken, broken))
    assert torch.equal(passes.painted.colours, frames)
    assert passes.painted.score is not None
    passes.painted.score.sum().backward()
    gradient = network.enc[0].weight.grad
    assert isinstance(gradient, torch.Tensor)
    assert float(gradient.abs().sum()) > 0


def test_the_start_sees_single_pixels_and_calls_nothing_broken() -> None:
    torch.manual_seed(0)
    network = Generator(SHAPE)
    start(network)
    flat = torch.full((1, 3, SIDE, SIDE), 0.4)
    spot = flat.clone()
    spot[0, :, 9, 12] = 1.0
    with torch.no_grad():
        before, after = (network.encode(frames)[1][0] for frames in (flat, spot))
        score = network.decode(*network.encode(flat))
    assert float((after - before).abs().max()) > 0.4
    assert float(score.max()) < 0.3
    assert network.dec[-1].bias.tolist() == pytest.approx([CALLS_NOTHING])  # type: ignore[operator, union-attr]


def test_figures_of_a_perfect_and_of_an_idle_finder() -> None:
    held = finder_validation(POOL, 6, SIDE, 5)
    assert {name: len(held.clean[name]) for name in VALIDATED}["dynamic"] == 6
    assert not held.broken["sound"].any()
    assert held.broken["shapes"].any((1, 2)).all()
    perfect = finder_figures(held, {name: list(held.clean[name]) for name in VALIDATED})
    assert perfect["shapes_recall"] == 1.0
    assert perfect["score"] == pytest.approx(100 + 100 + 50 + 50)
    assert all(perfect[f"{name}_false_per_mpx"] == 0 for name in VALIDATED)
    idle = finder_figures(held, {name: list(held.defective[name]) for name in VALIDATED})
    assert idle["shapes_recall"] == 0.0
    assert idle["sound_psnr_db"] == idle["hard_psnr_db"] == 100
    assert idle["score"] < 190
    wild = finder_figures(held, {name: list(255 - held.defective[name]) for name in VALIDATED})
    assert wild["sound_false_per_mpx"] > 990_000
    assert wild["score"] < idle["score"]
