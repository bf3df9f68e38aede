"""Native programs: the C++ compiler, and what it made, kept by content."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache as memoize
from pathlib import Path

from pixelmend.errors import UserError
from pixelmend.files import replacing, text_digest
from pixelmend.provenance import ROOT

CACHE = ROOT / "build" / ".cache" / "native"
FLAGS = ("-std=c++17", "-O3", "-Wall", "-Wextra", "-Werror")


@memoize
def program(*sources: Path) -> Path:
    """The executable of C++ files that include nothing but the standard library, as one source, compiled
    once.

    They stand in the order given; the last names the program. `UserError` where there is no compiler or it
    rejects them.
    """
    text = "".join(f'#line 1 "{path}"\n{path.read_text(encoding="utf-8")}' for path in sources)
    text = text.replace("#pragma once\n", "\n")
    digest = text_digest(text, *FLAGS, compiler())[:32]
    made = CACHE / f"{sources[-1].stem}-{digest}"
    with locked(CACHE / "locks" / made.name):
        if not made.is_file():
            with replacing(made) as temporary:
                command = [compiler(), *FLAGS, "-x", "c++", "-o", str(temporary), "-"]
                call(command, "the C++ compiler", text=text)
                temporary.chmod(0o755)
            made.chmod(0o755)
    return made


def compiler() -> str:
    """The C++ compiler: `$CXX`, else g++."""
    name = os.environ.get("CXX", "g++")
    path = shutil.which(name)
    if path is None:
        raise UserError(f"C++ compiler '{name}' not found on PATH; install g++ or set CXX")
    return path


def call(
    command: Sequence[str], tool: str, environment: Mapping[str, str] | None = None, text: str | None = None
) -> str:
    """Run `command` with `text` as its input; returns what it printed, `UserError` where it failed."""
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env={**os.environ, **(environment or {})}
    )
    if done.returncode != 0:
        raise UserError(
            f"{tool} failed with status {done.returncode}:\n{log_tail(done.stdout + done.stderr)}"
        )
    return done.stdout


def log_tail(log: str, lines: int = 30) -> str:
    """The last lines of a log, for an error message."""
    return "\n".join(log.rstrip().splitlines()[-lines:])


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file lock `path`: one process builds, the others wait and find the result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
