"""A smoke test of training on a GPU; where there is none, the summary says so."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.critic import CriticConfig
from model.defects import DefectConfig
from model.generator import GeneratorConfig
from model.learn import TrainConfig
from model.train import train
from pixelmend.files import read_json
from tests.model.photographs import write_photographs


@pytest.mark.skipif(not torch.cuda.is_available(), reason="training on a GPU needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_trains_on_a_gpu_as_on_the_cpu(tmp_path: Path, precision: str) -> None:
    """The same crops and defects, so nearly the same first loss; then with all drawn on the GPU."""
    (tmp_path / "photographs").mkdir()
    data = write_photographs(tmp_path / "photographs")
    critic = CriticConfig(widths=(6, 6), gradient_penalty=1.0)
    settings = TrainConfig(
        objective="dual_encoder", critic=critic, steps=4, batch=4, crop=16, validate_every=1,
        validation_crops=4, precision=precision,  # type: ignore[arg-type]
    )  # fmt: skip
    runs = {
        "cpu": settings,
        "cuda": replace(settings, device="cuda"),
        "drawn": replace(settings, device="cuda", draw_on="device"),
    }
    losses = {}
    for name, one in runs.items():
        train(GeneratorConfig(widths=(6, 8)), DefectConfig(side=(3, 6)), one, data, tmp_path / name)
        losses[name] = [row["loss"] for row in read_json(tmp_path / name / "train.json")["curve"]]
    assert losses["cuda"][0] == pytest.approx(losses["cpu"][0], rel=0.02)
    assert all(map(torch.isfinite, torch.tensor(losses["drawn"])))
