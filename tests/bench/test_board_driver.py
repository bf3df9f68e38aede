"""The driver's own time for a frame, beside FINN's."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bench import board_driver as module
from bench.board_driver import compare, driver_ms, finn_ms, main
from pixelmend.console import run
from pixelmend.files import read_json, write_json


def test_a_frame_takes_a_third_of_finns_packing_at_most() -> None:
    """Measured side by side, since machines differ: 0.04 and 0.40 ms for FINN's 4.0 from float32 (`make bench`)."""
    finns = min(finn_ms(256, 256, 3, np.float32) for _ in range(3))
    for channels in (3, 4):
        assert min(driver_ms(256, 256, channels, 20) for _ in range(3)) < finns / 3


def test_finns_packing_through_bits_takes_longer_than_its_view() -> None:
    view = min(finn_ms(64, 64, 5) for _ in range(3))
    bits = min(finn_ms(64, 64, 5, np.float32) for _ in range(3))
    assert 0 < view < bits


def test_the_figures_join_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPEATS", 1)
    write_json(tmp_path / "bench.json", {"vs_finn": {"cycles_ratio": 2.0}})
    main(16, 24, 4, tmp_path / "bench.json")
    report = read_json(tmp_path / "bench.json")
    assert report["vs_finn"] == {"cycles_ratio": 2.0}
    assert report["driver"]["size"] == [16, 24]
    assert all(report["driver"][name] > 0 for name in module.LABELS)


def test_the_least_of_the_rounds_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = iter([3.0, 2.0, 4.0])
    monkeypatch.setattr(module, "REPEATS", 3)
    monkeypatch.setattr(module, "driver_ms", lambda *shape: next(ours) if shape[2] == 3 else 5.0)
    monkeypatch.setattr(module, "finn_ms", lambda *shape: 8.0 if len(shape) == 4 else 3.0)
    found = compare(8, 8, 20)
    assert (found["ours_ms"], found["ours_mapped_ms"], found["finn_ms"]) == (2.0, 5.0, 3.0)
    assert (found["finn_over_ours"], found["finn_float32_over_ours"]) == (1.5, 4.0)


def test_a_report_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bench.json").write_text("[1]")
    monkeypatch.setattr(sys, "argv", ["bench.board_driver", "--out", str(tmp_path / "bench.json")])
    with pytest.raises(SystemExit):
        run(main)
    assert "expected a report of bench.versus_finn, got list" in capfd.readouterr().err
    assert (tmp_path / "bench.json").read_text() == "[1]"
