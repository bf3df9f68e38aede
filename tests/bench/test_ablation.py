"""The ablation: every variant is trained and measured on the same frames."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench import ablation as module
from bench.ablation import VARIANTS, ablation, folder, table
from model.critic import CriticConfig
from model.defects import DefectConfig
from model.evaluate import load_generator
from model.generator import GeneratorConfig
from model.learn import TrainConfig
from pixelmend.config import Frame
from pixelmend.files import read_json
from tests.model.photographs import write_photographs

SETTINGS = TrainConfig(
    optimizer="muon",
    steps=2,
    batch=2,
    lambda_local=0.0,
    lambda_psnr=1.0,
    crop=16,
    validate_every=2,
    validation_crops=2,
    critic=CriticConfig(widths=(4,)),
)


def test_every_variant_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (name, variant) in enumerate(list(VARIANTS.items())):
        if variant.widths is not None:  # the shipped and the published take minutes
            monkeypatch.setitem(VARIANTS, name, replace(variant, widths=(4, 7 + number)))
    (tmp_path / "photographs").mkdir()
    data = write_photographs(tmp_path / "photographs")
    net = GeneratorConfig(widths=(4, 6), spectral_norm=False)
    defects, frame = DefectConfig(side=(3, 6)), Frame(32, 32)
    report = ablation(net, frame, defects, SETTINGS, data, 3, tmp_path / "out")
    assert list(report["quality"]) == ["defective", "median3", *VARIANTS]
    kernels = [
        load_generator(tmp_path / "out" / folder(name) / "float.safetensors").enc[0].weight
        for name in VARIANTS
    ]
    assert len({kernel.sum().item() for kernel in kernels}) == len(kernels), "two variants gave one network"
    made = {name: read_json(tmp_path / "out" / folder(name) / "train.json")["made_by"] for name in VARIANTS}
    for name, by in made.items():
        assert by["train"]["objective"] == VARIANTS[name].settings["objective"]
        published = by["train"]["lambda_local"] == TrainConfig().lambda_local
        assert published == (not name.startswith("supervised"))
        assert by["train"]["critic"]["learning_rate"] == pytest.approx(2 * SETTINGS.learning_rate)
        assert (by["train"]["steps"], by["train"]["batch"]) == (2, 2)
    again = ablation(net, frame, defects, replace(SETTINGS), data, 3, tmp_path / "out")
    assert again["quality"] == report["quality"]


def test_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {name: 0.5 for figure in module.FIGURES for name in (figure, f"{figure}_se")}
    lines = table({"quality": {"median3": figures | {"psnr_db": 31.256}}}).splitlines()
    assert lines[0].startswith("|  | dB | dB in defects | SSIM")
    assert lines[2] == "| median3 | 31.26 ± 0.50 | 0.50 ± 0.50 | 0.5000 ± 0.5000 | 0.5000 ± 0.5000 |"
