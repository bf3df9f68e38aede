"""What a command line names: files, folders, globs; and where each result goes."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from board.errors import BoardError
from board.pictures import SUFFIXES


@dataclass(frozen=True)
class Job:
    """A picture and the file that its repaired copy becomes."""

    source: Path
    result: Path


def jobs(names: Sequence[str], out: Path, suffix: str | None = None) -> tuple[list[Job], list[str]]:
    """All pictures that are named, once each, and the complaints about names that can't be served.

    A folder stands for the pictures in it and below, whose places under it are kept; its other files are left
    out. Results keep their name; `suffix` replaces theirs.
    """
    found: dict[Path, Path] = {}  # result by source
    complaints: list[str] = []
    for name in names:
        try:
            for source, place in _named(name):
                changed = suffix is not None and place.suffix.lower() in SUFFIXES  # a video stays one
                found.setdefault(source, out / (place.with_suffix(suffix or "") if changed else place))
        except BoardError as error:
            complaints.append(str(error))
    sources = {source.resolve() for source in found}
    taken: dict[Path, Path] = {}
    made = []
    for source, result in found.items():
        if result.resolve() in sources:
            complaints.append(
                f"{source}: its result would replace the picture {result}; choose another --out"
            )
        elif result in taken:
            complaints.append(f"{source}: its result would replace that of {taken[result]}, {result}")
        else:
            taken[result] = source
            made.append(Job(source, result))
    return made, complaints


def _named(name: str) -> list[tuple[Path, Path]]:
    """Sources that a name stands for, and the place of each result below the output folder."""
    path = Path(name)
    if path.is_dir():
        inside = [p for p in sorted(path.rglob("*")) if _is_picture(p)]
        if not inside:
            raise BoardError(f"{name}: no picture in this folder; expected names in {', '.join(SUFFIXES)}")
        return [(p, p.relative_to(path)) for p in inside]
    if path.exists() or not glob.has_magic(name):
        return [(path, Path(path.name))]
    found = glob.glob(name, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    matches = [Path(match) for match in sorted(found)]
    if not matches:
        raise BoardError(f"{name}: nothing matches")
    return [(p, Path(p.name)) for p in matches if p.is_file()]


def _is_picture(path: Path) -> bool:
    """By its name; hidden files are what writers and file managers leave behind."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
