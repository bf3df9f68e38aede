"""Pictures of any size against the integer model of one frame as large as the picture."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import chain, repeat

import numpy as np
import pytest

from board.driver import Driver
from board.errors import BoardError, FrameTimeout
from board.repair import ATTEMPTS, Task, _Work, repair, repair_all
from board.tiles import mirrored, spans
from hls import dataflow
from hls.receptive import reach
from model.generator import Mode
from sim.integer import IntegerModel
from tests.board.mock import StrictBoard, overlay
from tests.networks import Case, equal, integer_network

CASE = Case((4, 6), height=32, width=48)
MAPPED = replace(CASE, mode="mapped")
RNG = np.random.default_rng(3)


@cache
def model(height: int, width: int, mode: Mode) -> IntegerModel:
    case = replace(CASE, height=height, width=width, mode=mode)
    return IntegerModel(dataflow.build(integer_network(case)), height, width)


def board_of(case: Case, faults: list[str] | None = None, **shape: int) -> Driver:
    """A driver before a board that computes the case's integer model."""
    found = reach(dataflow.build(integer_network(case)))
    made = overlay(
        case.height, case.width, case.generator.inputs,
        before=found.before, after=found.after, multiple=found.multiple, **shape,
    )  # fmt: skip
    small = model(case.height, case.width, case.mode)
    board = StrictBoard(
        made,
        chain(faults or (), repeat("")),
        lambda frame: small.run(frame[None])[0],  # type: ignore[arg-type]
    )
    return Driver(made, board, 0.05, sleep=lambda _: None)


def untiled(case: Case, picture: np.ndarray) -> np.ndarray:
    """The integer model on the whole picture, mirrored as documented."""
    height, width = picture.shape[:2]
    rows = max(case.height, -(-height // 4) * 4)
    columns = max(case.width, -(-width // 4) * 4)
    padded = np.pad(picture, ((0, rows - height), (0, columns - width), (0, 0)), mode="reflect")
    return model(rows, columns, case.mode).run(padded[None])[0][:height, :width]


def pixels(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "size", [(32, 48), (64, 96), (33, 49), (61, 70), (150, 31), (20, 103), (1, 1), (2, 200), (7, 5)], ids=str
)
def test_any_size_equals_the_untiled_model(size: tuple[int, int]) -> None:
    picture = pixels(*size)
    result = np.zeros_like(picture)
    with board_of(CASE) as driver:
        repair(driver, picture, result)
    equal("tiled", result, untiled(CASE, picture))


def test_in_place() -> None:
    picture = pixels(130, 70)
    expected = untiled(CASE, picture)
    seen = []
    with board_of(CASE) as driver:
        repair(driver, picture, picture, on_tile=lambda done, total: seen.append((done, total)))
    equal("in place", picture, expected)
    assert seen[-1][0] == seen[-1][1] == len(seen)


def test_a_map_is_cut_with_its_picture() -> None:
    picture, defects = pixels(50, 101), (RNG.random((50, 101)) < 0.2) * np.uint8(255)
    result = np.zeros_like(picture)
    with board_of(MAPPED) as driver:
        repair(driver, picture, result, defects)
    equal("mapped", result, untiled(MAPPED, np.concatenate([picture, defects[..., None]], -1)))


def test_lost_frames_are_sent_again() -> None:
    picture = pixels(70, 100)
    result = np.zeros_like(picture)
    with board_of(CASE, ["", "hang", "", "short", "receive error"]) as driver:
        repair(driver, picture, result)
    equal("after losses", result, untiled(CASE, picture))


def test_a_board_that_loses_every_frame_ends_the_picture_only() -> None:
    picture = pixels(32, 48)
    with board_of(CASE, ["hang"] * ATTEMPTS) as driver:
        with pytest.raises(FrameTimeout):
            repair(driver, picture, np.zeros_like(picture))
        assert driver.in_flight == 0
        result = np.zeros_like(picture)
        repair(driver, picture, result)
    equal("the next picture", result, untiled(CASE, picture))


def test_pictures_follow_each_other_without_a_gap() -> None:
    """Small pictures keep two frames in flight; a bad one and a lost one take nothing from the others."""
    pictures = [pixels(*size) for size in ((32, 48), (20, 30), (70, 50), (32, 48), (5, 5))]
    tasks = [Task(picture, np.zeros_like(picture), tag=number) for number, picture in enumerate(pictures)]
    tasks.insert(2, Task(pictures[0], pictures[1], tag="bad"))
    tiles = len(spans(70, 32, 9, 9, 4)) * len(spans(50, 48, 9, 9, 4))
    most = 0

    def watched() -> Iterator[Task]:
        nonlocal most
        for task in tasks:
            most = max(most, driver.in_flight)
            yield task

    with board_of(CASE, [*[""] * (2 + tiles), *["hang"] * 100]) as driver:
        outcomes = [(task.tag, type(error).__name__) for task, error in repair_all(driver, watched())]
    assert outcomes == [
        (0, "NoneType"), (1, "NoneType"), ("bad", "BoardError"), (2, "NoneType"), (3, "FrameTimeout"),
        (4, "FrameTimeout"),
    ]  # fmt: skip
    assert most == 2
    for task in tasks[:2]:
        equal(str(task.tag), task.result, untiled(CASE, task.picture))


@pytest.mark.parametrize("side", [*range(1, 80), 999, 40_000])
def test_spans_cover_each_pixel_once_and_only_where_it_is_right(side: int) -> None:
    frame, before, after, multiple = 32, 9, 7, 4
    found = spans(side, frame, before, after, multiple)
    padded = max(frame, -(-side // multiple) * multiple)
    assert [span.first for span in found] == [0, *(span.last for span in found[:-1])]
    assert found[-1].last == side
    for span in found:
        assert span.at % multiple == 0 and 0 <= span.at <= padded - frame
        assert span.at == 0 or span.first >= span.at + before
        assert span.at + frame == padded or span.last <= span.at + frame - after


def test_frames_that_can_not_be_joined() -> None:
    assert spans(32, 32, 20, 20, 4)
    with pytest.raises(
        BoardError, match="frames of 32 px are too small to be joined: a pixel sees 20 px before"
    ):
        spans(33, 32, 20, 20, 4)


def test_mirrored_is_numpys_reflect() -> None:
    for side in (1, 2, 3, 10):
        equal(
            str(side), mirrored(np.arange(40), side), np.pad(np.arange(side), (0, 40 - side), mode="reflect")
        )


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows kept back are no more than two frames high, in a picture that is 40 of them high."""
    picture = np.broadcast_to(RNG.integers(0, 256, (1, 100, 3), dtype=np.uint8), (20_000, 100, 3))
    made = overlay(512, 512, before=8, after=8, multiple=4)
    most = 0
    write = _Work._write_rows

    def watched(self: _Work) -> None:
        nonlocal most
        most = max(most, sum(len(rows) for rows in self.rows.values()))
        write(self)

    monkeypatch.setattr(_Work, "_write_rows", watched)
    result = np.zeros(picture.shape, np.uint8)
    with Driver(made, StrictBoard(made, ticks=0), sleep=lambda _: None) as driver:
        repair(driver, picture, result)
    assert 0 < most <= 2 * 512
    equal("rows", result[::4999], 255 - picture[::4999])


def test_bad_pictures() -> None:
    with board_of(CASE) as driver, board_of(MAPPED) as mapped:
        picture = pixels(4, 6)
        for bad in (picture[..., 0], picture / 255, picture[:0]):
            with pytest.raises(BoardError, match=r"expected a uint8 picture \(H, W, 3\), got"):
                repair(driver, bad, picture)
        with pytest.raises(BoardError, match=r"expected a uint8 result \(4, 6, 3\)"):
            repair(driver, picture, picture[:2])
        with pytest.raises(BoardError, match="takes no defect map"):
            repair(driver, picture, picture, picture[..., 0])
        with pytest.raises(BoardError, match="needs the sensor's defect map"):
            repair(mapped, picture, picture)
        with pytest.raises(BoardError, match="the defect map is of 4x6 px, the picture of 6x4: of another"):
            repair(mapped, picture, picture, np.zeros((6, 4), np.uint8))
