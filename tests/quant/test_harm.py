"""The command that measures harm: its report, its table, what it refuses."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model import harm as measure
from model.checkpoint import save
from model.generator import Generator, GeneratorConfig
from model.loop import config_json
from pixelmend.errors import UserError
from pixelmend.files import read_json
from quant import harm as module

SHAPE = GeneratorConfig(widths=(4,), kernel=2, mode="filled", spectral_norm=False, fill_levels=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two networks, one that calls all broken and one that calls nothing; photographs; few sets."""
    for name, bias in (("all", 9.0), ("nothing", -9.0)):
        network = Generator(SHAPE)
        with torch.no_grad():
            network.dec[-1].bias.fill_(bias)  # type: ignore[operator, union-attr]
        save(
            tmp_path / f"{name}.safetensors",
            "generator",
            config_json(asdict(SHAPE)),
            network.state_dict(),
            {},
        )
    mapped = GeneratorConfig(widths=(4,), mode="mapped", spectral_norm=False)
    save(
        tmp_path / "mapped.safetensors", "generator", config_json(asdict(mapped)),
        Generator(mapped).state_dict(), {},
    )  # fmt: skip
    (tmp_path / "photos").mkdir()
    for number, sides in enumerate(((70, 64), (20, 200))):
        pixels = np.random.default_rng(number).integers(0, 256, (*sides, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "mine.toml").write_text("[frame]\nheight = 64\nwidth = 64\n", encoding="utf-8")
    monkeypatch.setattr(module, "SETS", ("dynamic", "single"))
    monkeypatch.setattr(measure, "KINDS", {"single": measure.KINDS["single"]})
    monkeypatch.setattr(measure, "HARD", ("text", "stars"))
    return tmp_path


def test_the_report_and_its_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [folder / "all.safetensors", folder / "nothing.safetensors"]
    out = folder / "harm.json"
    module.main(paths, folder / "mine.toml", out=out, folder=folder / "photos", samples=2, pictures=1, seed=1)
    report = read_json(out)
    assert list(report["figures"]) == [
        "hot_pixels",
        "outliers",
        f"{folder.name}/all",
        f"{folder.name}/nothing",
    ]
    every, none = (report["figures"][f"{folder.name}/{name}"] for name in ("all", "nothing"))
    assert none["photographs"]["mean"] == {
        "false_per_mpx": 0.0, "false_over_8_per_mpx": 0.0, "false_over_32_per_mpx": 0.0, "psnr_db": 100.0
    }  # fmt: skip
    assert every["photographs"]["mean"]["false_per_mpx"] > 900_000
    assert every["photographs"]["least_psnr_db"] < 15
    assert list(every["photographs"]["each"]) == ["0.png"]  # the other is smaller than a frame
    assert every["defects"]["dynamic"]["recall"] > 0.9
    assert none["defects"]["single"]["recall"] == 0.0
    assert every["kinds"]["single"]["recall"] == 1.0
    assert set(none["hard"]) == {"text", "stars"}
    assert [row["recall"] for row in none["roc"]] == [0.0] * len(measure.SHIFTS)
    assert "roc" not in report["figures"]["outliers"]
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("worst", "text", "stars", "recall", "dynamic"))


@pytest.mark.parametrize(
    ("paths", "samples", "message"),
    [
        (["all"], 1, "--samples: at least 2"),
        (["all", "all"], 2, "expected checkpoints of different names"),
        (["mapped"], 2, "expected a network of mode 'selective' or 'filled'"),
    ],
)
def test_what_is_refused(folder: Path, paths: list[str], samples: int, message: str) -> None:
    files = [folder / f"{name}.safetensors" for name in paths]
    with pytest.raises(UserError, match=message):
        module.main(
            files, folder / "mine.toml", folder=folder / "photos", samples=samples, pictures=1, seed=1
        )


def test_small_photographs_are_refused(folder: Path) -> None:
    (folder / "photos" / "0.png").unlink()
    with pytest.raises(UserError, match="no photograph of at least 64x64"):
        module.main([folder / "all.safetensors"], folder / "mine.toml", folder=folder / "photos", samples=2)
