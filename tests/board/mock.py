"""A strict board: pynq's interface as the driver uses it, that fails on any call out of order or range.

Buffers have two sides: the processor's (the array itself) and the memory that the DMA reaches; only flush and
invalidate carry bytes between them. The accelerator inverts colours, takes time in polls of the status, and
loses frames as `faults` says.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from board.formats import Ports
from board.overlay import Overlay
from sim.memory import CachedBuffer

Fault = Literal["", "hang", "short", "send error", "receive error"]
Repair = Callable[[np.ndarray], np.ndarray]

ALIGNMENT = 4  # bytes; the DMA has no realignment engine


class Misuse(AssertionError):
    """The driver did what no board forgives."""


class Buffer(CachedBuffer):
    """Memory that knows whether the cache holds what memory does not."""

    dirty: bool  # as fresh memory is: the zeros lie in the cache
    freed: bool
    physical_address: int

    def flush(self) -> None:
        super().flush()
        self.dirty = False

    def invalidate(self) -> None:
        if self.dirty:
            raise Misuse("invalidate would throw away what the processor wrote")
        super().invalidate()

    def freebuffer(self) -> None:
        if self.freed:
            raise Misuse("freed twice")
        self.freed = True


class Channel:
    """One direction; state and errors as pynq's channel shows them."""

    def __init__(self, board: "StrictBoard", sends: bool) -> None:
        self.board, self.sends = board, sends
        self.active: Buffer | None = None
        self.running = False
        self.idle_bit = self.error_bit = self.first = False
        self.start()

    @property
    def idle(self) -> bool:
        self.board.tick()
        return self.idle_bit

    @property
    def error(self) -> bool:
        return self.error_bit

    def start(self) -> None:
        self.running = self.first = True
        self.idle_bit = self.error_bit = False

    def transfer(self, array: Any) -> None:
        self.board.check_loaded()
        if not self.running:
            raise RuntimeError("DMA channel not started")
        if not self.idle_bit and not self.first:
            raise RuntimeError("DMA channel not idle")
        self._check(array)
        if self.sends:
            array.flush()
            array.dirty = False
        elif array.dirty:
            raise Misuse("a dirty line of the cache may be written over what is received")
        self.active, self.first, self.idle_bit = array, False, False
        self.board.started(self)

    def wait(self) -> None:
        if self.error_bit:
            raise RuntimeError("DMA Internal Error")
        while not self.idle:
            pass
        if not self.sends and self.active is not None:
            self.active.invalidate()

    def _check(self, array: Any) -> None:
        if not isinstance(array, Buffer) or array.freed:
            raise Misuse("not an allocated buffer, or a freed one")
        if array.physical_address % ALIGNMENT or array.nbytes % ALIGNMENT:
            raise Misuse("not whole words of the DMA")
        expected = self.board.frame_bytes if self.sends else self.board.result_bytes
        if array.nbytes != expected:
            raise Misuse(f"a transfer of {array.nbytes} bytes, expected {expected}")
        if array is self.board.sending.active and not self.board.sending.idle_bit and self.sends:
            raise Misuse("the buffer is being sent already")


class StrictDma:
    def __init__(self, board: "StrictBoard") -> None:
        self.board = board
        self.sendchannel, self.recvchannel = board.sending, board.receiving
        self.resetting = 0

    def read(self, offset: int) -> int:
        if offset in (0x00, 0x30):
            self.resetting = max(0, self.resetting - 1)
            return 0x4 if self.resetting else 0x0
        if offset != 0x58:
            raise Misuse(f"read of register {offset:#x}")
        return self.board.received_bytes

    def write(self, offset: int, value: int) -> None:
        if (offset, value) != (0x00, 0x4):
            raise Misuse(f"write of {value:#x} to register {offset:#x}")
        self.resetting = 3
        self.board.stop()


class StrictBoard:
    """See the module. `faults` tells what becomes of each frame that is taken in."""

    timeout_s = 0.2

    def __init__(
        self,
        overlay: Overlay,
        faults: Iterator[Fault] | None = None,
        repair: Repair = lambda frame: 255 - frame[..., :3],
        ticks: int = 3,
    ) -> None:
        self.frame_bytes = overlay.height * overlay.width * overlay.channels
        self.result_bytes = overlay.height * overlay.width * 3
        self.shape = (overlay.height, overlay.width, overlay.channels)
        self.faults, self.repair, self.ticks = faults, repair, ticks
        self.buffers: list[Buffer] = []
        self.resets = self.received_bytes = 0
        self.stopped, self.closed, self.dead = False, False, False
        self._restart()

    def _restart(self) -> None:
        self.inside: list[tuple[np.ndarray, Fault]] = []  # frames within the accelerator
        self.countdown, self.hung = 0, False
        self.sent: np.ndarray | None = None
        self.sending: Channel
        self.receiving: Channel
        blank = object.__new__(Channel)
        blank.active, blank.idle_bit = None, False
        self.sending = self.receiving = blank
        self.sending, self.receiving = Channel(self, True), Channel(self, False)
        self.dma = StrictDma(self)

    def allocate(self, shape: tuple[int, ...]) -> Buffer:
        buffer = Buffer.make(shape, len(self.buffers))
        assert isinstance(buffer, Buffer)
        buffer.dirty, buffer.freed = True, False
        buffer.physical_address = 0x1000_0000 + 4096 * len(self.buffers)
        self.buffers.append(buffer)
        return buffer

    def check_loaded(self) -> None:
        if self.stopped or self.closed:
            raise Misuse("a transfer without a reset after the DMA's, or on a board given back")

    def started(self, channel: Channel) -> None:
        self.countdown = self.ticks
        if channel.sends:
            assert channel.active is not None
            self.sent = channel.active.memory.copy()

    def tick(self) -> None:
        """Time passes by looking."""
        if self.hung or self.closed:
            return
        self.countdown -= 1
        if self.countdown > 0:
            return
        if self.sent is not None and len(self.inside) < 2:
            self._take()
        if self.inside and not self.hung and self._armed:
            self._give()

    @property
    def _armed(self) -> bool:
        return self.receiving.active is not None and not self.receiving.idle_bit

    def _take(self) -> None:
        buffer = self.sending.active
        assert buffer is not None and self.sent is not None
        if not np.array_equal(buffer.view(np.ndarray), self.sent):
            raise Misuse("the frame was changed while it was sent")
        fault: Fault = next(self.faults) if self.faults is not None else ""
        self.hung = fault == "hang"
        if fault == "send error":
            self.sending.error_bit, self.sending.running = True, False
            return
        self.inside.append((self.sent, fault))
        self.sent, self.sending.idle_bit = None, True

    def _give(self) -> None:
        frame, fault = self.inside.pop(0)
        self.countdown = self.ticks
        buffer = self.receiving.active
        assert buffer is not None
        if fault == "receive error":
            self.receiving.error_bit, self.receiving.running = True, False
            return
        result = self.repair(frame.reshape(self.shape)).reshape(-1)
        self.received_bytes = result.size // 2 if fault == "short" else result.size
        buffer.memory.reshape(-1)[: self.received_bytes] = result[: self.received_bytes]
        self.receiving.idle_bit = True

    def stop(self) -> None:
        self.stopped = True
        for channel in (self.sending, self.receiving):
            channel.running = False

    def reset(self) -> None:
        if not self.stopped:
            raise Misuse("the DMA must be stopped first, else it may be cut off within a burst")
        if self.dma.resetting:
            raise Misuse("the DMA's reset has not ended")
        if self.dead:
            raise RuntimeError("no such device")
        self.resets += 1
        self.stopped = False
        self._restart()
        for channel in (self.sending, self.receiving):
            channel.running = False  # until it is started

    def close(self) -> None:
        if not self.closed:
            if any(not buffer.freed for buffer in self.buffers):
                raise Misuse("the board is given back before its buffers")
            moving = [c for c in (self.sending, self.receiving) if c.active is not None and not c.idle_bit]
            if moving and not self.stopped and not all(c.error_bit for c in moving):
                raise Misuse("buffers are freed while the DMA writes to them")
        self.closed = True

    @property
    def more_dmas(self) -> list[Any]:
        raise Misuse("the overlay has one output")


def overlay(height: int = 8, width: int = 12, channels: int = 3, **other: Any) -> Overlay:
    """An overlay of a network that sees no neighbours, unless `before` and `after` say so."""
    values: dict[str, Any] = {
        "folder": Path("overlay"), "config": "mock", "board": "pynq-z2", "clock_mhz": 100.0,
        "ports": Ports.of_pictures(height, width, channels), "before": 0, "after": 0, "multiple": 4,
        "dma": "axi_dma_0", "plan_digest": "1" * 64, "rtl_digest": "2" * 64,
    }  # fmt: skip
    return Overlay(**(values | other))
