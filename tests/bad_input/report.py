"""The list of all kinds of bad input with the message each gets.

    python -m tests.bad_input.report [build/bad_input.md]

`make bad-input` runs it. Exit status is not 0 where a kind does not get its one line.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from pixelmend.errors import UserError
from pixelmend.files import write_text
from tests.bad_input.kinds import KINDS, Kind
from tests.bad_input.place import make
from tests.bad_input.spoil import spoil


def judge(kind: Kind, status: Any, errors: list[str]) -> None:
    """One line with the right words, and exit status 1. Raises `AssertionError`."""
    assert len(errors) == 1, f"{kind}: expected one line, got {errors}"
    assert errors[0].startswith("error: ") and kind.message in errors[0], f"{kind}: got {errors[0]}"
    assert status == 1, f"{kind}: exit status {status}"


def table(messages: list[tuple[Kind, str]]) -> str:
    """Markdown, a row a kind."""
    rows = [
        f"| {kind.what} | `{kind.command}` | {message.removeprefix('error: ').replace('|', chr(92) + '|')} |"
        for kind, message in messages
    ]
    head = f"# Bad input\n\n{len(rows)} kinds; each ends its command with status 1 and this one line.\n\n"
    return head + "\n".join(["| what | command | error |", "|---|---|---|", *rows]) + "\n"


def report(path: Path) -> int:
    """Write the list; returns how many kinds there are."""
    with tempfile.TemporaryDirectory() as name:
        place = make(Path(name))
        spoil(place)
        messages = []
        for kind in KINDS:
            attempt = place.attempt(kind.command, kind.changes)
            judge(kind, attempt.status, attempt.errors)
            if attempt.changed:
                raise UserError(f"{kind}: an earlier result was changed")
            messages.append((kind, attempt.errors[0].replace(f"{name}/", "")))
    write_text(path, table(messages))
    return len(messages)


def main() -> None:
    """The command."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build/bad_input.md")
    print(f"{path}: {report(path)} kinds of bad input, each with one line")


if __name__ == "__main__":
    main()
