"""Objectives: which passes and losses they sum, against the formulas written out."""

import pytest
import torch
from torch import Tensor

from model.generator import Generator, GeneratorConfig, Mode
from model.losses import local_l1
from model.objectives import OBJECTIVES, Batch, Name, Terms, terms


def batch() -> Batch:
    random = torch.Generator().manual_seed(3)
    clean = torch.rand(2, 3, 16, 16, generator=random)
    mask = torch.zeros(2, 1, 16, 16, dtype=torch.bool)
    mask[:, :, 2:8, 3:9] = True
    broken = mask & (torch.rand(mask.shape, generator=random) < 0.5)
    return Batch(clean, torch.where(broken, torch.rand(clean.shape, generator=random), clean), mask, broken)


def generator(mode: Mode = "direct") -> Generator:
    torch.manual_seed(2)
    return Generator(GeneratorConfig(widths=(6, 8), mode=mode, spectral_norm=False))


def found(objective: Name, network: Generator, drawn: Batch) -> Terms:
    return terms(OBJECTIVES[objective].passes(network, drawn))


def value(term: Tensor) -> float:
    return float(term.detach())


@pytest.mark.parametrize("objective", ["generative", "dual_encoder"])
def test_two_passes_and_the_difference_of_their_latents(objective: Name) -> None:
    network, drawn = generator(), batch()
    clean, defective = drawn.clean, drawn.defective
    kept, mended = network(clean), network(defective)
    came = found(objective, network, drawn)
    assert value(came["px"]) == pytest.approx(
        value((kept - clean).abs().mean() + (mended - clean).abs().mean()), rel=1e-5
    )
    inside = [((result - clean)[:, :, 2:8, 3:9] ** 2).mean() for result in (kept, mended)]
    assert value(came["local"]) == pytest.approx(value(sum(inside, torch.zeros(()))), rel=1e-5)
    latents = (network.latent(clean) - network.latent(defective)).abs().mean()
    assert value(came["latent"]) == pytest.approx(value(latents), rel=1e-5)


@pytest.mark.parametrize("objective", ["supervised", "inpainter", "latent_inpainter"])
def test_one_pass_of_the_defective_frames(objective: Name) -> None:
    network, drawn = generator(), batch()
    came = found(objective, network, drawn)
    assert value(came["px"]) == pytest.approx(
        value((network(drawn.defective) - drawn.clean).abs().mean()), rel=1e-5
    )
    assert "latent" not in came


def test_an_autoencoder_sees_clean_frames_only() -> None:
    network, drawn = generator(), batch()
    came = found("autoencoder", network, drawn)
    assert value(came["px"]) == pytest.approx(
        value((network(drawn.clean) - drawn.clean).abs().mean()), rel=1e-5
    )


def test_the_published_objectives_and_their_parts() -> None:
    parts = {name: (one.critic, one.autoencoder) for name, one in OBJECTIVES.items()}
    assert parts == {
        "supervised": (False, False),
        "inpainter": (True, False),
        "latent_inpainter": (True, True),
        "dual_encoder": (True, False),
        "generative": (False, False),
        "autoencoder": (False, False),
        "finder": (False, False),
    }


def test_the_local_loss_can_be_l1() -> None:
    network, drawn = generator(), batch()
    passes = OBJECTIVES["supervised"].passes(network, drawn)
    expected = (network(drawn.defective) - drawn.clean)[:, :, 2:8, 3:9].abs().mean()
    assert value(terms(passes, "l1")["local"]) == pytest.approx(value(expected), rel=1e-5)
    nothing = torch.zeros_like(drawn.mask)
    assert value(local_l1(passes.painted, passes.frames, drawn.clean, nothing)) == 0.0


def test_a_mapped_network_sees_the_broken_pixels_and_changes_no_other() -> None:
    network, drawn = generator("mapped"), batch()
    frames = drawn.damaged("mapped")
    assert torch.equal(frames[:, 3:], drawn.broken.float())
    sound = drawn.sound().damaged("mapped")
    assert not sound[:, 3:].any()
    error = (network(frames) - drawn.clean).abs().mean()
    assert value(found("supervised", network, drawn)["px"]) == pytest.approx(value(error), rel=1e-5)
    kept = network(sound)
    assert torch.equal(kept, drawn.clean)
