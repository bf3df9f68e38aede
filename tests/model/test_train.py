"""Training: it learns, it repeats, it goes on after an interruption as if there had been none."""

import csv
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from model import evaluate, loop
from model import train as module
from model.crops import CropPool
from model.defects import DefectConfig
from model.evaluate import compare, load_generator
from model.generator import Generator, GeneratorConfig
from model.learn import Learner, TrainConfig, generative, repair, to_frames, to_pixels, validation_set
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
    steps = module.fit
    monkeypatch.setattr(module, "fit", lambda *arguments: (calls.append(1), steps(*arguments))[1])
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


def learner(settings: TrainConfig, net: GeneratorConfig = NET) -> Learner:
    photo = np.random.default_rng(6).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    pool = CropPool([photo], settings.crop)
    return Learner(Generator(net), DEFECTS, settings, pool, validation_set(pool, DEFECTS, settings))


def test_the_learning_rate_falls_along_half_a_cosine() -> None:
    trained = learner(replace(QUICK, steps=4, learning_rate=0.01, final_rate=0.2))
    rates = []
    for _ in range(4):
        trained.advance()
        rates.append(trained.optimizer.param_groups[0]["lr"])
    wave = [(1 + np.cos(np.pi * step / 4)) / 2 for step in range(4)]
    assert rates == pytest.approx([0.01 * (0.2 + 0.8 * value) for value in wave])
    assert rates[0] == 0.01


def test_the_generative_objective_by_hand() -> None:
    torch.manual_seed(2)
    network = Generator(NET)
    clean, defective = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    mask = torch.zeros(2, 1, 16, 16, dtype=torch.bool)
    mask[:, :, 2:8, 3:9] = True
    settings = replace(QUICK, lambda_px=3.0, lambda_local=5.0, lambda_latent=7.0)
    kept, mended = network(clean), network(defective)
    frame = (kept - clean).abs().mean() + (mended - clean).abs().mean()
    local = sum(((result - clean)[:, :, 2:8, 3:9] ** 2).mean() for result in (kept, mended))
    latents = (network.latent(clean) - network.latent(defective)).abs().mean()
    loss = generative(network, clean, defective, mask, settings)
    assert float(loss.detach()) == pytest.approx(
        float((3 * frame + 5 * local + 7 * latents).detach()), rel=1e-5
    )


def test_validation_is_without_dropout_and_on_fixed_crops() -> None:
    trained = learner(QUICK, replace(NET, dropout=0.5))
    trained.advance()
    assert trained.validate()["model_score"] == trained.validate()["model_score"]


def test_no_photograph_is_both_trained_and_validated_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[list[bytes]] = []

    def pool(photos: list[np.ndarray], size: int) -> CropPool:
        pools.append([photo.tobytes() for photo in photos])
        return CropPool(photos, size)

    monkeypatch.setattr(loop, "CropPool", pool)
    train(NET, DEFECTS, QUICK, data, tmp_path)
    validated, trained = pools
    assert (len(validated), len(trained)) == (1, 3)
    assert not set(validated) & set(trained)


def test_other_photographs_are_another_training(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "photographs"
    shutil.copytree(data, copy)
    train(NET, DEFECTS, QUICK, copy, tmp_path / "out")
    before = files(tmp_path / "out")
    first = sorted(copy.iterdir())[0]
    Image.fromarray(255 - np.asarray(Image.open(first))).save(first)
    train(NET, DEFECTS, QUICK, copy, tmp_path / "out")
    assert files(tmp_path / "out") != before


def test_the_command_lines_read_their_tables(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configuration = tmp_path / "x.toml"
    configuration.write_text(
        "[generator]\nwidths = [6, 8]\nspectral_norm = false\n[defects]\nboxes = [1, 1]\nside = [4, 6]\n"
        "[train]\nsteps = 9\nbatch = 2\ncrop = 16\nvalidate_every = 4\nvalidation_crops = 4\n"
        "learning_rate = 5e-3\nthreads = 1\nseed = 3\n",
        encoding="utf-8",
    )
    module.main(configuration, data, tmp_path / "a")
    train(NET, DEFECTS, QUICK, data, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    evaluate.main(configuration, tmp_path / "a" / "float.safetensors", 16, 1, 1, tmp_path / "none")
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("defective", "3x3 median", "network", "defect dB"))
