"""Programs that are not part of the environment: where they are looked for, and running them."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pixelmend.errors import MissingTool

OLDEST_VIVADO = (2020, 1)
VERSION = re.compile(r"vivado v((\d+)\.(\d+)\S*)", re.IGNORECASE)
TAIL_LINES = 15


def find(names: Sequence[str], variable: str, homes: Sequence[str] = ()) -> Path:
    """The first of the programs `names` there is: what the environment variable `variable` names, then
    bin/ of the installations that the variables `homes` name, then the PATH.

    `MissingTool` says where it was looked for. A variable that is set and names nothing is an error as well.
    """
    looked = []
    given = os.environ.get(variable)
    if given:
        program = shutil.which(given)
        if program is None:
            raise MissingTool(f"{variable}={given}: expected the program {_either(names)}, found none there")
        return Path(program)
    looked.append(f"{variable} (not set)")
    for home in homes:
        place = os.environ.get(home)
        looked.append(f"{home} ({place or 'not set'})")
        for name in names:
            program = shutil.which(str(Path(place) / "bin" / name)) if place else None
            if program is not None:
                return Path(program)
    for name in names:
        program = shutil.which(name)
        if program is not None:
            return Path(program)
    raise MissingTool(
        f"{_either(names)}: not found; looked for in {', '.join(looked)} and on the PATH; "
        f"set {variable} to the program{''.join(f' or {home} to its installation' for home in homes[:1])}"
    )


def vivado() -> tuple[Path, str]:
    """The program and its version; `MissingTool` where there is none, it is too old, or does not answer."""
    program = find(["vivado"], "VIVADO", ["XILINX_VIVADO"])
    said = answer([str(program), "-version"])
    match = VERSION.search(said)
    if match is None:
        raise MissingTool(
            f"{program}: expected it to tell a version of Vivado, it said: {said.strip()[:200]!r}"
        )
    if (int(match[2]), int(match[3])) < OLDEST_VIVADO:
        oldest = ".".join(map(str, OLDEST_VIVADO))
        raise MissingTool(f"{program}: expected Vivado {oldest} or newer, it is {match[1]}")
    return program, match[1]


def answer(command: Sequence[str]) -> str:
    """What a program says when asked; `MissingTool` where it can't be run."""
    try:
        done = subprocess.run(
            command, text=True, errors="replace", check=False, timeout=120,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingTool(f"{command[0]}: can't be run: {error}") from error
    return done.stdout


def run(
    command: Sequence[str],
    folder: Path,
    log: Path,
    on_line: Callable[[str], None] = lambda line: None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run `command` in `folder`, all it says going to `log` and, line by line, to `on_line`; its exit status.

    Where this is interrupted, the program and all it has started end as well.
    """
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **(environment or {})}, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        with log.open("w", encoding="utf-8") as stream:
            for line in process.stdout:
                stream.write(line)
                stream.flush()
                on_line(line.rstrip("\n"))
        return process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise


def tail(log: Path) -> str:
    """The end of a log."""
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return "\n".join(lines[-TAIL_LINES:])


def _either(names: Sequence[str]) -> str:
    return " or ".join(names)
