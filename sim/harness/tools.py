"""What every compiled simulation needs: a cache by content, and programs that tell their progress."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from pixelmend.console import progress
from pixelmend.errors import UserError
from pixelmend.files import replacing_folder
from pixelmend.native import call, locked, log_tail

OnProgress = Callable[[int, int, int], None]
"""Called with work done, work in all, cycles so far (0 where there are none); about four times a second."""


def digest(files: Sequence[Path], texts: Sequence[str]) -> str:
    """Names the outcome of compiling `files` with the settings `texts`, as 32 hex digits."""
    found = sha256()
    for text in texts:
        found.update(f"{len(text)}:{text}".encode())
    for file in files:
        content = file.read_bytes()
        found.update(f"{file.name}:{len(content)}:".encode() + content)
    return found.hexdigest()[:32]


def cached(cache: Path, name: str, program: str, make: Callable[[Path], None]) -> Path:
    """The file `program` in the folder `name` of `cache`; `make` fills the folder where it is not there.

    Several processes may ask at once: one makes it, the others wait.
    """
    folder = cache / name
    with locked(cache / "locks" / name):
        if not (folder / program).is_file():
            with replacing_folder(folder) as work:
                make(work)
    return folder / program


def precompiled(cache: Path, includes: Sequence[str], command: Sequence[str]) -> list[str]:
    """What to add to `command`, the C++ compiler with its flags, so that it has read the headers `includes` before.

    `includes` stand as in the source, `<ap_int.h>` or a path in quotes. Reading them anew takes most of the time
    of a small unit. The same command must be used with what is returned, or they are read as text.
    """
    text = "".join(f"#include {include}\n" for include in includes)

    def make(work: Path) -> None:
        header = work / "headers.hpp"
        header.write_text(text)
        call([*command, "-x", "c++-header", str(header), "-o", f"{header}.gch"], "the C++ compiler")

    version = call([command[0], "--version"], "the C++ compiler")
    made = cached(cache, "headers-" + digest([], [text, version, *command]), "headers.hpp.gch", make)
    return ["-include", str(made.with_suffix("").resolve())]


def execute(
    command: Sequence[str | Path], tool: str, cwd: Path | None = None, on_progress: OnProgress | None = None
) -> str:
    """Run a program; its lines "P done total cycles" go to `on_progress`. Returns the last of the others.

    `UserError` with the end of what it said where its status is not 0.
    """
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=log, text=True)
        said: list[str] = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("P "):
                    done, total, cycles = map(int, line.split()[1:])
                    if on_progress is not None:
                        on_progress(done, total, cycles)
                else:
                    said = [*said[-30:], line]
            code = process.wait()
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        if code != 0:
            raise UserError(f"{tool} ended with status {code}:\n{log_tail(''.join(said) + log.read())}")
    return "".join(said)


@contextmanager
def progress_bar(description: str) -> Iterator[OnProgress]:
    """A bar with the remaining time, for `execute(on_progress=...)`."""
    with progress() as bar:
        task = bar.add_task(description, total=None, note="")

        def update(done: int, total: int, cycles: int) -> None:
            bar.update(task, completed=done, total=total, note=f"{cycles:,} cycles" if cycles else "")

        yield update
