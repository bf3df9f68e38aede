"""What the driver needs of a board: the part of pynq's interface that it uses, and how a board is found."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from board.errors import BoardError
from board.overlay import Overlay

DEVICES = {"pynq": "board.pynq_device:open_device", "sim": "sim.device:open_device"}
"""Functions that open a device, by name. A module is imported only once its device is asked for."""


class Buffer(Protocol):
    """An array in memory that the DMA reaches. The DMA sees what was flushed; the processor what it has
    invalidated since. A uint8 numpy array as well.
    """

    def flush(self) -> None:
        """Write back what the processor's cache holds."""

    def invalidate(self) -> None:
        """Forget what the processor's cache holds."""

    def freebuffer(self) -> None:
        """Give the memory back."""


class Channel(Protocol):
    """One direction of the DMA. `transfer` flushes what is sent, `wait` invalidates what was received."""

    @property
    def idle(self) -> bool:
        """Nothing is under way, and something was."""

    @property
    def error(self) -> bool:
        """The DMA has halted with an error."""

    def transfer(self, array: Any) -> None:
        """Start moving the whole buffer."""

    def wait(self) -> None:
        """Return once the transfer is done; raises RuntimeError on an error of the DMA."""

    def start(self) -> None:
        """Make a channel run after a reset."""


class Dma(Protocol):
    """AXI DMA in simple mode; registers as in the vendor's PG021."""

    sendchannel: Channel
    recvchannel: Channel

    def read(self, offset: int) -> int:
        """A register."""

    def write(self, offset: int, value: int) -> None:
        """Set a register."""


class Device(Protocol):
    """A board with the overlay loaded. `timeout_s`: a frame that takes longer is lost."""

    timeout_s: float

    @property
    def dma(self) -> Dma:
        """The DMA of the loaded overlay, of the input and the first output."""

    @property
    def more_dmas(self) -> Sequence[Dma]:
        """Those of further outputs, which receive only; looked at where the overlay has such."""

    def allocate(self, shape: tuple[int, ...]) -> Any:
        """A cacheable uint8 `Buffer` of that shape."""

    def reset(self) -> None:
        """Bring the accelerator and the DMA to their state after loading."""

    def close(self) -> None:
        """Give the board back. May be called twice."""


def open_device(spec: str, overlay: Overlay) -> Device:
    """Load the overlay on the device `spec`: `name`, `name:argument` or `module.path:function`.

    `BoardError` where there is no such device, or it refuses the overlay.
    """
    name, _, argument = spec.partition(":")
    place = DEVICES.get(name)
    if place is None and "." in name:
        place, argument = spec, ""
    if place is None:
        raise BoardError(f"device '{spec}': expected one of {', '.join(DEVICES)}, or module.path:function")
    module, _, function = place.partition(":")
    try:
        opener: Callable[[Overlay, str], Device] = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise BoardError(f"device '{spec}': {place} can't be imported here ({error})") from error
    return opener(overlay, argument)


Pixels = NDArray[np.uint8]
