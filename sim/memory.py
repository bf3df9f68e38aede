"""Memory as a DMA sees it beside a processor's cache."""

import numpy as np
from numpy.typing import NDArray


class CachedBuffer(np.ndarray):
    """A uint8 array as pynq.allocate gives it, with two sides: the array itself is the processor's, and
    `memory` the one that the DMA reaches. Only `flush` and `invalidate` carry bytes between them.
    """

    memory: NDArray[np.uint8]

    @classmethod
    def make(cls, shape: tuple[int, ...], rubbish: int = 0) -> "CachedBuffer":
        """A new buffer; the cache holds zeros, memory whatever the seed `rubbish` gives."""
        buffer = np.zeros(shape, np.uint8).view(cls)
        buffer.memory = np.random.default_rng(rubbish).integers(0, 256, shape, dtype=np.uint8)
        return buffer

    def flush(self) -> None:
        """The DMA sees what the processor wrote."""
        self.memory[...] = self.view(np.ndarray)

    def invalidate(self) -> None:
        """The processor sees what the DMA wrote."""
        self.view(np.ndarray)[...] = self.memory

    def freebuffer(self) -> None:
        """Give the memory back."""
        self.memory = np.empty(0, np.uint8)
