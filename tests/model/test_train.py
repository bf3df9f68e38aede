"""Training: it learns, it repeats, it goes on after an interruption as if there had been none."""

import csv
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from model import train as module
from model.defects import DefectConfig
from model.evaluate import compare, load_generator
from model.generator import GeneratorConfig
from model.learn import Learner, TrainConfig, repair, to_frames, to_pixels
from model.losses import global_l1, latent_l1, local_l2
from model.metrics import median3
from model.train import train
from pixelmend.config import parse
from pixelmend.errors import UserError
from pixelmend.files import read_json

NET = GeneratorConfig(widths=(6, 8), spectral_norm=False)
DEFECTS = DefectConfig(boxes=(1, 1), side=(4, 6))
QUICK = TrainConfig(
    steps=9, batch=2, crop=16, validate_every=4, validation_crops=4, learning_rate=5e-3, threads=1, seed=3
)
FILES = ("float.safetensors", "train.csv", "train.json")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(2)
    for i in range(4):
        smooth = gaussian_filter(rng.random((48, 56, 3)) * 1500 - 620, (4, 4, 0))
        Image.fromarray(smooth.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return folder


def files(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_two_runs_give_the_same_files(data: Path, tmp_path: Path, spectral_norm: bool) -> None:
    net = replace(NET, spectral_norm=spectral_norm, dropout=0.2)
    for name in ("a", "b"):
        train(net, DEFECTS, QUICK, data, tmp_path / name)
    train(net, DEFECTS, replace(QUICK, seed=4), data, tmp_path / "c")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a")["float.safetensors"] != files(tmp_path / "c")["float.safetensors"]


def test_the_curve_and_where_the_network_came_from(data: Path, tmp_path: Path) -> None:
    train(NET, DEFECTS, QUICK, data, tmp_path)
    with (tmp_path / "train.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["step"]) for row in rows] == [4, 8, 9]
    report = read_json(tmp_path / "train.json")
    assert [row["loss"] for row in report["curve"]] == [float(row["loss"]) for row in rows]
    made_by = report["made_by"]
    assert (made_by["seed"], made_by["defects"]["side"]) == (3, [4, 6])
    assert {"commit", "versions", "data"} <= made_by.keys()
    assert made_by["best"] == max(report["curve"], key=lambda row: row["model_score"])
    network = load_generator(tmp_path / "float.safetensors")
    assert network.config == NET
    assert not (tmp_path / "train_state.pt").exists()


@pytest.mark.parametrize("after", [2, 4, 7, 9])
def test_ctrl_c_and_going_on_changes_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """At a validation, between two, at the last step: the state is kept after the step that was under way."""
    train(NET, DEFECTS, QUICK, data, tmp_path / "whole")
    advance = Learner.advance

    def interrupted(learner: Learner) -> None:
        if learner.step == after - 1:
            os.kill(os.getpid(), signal.SIGINT)
        advance(learner)

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Learner, "advance", interrupted)
        train(NET, DEFECTS, QUICK, data, tmp_path / "cut")
    assert signal.getsignal(signal.SIGINT) is handler
    assert not (tmp_path / "cut" / "float.safetensors").exists()
    assert torch.load(tmp_path / "cut" / "train_state.pt", weights_only=True)["learner"]["step"] == after
    steps: list[int] = []
    monkeypatch.setattr(Learner, "advance", lambda learner: (steps.append(learner.step), advance(learner))[1])
    train(NET, DEFECTS, QUICK, data, tmp_path / "cut")
    assert steps == list(range(after, 9))
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_unchanged_inputs_are_not_trained_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(NET, DEFECTS, QUICK, data, tmp_path)
    calls: list[int] = []
    steps = module._steps
    monkeypatch.setattr(module, "_steps", lambda *arguments: (calls.append(1), steps(*arguments))[1])
    train(NET, DEFECTS, QUICK, data, tmp_path)
    assert calls == []
    train(NET, DEFECTS, replace(QUICK, steps=5), data, tmp_path)
    assert calls == [1]
    (tmp_path / "train.csv").unlink()
    train(NET, DEFECTS, replace(QUICK, steps=5), data, tmp_path)
    assert calls == [1, 1]


def test_a_state_of_other_settings_is_not_used(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"key": {"train": {}}, "learner": {}}, tmp_path / "train_state.pt")
    train(NET, DEFECTS, QUICK, data, tmp_path)
    assert "training starts anew" in capsys.readouterr().out.replace("\n", " ")


def test_a_damaged_state_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "train_state.pt").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"train_state.pt: expected a training state, got a damaged file"):
        train(NET, DEFECTS, QUICK, data, tmp_path)


def test_it_learns(data: Path, tmp_path: Path) -> None:
    longer = replace(QUICK, steps=150, batch=8, validate_every=50, lambda_px=1.0)
    train(NET, DEFECTS, longer, data, tmp_path)
    network = load_generator(tmp_path / "float.safetensors")
    photos = {path.name: np.asarray(Image.open(path)) for path in data.iterdir()}
    methods = {"none": lambda frame: frame, "median": median3, "net": lambda frame: repair(network, frame)}
    figures = compare(methods, photos, DEFECTS, side=16, frames=10, seed=1)
    assert (
        figures["net"]["defect_psnr_db"]
        > figures["median"]["defect_psnr_db"]
        > figures["none"]["defect_psnr_db"]
    )


def test_frames_larger_than_a_photograph_are_refused() -> None:
    photos = {"small": np.zeros((16, 32, 3), np.uint8)}
    with pytest.raises(UserError, match="needs 24x24 px, the photograph has only 16x32"):
        compare({"median": median3}, photos, DEFECTS, side=24, frames=1, seed=1)


def test_what_training_cannot_use(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="crop: must be divisible by 4, got 18"):
        train(NET, DEFECTS, replace(QUICK, crop=18), data, tmp_path)
    with pytest.raises(UserError, match="need a larger frame, got 8x8"):
        train(NET, DefectConfig(), replace(QUICK, crop=8), data, tmp_path)
    single = tmp_path / "single"
    single.mkdir()
    Image.new("RGB", (64, 64)).save(single / "a.png")
    with pytest.raises(UserError, match="at least 2 photographs"):
        train(NET, DEFECTS, QUICK, single, tmp_path)
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="expected a CUDA device for 'cuda', PyTorch finds none"):
            train(NET, DEFECTS, replace(QUICK, device="cuda"), data, tmp_path)


def test_a_loss_that_explodes_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the loss became (nan|inf) by step"):
        train(NET, DEFECTS, replace(QUICK, learning_rate=1e30), data, tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"validation_share": 1.0}, "validation_share must be"),
        ({"learning_rate": 0}, "learning_rate must be positive"),
        ({"final_rate": 2}, "final_rate 0 to 1"),
        ({"betas": [0.0, 1.0]}, "betas must be at least 0"),
        ({"lambda_px": -1}, "loss weights and seed must not be negative"),
        ({"objective": "magic"}, "objective: Input should be 'generative'; got 'magic'"),
    ],
)
def test_bad_settings_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(values, TrainConfig, "x.toml: [train]")


def test_losses_by_hand() -> None:
    clean = torch.zeros(2, 3, 4, 4)
    result = clean.clone()
    result[0, :, 0, 0] = 0.5
    mask = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    assert float(local_l2(result, clean, mask)) == 0.0  # an empty mask
    mask[0, 0, 0, :2] = True
    assert float(local_l2(result, clean, mask)) == pytest.approx(0.25 / 2)
    assert float(global_l1(result, clean)) == pytest.approx(0.5 * 3 / 96)
    assert float(latent_l1(torch.ones(1, 2, 3, 3), torch.full((1, 2, 3, 3), 3.0))) == 2.0


def test_pixels_and_frames() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    frames = to_frames(pixels)
    assert frames.shape == (2, 3, 5, 7)
    assert float(frames[1, 2, 3, 4]) == pytest.approx(int(pixels[1, 3, 4, 2]) / 255)
    assert np.array_equal(to_pixels(frames), pixels)
    assert to_pixels(torch.tensor([-1.0, 0.1, 7.0]).reshape(1, 3, 1, 1)).tolist() == [[[[0, 26, 255]]]]
