"""Pruning in rounds: it repeats, it goes on after Ctrl-C in any round, and what it writes QAT takes."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model.checkpoint import load, save
from model.defects import DefectConfig
from model.evaluate import load_generator
from model.generator import Generator, GeneratorConfig
from model.learn import Learner
from model.train import KIND
from pixelmend.config import Frame
from pixelmend.errors import UserError
from pixelmend.files import read_json
from quant import prune as module
from quant.bits import QuantConfig
from quant.footprint import footprint
from quant.prune import prune
from quant.qat import QatConfig, load_twin, qat
from quant.shrink import PruneConfig
from tests.folders import contents

NET = GeneratorConfig(widths=(8, 12), spectral_norm=False)
QUANT = QuantConfig()
FRAME = Frame(16, 16)
DEFECTS = DefectConfig(boxes=(1, 1), side=(4, 6))
TRAINING: dict[str, Any] = {
    "steps": 3, "batch": 2, "crop": 16, "validate_every": 2, "validation_crops": 2, "learning_rate": 2e-3,
    "seed": 3,
}  # fmt: skip
QUICK = PruneConfig(**TRAINING, widths=(4, 8), rounds=2)
FILES = ("pruned.safetensors", "prune.csv", "prune.json", "prune.png")


@pytest.fixture(scope="module")
def floating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("float") / "float.safetensors"
    torch.manual_seed(5)
    config = {"widths": list(NET.widths), "spectral_norm": False}
    save(path, KIND, config, Generator(NET).state_dict(), {})
    return path


@pytest.fixture(scope="module")
def whole(data: Path, floating: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from beginning to end."""
    out = tmp_path_factory.mktemp("whole")
    prune(QUICK, QUANT, DEFECTS, FRAME, floating, data, out)
    return out


def test_the_result_is_a_smaller_float_network(whole: Path) -> None:
    network = load_generator(whole / "pruned.safetensors")
    assert network.config == replace(NET, widths=(4, 8))
    assert {path.name for path in whole.iterdir()} == {*FILES, "prune.key.json"}


def test_the_checkpoint_tells_every_round(whole: Path) -> None:
    stored = load(whole / "pruned.safetensors", KIND).made_by
    assert {"commit", "versions", "prune", "quant", "defects", "frame", "data", "float"} <= stored.keys()
    rounds = stored["rounds"]
    assert [report["round"] for report in rounds] == [0, 1, 2]
    assert rounds[0]["widths"] == [8, 12]
    assert rounds[2]["widths"] == [4, 8]
    sizes = [report["bytes"] for report in rounds]
    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[2] == footprint(replace(NET, widths=(4, 8)), QUANT, FRAME).bytes
    curve = read_json(whole / "prune.json")["curve"]
    assert [(row["round"], row["step"]) for row in curve] == [(1, 2), (1, 3), (2, 2), (2, 3)]
    for number in (1, 2):
        best = max((row for row in curve if row["round"] == number), key=lambda row: row["model_score"])
        assert rounds[number]["model_score"] == best["model_score"]
        assert rounds[number]["untuned"]["psnr_db"] != rounds[number]["psnr_db"]


def test_the_same_seed_gives_the_same_bytes(data: Path, floating: Path, whole: Path, tmp_path: Path) -> None:
    prune(QUICK, QUANT, DEFECTS, FRAME, floating, data, tmp_path)
    assert contents(tmp_path, FILES) == contents(whole, FILES)


@pytest.mark.parametrize("after", [1, 3, 4])
def test_ctrl_c_and_going_on_changes_nothing(
    data: Path, floating: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Steps are counted over both rounds of 3: within the first, at its end, within the second."""
    advance = Learner.advance
    steps: list[int] = []

    def counted(learner: Learner) -> None:
        steps.append(learner.step)
        if len(steps) == after:
            os.kill(os.getpid(), signal.SIGINT)
        advance(learner)

    monkeypatch.setattr(Learner, "advance", counted)
    with pytest.raises(KeyboardInterrupt):
        prune(QUICK, QUANT, DEFECTS, FRAME, floating, data, tmp_path)
    assert not (tmp_path / "pruned.safetensors").exists()
    prune(QUICK, QUANT, DEFECTS, FRAME, floating, data, tmp_path)
    assert steps == [0, 1, 2, 0, 1, 2]
    assert contents(tmp_path, FILES) == contents(whole, FILES)
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "prune.key.json"}


def test_what_is_unchanged_is_not_pruned_again(
    data: Path, floating: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    fit = module.fit
    monkeypatch.setattr(module, "fit", lambda *arguments: (calls.append(1), fit(*arguments))[1])
    settings = replace(QUICK, steps=1, rounds=1)

    def again(**changes: Any) -> int:
        calls.clear()
        given = {"settings": settings, "quant": QUANT, "frame": FRAME} | changes
        prune(defects=DEFECTS, checkpoint=floating, data=data, out=tmp_path, **given)
        return len(calls)

    assert again() == 1
    assert again() == 0
    assert again(settings=replace(settings, multiple=2)) == 1
    assert again(settings=replace(settings, multiple=2), quant=QuantConfig(3)) == 1
    (tmp_path / "prune.csv").unlink()
    assert again(settings=replace(settings, multiple=2), quant=QuantConfig(3)) == 1


def test_qat_goes_on_from_the_pruned_network(whole: Path, data: Path, tmp_path: Path) -> None:
    result = qat(QUANT, DEFECTS, QatConfig(**TRAINING), FRAME, whole / "pruned.safetensors", data, tmp_path)
    assert load_twin(result).config.widths == (4, 8)


def test_what_pruning_cannot_use(data: Path, floating: Path, tmp_path: Path) -> None:
    def refused(message: str, **changes: Any) -> None:
        given = {"settings": QUICK, "checkpoint": floating, "data": data} | changes
        with pytest.raises(UserError, match=message):
            prune(quant=QUANT, defects=DEFECTS, frame=FRAME, out=tmp_path / "out", **given)
        assert not (tmp_path / "out").exists()

    refused(r"\[prune\] crop: must be divisible by 4, got 18", settings=replace(QUICK, crop=18))
    refused(r"\[prune\]: expected one of widths, bytes and ratio", settings=replace(QUICK, widths=None))
    refused("found no such file", checkpoint=tmp_path / "none.safetensors")
    refused("expected a folder of photographs", data=tmp_path / "none")
