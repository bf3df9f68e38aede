"""Command lines: one console, one progress bar, one way to end."""

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from pixelmend.errors import UserError

console = Console(highlight=False)
problems = Console(stderr=True, highlight=False)
_telling = ContextVar("telling", default=True)

# What the system refuses, rather than a mistake of ours: a full disk or quota, a file size limit, a folder
# that can't be written, a path through a file.
SYSTEM = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
    errno.EACCES, errno.EPERM, errno.EROFS,
    errno.EEXIST, errno.ENOTDIR, errno.EISDIR,
)  # fmt: skip


def progress() -> Progress:
    """A progress display with done/total, elapsed and remaining time."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    )


def note(message: str) -> None:
    """Tell the user something that is no error."""
    if _telling.get():
        console.print(message, markup=False, soft_wrap=True)  # else a path would be broken in two


@contextmanager
def without_notes() -> Iterator[None]:
    """Stages that are run hundreds of times tell nothing; a progress display goes on."""
    token = _telling.set(False)
    try:
        yield
    finally:
        _telling.reset(token)


def run(command: Callable[..., Any]) -> None:
    """Run a typer command; an error that the user can mend becomes one line and a non-zero exit."""

    @wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        # Inside the command, since typer itself makes a silent exit of Ctrl-C.
        try:
            command(*arguments, **options)
        except UserError as error:
            fail(str(error), error.exit_code)
        except OSError as error:
            short = error.errno is None and str(error).endswith(" written")  # numpy's words for a full disk
            if not short and error.errno not in SYSTEM:
                raise
            reason = f"file cut short, {error}" if short else error.strerror
            fail(f"{error.filename or 'output'}: {reason}; earlier results are unchanged", 1)
        except KeyboardInterrupt:
            fail("interrupted; what was finished is kept, run the same command to go on", 130)

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(guarded)
    app()


def fail(message: str, code: int) -> None:
    """Print one error and exit."""
    problems.print(f"error: {message}", markup=False, soft_wrap=True)
    sys.exit(code)
