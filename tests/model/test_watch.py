"""What a training shows: TensorBoard's scalars and pictures, the learning curve as a PNG."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from model.defects import DefectConfig
from model.generator import GeneratorConfig
from model.learn import Learner, TrainConfig
from model.train import train
from model.watch import write_curve_png
from pixelmend.files import read_json
from tests.model.photographs import write_photographs

NET = GeneratorConfig(widths=(6, 8))
DEFECTS = DefectConfig(boxes=(1, 1), side=(4, 6))
QUICK = TrainConfig(
    objective="inpainter", steps=6, batch=2, crop=16, validate_every=3, validation_crops=5, seed=3
)


def events(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def test_scalars_and_pictures(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    data = write_photographs(tmp_path / "photographs")
    train(NET, DEFECTS, QUICK, data, tmp_path / "out")
    shown = events(tmp_path / "out" / "tensorboard" / "train")
    curve = read_json(tmp_path / "out" / "train.json")["curve"]
    tags = set(shown.Tags()["scalars"])
    assert tags >= {f"validation/{name}" for name in curve[0] if name != "step"}
    assert tags >= {f"terms/{name}" for name in ("px", "local", "adversarial")}
    for name in ("loss", "critic_loss", "defect_psnr_db"):
        came = [(one.step, one.value) for one in shown.Scalars(f"validation/{name}")]
        assert came == [(row["step"], pytest.approx(row[name], rel=1e-6)) for row in curve]
    assert [one.step for one in shown.Scalars("terms/px")] == [1, 2, 3, 4, 5, 6]
    pictures = shown.Images("validation")
    assert [one.step for one in pictures] == [3, 6]
    assert (pictures[0].width, pictures[0].height) == (4 * 16, 4 * 16)  # four pictures of four crops


def test_a_resumed_training_shows_every_step_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps after the last saved state are made again; TensorBoard shows the second making."""
    (tmp_path / "photographs").mkdir()
    data = write_photographs(tmp_path / "photographs")
    advance = Learner.advance

    def dies(learner: Learner) -> None:
        if learner.step == 5:
            raise MemoryError
        advance(learner)

    with monkeypatch.context() as patched, pytest.raises(MemoryError):
        patched.setattr(Learner, "advance", dies)
        train(NET, DEFECTS, QUICK, data, tmp_path / "out")
    train(NET, DEFECTS, replace(QUICK), data, tmp_path / "out")
    shown = events(tmp_path / "out" / "tensorboard" / "train")
    assert [one.step for one in shown.Scalars("terms/px")] == [1, 2, 3, 4, 5, 6]


def row(step: float, value: float) -> dict[str, float]:
    names = ("loss", "psnr_db", "ssim", "defect_psnr_db", "defect_ssim")
    return {"step": step} | dict.fromkeys(names, value)


def test_the_learning_curve(tmp_path: Path) -> None:
    rows = [row(step, step / 10) for step in (1.0, 2.0, 3.0)]
    for name in ("a.png", "b.png"):
        write_curve_png(rows, tmp_path / name)
    write_curve_png(rows[:2], tmp_path / "c.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    first, other = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "c.png"))
    assert first.shape == (350, 1200, 4)
    assert (first != other).any()


def test_rounds_follow_each_other(tmp_path: Path) -> None:
    """Steps that begin anew are drawn as those that go on."""
    values = (0.0, 1.0, 2.0, 3.0)
    for name, steps in (("rounds.png", (5.0, 10.0, 5.0, 10.0)), ("one.png", (5.0, 10.0, 15.0, 20.0))):
        write_curve_png(
            [row(step, value) for step, value in zip(steps, values, strict=True)], tmp_path / name
        )
    assert (tmp_path / "rounds.png").read_bytes() == (tmp_path / "one.png").read_bytes()
