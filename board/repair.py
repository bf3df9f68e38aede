"""Pictures of any size through the driver, one after the other without a gap."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from board.device import Pixels
from board.driver import Driver
from board.errors import BoardError, FrameError
from board.overlay import Overlay
from board.tiles import Tile, Tiling

ATTEMPTS = 3  # at a frame, before its picture is given up

OnTile = Callable[[int, int], None]
"""Called with the tiles of a picture that are done, and all."""


@dataclass(frozen=True)
class Task:
    """Repair `picture`, uint8 (H, W, 3), into `result` of the same shape, which may be the picture itself.

    `defects`: with a `mapped` network the sensor's map, uint8 (H, W), 255 at broken pixels. `tag` is the
    caller's own.
    """

    picture: Pixels
    result: Pixels
    defects: Pixels | None = None
    tag: Any = None


def repair(
    driver: Driver,
    picture: Pixels,
    result: Pixels,
    defects: Pixels | None = None,
    on_tile: OnTile | None = None,
) -> None:
    """One picture; see `Task`. Beyond the two arrays it holds a frame's height of rows or two.

    `FrameError` where a frame was lost in each of `ATTEMPTS`, `BoardError` for arrays that do not fit.
    """
    for _, error in repair_all(driver, [Task(picture, result, defects)], on_tile):
        if error is not None:
            raise error


def repair_all(
    driver: Driver, tasks: Iterable[Task], on_tile: OnTile | None = None
) -> Iterator[tuple[Task, BoardError | None]]:
    """Every task in order, with the error that spoilt it; the next one is begun before the last has ended.

    Raises what the driver can't recover from.
    """
    line = _Line(driver, on_tile)
    try:
        for task in tasks:
            try:
                work = _Work(task, driver.overlay)
            except BoardError as error:
                yield from line.emptied()
                yield task, error
                continue
            line.works.append(work)
            for tile in work.tiling:
                yield from line.collected(until=lambda: driver.ready)
                if work.error is not None:
                    break
                line.submit(work, tile)
        yield from line.emptied()
    finally:
        line.drain()


class _Line:
    """Works in order, and their tiles that are in the accelerator."""

    def __init__(self, driver: Driver, on_tile: OnTile | None) -> None:
        self.works: deque[_Work] = deque()
        self._driver, self._on_tile = driver, on_tile
        self._flying: deque[tuple[_Work, Tile]] = deque()

    def submit(self, work: "_Work", tile: Tile) -> None:
        """Send a tile."""
        self._driver.slot(lambda frame: work.fill(tile, frame))
        self._flying.append((work, tile))
        work.flying += 1

    def collected(self, until: Callable[[], bool]) -> Iterator[tuple[Task, BoardError | None]]:
        """Take results until there is room; the works that this finishes."""
        while not until():
            self._collect()
            while self.works and self.works[0].finished:
                work = self.works.popleft()
                yield work.task, work.error

    def emptied(self) -> Iterator[tuple[Task, BoardError | None]]:
        """Take all results; the works that this finishes."""
        return self.collected(until=lambda: not self._flying)

    def drain(self) -> None:
        """Leave nothing in the accelerator, whatever happened."""
        while self._driver.in_flight:
            try:
                self._driver.collect()
            except FrameError:
                continue

    def _collect(self) -> None:
        work, tile = self._flying.popleft()
        work.flying -= 1
        try:
            frame = self._driver.collect()
        except FrameError as error:
            work.failures[tile] += 1
            if work.failures[tile] < ATTEMPTS:
                self.submit(work, tile)
            else:
                work.error = error
            return
        work.take(tile, frame)
        if self._on_tile is not None:
            self._on_tile(len(work.tiling) - sum(work.left.values()), len(work.tiling))


@dataclass
class _Work:
    """A task under way. Rows of results are kept until no tile to come needs what they replace."""

    task: Task
    overlay: Overlay
    flying: int = 0
    failures: Counter[Tile] = field(default_factory=Counter)
    error: FrameError | None = None

    def __post_init__(self) -> None:
        _check(self.task, self.overlay)
        self.tiling = Tiling(self.overlay, *self.task.picture.shape[:2])
        self.left = {row: len(self.tiling.columns) for row in range(len(self.tiling.rows))}  # tiles, by row
        self.rows: dict[int, NDArray[np.uint8]] = {}  # results, by row of tiles

    @property
    def finished(self) -> bool:
        """Nothing of it is to come."""
        return not self.flying and (self.error is not None or not self.left)

    def fill(self, tile: Tile, frame: Pixels) -> None:
        """Write the tile into a buffer (height, width, channels)."""
        self.tiling.cut(tile, self.task.picture, frame[..., :3])
        if self.task.defects is not None:
            self.tiling.cut(tile, self.task.defects, frame[..., 3])

    def take(self, tile: Tile, frame: Pixels) -> None:
        """Keep what is right of a tile's result."""
        rows, columns = tile.rows, tile.columns
        kept = self.rows.get(tile.row)
        if kept is None:
            shape = (rows.last - rows.first, *self.task.picture.shape[1:])
            kept = self.rows[tile.row] = np.empty(shape, np.uint8)
        kept[:, columns.first : columns.last] = frame[
            rows.first - rows.at : rows.last - rows.at, columns.first - columns.at : columns.last - columns.at
        ]
        self.left[tile.row] -= 1
        if not self.left[tile.row]:
            del self.left[tile.row]
            self._write_rows()

    def _write_rows(self) -> None:
        """Complete rows above all that tiles to come will read."""
        needed = min((self.tiling.rows[row].at for row in self.left), default=self.tiling.height)
        for row in [row for row in self.rows if row not in self.left]:
            span = self.tiling.rows[row]
            if span.last <= needed:
                self.task.result[span.first : span.last] = self.rows.pop(row)


def _check(task: Task, overlay: Overlay) -> None:
    overlay.check_repairs()
    picture, result, defects = task.picture, task.result, task.defects
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise BoardError(f"expected a uint8 picture (H, W, 3), got {picture.dtype} {picture.shape}")
    if result.dtype != np.uint8 or result.shape != picture.shape:
        raise BoardError(f"expected a uint8 result {picture.shape}, got {result.dtype} {result.shape}")
    if overlay.mapped != (defects is not None):
        words = "needs the sensor's defect map (--map)" if overlay.mapped else "takes no defect map"
        raise BoardError(f"the network '{overlay.config}' {words}")
    if defects is not None and (defects.dtype != np.uint8 or defects.shape != picture.shape[:2]):
        height, width = picture.shape[:2]
        came = "x".join(map(str, defects.shape[1::-1]))
        raise BoardError(
            f"the defect map is of {came} px, the picture of {width}x{height}: of another sensor?"
        )
