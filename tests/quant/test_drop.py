"""What each step costs: every network is measured on the same crops, the file holds what the table says."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.checkpoint import save
from model.defects import DefectConfig
from model.generator import Generator, GeneratorConfig
from model.loop import config_json
from model.train import KIND
from pixelmend.files import read_json
from quant.bits import QuantConfig
from quant.drop import drops, main
from quant.footprint import float_bytes
from quant.generator import QuantGenerator
from quant.qat import QatConfig

NET = GeneratorConfig(widths=(6, 8), spectral_norm=False)
QUANT = QuantConfig(weight_bits=2, sparsity=0.3)
DEFECTS = DefectConfig(boxes=(1, 1), side=(4, 6))
SETTINGS = QatConfig(crop=16, validation_crops=4, calibration_crops=40)


def network(widths: tuple[int, ...] = NET.widths) -> Generator:
    torch.manual_seed(7)
    return Generator(replace(NET, widths=widths)).eval()


def test_rows_are_steps_of_the_same_networks(data: Path) -> None:
    twin = QuantGenerator(NET, QuantConfig(8, 8))
    twin.load_float(network())
    given = {"large": network(), "small": network((4, 4))}
    rows = drops(QUANT, DEFECTS, SETTINGS, given, {"twin": twin}, data)
    steps = ["float", "quantized", "biases corrected"]
    assert [(row["network"], row["step"]) for row in rows] == [
        *(("large", step) for step in steps),
        *(("small", step) for step in steps),
        ("twin", "trained"),
    ]
    large, small, quantized = rows[0], rows[3], rows[1]
    assert large["bytes"] == float_bytes(NET) > small["bytes"]
    assert quantized["bytes"] < large["bytes"] / 8
    assert rows[2]["zero"] == quantized["zero"] >= 0.3
    again = drops(QUANT, DEFECTS, SETTINGS, {"large": network()}, {}, data)
    assert again == rows[:3]


def test_correcting_biases_helps_a_coarse_network(data: Path) -> None:
    """Wanted here is what the float network gives, so the photographs' own error is left out."""
    rows = drops(replace(QUANT, sparsity=0.0), DEFECTS, SETTINGS, {"x": network()}, {}, data)
    gaps = [abs(row["psnr_db"] - rows[0]["psnr_db"]) for row in rows]
    assert gaps[2] < gaps[1]


def test_the_command_writes_what_it_prints(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "x.toml"
    config.write_text(
        "[qat]\ncrop = 16\nvalidation_crops = 4\n[quant]\nweight_bits = 3\n[defects]\nboxes = [1, 1]\n"
        "side = [4, 6]\n",
        encoding="utf-8",
    )
    path = tmp_path / "float.safetensors"
    save(path, KIND, config_json({"widths": [6, 8], "spectral_norm": False}), network().state_dict(), {})
    main(config, [path], data, tmp_path)
    written = read_json(tmp_path / "drop.json")
    printed = capsys.readouterr().out
    assert [row["step"] for row in written["rows"]] == ["float", "quantized", "biases corrected"]
    for row in written["rows"]:
        assert re.search(rf"\b{row['psnr_db']:.2f}\b", printed)
    assert "versions" in written["made_by"]
