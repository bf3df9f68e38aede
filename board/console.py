"""Command lines on the board, with nothing but Python: one line of progress, one way to end."""

import sys
import time
from collections.abc import Callable

from board.errors import BoardError

INTERRUPTED = 130


def note(message: str) -> None:
    """Tell the user something that is no error."""
    print(message, flush=True)


def problem(message: str) -> None:
    """Tell the user what went wrong."""
    print(f"error: {message}", file=sys.stderr, flush=True)


class Progress:
    """A line that is written over, with done, all and the remaining time; silent where no one looks."""

    def __init__(self, what: str) -> None:
        self._what, self._began, self._told = what, time.monotonic(), 0.0
        self._shown = sys.stderr.isatty()

    def tell(self, done: int, total: int) -> None:
        """At most five times a second."""
        now = time.monotonic()
        if not self._shown or (now - self._told < 0.2 and done < total):
            return
        self._told = now
        left = (now - self._began) / max(done, 1) * (total - done)
        end = "\n" if done == total else ""
        line = f"\r{self._what}  {done}/{total}  {left:.0f} s left"
        print(f"{line:<79}", end=end, file=sys.stderr, flush=True)


def run(command: Callable[[], int]) -> None:
    """Run a command and exit with its status; an error the user can mend becomes one line."""
    try:
        status = command()
    except BoardError as error:
        problem(str(error))
        status = error.exit_code
    except OSError as error:
        problem(f"{error.filename or 'output'}: {error.strerror or error}; earlier results are unchanged")
        status = 1
    except KeyboardInterrupt:
        problem("interrupted; what was finished is kept")
        status = INTERRUPTED
    sys.exit(status)
