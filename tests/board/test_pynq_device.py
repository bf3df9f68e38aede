"""The real board's device, with a stand-in for pynq; and the checks of an overlay's files."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from board import overlay as overlays
from board.driver import Driver
from board.errors import BoardError, FrameTimeout
from board.overlay import BITSTREAM, HANDOFF, PLACEHOLDER
from pixelmend.files import file_digest
from tests.board.mock import StrictBoard, overlay
from tests.board.test_infer import make_overlay

FRAME = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)


class Pynq(SimpleNamespace):
    """The module: overlays are strict boards; what was called is kept."""

    def __init__(self, **board: Any) -> None:
        super().__init__(calls=[], board=StrictBoard(overlay(), **board), fail=None, without_dma=False)

    def Overlay(self, path: str) -> Any:  # pynq's own name
        if self.fail is not None:
            raise self.fail
        self.calls.append(Path(path).name)
        pynq = self

        class Loaded:
            def download(self) -> None:
                pynq.calls.append("download")
                pynq.board.reset()

            def free(self) -> None:
                pynq.calls.append("free")
                pynq.board.close()

            def __getattr__(self, name: str) -> Any:
                if name != "axi_dma_0" or pynq.without_dma:
                    raise AttributeError(name)
                return pynq.board.dma

        return Loaded()

    def allocate(self, shape: tuple[int, ...], dtype: str) -> Any:
        assert dtype == "u1"
        return self.board.allocate(shape)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # where the lock lies
    monkeypatch.delenv("BOARD", raising=False)
    return make_overlay(tmp_path / "overlay")


def use(monkeypatch: pytest.MonkeyPatch, pynq: Pynq) -> Pynq:
    monkeypatch.setitem(sys.modules, "pynq", pynq)  # type: ignore[arg-type]
    return pynq


def test_a_frame_and_a_reset(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pynq = use(monkeypatch, Pynq(faults=iter(["", "hang", *[""] * 9])))
    monkeypatch.setenv("BOARD", "Pynq-Z2")
    with Driver.open(folder, timeout_s=0.02) as driver:
        assert np.array_equal(driver.repair(FRAME), 255 - FRAME)
        with pytest.raises(FrameTimeout):
            driver.repair(FRAME)
        assert np.array_equal(driver.repair(FRAME), 255 - FRAME)
    assert pynq.calls == [BITSTREAM, "download", "free"]


def test_one_process_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Pynq())
    with (
        Driver.open(folder),
        pytest.raises(BoardError, match=r"held by another process \(id \d+\); end it first"),
    ):
        Driver.open(folder)
    use(monkeypatch, Pynq())
    Driver.open(folder).close()


def test_what_a_board_refuses(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(BoardError, match="pynq is missing"):
        Driver.open(folder)
    pynq = use(monkeypatch, Pynq())
    pynq.fail = RuntimeError("Unable to parse metadata")
    with pytest.raises(BoardError, match="pynq can't load it: Unable to parse metadata"):
        Driver.open(folder)
    pynq.fail, pynq.without_dma = None, True
    with pytest.raises(BoardError, match=r"no axi_dma_0 in it, although io\.json names one"):
        Driver.open(folder)
    monkeypatch.setenv("BOARD", "KV260")
    with pytest.raises(BoardError, match="made for pynq-z2, but this board is kv260"):
        Driver.open(folder)


def rewrite(folder: Path, **fields: object) -> None:
    path = folder / "io.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_files_that_do_not_belong_together(folder: Path) -> None:
    read = overlays.read(folder)
    assert (read.height, read.width, read.channels, read.board) == (8, 12, 3, "pynq-z2")
    whole = (folder / "io.json").read_text()
    for fields, words in (
        ({"format": "pixelmend io 9"}, "expected the format \"pixelmend io 1\".*found 'pixelmend io 9'"),
        ({"halo": {}}, "a field is missing or of another kind"),
        ({"input": {"bytes_per_pixel": 2}}, "expected 3 or 4 bytes a pixel in and 3 out, found 2 and 3"),
        ({"multiple": 5}, "a frame of 8x12 is not multiples of 5"),
        ({"files": {BITSTREAM: None, HANDOFF: None}}, "was not built yet"),
        ({"files": {BITSTREAM: "0" * 64, HANDOFF: "0" * 64}}, "does not belong to the io.json beside it"),
    ):
        rewrite(folder, **fields)
        with pytest.raises(BoardError, match=words):
            overlays.read(folder)
        (folder / "io.json").write_text(whole)
    (folder / HANDOFF).unlink()
    with pytest.raises(BoardError, match=r"pixelmend\.hwh: no such file; copy the whole folder"):
        overlays.read(folder)
    (folder / "io.json").write_text("{")
    with pytest.raises(BoardError, match="not readable as JSON"):
        overlays.read(folder)
    with pytest.raises(BoardError, match="expected the folder of an overlay"):
        overlays.read(folder / "none")


def test_a_placeholder_is_refused(folder: Path) -> None:
    (folder / BITSTREAM).write_bytes(PLACEHOLDER + b": not built\n")
    rewrite(folder, files={name: file_digest(folder / name) for name in (BITSTREAM, HANDOFF)})
    with pytest.raises(BoardError, match="a placeholder; build one with"):
        Driver.open(folder)
