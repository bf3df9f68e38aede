"""The real board, through pynq."""

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from board.errors import BoardError
from board.overlay import PLACEHOLDER, Overlay

LOCK = "pixelmend.lock"


class PynqDevice:
    """The overlay on the programmable logic of this board; see `board.device.Device`."""

    timeout_s = 5.0

    def __init__(self, overlay: Overlay, pynq: Any, lock: IO[str]) -> None:
        self._pynq, self._lock = pynq, lock
        self._name, self._more = overlay.dma, overlay.more_dmas
        self._loaded = pynq.Overlay(str(overlay.bitstream))
        for name in (self._name, *self._more):
            if not hasattr(self._loaded, name):
                raise BoardError(f"{overlay.bitstream}: no {name} in it, although io.json names one")

    @property
    def dma(self) -> Any:
        """pynq's driver of the AXI DMA."""
        return getattr(self._loaded, self._name)

    @property
    def more_dmas(self) -> list[Any]:
        """Those of further outputs."""
        return [getattr(self._loaded, name) for name in self._more]

    def allocate(self, shape: tuple[int, ...]) -> Any:
        """A cacheable buffer in contiguous memory."""
        return self._pynq.allocate(shape, dtype="u1")

    def reset(self) -> None:
        """Load the bitstream again: the one reset of the shell has no register of its own."""
        self._loaded.download()

    def close(self) -> None:
        """Free the overlay and let others have the board."""
        with suppress(AttributeError):  # pynq before 2.7
            self._loaded.free()
        self._lock.close()


def open_device(overlay: Overlay, argument: str = "") -> PynqDevice:
    """Load the overlay. `BoardError` where pynq is missing, the board is another or in use, or the bitstream
    is a placeholder.
    """
    with overlay.bitstream.open("rb") as stream:
        if stream.read(len(PLACEHOLDER)) == PLACEHOLDER:
            raise BoardError(
                f"{overlay.bitstream}: a placeholder; build one with `make bitstream` and Vivado"
            )
    _check_board(overlay)
    try:
        import pynq
    except ImportError as error:
        raise BoardError(f"pynq is missing ({error}); run this on a board with the PYNQ image") from error
    lock = _lock()
    try:
        return PynqDevice(overlay, pynq, lock)
    except BaseException as error:
        lock.close()
        if isinstance(error, RuntimeError | OSError):
            raise BoardError(f"{overlay.bitstream}: pynq can't load it: {error}") from error
        raise


def _check_board(overlay: Overlay) -> None:
    """PYNQ's images name their board in the environment."""
    board = os.environ.get("BOARD")
    if board is not None and board.lower() != overlay.board:
        raise BoardError(f"{overlay.folder}: made for {overlay.board}, but this board is {board.lower()}")


def _lock() -> IO[str]:
    """A second process would load its bitstream under the first one's transfers."""
    path = Path(tempfile.gettempdir()) / LOCK
    try:
        handle = path.open("a+", encoding="ascii")
    except OSError as error:
        raise BoardError(f"{path}: can't be opened ({error.strerror}); run as root, as pynq needs") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        holder = handle.read().strip() or "unknown"
        handle.close()
        raise BoardError(f"the overlay is held by another process (id {holder}); end it first") from None
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle
