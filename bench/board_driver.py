"""CPU time of the board's driver for a frame, beside that of FINN's driver, in one run.

    python -m bench.board_driver [--height 256] [--width 256] [--frames 200] [--out build/bench.json]

The accelerator is a device whose transfers end at once, so that nothing is waited for: what is left is the
drivers' own work, from a uint8 frame to the repaired one. FINN's side is what `FINNDMAOverlay.execute` of
finn-plus-driver does around its DMA, with the packing functions themselves; that package can't be installed
beside this numpy, but its `packing` module is a copy of `finn.util.data_packing`. Its folding and copying are
written out here. The figures join the report of `bench.versus_finn`, if there is one, as "driver".
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import DTypeLike, NDArray
from rich.table import Table

from board.device import Buffer
from board.driver import Driver
from board.formats import Ports
from board.overlay import Overlay
from board.repair import Task, repair_all
from hls.finn_setup import finn_workspace
from pixelmend.console import console, note, run
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from pixelmend.provenance import commit, versions
from sim.memory import CachedBuffer

REPEATS = 5
LABELS = {
    "ours_ms": "ours, R, G, B",
    "ours_mapped_ms": "ours, with a map to merge",
    "finn_ms": "FINN's, frame in uint8",
    "finn_float32_ms": "FINN's, frame in float32",
}


class _Channel:
    """Ends every transfer at once; counts nothing, checks nothing."""

    idle, error = True, False

    def __init__(self, flushes: bool) -> None:
        self._flushes = flushes

    def transfer(self, array: Buffer) -> None:
        """Done as it is begun; the cache is not counted, since it is the processor's hardware on a board."""

    def wait(self) -> None:
        """Nothing is under way."""

    def start(self) -> None:
        """Always running."""


class Instant:
    """A device that takes no time; see `board.device.Device`."""

    timeout_s = 1.0
    more_dmas = ()

    def __init__(self, result_bytes: int) -> None:
        self.sendchannel, self.recvchannel = _Channel(True), _Channel(False)
        self.result_bytes = result_bytes

    @property
    def dma(self) -> Any:
        """Itself."""
        return self

    def read(self, offset: int) -> int:
        """The length register, whole."""
        return self.result_bytes

    def write(self, offset: int, value: int) -> None:
        """No register has an effect."""

    def allocate(self, shape: tuple[int, ...]) -> Any:
        """Memory."""
        return CachedBuffer.make(shape)

    def reset(self) -> None:
        """Nothing to reset."""

    def close(self) -> None:
        """Nothing to give back."""


def driver_ms(height: int, width: int, channels: int, count: int) -> float:
    """Milliseconds of CPU time a frame of `repair_all`: tiles, copies, the driver's bookkeeping."""
    overlay = Overlay(
        Path("bench"), "bench", "pynq-z2", 100.0, Ports.of_pictures(height, width, channels), 0, 0, 1,
        "axi_dma_0", "", "",
    )  # fmt: skip
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    defects = np.zeros((height, width), np.uint8) if channels == 4 else None
    result = np.empty_like(frame)
    with Driver(overlay, Instant(frame.nbytes)) as driver:
        list(repair_all(driver, [Task(frame, result, defects)] * 10))  # warm
        began = time.process_time()
        for _, error in repair_all(driver, (Task(frame, result, defects) for _ in range(count))):
            assert error is None
        return 1000 * (time.process_time() - began) / count


def finn_ms(height: int, width: int, count: int, container: DTypeLike = np.uint8) -> float:
    """Milliseconds of CPU time a frame of FINN's driver, which takes the frame in a `container` type.

    Bytes in uint8 are packed by a view; in float32, as a preprocessed image comes, by way of their bits. The
    result is float32 in either case and made uint8 again here, as it was asked for.
    """
    with finn_workspace():
        from finn.util.data_packing import finnpy_to_packed_bytearray, packed_bytearray_to_finnpy
        from qonnx.core.datatype import DataType

    kind, reverse = DataType["UINT8"], {"reverse_endian": True, "reverse_inner": True}
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    frame, folded = pixels.astype(container), (1, height, width, 1, 3)
    sent, received = CachedBuffer.make(folded), CachedBuffer.make(folded)
    host = np.empty(folded, np.uint8)

    def execute() -> NDArray[np.uint8]:
        np.copyto(sent, finnpy_to_packed_bytearray(frame.reshape(folded), kind, **reverse))
        np.copyto(host, received)
        values = packed_bytearray_to_finnpy(host, kind, folded, **reverse)
        return values.reshape(frame.shape).astype(np.uint8)

    execute()  # warm
    received[...] = sent  # what a network that changes nothing gives back
    began = time.process_time()
    for _ in range(count):
        result = execute()
    seconds = time.process_time() - began
    assert np.array_equal(result, pixels)
    return 1000 * seconds / count


def compare(height: int, width: int, frames: int) -> dict[str, Any]:
    """Both drivers in turn; of each the least of `REPEATS`, since other programs only ever add to it."""
    few = max(1, frames // 20)  # of the slow way, through bits
    timed: dict[str, Callable[[], float]] = {
        "ours_ms": lambda: driver_ms(height, width, 3, frames),
        "ours_mapped_ms": lambda: driver_ms(height, width, 4, frames),
        "finn_ms": lambda: finn_ms(height, width, frames),
        "finn_float32_ms": lambda: finn_ms(height, width, few, np.float32),
    }
    rounds = [{name: once() for name, once in timed.items()} for _ in range(REPEATS)]
    least = {name: round(min(figures[name] for figures in rounds), 4) for name in timed}
    return {
        "size": [height, width],
        "frames": frames,
        **least,
        "finn_over_ours": round(least["finn_ms"] / least["ours_ms"], 2),
        "finn_float32_over_ours": round(least["finn_float32_ms"] / least["ours_ms"], 2),
        "source": f"CPU time of this machine's process a frame, outside waiting, least of {REPEATS}",
        "commit": commit(),
        "versions": versions(),
    }


def main(
    height: Annotated[int, typer.Option(min=1)] = 256,
    width: Annotated[int, typer.Option(min=1)] = 256,
    frames: Annotated[int, typer.Option(min=1)] = 200,
    out: Annotated[Path | None, typer.Option(help="JSON report that the figures join, as 'driver'")] = None,
) -> None:
    """CPU time a frame of our driver and of FINN's, on the same frame."""
    report = read_json(out) if out is not None and out.exists() else {}
    if not isinstance(report, dict):
        raise UserError(f"{out}: expected a report of bench.versus_finn, got {type(report).__name__}")
    found = compare(height, width, frames)
    table = Table(title=f"driver: CPU time of a frame of {height}x{width} px, outside waiting")
    for column in ("", "ms", "of ours"):
        table.add_column(column, justify="right" if column else "left")
    for name, label in LABELS.items():
        table.add_row(label, f"{found[name]:.3f}", f"{found[name] / found['ours_ms']:.2f}")
    console.print(table)
    if out is not None:
        write_json(out, report | {"driver": found})
        note(f"{out}: written")


if __name__ == "__main__":
    run(main)
