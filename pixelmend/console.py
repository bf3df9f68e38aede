"""Command lines: one console, one progress bar, one way to end."""

import errno
import sys
from collections.abc import Callable
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
    console.print(message, markup=False)


def run(command: Callable[..., Any]) -> None:
    """Run a typer command; a `UserError` or a full disk becomes one line and a non-zero exit."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app()
    except UserError as error:
        fail(str(error), error.exit_code)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        fail(f"{error.filename or 'output'}: {error.strerror}; earlier results are unchanged", 1)
    except KeyboardInterrupt:
        fail("interrupted; what was finished is kept, run the same command to go on", 130)


def fail(message: str, code: int) -> None:
    """Print one error and exit."""
    problems.print(f"error: {message}", markup=False, soft_wrap=True)
    sys.exit(code)
