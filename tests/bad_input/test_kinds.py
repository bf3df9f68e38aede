"""Bad input at the command lines: one line that says what is wrong, and earlier results as they were.

Some run as processes, as the Makefile runs them; the rest call the same command inside this one.
"""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bad_input.kinds import KINDS, Kind
from tests.bad_input.place import Place, make
from tests.bad_input.report import judge, table
from tests.bad_input.spoil import EXECUTED, HOSTILE, spoil
from tests.folders import contents

ROOT = Path(__file__).parents[2]
PROCESSES = ("an unknown key", "a text for a photograph", "no picture")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Good files, bad files, and a build folder. Nothing below changes any of them."""
    made = make(tmp_path_factory.mktemp("place"))
    spoil(made)
    return made


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_one_line_and_nothing_else(place: Place, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(place.folder)  # where a file might find the module it asks for
    attempt = place.attempt(kind.command, kind.changes)
    judge(kind, attempt.status, attempt.errors)
    assert not attempt.changed
    assert not (place.folder / EXECUTED).exists(), "code of the file was executed"
    assert HOSTILE not in sys.modules


def test_there_are_enough_kinds_and_each_command_meets_some() -> None:
    assert len(KINDS) == len({str(kind) for kind in KINDS}) >= 60
    rows = [line for line in table([(kind, "error: x") for kind in KINDS]).splitlines() if line[:2] == "| "]
    assert len(rows) == len(KINDS) + 1  # and the heading


def process(
    place: Place, command: str, changes: dict[str, str], setup: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", command, *place.arguments(command, changes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=setup,
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.what in PROCESSES], ids=str)
def test_processes(place: Place, kind: Kind) -> None:
    before = contents(place.folder / "build")
    ended = process(place, kind.command, kind.changes)
    judge(kind, ended.returncode, ended.stderr.splitlines())
    assert contents(place.folder / "build") == before


def test_a_disk_that_is_full(place: Place) -> None:
    """Stood in for by a limit on the size of a file, which writing meets in the same way."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    good = (place.folder / "good.toml").read_text(encoding="utf-8")
    (place.folder / "full.toml").write_text(good.replace("target_fps = 2000.0", "target_fps = 1000.0"))
    before = contents(place.folder / "build")
    ended = process(place, "hls.lower", {"--config": "@full.toml"}, limit)
    kind = Kind("a full disk", "hls.lower", {}, "File too large; earlier results are unchanged")
    judge(kind, ended.returncode, ended.stderr.splitlines())
    assert contents(place.folder / "build") == before
    assert not [path for path in (place.folder / "build").iterdir() if path.name.startswith(".")]
