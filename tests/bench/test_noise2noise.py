"""Document 001's table and curve."""

from pathlib import Path
from typing import Any

import pytest

from bench import noise2noise
from model.scratch.train import Settings
from pixelmend.errors import UserError
from pixelmend.files import read_json


def test_table_and_curve(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise2noise, "RATES", (0.1, 9.0))
    learns = noise2noise.train

    def train(settings: Settings, data: Path, out: Path) -> dict[str, Any]:
        if settings.rate > 1:
            raise UserError("the loss became nan by step 2; a lower --rate may help")
        return learns(settings, data, out)

    monkeypatch.setattr(noise2noise, "train", train)
    monkeypatch.setattr(noise2noise, "BATCHES", (1,))
    monkeypatch.setattr(noise2noise, "CHANNELS", (2, 3))
    base = Settings(steps=4, side=8, hidden=2, validate_every=2)
    report = noise2noise.tables(data, tmp_path, base)
    good, wild = report["rates_and_batches"]
    assert good["psnr_db"] > 0
    assert wild["psnr_db"] is None, "its loss is no number"
    assert [row["hidden"] for row in report["channels"]] == [2, 3]
    assert report["channels"][0]["rate"] == 0.1
    assert report["channels"][0]["psnr_db"] == good["psnr_db"], "the same run"
    assert read_json(tmp_path / "noise2noise.json")["steps"] == 4
    assert (tmp_path / "channels.png").read_bytes().startswith(b"\x89PNG")
    kept = tmp_path / "rate0.1-batch1-hidden2" / "scratch.json"
    before = kept.stat().st_mtime_ns
    noise2noise.tables(data, tmp_path, base)
    assert kept.stat().st_mtime_ns == before
