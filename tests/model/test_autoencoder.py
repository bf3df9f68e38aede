"""The frozen autoencoder: what is taken as one, and what the latent inpainter makes of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.autoencoder import digests, load_autoencoder
from model.crops import CropPool
from model.defects import DefectConfig
from model.evaluate import load_generator
from model.generator import Generator, GeneratorConfig
from model.learn import Learner, TrainConfig, repair, validation_set
from model.metrics import mean_quality, quality
from model.train import train
from pixelmend.errors import UserError
from tests.model.photographs import write_photographs

NET = GeneratorConfig(widths=(6, 8))
DEFECTS = DefectConfig(boxes=(1, 1), side=(4, 6))
COPY = TrainConfig(
    objective="autoencoder", steps=3, batch=2, crop=16, validate_every=3, validation_crops=3,
    learning_rate=5e-3, seed=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photographs(tmp_path_factory.mktemp("photographs"))


@pytest.fixture(scope="module")
def checkpoint(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(NET, DEFECTS, COPY, data, tmp_path_factory.mktemp("autoencoder"))


def settings(checkpoint: Path) -> TrainConfig:
    return replace(COPY, objective="latent_inpainter", autoencoder=str(checkpoint))


def learner(training: TrainConfig, net: GeneratorConfig = NET) -> Learner:
    photo = np.random.default_rng(6).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    pool = CropPool([photo], training.crop)
    torch.manual_seed(4)
    return Learner(Generator(net), DEFECTS, training, pool, validation_set(pool, DEFECTS, training))


def test_its_latent_of_the_clean_frames_is_the_aim(checkpoint: Path) -> None:
    trained = learner(settings(checkpoint))
    weights = {name: value.clone() for name, value in load_generator(checkpoint).state_dict().items()}
    before = learner(settings(checkpoint)).network
    batch = trained._batch()
    before.train()
    with torch.no_grad():
        latent, teacher = before.encode(batch.defective)[0], load_generator(checkpoint).latent(batch.clean)
    trained.advance()
    assert float(trained.terms["latent"]) == pytest.approx(float((latent - teacher).abs().mean()), rel=1e-5)
    assert float(trained.terms["latent"]) > 0
    assert trained.teacher is not None
    for name, value in trained.teacher.state_dict().items():
        assert torch.equal(value, weights[name])


def test_the_latent_inpainter_trains_from_the_files(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    first = train(NET, DEFECTS, settings(checkpoint), data, tmp_path / "a").read_bytes()
    heavier = replace(settings(checkpoint), lambda_latent=50.0)
    assert train(NET, DEFECTS, heavier, data, tmp_path / "b").read_bytes() != first


def test_another_autoencoder_is_another_training(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    assert digests(None) == {}
    other = train(NET, DEFECTS, replace(COPY, seed=9), data, tmp_path)
    assert digests(str(other)) != digests(str(checkpoint))


def test_an_autoencoder_is_judged_by_its_copies_of_clean_crops() -> None:
    trained = learner(COPY)
    row = trained.validate()
    held = trained.validation
    nothing = np.zeros_like(held.broken[0])
    rows = [
        quality(clean, repair(trained.network, clean, nothing), mask)
        for clean, mask in zip(held.clean, held.masks, strict=True)
    ]
    expected = mean_quality(rows)
    assert {name: row[name] for name in expected} == expected


def test_only_an_autoencoder_of_the_same_architecture_will_do(
    data: Path, checkpoint: Path, tmp_path: Path
) -> None:
    for field, value in (("widths", (6, 12)), ("kernel", 2), ("skips", False), ("center", False)):
        with pytest.raises(UserError, match=rf"expected the architecture of \[generator\], {field} = "):
            load_autoencoder(str(checkpoint), replace(NET, **{field: value}))
    assert not any(one.requires_grad for one in load_autoencoder(str(checkpoint), NET).parameters())
    other = train(NET, DEFECTS, replace(COPY, objective="supervised"), data, tmp_path)
    with pytest.raises(UserError, match=r"with objective 'autoencoder', but .* was with 'supervised'"):
        learner(settings(other))
    with pytest.raises(UserError, match=r"none.safetensors: expected a file, found nothing there"):
        train(NET, DEFECTS, settings(tmp_path / "none.safetensors"), data, tmp_path / "out")


def test_an_autoencoder_must_not_see_past_itself() -> None:
    with pytest.raises(UserError, match=r"'autoencoder' needs \[generator\] mode = 'direct', got 'mapped'"):
        learner(COPY, replace(NET, mode="mapped"))
