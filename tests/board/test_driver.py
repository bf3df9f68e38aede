"""The driver on the strict board: order, losses, what is released."""

from collections.abc import Iterator
from itertools import chain, repeat

import numpy as np
import pytest

from board.driver import Driver
from board.errors import BoardError, DmaError, FrameError, FrameTimeout, RecoveryFailed, ShortTransfer
from tests.board.mock import Fault, StrictBoard, overlay

RNG = np.random.default_rng(0)


def frames(count: int, channels: int = 3) -> list[np.ndarray]:
    return list(RNG.integers(0, 256, (count, 8, 12, channels), dtype=np.uint8))


def opened(faults: list[Fault] | None = None, **shape: int) -> tuple[Driver, StrictBoard]:
    then_none: Iterator[Fault] = chain(faults or (), repeat(""))
    board = StrictBoard(overlay(**shape), then_none)
    return Driver(overlay(**shape), board, 0.02, sleep=lambda _: None), board


def test_frames_come_back_in_order() -> None:
    driver, board = opened()
    given = frames(20)
    with driver:
        got = [result.copy() for result in driver.stream(given) if isinstance(result, np.ndarray)]
    assert np.array_equal(got, [255 - frame for frame in given])
    assert board.closed and all(buffer.freed for buffer in board.buffers) and len(board.buffers) == 6
    assert driver.timing.frames == 20 and driver.timing.copy_s > 0 and driver.timing.wait_s > 0


def test_two_frames_are_in_the_accelerator_at_once() -> None:
    driver, board = opened()
    most = 0
    with driver:
        for _ in driver.stream(iter(frames(6))):
            most = max(most, len(board.inside) + (board.sent is not None))
            assert driver.in_flight <= 2
    assert most >= 1
    assert driver.timing.frames == 6


def test_a_result_is_a_view_that_can_only_be_read() -> None:
    driver, board = opened()
    with driver:
        driver.submit(frames(1)[0])
        result = driver.collect()
        assert any(np.shares_memory(result, buffer) for buffer in board.buffers)
        with pytest.raises(ValueError, match="read-only"):
            result[0, 0, 0] = 1


def test_a_map_travels_as_the_fourth_byte() -> None:
    board = StrictBoard(overlay(channels=4), repair=lambda frame: np.repeat(frame[..., 3:], 3, -1))
    defects = (RNG.random((8, 12)) < 0.2).astype(np.uint8) * 255
    with Driver(overlay(channels=4), board, sleep=lambda _: None) as driver:
        assert np.array_equal(driver.repair(frames(1)[0], defects), np.repeat(defects[..., None], 3, -1))


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("hang", FrameTimeout, r"no result within 0\.02 s, the frame was taken in"),
        ("short", ShortTransfer, "a frame of 144 bytes came, expected 288"),
        ("send error", DmaError, "halted while sending: DMA Internal Error"),
        ("receive error", DmaError, "halted while receiving: DMA Internal Error"),
    ],
)
def test_a_lost_frame_is_named_and_the_next_one_works(fault: Fault, kind: type, words: str) -> None:
    driver, board = opened(["", fault])
    given = frames(3)
    with driver:
        assert np.array_equal(driver.repair(given[0]), 255 - given[0])
        with pytest.raises(kind, match=words):
            driver.repair(given[1])
        assert np.array_equal(driver.repair(given[2]), 255 - given[2])
    assert board.resets == 1 and board.closed


def test_a_thousand_frames_with_losses() -> None:
    """Every frame is right or reported, in its place; none twice."""
    rng = np.random.default_rng(7)
    kinds: list[Fault] = ["", "hang", "short", "send error", "receive error"]
    faults = (kinds[rng.choice(5, p=[0.96, 0.01, 0.01, 0.01, 0.01])] for _ in range(10_000))
    board = StrictBoard(overlay(), faults)
    given = frames(1000)
    lost = 0
    with Driver(overlay(), board, 0.002, sleep=lambda _: None) as driver:
        results = driver.stream(given)
        for frame, result in zip(given, results, strict=True):
            if isinstance(result, FrameError):
                lost += 1
            else:
                assert np.array_equal(result, 255 - frame)
    assert 10 < lost < 120 and board.resets == lost
    assert board.closed and all(buffer.freed for buffer in board.buffers) and len(board.buffers) == 6


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_all_is_released_in_the_middle_of_work(error: type[BaseException]) -> None:
    driver, board = opened(["hang"])
    with pytest.raises(error), driver:
        driver.submit(frames(1)[0])
        driver.submit(frames(1)[0])
        raise error
    assert board.closed and board.stopped and all(buffer.freed for buffer in board.buffers)


def test_a_board_that_does_not_come_back() -> None:
    driver, board = opened(["hang"])
    board.dead = True
    with driver, pytest.raises(RecoveryFailed, match="did not come back from a reset: no such device"):
        driver.repair(frames(1)[0])
    assert board.closed
    with pytest.raises(BoardError, match="closed, or the board did not come back"):
        driver.submit(frames(1)[0])


def test_buffers_that_can_not_be_had_are_given_back() -> None:
    board = StrictBoard(overlay())
    allocate, calls = board.allocate, iter(range(9))

    def until_the_fourth(shape: tuple[int, ...]) -> np.ndarray:
        if next(calls) == 3:
            raise MemoryError("no contiguous memory")
        return allocate(shape)

    board.allocate = until_the_fourth  # type: ignore[assignment, method-assign]
    with pytest.raises(MemoryError):
        Driver(overlay(), board)
    assert board.closed and len(board.buffers) == 3 and all(buffer.freed for buffer in board.buffers)


def test_misuse() -> None:
    driver, _ = opened()
    mapped, _ = opened(channels=4)
    frame, defects = frames(1)[0], np.zeros((8, 12), np.uint8)
    with driver, mapped:
        with pytest.raises(BoardError, match=r"expected a uint8 frame \(8, 12, 3\), got float64"):
            driver.submit(frame / 255)
        with pytest.raises(BoardError, match=r"got uint8 \(12, 8, 3\)"):
            driver.submit(frame.transpose(1, 0, 2))
        with pytest.raises(BoardError, match="takes no defect map"):
            driver.submit(frame, defects)
        with pytest.raises(BoardError, match="needs the sensor's defect map"):
            mapped.submit(frame)
        with pytest.raises(BoardError, match=r"expected a uint8 defect map \(8, 12\), got bool"):
            mapped.submit(frame, defects > 0)
        with pytest.raises(BoardError, match="no frame is in flight"):
            driver.collect()
        driver.submit(frame)
        driver.submit(frame)
        with pytest.raises(BoardError, match="2 frames are in flight; collect one first"):
            driver.submit(frame)
        with pytest.raises(BoardError, match="2 frames are in flight; collect them first"):
            driver.repair(frame)
        assert np.array_equal(driver.collect(), 255 - frame)
