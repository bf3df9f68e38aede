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

from model import loop
from model import train as module
from model.critic import CriticConfig
from model.crops import CropPool
from model.defects import DefectConfig
from model.evaluate import BASELINES, load_generator, measure
from model.frames import to_frames, to_pixels
from model.generator import Generator, GeneratorConfig, Mode
from model.learn import Learner, TrainConfig, repair, validation_set
from model.metrics import mean_quality
from model.objectives import Name
from model.samples import Samples
from model.train import train
from pixelmend.config import Frame, parse
from pixelmend.errors import UserError
from pixelmend.files import read_json

NET = GeneratorConfig(widths=(6, 8), spectral_norm=False)
DEFECTS = DefectConfig(boxes=(1, 1), side=(4, 6))
QUICK = TrainConfig(
    steps=9, batch=2, crop=16, validate_every=4, validation_crops=4, learning_rate=5e-3, threads=1, seed=3
)
FILES = ("float.safetensors", "train.csv", "train.json", "train.png")
CONTEST = replace(
    QUICK,
    objective="dual_encoder",
    critic=CriticConfig(widths=(6, 6), gradient_penalty=1.0, steps=2),
)


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


@pytest.mark.parametrize(
    ("after", "settings", "net"),
    [
        (2, QUICK, NET),
        (4, QUICK, NET),
        (7, QUICK, NET),
        (9, QUICK, NET),
        (4, CONTEST, GeneratorConfig(widths=(6, 8), dropout=0.3)),
        (7, CONTEST, GeneratorConfig(widths=(6, 8), batch_norm=True)),
    ],
)
def test_ctrl_c_and_going_on_changes_nothing(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
    settings: TrainConfig,
    net: GeneratorConfig,
) -> None:
    """At a validation, between two, at the last step: the state is kept after the step that was under way."""
    train(net, DEFECTS, settings, data, tmp_path / "whole")
    advance = Learner.advance

    def interrupted(learner: Learner) -> None:
        if learner.step == after - 1:
            os.kill(os.getpid(), signal.SIGINT)
        advance(learner)

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Learner, "advance", interrupted)
        train(net, DEFECTS, settings, data, tmp_path / "cut")
    assert signal.getsignal(signal.SIGINT) is handler
    assert not (tmp_path / "cut" / "float.safetensors").exists()
    assert torch.load(tmp_path / "cut" / "train_state.pt", weights_only=True)["learner"]["step"] == after
    steps: list[int] = []
    monkeypatch.setattr(Learner, "advance", lambda learner: (steps.append(learner.step), advance(learner))[1])
    train(net, DEFECTS, settings, data, tmp_path / "cut")
    assert steps == list(range(after, 9))
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_unchanged_inputs_are_not_trained_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(NET, DEFECTS, QUICK, data, tmp_path)
    calls: list[int] = []
    steps = module.fit
    monkeypatch.setattr(
        module, "fit", lambda *arguments, **options: (calls.append(1), steps(*arguments, **options))[1]
    )
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
    photos = [np.asarray(Image.open(path)) for path in sorted(data.iterdir())]
    samples = Samples(photos, Frame(height=16, width=16), DEFECTS, seed=1)
    methods = BASELINES | {"net": lambda frame, broken: repair(network, frame, broken)}
    figures = {name: mean_quality(rows) for name, rows in measure(samples, 40, methods).items()}
    net, median, none = (figures[name]["defect_psnr_db"] for name in ("net", "median3", "defective"))
    assert net > median > none


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
        ({"sound_weight": 0}, "sound_weight must be positive"),
        ({"uniform": 1.5}, "uniform must be 0 to 1"),
        ({"validation_share": 1.0}, "validation_share must be"),
        ({"learning_rate": 0}, "learning_rate and muon_rate must be positive"),
        ({"warm_up": -1}, "warm_up must not be negative"),
        ({"final_rate": 2}, "final_rate 0 to 1"),
        ({"betas": [0.0, 1.0]}, "betas must be at least 0"),
        ({"lambda_px": -1}, "loss weights must not be negative"),
        ({"objective": "magic"}, "'supervised', 'inpainter', .* 'autoencoder' or 'finder'; got 'magic'"),
        ({"objective": "latent_inpainter"}, "needs autoencoder, the path of a float checkpoint"),
        ({"critic": {"steps": 0}}, "critic.steps: Input should be greater than or equal to 1; got 0"),
        ({"critic": {"rate": 1}}, "critic.rate: unknown key; known are loss, judges, widths"),
        ({"lambda_adversarial": -1}, "loss weights must not be negative"),
    ],
)
def test_bad_settings_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(values, TrainConfig, "x.toml: [train]")


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
    torch.manual_seed(5)
    return Learner(Generator(net), DEFECTS, settings, pool, validation_set(pool, DEFECTS, settings))


def test_settings_of_the_losses_and_of_the_optimizer_reach_them() -> None:
    """Each alone changes what a step finds; a loss of weight 0 is not even computed."""
    plain = replace(QUICK, lambda_px=1.0, lambda_local=1.0, lambda_psnr=1.0, lambda_ssim=0.0)

    def terms(**changes: object) -> dict[str, float]:
        trained = learner(replace(plain, **changes))  # type: ignore[arg-type]
        trained.advance()
        return {name: float(term) for name, term in trained.terms.items()}

    before = terms()
    assert "ssim" not in before and "ssim" in terms(lambda_ssim=1.0)
    for change, changed in (({"sound_weight": 16.0}, "psnr"), ({"local": "l1"}, "local")):
        after = terms(**change)
        assert {name for name in before if before[name] != after[name]} == {changed}
    for optimizer, parts in (("adam", 1), ("muon", 2)):
        assert len(learner(replace(plain, optimizer=optimizer)).optimizer.rates) == parts  # type: ignore[arg-type]


def test_the_learning_rate_falls_along_half_a_cosine() -> None:
    trained = learner(replace(QUICK, steps=4, learning_rate=0.01, final_rate=0.2))
    rates = []
    for _ in range(4):
        trained.advance()
        rates += trained.optimizer.rates
    wave = [(1 + np.cos(np.pi * step / 4)) / 2 for step in range(4)]
    assert rates == pytest.approx([0.01 * (0.2 + 0.8 * value) for value in wave])
    assert rates[0] == 0.01


@pytest.mark.parametrize("objective", ["supervised", "inpainter", "dual_encoder"])
@pytest.mark.parametrize("mode", ["selective", "mapped", "residual"])
def test_every_mode_trains(mode: Mode, objective: Name) -> None:
    settings = replace(QUICK, objective=objective, lambda_psnr=1.0, lambda_ssim=1.0, precision="bfloat16")
    trained = learner(settings, replace(NET, mode=mode))
    before = {name: value.clone() for name, value in trained.network.named_parameters()}
    for _ in range(2):
        trained.advance()
    row = trained.validate()
    assert np.isfinite(row["loss"])
    for name, value in trained.network.named_parameters():
        assert value.dtype == torch.float32
        assert not torch.equal(value, before[name]), name


def test_validation_is_without_dropout_and_on_fixed_crops() -> None:
    trained = learner(QUICK, replace(NET, dropout=0.5))
    trained.advance()
    assert trained.validate()["model_score"] == trained.validate()["model_score"]


def test_no_photograph_is_both_trained_and_validated_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[list[bytes]] = []
    shares: list[float] = []

    def pool(photos: list[np.ndarray], size: int, uniform: float) -> CropPool:
        pools.append([photo.tobytes() for photo in photos])
        shares.append(uniform)
        return CropPool(photos, size, uniform)

    monkeypatch.setattr(loop, "CropPool", pool)
    train(NET, DEFECTS, replace(QUICK, uniform=0.6), data, tmp_path)
    assert shares == [0.6, 0.6]
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


def test_the_command_line_reads_its_tables(data: Path, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "cgan"},
        {"loss": "cgan", "judges": "global", "spectral_norm": False},
        {"judges": "global", "gradient_penalty": 10.0},
        {"gradient_penalty": 10.0, "spectral_norm": False, "steps": 2},
    ],
)
def test_every_critic_trains_with_its_generator(changes: dict[str, object]) -> None:
    critic = parse({"widths": [6, 6]} | changes, CriticConfig, "critic")
    trained = learner(replace(CONTEST, critic=critic, local="l1"))
    assert trained.adversary is not None
    parameters = [*trained.network.named_parameters(), *trained.adversary.critic.named_parameters()]
    before = [value.detach().clone() for _, value in parameters]
    for _ in range(2):
        trained.advance()
    assert np.isfinite(trained.validate()["critic_loss"])
    for (name, value), old in zip(parameters, before, strict=True):
        if value.ndim > 1:  # a bias may cancel in the difference of the critic's means
            assert not torch.equal(value, old), name


def test_two_learning_rates_that_fall_together() -> None:
    settings = replace(CONTEST, steps=2, learning_rate=2e-4, final_rate=0.5, critic=CriticConfig())
    trained = learner(settings)
    assert trained.adversary is not None
    for share in (1.0, 0.75):
        trained.advance()
        rates = trained.optimizer.rates + trained.adversary.optimizer.rates
        assert rates == pytest.approx([2e-4 * share, 4e-4 * share])
    published = learner(TrainConfig(objective="inpainter", validation_crops=1, crop=32)).adversary
    assert published is not None
    (adam,) = published.optimizer.state_dict()
    group = adam["param_groups"][0]
    assert (group["lr"], group["betas"]) == (4e-4, (0.0, 0.999))
    assert TrainConfig().learning_rate == 2e-4


def test_the_learning_rate_rises_while_it_warms_up() -> None:
    trained = learner(replace(QUICK, steps=8, warm_up=3, learning_rate=1e-3, final_rate=1.0))
    rates = []
    for _ in range(6):
        trained.advance()
        rates += trained.optimizer.rates
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3, 1e-3])


def test_the_critics_steps_for_each_of_the_generator() -> None:
    trained = learner(replace(CONTEST, critic=CriticConfig(widths=(6,), steps=3)))
    trained.advance()
    trained.advance()
    assert trained.adversary is not None
    for optimizer, steps in ((trained.optimizer, 2), (trained.adversary.optimizer, 6)):
        (adam,) = optimizer.state_dict()
        counts = {int(one["step"]) for one in adam["state"].values()}
        assert counts == {steps}


def test_a_weightless_critic_changes_nothing() -> None:
    """The generator's part of the contest is its term alone."""
    without, weightless, judged = (
        learner(replace(CONTEST, objective=objective, lambda_adversarial=weight))
        for objective, weight in (("generative", 1.0), ("dual_encoder", 0.0), ("dual_encoder", 1.0))
    )
    for one in (without, weightless, judged):
        for _ in range(3):
            one.advance()
    states = [one.network.state_dict() for one in (without, weightless, judged)]
    same = [all(torch.equal(states[0][name], other[name]) for name in states[0]) for other in states[1:]]
    assert same == [True, False]


def test_crops_and_defects_of_the_device_are_those_of_the_cpu_where_it_is_the_cpu(
    data: Path, tmp_path: Path
) -> None:
    train(NET, DEFECTS, QUICK, data, tmp_path / "cpu")
    train(NET, DEFECTS, replace(QUICK, draw_on="device"), data, tmp_path / "device")
    first, second = ((tmp_path / name / "train.csv").read_bytes() for name in ("cpu", "device"))
    assert first == second


def test_a_critic_whose_loss_explodes_is_said(data: Path, tmp_path: Path) -> None:
    wild = CriticConfig(learning_rate=1e30, spectral_norm=False)
    with pytest.raises(UserError, match=r"loss became (nan|inf|-inf) by step"):
        train(NET, DEFECTS, replace(CONTEST, critic=wild), data, tmp_path)
