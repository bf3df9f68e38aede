"""Several processes that share each batch: the curve of one, and the files of the first."""

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import model.train
from model import learn, trainee
from model.checkpoint import load
from model.crops import CropPool
from model.defects import DefectConfig
from model.generator import Generator, GeneratorConfig
from model.learn import Learner, TrainConfig, validation_set
from model.processes import anywhere, check_joined, gathered, mean_count, of_the_first, share
from pixelmend.errors import UserError
from tests.model.first_step import first_steps
from tests.model.photographs import write_photographs

ROOT = Path(__file__).parents[2]
TOML = """
[generator]
widths = [6, 8]
[defects]
boxes = [0, 2]
side = [3, 9]
[train]
objective = "inpainter"
steps = 120
batch = 4
crop = 16
validate_every = 40
validation_crops = 3
learning_rate = 2e-4
betas = [0.9, 0.99]
seed = 3
[train.critic]
widths = [6, 6]
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    """Two processes under torchrun, in a process group of their own, as a terminal makes one."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [sys.executable, *launcher, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def done(process: subprocess.Popen[str], status: int = 0) -> str:
    """What it printed."""
    text, _ = process.communicate(timeout=600)
    assert process.returncode == status, text
    return text


def test_two_processes_have_the_gradients_and_the_curve_of_one(tmp_path: Path) -> None:
    """Frames with unlike masks, critic and gradient penalty included; equal up to float rounding."""
    done(start(str(ROOT / "tests/model/first_step.py"), str(tmp_path / "two.pt")))
    two = torch.load(tmp_path / "two.pt", weights_only=True)
    one = first_steps()
    assert len(two["masked"]) == 2 and two["masked"][0] != two["masked"][1]
    assert sum(two["masked"]) == one["masked"][0]
    assert two["gradients"].keys() == one["gradients"].keys()
    for name, gradient in one["gradients"].items():
        largest = float(gradient.abs().max())  # the critic's are differences of sums, and rounded as those
        assert torch.allclose(two["gradients"][name], gradient, rtol=1e-4, atol=1e-4 * largest), name
    assert two["row"] == pytest.approx(one["row"], rel=1e-4)
    assert two["anywhere"] == one["anywhere"] == (True, False)
    assert two["gathered"] == one["gathered"] == [0, 1, 2, 3, 4]
    assert two["first"] == 10


def curve(out: Path) -> list[list[float]]:
    with (out / "train.csv").open(encoding="utf-8") as stream:
        return [[float(value) for value in row] for row in list(csv.reader(stream))[1:]]


def test_the_command_in_two_processes_interrupted_and_resumed(tmp_path: Path) -> None:
    """Ctrl-C as a terminal gives it, to all of them; then the rest. Only the first one writes and talks."""
    (tmp_path / "photographs").mkdir()
    data = write_photographs(tmp_path / "photographs")
    configuration, state = tmp_path / "x.toml", tmp_path / "two" / "train_state.pt"
    configuration.write_text(TOML, encoding="utf-8")
    files = ("--config", str(configuration), "--data", str(data), "--out", str(tmp_path / "two"))
    process = start("-m", "model.train", *files)
    while not state.is_file():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    done(process, 1)
    step = torch.load(state, weights_only=True)["learner"]["step"]
    assert 40 <= step < 120
    text = done(start("-m", "model.train", *files))
    assert text.count(f"going on after step {step}") == text.count("float.safetensors: step 1") == 1
    model.train.main(configuration, data, tmp_path / "one")
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert {path.name for path in (tmp_path / "two").iterdir()} == names
    for first, second in zip(curve(tmp_path / "one"), curve(tmp_path / "two"), strict=True):
        assert second == pytest.approx(first, rel=2e-3)
    weights = [load(tmp_path / name / "float.safetensors", "generator").state for name in ("one", "two")]
    for name, value in weights[0].items():
        assert torch.allclose(value, weights[1][name], atol=1e-3), name


def test_one_process_is_the_plain_case(monkeypatch: pytest.MonkeyPatch) -> None:
    assert share(6) == slice(0, 6)
    assert [float(mean_count(torch.tensor(count))) for count in (0, 1, 7)] == [1, 1, 7]
    assert (anywhere(True), anywhere(False), gathered([1, 2]), of_the_first(lambda: 3)) == (
        True, False, [1, 2], 3,
    )  # fmt: skip
    check_joined()
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"expected one process, only model\.train runs in several; got 2"):
        check_joined()


@pytest.mark.parametrize(
    ("settings", "net", "message"),
    [
        (TrainConfig(batch=3, crop=16), GeneratorConfig(widths=(4,)), "divisible by the 2 processes, got 3"),
        (
            TrainConfig(batch=4, crop=16),
            GeneratorConfig(widths=(4,), batch_norm=True),
            "batch_norm: its means are over a whole batch, which several processes share",
        ),
    ],
)
def test_what_several_processes_cannot_do(
    monkeypatch: pytest.MonkeyPatch, settings: TrainConfig, net: GeneratorConfig, message: str
) -> None:
    pool = CropPool([np.zeros((20, 20, 3), np.uint8)], 16)
    held = validation_set(pool, DefectConfig(), replace(settings, validation_crops=1))
    for module in (learn, trainee):
        monkeypatch.setattr(module, "world", lambda: 2)
    with pytest.raises(UserError, match=message):
        Learner(Generator(net), DefectConfig(), settings, pool, held)
