"""Quantization-aware training: it repeats, it goes on after Ctrl-C, it knows its checkpoints."""

import os
import signal
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from model.checkpoint import load, save
from model.defects import DefectConfig, named_set
from model.finder import FinderConfig
from model.generator import Generator, GeneratorConfig
from model.harm import tiles
from model.learn import Learner, TrainConfig
from model.loop import config_json
from model.photos import find_photos, load_photos, split
from model.samples import Samples
from model.train import train
from pixelmend.config import Frame
from pixelmend.errors import UserError
from pixelmend.files import read_json
from quant import qat as module
from quant.bits import QuantConfig
from quant.choice import FINDER_SHIFTS, SHIFTS, false_alarms, model_scores, set_finder_threshold
from quant.qat import KIND, QatConfig, load_twin, qat
from quant.settle import settle
from tests.folders import contents

NET = GeneratorConfig(widths=(6, 8), spectral_norm=False)
QUANT = QuantConfig(layer_weight_bits={"enc1": 8})
DEFECTS = DefectConfig(boxes=(1, 1), side=(4, 6))
QUICK = QatConfig(
    steps=5, batch=2, crop=16, validate_every=2, validation_crops=3, learning_rate=2e-3, threads=1, seed=3
)
FRAME = Frame(height=32, width=40)
FILES = ("qat.safetensors", "qat.csv", "qat.json", "qat.png")


@pytest.fixture(scope="module")
def floating(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("float")
    fields = TrainConfig.__dataclass_fields__
    train(NET, DEFECTS, TrainConfig(**{name: getattr(QUICK, name) for name in fields}), data, out)
    return out / "float.safetensors"


@pytest.fixture(scope="module")
def whole(data: Path, floating: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from beginning to end."""
    out = tmp_path_factory.mktemp("whole")
    qat(QUANT, DEFECTS, QUICK, FRAME, floating, data, out)
    return out


def test_the_same_seed_gives_the_same_bytes(data: Path, floating: Path, whole: Path, tmp_path: Path) -> None:
    qat(QUANT, DEFECTS, QUICK, FRAME, floating, data, tmp_path / "again")
    qat(QUANT, DEFECTS, replace(QUICK, seed=4), FRAME, floating, data, tmp_path / "other")
    assert contents(tmp_path / "again", FILES) == contents(whole, FILES)
    assert contents(tmp_path / "other", FILES)["qat.safetensors"] != contents(whole, FILES)["qat.safetensors"]


@pytest.mark.parametrize("after", [1, 2, 5])
def test_ctrl_c_and_going_on_changes_nothing(
    data: Path, floating: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    advance = Learner.advance

    def interrupted(learner: Learner) -> None:
        if learner.step == after - 1:
            os.kill(os.getpid(), signal.SIGINT)
        advance(learner)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Learner, "advance", interrupted)
        qat(QUANT, DEFECTS, QUICK, FRAME, floating, data, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["qat_state.pt"]
    steps: list[int] = []
    monkeypatch.setattr(Learner, "advance", lambda learner: (steps.append(learner.step), advance(learner))[1])
    qat(QUANT, DEFECTS, QUICK, FRAME, floating, data, tmp_path)
    assert steps == list(range(after, 5))
    assert contents(tmp_path, FILES) == contents(whole, FILES)
    assert not (tmp_path / "qat_state.pt").exists()


def test_what_is_unchanged_is_not_trained_again(
    data: Path, floating: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    steps = module.fit
    monkeypatch.setattr(module, "fit", lambda *given, **more: (calls.append(1), steps(*given, **more))[1])
    settings = replace(QUICK, steps=1)

    def again(quant: QuantConfig = QUANT, **changes: Any) -> int:
        calls.clear()
        qat(quant, changes.get("defects", DEFECTS), settings, FRAME, floating, data, tmp_path)
        return len(calls)

    assert again() == 1
    assert again() == 0
    assert again(quant=replace(QUANT, act_bits=3)) == 1
    assert again(quant=replace(QUANT, act_bits=3), defects=replace(DEFECTS, fill=0.7)) == 1
    (tmp_path / "qat.csv").unlink()
    assert again(quant=replace(QUANT, act_bits=3), defects=replace(DEFECTS, fill=0.7)) == 1
    assert again(quant=replace(QUANT, act_bits=3), defects=replace(DEFECTS, fill=0.7)) == 0


def test_the_checkpoint_tells_where_it_came_from(whole: Path) -> None:
    stored = load(whole / "qat.safetensors", KIND)
    assert stored.made_by["stage"] == "quant.qat"
    assert stored.made_by["seed"] == 3
    assert {"commit", "versions", "qat", "defects", "data", "start", "least_margin"} <= stored.made_by.keys()
    curve = read_json(whole / "qat.json")["curve"]
    assert [row["step"] for row in curve] == [2, 4, 5]
    assert stored.made_by["best"] == max(curve, key=lambda row: row["model_score"])


def test_a_checkpoint_gives_the_network_back(whole: Path) -> None:
    twin = load_twin(whole / "qat.safetensors")
    assert (twin.config, twin.quant, twin.training) == (NET, QUANT, False)
    stored = load(whole / "qat.safetensors", KIND)
    state = twin.state_dict()
    assert state.keys() == stored.state.keys()
    assert all(torch.equal(state[name], value) for name, value in stored.state.items())
    margin = settle(twin)  # its biases were settled before they were written
    assert margin == pytest.approx(stored.made_by["least_margin"], abs=1e-4)


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def foreign(path: Path) -> None:
    save_file({"a": torch.zeros(2)}, path)


def of_the_float_network(path: Path) -> None:
    save(path, "generator", config_json({"generator": asdict(NET)}), Generator(NET).state_dict(), {})


def changed(**config: Any) -> Callable[[Path], None]:
    """A checkpoint whose configuration was changed, its tensors not."""

    def change(path: Path) -> None:
        stored = load(path, KIND)
        save(path, KIND, stored.config | config, stored.state, stored.made_by)

    return change


def lacking(name: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        stored = load(path, KIND)
        state = {key: value for key, value in stored.state.items() if key != name}
        save(path, KIND, stored.config, state, stored.made_by)

    return change


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (Path.unlink, "expected a checkpoint of kind 'quantized generator', found no such file"),
        (damaged, "not a checkpoint, or damaged"),
        (foreign, "expected 'pixelmend checkpoint 1', got a file written by another program"),
        (of_the_float_network, "expected a checkpoint of kind 'quantized generator', got kind 'generator'"),
        (changed(generator={"widths": [6, 8], "magic": 1}), "generator magic: unknown key"),
        (changed(quant={"weight_bits": 9}), "quant weight_bits: Input should be less than or equal to 8"),
        (
            changed(generator={"widths": [6, 9]}),
            r"widths \(6, 9\) and a kernel of 4, but no tensor of it has",
        ),
        (lacking("dec.1.bias"), r"the tensors don't fit the network it describes: .*dec\.1\.bias"),
    ],
)
def test_checkpoints_that_cannot_be_used(
    whole: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "qat.safetensors"
    path.write_bytes((whole / "qat.safetensors").read_bytes())
    spoil(path)
    with pytest.raises(UserError, match=rf"qat\.safetensors: {message}") as caught:
        load_twin(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"generator": {"widths": [6, 8]}}, "the tables generator and quant in it, got {config}"),
        ({}, "the tables generator and quant in it, got {config}"),
        ([1], "'pixelmend checkpoint 1', got one whose config is [1]"),
    ],
    ids=str,
)
def test_a_checkpoint_without_its_configuration(
    whole: Path, tmp_path: Path, config: Any, expected: str
) -> None:
    stored = load(whole / "qat.safetensors", KIND)
    save(tmp_path / "x", KIND, config, stored.state, {})
    with pytest.raises(UserError) as caught:
        load_twin(tmp_path / "x")
    assert str(caught.value) == f"{tmp_path / 'x'}: expected {expected.replace('{config}', str(config))}"


def test_what_training_cannot_use(data: Path, floating: Path, tmp_path: Path) -> None:
    def refused(message: str, **changes: Any) -> None:
        given = {"quant": QUANT, "settings": QUICK, "checkpoint": floating, "data": data} | changes
        with pytest.raises(UserError, match=message):
            qat(defects=DEFECTS, frame=FRAME, out=tmp_path / "out", **given)
        assert not (tmp_path / "out").exists()

    refused(r"\[qat\] crop: must be divisible by 4, got 18", settings=replace(QUICK, crop=18))
    refused(r"\[quant\] layer_act_bits names layer 'enc3'", quant=QuantConfig(layer_act_bits={"enc3": 2}))
    refused("found no such file", checkpoint=tmp_path / "none.safetensors")
    other = tmp_path / "other.safetensors"
    save(other, "critic", {}, {}, {})
    refused("expected a checkpoint of kind 'generator', got kind 'critic'", checkpoint=other)
    refused("expected a folder of photographs", data=tmp_path / "none")


def test_a_quantized_network_is_trained_further_and_never_gets_worse(
    whole: Path, data: Path, tmp_path: Path
) -> None:
    """With a rate that breaks it, the network as it came is the best."""
    wild = replace(QUICK, learning_rate=1.0, final_rate=1.0)
    result = qat(QUANT, DEFECTS, wild, FRAME, whole / "qat.safetensors", data, tmp_path)
    before, after = load_twin(whole / "qat.safetensors"), load_twin(result)
    curve = read_json(tmp_path / "qat.json")["curve"]
    assert [row["step"] for row in curve] == [0, 2, 4, 5]
    assert load(result, KIND).made_by["best"]["step"] == 0
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(before(x), after(x))


def test_other_bit_widths_than_those_of_the_checkpoint_are_refused(
    whole: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"qat.safetensors: quantized with .*, but \[quant\] asks for"):
        qat(QuantConfig(3, 3), DEFECTS, QUICK, FRAME, whole / "qat.safetensors", data, tmp_path)


def test_the_threshold_of_a_score_is_the_best_of_those_tried(data: Path, tmp_path: Path) -> None:
    fields = TrainConfig.__dataclass_fields__
    quick = TrainConfig(**{name: getattr(QUICK, name) for name in fields} | {"objective": "supervised"})
    train(replace(NET, mode="selective"), DEFECTS, replace(quick, steps=60), data, tmp_path)
    settings = replace(QUICK, objective="supervised", threshold_frames=6)
    result = qat(QUANT, DEFECTS, settings, FRAME, tmp_path / "float.safetensors", data, tmp_path)
    tried = load(result, KIND).made_by["threshold"]
    assert sorted(float(shift) for shift in tried) == list(SHIFTS)
    photos = load_photos(split(find_photos(data), settings.validation_share)[0], 40, 100, 2)
    samples = Samples(photos, FRAME, named_set("dynamic"), settings.seed)
    now = model_scores(load_twin(result), samples, 6)
    assert now[0.0] == pytest.approx(max(tried.values()), abs=0.05)  # biases were settled since
    assert max(tried.values()) > min(tried.values()), "no threshold matters"


def test_a_finder_is_trained_and_leaves_sound_frames_alone(data: Path, tmp_path: Path) -> None:
    """Float, then quantized, its threshold so that few undamaged pixels are called broken; it repeats."""
    fields = TrainConfig.__dataclass_fields__
    finder = FinderConfig(hard_pictures=1, hard_side=64)
    shared = {"objective": "finder", "finder": finder, "crop": 16, "validate_every": 20, "lambda_found": 1.0}
    shared |= {"lambda_px": 0.0, "lambda_local": 0.0, "lambda_choice": 0.0}
    quick = TrainConfig(**{name: getattr(QUICK, name) for name in fields} | shared | {"steps": 40})
    network = replace(NET, mode="filled", fill_levels=2)
    train(network, DEFECTS, quick, data, tmp_path / "a")
    train(network, DEFECTS, quick, data, tmp_path / "b")
    assert contents(tmp_path / "a", ("float.safetensors",)) == contents(
        tmp_path / "b", ("float.safetensors",)
    )
    curve = read_json(tmp_path / "a" / "train.json")["curve"]
    assert {"dynamic_psnr_db", "sound_false_per_mpx", "hard_psnr_db", "shapes_recall"} <= curve[0].keys()
    assert curve[-1]["loss"] < 1
    settings = replace(QUICK, **shared, threshold_frames=4, most_false_per_mpx=2000.0)
    start = tmp_path / "a" / "float.safetensors"
    result = qat(QUANT, DEFECTS, settings, FRAME, start, data, tmp_path / "q")
    tried = load(result, KIND).made_by["threshold"]
    assert sorted(float(shift) for shift in tried) == list(FINDER_SHIFTS)
    photos = load_photos(split(find_photos(data), settings.validation_share)[0], 40, 100, 2)
    undamaged = [tile for photo in photos for tile in tiles(photo, FRAME)]
    alarms = false_alarms(load_twin(result), undamaged, (0.0,))[0.0]
    assert alarms <= 2000 + 1000  # biases were settled since
    assert tried["0.5"] > 2000 > tried["-1"] == 0


def test_a_finder_needs_a_score(data: Path, tmp_path: Path) -> None:
    fields = TrainConfig.__dataclass_fields__
    quick = TrainConfig(**{name: getattr(QUICK, name) for name in fields} | {"objective": "finder"})
    with pytest.raises(UserError, match=r"'finder' needs .*mode = 'selective' or 'filled', got 'direct'"):
        train(NET, DEFECTS, quick, data, tmp_path)


def test_the_threshold_that_harms_least_is_taken_where_none_is_harmless(data: Path) -> None:
    torch.manual_seed(0)
    network = Generator(replace(NET, mode="filled", fill_levels=2)).eval()
    with torch.no_grad():
        network.dec[-1].bias.add_(5.0)  # type: ignore[operator, union-attr]
    photos = load_photos(find_photos(data)[:2], 40, 100, 2)
    samples = Samples(photos, FRAME, named_set("dynamic"), 1)
    undamaged = list(tiles(photos[0], FRAME))
    before = network.dec[-1].bias.item()  # type: ignore[operator, union-attr]
    found = set_finder_threshold(network, samples, 1, undamaged, 0.0)
    assert network.dec[-1].bias.item() == pytest.approx(before - 1.0)  # type: ignore[operator, union-attr]
    assert found["-1"] == pytest.approx(1e6)
