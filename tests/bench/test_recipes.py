"""Recipes of a task are trained and judged side by side."""

from pathlib import Path

import pytest

from bench.recipes import compare
from pixelmend.errors import UserError
from pixelmend.files import read_json

BASE = """# ESPCN as it is.
[frame]
height = 12
width = 12

[task]
name = "super-resolve"
factors = [2]

[network]
name = "espcn"
widths = [4, 4]
factor = 2

[train]
steps = 4
batch = 2
crop = 16
validate_every = 2
validation_crops = 2
"""


def test_recipes_side_by_side(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(BASE)
    two.write_text('# Wider.\nextends = "one.toml"\n[network]\nwidths = [8, 4]\n')
    monkeypatch.setenv("COLUMNS", "200")
    report = compare([one, two], data, tmp_path / "out", 2)
    assert [row["what"] for row in report["recipes"]] == ["ESPCN as it is.", "Wider."]
    assert report["recipes"][0]["weights"] < report["recipes"][1]["weights"]
    assert set(report["recipes"][0]["quality"]) == {"bicubic", "float"}
    assert read_json(tmp_path / "out" / "recipes.json")["recipes"][1]["recipe"] == "two"
    first = (tmp_path / "out" / "one" / "float.safetensors").stat().st_mtime_ns
    again = compare([one, two], data, tmp_path / "out", 2)
    assert again["recipes"] == report["recipes"]
    assert (tmp_path / "out" / "one" / "float.safetensors").stat().st_mtime_ns == first, "not trained again"


def test_what_can_not_be_compared(data: Path, tmp_path: Path) -> None:
    one = tmp_path / "one.toml"
    one.write_text(BASE)
    with pytest.raises(UserError, match="expected recipes of different names, got one, one"):
        compare([one, one], data, tmp_path, 2)
    one.write_text("[frame]\nheight = 16\n")
    with pytest.raises(UserError, match=r"one.toml: expected a configuration with a table \[task\]"):
        compare([one], data, tmp_path, 2)
