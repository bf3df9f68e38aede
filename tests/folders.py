"""What lies in a folder, to be compared before and after."""

from collections.abc import Iterable
from pathlib import Path


def contents(folder: Path, names: Iterable[str] | None = None) -> dict[str, bytes]:
    """Content of the files named, which must be there, or of all files in it and below, by name."""
    if names is None:
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: (folder / name).read_bytes() for name in names}
