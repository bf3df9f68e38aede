"""The strict board forgives nothing: without this its tests of the driver would show little."""

import numpy as np
import pytest

from board.driver import S2MM_LENGTH, Driver
from board.formats import Port
from tests.board.mock import Misuse, StrictBoard, overlay

FRAME = np.zeros((8, 12, 3), np.uint8)


class Careless(Driver):
    """Leaves the cache as it is after allocation."""

    def _allocate(self, port: Port) -> object:
        buffer = self._device.allocate(port.shape)
        self._buffers.append(buffer)
        return buffer


def test_a_driver_that_does_not_flush_new_buffers_is_caught() -> None:
    with (
        pytest.raises(Misuse, match="a dirty line of the cache"),
        Careless(overlay(), StrictBoard(overlay())) as driver,
    ):
        driver.submit(FRAME)


def test_a_driver_that_does_not_invalidate_sees_old_bytes() -> None:
    board = StrictBoard(overlay())
    buffer = board.allocate((8, 12, 3))
    buffer.flush()
    buffer.memory[...] = 7
    assert not buffer.any()
    buffer.invalidate()
    assert (buffer == 7).all()


def test_a_frame_that_is_changed_while_it_is_sent_is_caught() -> None:
    board = StrictBoard(overlay())
    buffer = board.allocate((8, 12, 3))
    board.dma.sendchannel.transfer(buffer)
    buffer[0, 0, 0] = 1
    with pytest.raises(Misuse, match="changed while it was sent"):
        while not board.dma.sendchannel.idle:
            pass


def test_calls_out_of_order_or_range_are_caught() -> None:
    board = StrictBoard(overlay())
    small = board.allocate((8, 12, 1))
    buffer = board.allocate((8, 12, 3))
    with pytest.raises(Misuse, match="a transfer of 96 bytes, expected 288"):
        board.dma.sendchannel.transfer(small)
    with pytest.raises(Misuse, match="not an allocated buffer"):
        board.dma.sendchannel.transfer(FRAME)
    with pytest.raises(Misuse, match="the DMA must be stopped first"):
        board.reset()
    with pytest.raises(Misuse, match="read of register 0x4"):
        board.dma.read(0x4)
    with pytest.raises(Misuse, match="write of 0x1 to register 0x30"):
        board.dma.write(0x30, 0x1)
    assert board.dma.read(S2MM_LENGTH) == 0
    board.dma.sendchannel.transfer(buffer)
    with pytest.raises(RuntimeError, match="DMA channel not idle"):
        board.dma.sendchannel.transfer(buffer)
    with pytest.raises(Misuse, match="given back before its buffers"):
        board.close()
    for each in (small, buffer):
        each.freebuffer()
    with pytest.raises(Misuse, match="buffers are freed while the DMA"):
        board.close()
    with pytest.raises(Misuse, match="freed twice"):
        buffer.freebuffer()
    board.dma.write(0x00, 0x4)
    with pytest.raises(Misuse, match="without a reset"):
        board.dma.sendchannel.transfer(buffer)
    with pytest.raises(Misuse, match="the DMA's reset has not ended"):
        board.reset()
