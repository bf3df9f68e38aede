"""The driver: frames in, repaired frames out, the accelerator kept busy.

    with Driver.open(folder) as driver:
        for repaired in driver.stream(frames):
            ...

A slot is a buffer for a frame and one for the result on each output. Of three slots, one computes, one waits
behind it (the accelerator takes the next frame in while it still gives out the last), one is in the caller's
hands. The DMA moves one frame a transfer and direction; `_advance` starts what can start whenever the driver
is called.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from board import overlay as overlays
from board.device import Buffer, Channel, Device, Dma, Pixels, open_device
from board.errors import BoardError, DmaError, FrameError, FrameTimeout, RecoveryFailed, ShortTransfer
from board.formats import Port
from board.overlay import Overlay

SLOTS = 3

# Of the AXI DMA (PG021): control and status of both directions, bytes that a receive has got.
MM2S_CONTROL, S2MM_CONTROL, S2MM_LENGTH = 0x00, 0x30, 0x58
RESET = 0x4  # in either control register: both directions, once transfers on the bus have ended

LEAST_POLL_S, MOST_POLL_S, POLL_SHARE = 50e-6, 20e-3, 0.05
"""The result is looked for every so often: after 5 % of the time waited so far, within these bounds."""


@dataclass
class _Slot:
    """A frame under way, and a buffer for each output. `sent` and `received`: its transfers have begun."""

    taken: Any
    given: list[Any]
    sent: bool = False
    received: bool = False


@dataclass
class Timing:
    """Seconds spent since the driver was opened: copying into buffers, and waiting for the accelerator."""

    frames: int = 0
    copy_s: float = 0.0
    wait_s: float = 0.0


class Driver:
    """A loaded overlay with its buffers. Not for several threads at once.

    `submit` up to two frames ahead and `collect` their results in order, or `stream` them.
    """

    def __init__(
        self,
        overlay: Overlay,
        device: Device,
        timeout_s: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.overlay, self.timing = overlay, Timing()
        self._device, self._sleep = device, sleep
        self._timeout_s = device.timeout_s if timeout_s is None else timeout_s
        self._free: deque[_Slot] = deque()
        self._busy: deque[_Slot] = deque()
        self._lent: _Slot | None = None
        self._usable = True
        self._fault: RuntimeError | None = None  # of a transfer that could not be started
        self._buffers: list[Buffer] = []
        try:
            for _ in range(SLOTS):
                taken = self._allocate(overlay.ports.input)
                self._free.append(_Slot(taken, [self._allocate(port) for port in overlay.ports.outputs]))
            self._connect()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, folder: Path, device: str = "pynq", timeout_s: float | None = None) -> "Driver":
        """Check the overlay in `folder` and load it; `timeout_s` a frame, the device's own by default.

        `BoardError` says what does not fit.
        """
        overlay = overlays.read(folder)
        return cls(overlay, open_device(device, overlay), timeout_s)

    def __enter__(self) -> "Driver":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """Frames submitted and not collected."""
        return len(self._busy)

    @property
    def ready(self) -> bool:
        """Whether one more frame can be submitted."""
        return bool(self._free) and len(self._busy) < SLOTS - 1

    def submit(self, frame: Pixels, defects: Pixels | None = None) -> None:
        """Hand over a frame (height, width, channels) of the input's format, for pictures uint8 with three
        channels; with a `mapped` network also its map (height, width), 255 at broken pixels and 0 elsewhere.
        Both are copied.
        """
        self.slot(lambda buffer: self._fill(buffer, frame, defects))

    def slot(self, fill: Callable[[Pixels], None]) -> None:
        """Hand over the frame that `fill` writes into the buffer (height, width, channels) it is given."""
        self._check_open()
        if not self.ready:
            raise BoardError(f"{len(self._busy)} frames are in flight; collect one first")
        slot = self._free[0]
        began = time.perf_counter()
        self._write(slot.taken, fill)
        self.timing.copy_s += time.perf_counter() - began
        self._busy.append(self._free.popleft())
        slot.sent = slot.received = False
        self._advance()

    def collect(self) -> Any:
        """The oldest frame's result, (height, width, channels) of the output's format: a read-only view until
        the next `collect`. Of a network with several outputs, a list of them.

        `FrameError` where that frame was lost; what was submitted after it is sent again.
        """
        self._check_open()
        if not self._busy:
            raise BoardError("no frame is in flight; submit one first")
        if self._lent is not None:
            self._free.append(self._lent)
            self._lent = None
        slot = self._busy[0]
        began = time.perf_counter()
        try:
            self._wait(slot)
        except FrameError:
            self._free.append(self._busy.popleft())
            self._recover()
            raise
        finally:
            self.timing.wait_s += time.perf_counter() - began
        self._lent = self._busy.popleft()
        self.timing.frames += 1
        self._advance()
        results = [_frame(buffer, port) for buffer, port in self._given(slot)]
        for result in results:
            result.flags.writeable = False
        return results if len(results) > 1 else results[0]

    def stream(self, frames: Iterable[Pixels], defects: Pixels | None = None) -> Iterator[Any]:
        """The result of each frame in order, a view as of `collect`, or the error that took it."""
        for frame in frames:
            if not self.ready:
                yield self._outcome()
            self.submit(frame, defects)
        while self._busy:
            yield self._outcome()

    def repair(self, frame: Pixels, defects: Pixels | None = None) -> Any:
        """The result of one frame, a copy. `FrameError` where it was lost, `BoardError` while others fly."""
        if self._busy:
            raise BoardError(f"{len(self._busy)} frames are in flight; collect them first")
        self.submit(frame, defects)
        result = self.collect()
        return [one.copy() for one in result] if isinstance(result, list) else result.copy()

    def close(self) -> None:
        """Stop the DMA, free the buffers and the board. May be called twice."""
        if not self._usable:
            return
        self._usable = False
        try:
            if self._busy:
                self._stop_dma()  # else it would go on writing to memory that is someone else's
        finally:
            self._free.clear()
            self._busy.clear()
            self._lent = None
            for buffer in self._buffers:
                buffer.freebuffer()
            self._device.close()

    def _connect(self) -> None:
        dma = self._device.dma
        self._dmas: list[Dma] = [dma, *(self._device.more_dmas if self.overlay.more_dmas else ())]
        self._send: Channel = dma.sendchannel
        self._receive: list[Channel] = [one.recvchannel for one in self._dmas]

    def _allocate(self, port: Port) -> Any:
        """A buffer for a frame of the port: as it is where its bytes are the stream's, else of beats."""
        shape = port.height, port.width, port.format.channels * port.format.dtype.itemsize
        buffer = self._device.allocate(shape if port.plain else (port.beats, port.beat_bytes))
        self._buffers.append(buffer)
        buffer.flush()  # a line that lies dirty in the cache would be written over what the DMA brings
        return buffer

    def _write(self, buffer: Any, fill: Callable[[Pixels], None]) -> None:
        """Let `fill` write a frame into the buffer, through an array of its own where beats are packed."""
        port = self.overlay.ports.input
        if port.plain:
            fill(_frame(buffer, port))
            return
        frame = np.zeros((1, *port.shape), port.format.dtype)
        fill(frame[0])
        port.check(frame)
        np.copyto(buffer, port.pack(frame))

    def _given(self, slot: _Slot) -> Iterator[tuple[Any, Port]]:
        return zip(slot.given, self.overlay.ports.outputs, strict=True)

    def _fill(self, buffer: Pixels, frame: Pixels, defects: Pixels | None) -> None:
        port = self.overlay.ports.input
        size, kind = (port.height, port.width), port.format.dtype
        shape = (*size, 3) if self.overlay.mapped else port.shape
        if frame.dtype != kind or frame.shape != shape:
            raise BoardError(f"expected a {kind.name} frame {shape}, got {frame.dtype} {frame.shape}")
        if not self.overlay.mapped:
            if defects is not None:
                raise BoardError(f"the network '{self.overlay.config}' takes no defect map")
            np.copyto(buffer, frame)
            return
        if defects is None:
            raise BoardError(f"the network '{self.overlay.config}' needs the sensor's defect map")
        if defects.dtype != np.uint8 or defects.shape != size:
            raise BoardError(f"expected a uint8 defect map {size}, got {defects.dtype} {defects.shape}")
        np.copyto(buffer[..., :3], frame)
        np.copyto(buffer[..., 3], defects)

    def _outcome(self) -> Pixels | FrameError:
        try:
            return self.collect()
        except FrameError as error:
            return error

    def _check_open(self) -> None:
        if not self._usable:
            raise BoardError("the driver is closed, or the board did not come back from a reset")

    def _advance(self) -> None:
        """Start the transfers that can start. A result is received into the oldest frame's slot only; a frame
        is sent once the one before it is taken in.
        """
        if self._fault is not None:
            return
        try:
            front = self._busy[0] if self._busy else None
            for slot in self._busy:
                if slot is front and not slot.received:
                    for channel, buffer in zip(self._receive, slot.given, strict=True):
                        channel.transfer(buffer)  # before the frame is sent, so that no byte waits
                    slot.received = True
                if not slot.sent:
                    if slot is not front and not self._send.idle:
                        break
                    self._send.transfer(slot.taken)
                    slot.sent = True
        except RuntimeError as error:  # pynq's, of a channel that has halted
            self._fault = error

    def _wait(self, slot: _Slot) -> None:
        """Until the slot's result is there."""
        began = time.monotonic()
        while True:
            if self._fault is not None:
                raise DmaError(f"the DMA can't start a transfer: {self._fault}; the accelerator was reset")
            failed = self._send.error or any(channel.error for channel in self._receive)
            if failed or all(channel.idle for channel in self._receive):
                return self._finish(slot)
            waited = time.monotonic() - began
            if waited > self._timeout_s:
                taken = "taken in" if self._send.idle else "not even taken in"
                raise FrameTimeout(
                    f"no result within {self._timeout_s:g} s, the frame was {taken}; all was reset"
                )
            self._advance()
            self._sleep(min(max(POLL_SHARE * waited, LEAST_POLL_S), MOST_POLL_S))

    def _finish(self, slot: _Slot) -> None:
        for channel in (self._send, *self._receive):
            if channel.error:
                what = "sending" if channel is self._send else "receiving"
                raise DmaError(f"the DMA halted while {what}: {_reason(channel)}; the accelerator was reset")
        for dma, channel, buffer in zip(self._dmas, self._receive, slot.given, strict=True):
            try:
                channel.wait()
            except RuntimeError as error:
                raise DmaError(f"the DMA halted: {error}; the accelerator was reset") from error
            got = dma.read(S2MM_LENGTH)
            if got != buffer.nbytes:
                raise ShortTransfer(
                    f"a frame of {got:,} bytes came, expected {buffer.nbytes:,}; the accelerator was reset"
                )

    def _stop_dma(self) -> None:
        """The DMAs' own reset, which lets transfers on the bus end; those of further outputs only receive."""
        for number, dma in enumerate(self._dmas):
            controls = (S2MM_CONTROL,) if number else (MM2S_CONTROL, S2MM_CONTROL)
            dma.write(controls[0], RESET)
            end = time.monotonic() + self._timeout_s
            while any([dma.read(control) & RESET for control in controls]):
                if time.monotonic() > end:
                    raise RecoveryFailed("the DMA does not end its reset; load the overlay anew")
                self._sleep(LEAST_POLL_S)

    def _recover(self) -> None:
        """Reset all and send again what was in flight."""
        try:
            self._stop_dma()
            self._device.reset()
            self._connect()
            for channel in (self._send, *self._receive):
                channel.start()
            self._fault = None
        except (RuntimeError, OSError) as error:
            self.close()
            raise RecoveryFailed(f"the board did not come back from a reset: {error}") from error
        except RecoveryFailed:
            self.close()
            raise
        for slot in self._busy:
            slot.sent = slot.received = False
        self._advance()


def _frame(buffer: Any, port: Port) -> NDArray[Any]:
    """What a buffer holds as a frame; the buffer itself where its bytes are the stream's."""
    data = buffer.view(np.ndarray)
    if port.plain:
        return data.view(port.format.dtype).reshape(port.shape)
    return port.unpack(data)[0]


def _reason(channel: Channel) -> str:
    """What pynq says of a channel's error."""
    try:
        channel.wait()
    except RuntimeError as error:
        return str(error)
    return "no reason given"
