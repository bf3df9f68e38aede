"""The speed-up of several processes: the figures, and a failure that is told."""

from pathlib import Path

import pytest

from bench import processes, step_rate
from pixelmend.errors import UserError
from pixelmend.files import read_json
from tests.model.photographs import write_photographs

TOML = """
[generator]
widths = [4, 4]
[defects]
side = [3, 6]
[train]
batch = 2
crop = 16
validation_crops = 1
"""


def test_steps_are_timed(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    data = write_photographs(tmp_path / "photographs")
    (tmp_path / "x.toml").write_text(TOML)
    step_rate.main(tmp_path / "x.toml", data, tmp_path / "rate.json", 4)
    measured = read_json(tmp_path / "rate.json")
    assert (measured["processes"], measured["steps"]) == (1, 4)
    assert 0 < measured["seconds"] < 60


def test_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {1: 4.0, 2: 7.0}
    monkeypatch.setattr(processes, "step_rate", lambda config, data, count, steps: rates[count])
    processes.main(tmp_path / "x.toml", tmp_path, [1, 2], 5, tmp_path / "out.json")
    assert read_json(tmp_path / "out.json")["speed_up"] == {"1": 1.0, "2": 1.75}


def test_what_fails_there_is_told_here(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1 processes: error: .*x.toml: no such configuration"):
        processes.step_rate(tmp_path / "x.toml", tmp_path, 1, 4)
