"""What can go wrong on a board: one line for the user each, and an exit status."""


class BoardError(Exception):
    """Something the user can mend; the message says what was expected and what came."""

    exit_code = 1


class FrameError(BoardError):
    """One frame was lost; the accelerator has been reset and the next frame works."""


class FrameTimeout(FrameError):
    """The accelerator did not give the frame back in time."""


class ShortTransfer(FrameError):
    """The accelerator ended a frame early."""


class DmaError(FrameError):
    """The DMA reported an error."""


class RecoveryFailed(BoardError):
    """The accelerator did not come back after a reset: the bitstream must be loaded anew."""
