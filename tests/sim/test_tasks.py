"""The tutorial (docs/tasks.md): a task and a module of a user's own, from photographs to RTL."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import model.train
import quant.drop
import quant.evaluate
import quant.export
import quant.qat
from hls.lower import lower
from model.features import pretext
from model.tasks.network import read_network
from pixelmend.errors import UserError
from pixelmend.files import read_json
from pixelmend.provenance import ROOT
from quant.twin.checkpoint import read_twin
from sim import cosim as cosim_module
from sim import csim as csim_module
from sim.cosim import cosim
from sim.csim import csim
from tests.folders import contents

TUTORIAL = ROOT / "docs" / "examples" / "super_resolver"
SHORT = {  # of the tutorial's configuration: frames and steps of a test
    "height = 64  # px\nwidth = 64": "height = 12\nwidth = 20",
    "factors = [2]": "factors = [2]\nleast_gain_db = -30.0",
    "width = 16\n": "width = 4\n",
    "steps = 4000": "steps = 30",
    "steps = 1000": "steps = 10",
    "batch = 16": "batch = 4",
    "crop = 64": "crop = 16",
    "validate_every = 500": "validate_every = 15",
    "validate_every = 250": "validate_every = 5",
    "validation_crops = 64": "validation_crops = 4",
    "calibration_crops = 64": "calibration_crops = 8",
    "target_fps = 100\n": "target_fps = 2000\n",
    "[sim]\n": "[sim]\nframes = 2\n",
}


def short(text: str) -> str:
    for old, new in SHORT.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


CONFIG = short((TUTORIAL / "mine.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    shutil.copy(TUTORIAL / "mine.py", folder)
    (folder / "mine.toml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def trained(place: Path, data: Path) -> Path:
    """The folder with both networks of the tutorial."""
    config, out = place / "mine.toml", place / "build"
    model.train.main(config, data, out)
    quant.qat.main(config, out / "float.safetensors", data, out)
    return out


def test_from_photographs_to_rtl(
    place: Path, trained: Path, data: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosim_module, "CACHE", simulations)
    monkeypatch.setattr(csim_module, "CACHE", simulations)
    config, out = place / "mine.toml", trained
    first = contents(out)
    assert read_json(out / "train.json")["made_by"]["task"]["name"] == "super-resolve"
    model.train.main(config, data, out)  # nothing is done again
    quant.qat.main(config, out / "float.safetensors", data, out)
    assert contents(out) == first
    quant.export.main(config, out / "qat.safetensors", out)
    quant.evaluate.main(out, config, samples=3)
    quality = read_json(out / "quality.json")["quality"]
    assert list(quality) == ["nearest", "bicubic", "Lanczos", "float", "quantized"]
    assert quality["bicubic"]["psnr_db"] > quality["nearest"]["psnr_db"]
    lower(out / "generator.onnx", config, out)
    report: dict[str, Any] = cosim(out, config=config, checkpoint=out / "float.safetensors")
    assert report["mismatches"] == {"qonnx": 0, "dataflow": 0, "rtl": 0}
    assert (report["task"], report["outputs"][0]["height"]) == ("super-resolve", 24)
    assert set(report["restored"]) == {"nearest", "bicubic", "Lanczos", "float", "rtl"}
    assert (out / "cosim" / "sheet.png").is_file()
    csim(out, config=config)
    assert read_json(out / "cosim.json")["mismatches"]["hls"] == 0, "it saw the same frames"
    tables = config.read_text()
    (place / "strict.toml").write_text(tables.replace("-30.0", "40.0"))
    with pytest.raises(
        UserError, match=r"rtl has .* dB, bicubic .* dB; \[task\] least_gain_db asks for 40 dB more"
    ):
        cosim(out, config=place / "strict.toml")


def test_networks_and_their_module_can_be_moved_together(place: Path, trained: Path, tmp_path: Path) -> None:
    for name in ("float", "qat"):
        shutil.copy(trained / f"{name}.safetensors", tmp_path)
    kept = place / "mine.py"
    away = kept.rename(place / "away.py")
    try:
        with pytest.raises(
            UserError, match=r"mine.py: expected a Python file, found nothing there, nor beside"
        ):
            read_network(tmp_path / "float.safetensors")
        shutil.copy(away, tmp_path / "mine.py")
        choice, _ = read_network(tmp_path / "float.safetensors")
        assert choice.name == f"{tmp_path / 'mine.py'}:Net"
        assert read_twin(tmp_path / "qat.safetensors")[0].name == choice.name
    finally:
        away.rename(kept)


def test_what_bits_cost(
    place: Path, trained: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row for each layer and quantizer but the pixels', and the same twin in any order."""
    place_of = [trained / "float.safetensors"]
    quant.drop.main(place / "mine.toml", place_of, data, tmp_path)
    rows = {row["what"]: row["psnr_db"] for row in read_json(tmp_path / "drop.json")["rows"]}
    assert "W6 A6" in rows
    assert rows["as [quant] says"] == rows["W6 A6"], "which are the bits there"
    assert rows["W4 A4"] < rows["W8 A8"]
    alone = [name for name in rows if " in " in name or " behind " in name]
    assert len(alone) > 4
    assert all(rows[name] != rows["W6 A6"] for name in alone), rows
    with pytest.raises(UserError, match="one float checkpoint is looked at"):
        quant.drop.main(place / "mine.toml", place_of * 2, data, tmp_path)


def test_the_quantized_checkpoint_is_trained_further_and_evaluated(
    place: Path, trained: Path, data: Path, tmp_path: Path
) -> None:
    config, out = place / "mine.toml", trained
    quant.qat.main(config, out / "qat.safetensors", data, tmp_path, steps=2)
    quant.evaluate.main(out, config, samples=2, checkpoint=tmp_path / "qat.safetensors")
    shipped = tmp_path / "elsewhere"
    quant.evaluate.main(shipped, config, samples=2, checkpoint=out / "qat.safetensors")
    assert {"float", "quantized"} < set(read_json(shipped / "quality.json")["quality"]), (
        "the float one lies beside it"
    )


def test_what_a_task_refuses(
    place: Path, data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def changed(old: str, new: str) -> Path:
        assert CONFIG.count(old) == 1
        path = place / "changed.toml"
        path.write_text(CONFIG.replace(old, new))
        return path

    cases = [
        (changed, "factors = [2]", "factors = [4, 2]", "factors: expected one or more, each larger than"),
        (changed, "factors = [2]", "factors = [2, 3]", "factors: expected divisors of the largest"),
        (
            changed,
            "factors = [2]",
            "factors = [4]",
            r"task wants x4 of shapes \[\(3, 16, 16\)\], the network gives",
        ),
        (changed, 'name = "super-resolve"', 'name = "colourize"', "'denoise', 'super-resolve' or 'invert'"),
        (changed, '"mine.py:Net"', '"theirs.py:Net"', "expected a Python file, found nothing there"),
        (changed, '"mine.py:Net"', '"mine.py:Other"', "AttributeError"),
        (changed, '"mine.py:Net"', '"mine.py"', "module: expected FILE.py:CLASS, got 'mine.py'"),
        (changed, 'module = "mine.py:Net"', 'name = "resnet"', "expected one of chain, dncnn"),
        (changed, 'module = "mine.py:Net"', "", "expected name, one of .*, or module, .* got neither"),
        (changed, "\nwidth = 4", '\ndepth = "x"', "TypeError"),
    ]
    for make, old, new, said in cases:
        with pytest.raises(UserError, match=said):
            model.train.main(make(old, new), data, tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    assert "Traceback" not in capfd.readouterr().err
    assert "mine" not in sys.modules


INVERT = """
[frame]
height = 4
width = 5

[task]
name = "invert"
features = "{features}"
layers = ["relu2_1", "relu1_1"]
least_gain_db = -60.0

[network]
name = "inverter"
channels = [6, 4]
strides = [2, 1]

[train]
scheme = "stacked"
steps = 8
batch = 4
crop = 16
validate_every = 4
validation_crops = 4

[quant]
weight_bits = 4
act_bits = 5

[qat]
steps = 4
batch = 4
crop = 16
validate_every = 2
validation_crops = 4
calibration_crops = 8

[hls]
target_fps = 10000

[sim]
frames = 2
"""
FEATURES = """
[features]
widths = [4, 6]
convolutions = [1, 1]

[train]
steps = 2
batch = 2
crop = 16
validate_every = 2
validation_crops = 4
"""


def test_inversion_from_features_to_rtl(
    data: Path, tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosim_module, "CACHE", simulations)
    (tmp_path / "features.toml").write_text(FEATURES)
    pretext.train(tmp_path / "features.toml", data, tmp_path / "features")
    config, out = tmp_path / "invert.toml", tmp_path / "build"
    config.write_text(INVERT.format(features=tmp_path / "features" / "features.safetensors"))
    model.train.main(config, data, out)
    quant.qat.main(config, out / "float.safetensors", data, out)
    quant.export.main(config, out / "qat.safetensors", out)
    lower(out / "generator.onnx", config, out)
    report: dict[str, Any] = cosim(out, config=config, checkpoint=out / "float.safetensors")
    assert report["mismatches"] == {"qonnx": 0, "dataflow": 0, "rtl": 0}
    assert list(report["restored"]) == ["gradient descent", "float", "rtl"]
    assert (report["outputs"][0]["height"], report["outputs"][0]["width"]) == (8, 10)
