"""The package for the board runs on the Python of PYNQ 3.0: its syntax, and what of the library it uses."""

from pathlib import Path

import pytest
import vermin

import board
from release.wheel import PYTHON

OLDEST = (3, 10)
SOURCES = sorted(Path(board.__file__).parent.glob("*.py"))


def least(source: str) -> tuple[int, int]:
    """The least Python 3 that has all a source uses."""
    config = vermin.Config()
    config.set_eval_annotations(True)
    found = vermin.visit(source, config).minimum_versions()[1]
    return found or (3, 0)


def test_the_wheel_says_so() -> None:
    assert f">={OLDEST[0]}.{OLDEST[1]}" == PYTHON


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_newer_is_used(path: Path) -> None:
    assert least(path.read_text(encoding="utf-8")) <= OLDEST


@pytest.mark.parametrize(
    "source",
    [
        "import tomllib",
        "import hashlib\nhashlib.file_digest(open('x'), 'md5')",
        "try: pass\nexcept* OSError: pass",
    ],
)
def test_what_is_newer_is_seen(source: str) -> None:
    assert least(source) == (3, 11)
