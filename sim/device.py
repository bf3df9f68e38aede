"""A simulated board: the interface of pynq that the driver uses, in front of the verilated accelerator.

    python -m board.infer --overlay build/tiny/placeholder-pynq-z2 --device sim photo.png --out repaired

`sim` finds the lowered build around the overlay's folder; `sim:FOLDER` names it. The RTL must be what the
overlay was made from. One frame at a time is simulated, in a thread, while the caller goes on.
"""

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from board.errors import BoardError
from board.overlay import Overlay
from pixelmend.console import note
from pixelmend.errors import UserError
from pixelmend.files import folder_digest
from sim.memory import CachedBuffer
from sim.rtl import CACHE, RtlModel

CONTROL = (0x00, 0x30)  # of the AXI DMA (PG021)
LENGTH = 0x58
RESET = 0x4


Bytes = NDArray[np.uint8]


class _Abandoned(Exception):
    """The accelerator was reset within a frame."""


class SimChannel:
    """One direction of the DMA, as pynq's channel."""

    def __init__(self, device: "SimDevice", sends: bool) -> None:
        self._device, self._sends = device, sends
        self.buffer: CachedBuffer | None = None  # under way
        self.last: CachedBuffer | None = None
        self.fault = ""
        self.idle = False

    @property
    def error(self) -> bool:
        """The DMA has halted with an error."""
        return bool(self.fault)

    def start(self) -> None:
        """Run again after a reset."""
        self.idle, self.fault, self.buffer = False, "", None

    def transfer(self, array: CachedBuffer) -> None:
        """Start moving the whole buffer; RuntimeError while one is under way."""
        with self._device.changed:
            if self.buffer is not None:
                raise RuntimeError("DMA channel not idle")
            if self.fault:
                raise RuntimeError("DMA channel not started")
            if self._sends:
                array.flush()
            self.buffer = self.last = array
            self.idle = False
            self._device.changed.notify_all()

    def wait(self) -> None:
        """Until the transfer is done; RuntimeError where the simulation failed."""
        with self._device.changed:
            self._device.changed.wait_for(lambda: self.idle or self.fault)
        if self.fault:
            raise RuntimeError(self.fault)
        if not self._sends and self.last is not None:
            self.last.invalidate()

    def done(self) -> None:
        """The transfer has ended."""
        self.buffer, self.idle = None, True


class SimDma:
    """The DMA's two channels and the registers that the driver reads and writes."""

    def __init__(self, device: "SimDevice") -> None:
        self._device = device
        self.sendchannel, self.recvchannel = SimChannel(device, True), SimChannel(device, False)
        self.received = 0  # bytes

    def read(self, offset: int) -> int:
        """Control registers read 0 (a reset ends at once); the length register what came."""
        return self.received if offset == LENGTH else 0

    def write(self, offset: int, value: int) -> None:
        """Only a reset has an effect."""
        if offset in CONTROL and value & RESET:
            self._device.abandon()


class SimDevice:
    """See `board.device.Device`. The worker takes a frame from the send channel, simulates it, and gives the
    result to the receive channel once that has a buffer.
    """

    timeout_s = 3600.0

    def __init__(self, model: RtlModel) -> None:
        self._model = model
        self.changed = threading.Condition()
        self._epoch = 0  # counts resets: a frame of an earlier one is abandoned
        self._open = True
        self._allocated = 0
        self._dmas = [SimDma(self) for _ in model.ports.outputs]
        self.dma, self.more_dmas = self._dmas[0], self._dmas[1:]
        self._worker = threading.Thread(target=self._work, name="simulated accelerator", daemon=True)
        self._worker.start()

    def allocate(self, shape: tuple[int, ...]) -> Any:
        """A buffer whose memory holds rubbish."""
        self._allocated += 1
        return CachedBuffer.make(shape, self._allocated)

    def reset(self) -> None:
        """Empty the accelerator and the DMA."""
        self.abandon()

    def abandon(self) -> None:
        """Stop what is under way."""
        with self.changed:
            self._epoch += 1
            for dma in self._dmas:
                dma.sendchannel.start()
                dma.recvchannel.start()
            self.changed.notify_all()

    def close(self) -> None:
        """End the worker."""
        with self.changed:
            self._open = False
            self._epoch += 1
            self.changed.notify_all()
        self._worker.join()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            frame, epoch = taken
            results, fault = None, ""
            try:
                results = self._simulate(frame, epoch)
            except _Abandoned:
                continue
            except UserError as error:
                fault = str(error)
            self._give(results, fault, epoch)

    def _take(self) -> tuple[Bytes, int] | None:
        """The next frame and the reset it came after; None once the device is closed."""
        channel = self.dma.sendchannel
        with self.changed:
            self.changed.wait_for(lambda: channel.buffer is not None or not self._open)
            if channel.buffer is None or not self._open:
                return None
            frame = channel.buffer.memory.copy()
            channel.done()
            self.changed.notify_all()
            return frame, self._epoch

    def _simulate(self, sent: Bytes, epoch: int) -> list[Bytes]:
        """The bytes that each output gives for the bytes of a frame."""

        def still_wanted(done: int, total: int, cycles: int) -> None:
            if epoch != self._epoch:
                raise _Abandoned

        ports = self._model.ports
        frames = ports.input.unpack(sent.reshape(-1, ports.input.beat_bytes))
        run = self._model.run(frames, on_progress=still_wanted)
        if run.frame_error:
            raise UserError("the accelerator saw a frame that is longer or shorter than it should be")
        return [port.pack(frames) for port, frames in zip(ports.outputs, run.results, strict=True)]

    def _give(self, results: list[Bytes] | None, fault: str, epoch: int) -> None:
        for number, dma in enumerate(self._dmas):
            if not self._receive(dma, None if results is None else results[number], fault, epoch):
                return

    def _receive(self, dma: SimDma, result: Bytes | None, fault: str, epoch: int) -> bool:
        """Give an output's bytes once it has a buffer; False where that is not wanted any more."""
        channel = dma.recvchannel
        with self.changed:
            self.changed.wait_for(lambda: channel.buffer is not None or epoch != self._epoch)
            if epoch != self._epoch or channel.buffer is None:
                return False
            if result is None:
                channel.fault = fault
            else:
                channel.buffer.memory.reshape(-1)[...] = result.reshape(-1)
                dma.received = result.nbytes
                channel.done()
            self.changed.notify_all()
        return result is not None


def open_device(overlay: Overlay, argument: str = "") -> SimDevice:
    """The simulated board with the overlay's RTL, compiled on first use. `BoardError` where there is none."""
    build = Path(argument) if argument else _around(overlay.folder)
    if not (build / "rtl").is_dir():
        raise BoardError(f"{build}: expected a lowered build with its RTL, as hls.lower writes")
    if folder_digest(build / "rtl") != overlay.rtl_digest:
        raise BoardError(
            f"{overlay.folder}: made from other RTL than lies in {build}; make the overlay again"
        )
    note(f"{build}: simulated instead of a board; compiled first unless it has been before")
    try:
        return SimDevice(RtlModel.load(build, CACHE))
    except UserError as error:
        raise BoardError(str(error)) from error


def _around(folder: Path) -> Path:
    """The build that a folder lies in."""
    for place in (folder.resolve(), *folder.resolve().parents):
        if (place / "dataflow.onnx").is_file():
            return place
    raise BoardError(f"{folder}: lies in no lowered build; name one, as --device sim:build/tiny")
