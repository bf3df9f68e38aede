"""The table of the perceptual measure; the package itself is fetched where the command runs, not here."""

from pathlib import Path

import numpy as np
import pytest

from bench import perceptual
from bench.perceptual import compare, main
from model.photos import Photo
from model.tasks.train import train
from pixelmend.errors import UserError
from pixelmend.files import read_json
from tests.bench.test_recipes import BASE


def contrast(pictures: dict[str, Photo]) -> dict[str, float]:
    return {name: float(picture.std()) for name, picture in pictures.items()}


def test_the_table(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "one.toml"
    config.write_text(BASE)
    checkpoint = train(config, data, tmp_path / "one")
    monkeypatch.setattr(perceptual, "brisque", contrast)
    report = compare(config, {"mse": checkpoint}, tmp_path, 3)
    assert list(report["methods"]) == ["photograph", "nearest", "bicubic", "Lanczos", "mse"]
    assert all(one["brisque_se"] > 0 for one in report["methods"].values())
    assert "psnr_db" not in report["methods"]["photograph"]
    photograph, bicubic = (report["methods"][name]["brisque"] for name in ("photograph", "bicubic"))
    assert bicubic < photograph, "each picture's own score: bicubic blurs"
    assert read_json(tmp_path / "perceptual.json")["methods"] == report["methods"]
    assert "photograph" in capsys.readouterr().out


def test_scores_come_from_a_script_of_its_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for the environment: a script that tells each picture's mean, by the project's Python."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{perceptual.sys.executable}" "$@"\n')
    python.chmod(0o755)
    script = tmp_path / "scores.py"
    script.write_text(
        "import json, pathlib, sys\nfrom PIL import Image\nimport numpy as np\n"
        "found = pathlib.Path(sys.argv[1]).iterdir()\n"
        "print(json.dumps({path.stem: float(np.asarray(Image.open(path)).mean()) for path in found}))\n"
    )
    monkeypatch.setattr(perceptual, "PLACE", tmp_path / "venv")
    monkeypatch.setattr(perceptual, "SCRIPT", script)
    pictures = {"a": np.full((8, 8, 3), 7, np.uint8), "b": np.full((8, 8, 3), 9, np.uint8)}
    assert perceptual.brisque(pictures) == {"a": 7.0, "b": 9.0}
    script.write_text("raise SystemExit('no model')")
    with pytest.raises(UserError, match="no model"):
        perceptual.brisque(pictures)


def test_names_of_networks(tmp_path: Path) -> None:
    for wrong in (["a.safetensors"], ["a=x", "a=y"]):
        with pytest.raises(UserError, match="expected NAME=CHECKPOINT with different names, got a"):
            main(tmp_path / "x.toml", wrong)
    with pytest.raises(UserError, match="--samples: at least 2"):
        compare(tmp_path / "x.toml", {}, tmp_path, 1)
