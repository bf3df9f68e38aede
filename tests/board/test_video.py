"""Videos, through the strict board."""

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from board import infer, video
from board.errors import BoardError
from tests.board.test_infer import call

RNG = np.random.default_rng(6)


def smooth(number: int, height: int = 24, width: int = 36) -> np.ndarray:
    """Frames that survive the chroma subsampling of a video."""
    y, x = np.mgrid[:height, :width]
    return np.repeat(((3 * x + 2 * y + 5 * number) % 200)[..., None].astype(np.uint8), 3, -1)


def written(path: Path, count: int, **size: int) -> Path:
    sink = video.Sink(path, Fraction(25))
    for number in range(count):
        sink.write(smooth(number, **size))
    sink.close()
    return path


def frames(path: Path) -> list[np.ndarray]:
    with video.opened(str(path)) as source:
        assert source.rate == 25
        return list(source)


@pytest.mark.parametrize("size", [{}, {"height": 23, "width": 35}], ids=["even", "odd"])
def test_every_frame_is_repaired_in_order(size: dict[str, int], tmp_path: Path) -> None:
    given = frames(written(tmp_path / "a.mp4", 6, **size))
    assert call(tmp_path, tmp_path / "a.mp4", "--suffix", ".png") == 0
    got = frames(tmp_path / "out" / "a.mp4")
    assert len(got) == len(given) == 6
    for before, after in zip(given, got, strict=True):
        assert np.abs(after.astype(int) - (255 - before)).mean() < 6


def test_bad_videos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    written(tmp_path / "good.mp4", 3)
    assert call(tmp_path, tmp_path / "text.mp4", tmp_path / "good.mp4", "--camera", tmp_path / "none") == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and "text.mp4: not a video that can be read" in errors[0]
    assert "none: not a camera that can be read" in errors[1]
    assert len(frames(tmp_path / "out" / "good.mp4")) == 3
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.mp4"]
    monkeypatch.setitem(sys.modules, "av", None)
    assert call(tmp_path, tmp_path / "good.mp4") == 1
    assert "good.mp4: video and cameras need PyAV" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["infer", "--overlay", "o", "--out", "x"])
    with pytest.raises(BoardError, match="nothing to repair"):
        infer.main()
