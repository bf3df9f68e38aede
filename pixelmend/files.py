"""Files are written under a temporary name and renamed, so an earlier result survives any failure."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixelmend.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success rename it to `path`, on failure remove it.

    The temporary name keeps the suffix, since writers choose a format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp makes 0600; results are for everyone
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; on success it takes the place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    temporary.chmod(0o755)
    try:
        yield temporary
        if path.exists():
            retired = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-old-"))
            old = retired / path.name
            path.replace(old)
            try:
                temporary.replace(path)
            except BaseException:
                old.replace(path)
                retired.rmdir()
                raise
            shutil.rmtree(retired)
        else:
            temporary.replace(path)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_archive(path: Path, folder: str, files: Mapping[str, bytes]) -> None:
    """Write a gzipped tar of `files`, by their names in its one `folder`, atomically.

    Equal files give equal bytes: no time, owner or machine is in it.
    """
    with (
        replacing(path) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as packed,
        tarfile.open(mode="w", fileobj=packed, format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, atomically."""
    write_text(path, as_json(value))


def as_json(value: Any) -> str:
    """`value` as indented JSON; key order is kept, so equal values give equal text."""
    return json.dumps(value, indent=2) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON file; `UserError` where it is missing or damaged."""
    if not path.is_file():
        raise UserError(f"{path}: expected a JSON file, found {_kind(path)}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or thousands of digits or brackets
        raise UserError(f"{path}: not valid JSON ({error}); make it again") from error


def read_fields(path: Path, fields: Mapping[str, type]) -> dict[str, Any]:
    """Read a JSON object that has at least `fields`, of these types; `UserError` where it has not.

    A name with dots is that of a field inside another one: `frame.height`.
    """
    whole = read_json(path)
    for name, kind in fields.items():
        value = whole
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        number = kind is float and isinstance(value, int)
        if not (isinstance(value, kind) or number) or isinstance(value, bool):
            raise UserError(
                f"{path}: '{name}' must be a value of type {kind.__name__}, got {value!r}; of another "
                "version, or edited: make it again"
            )
    fitting: dict[str, Any] = whole
    return fitting


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as 64 hex digits."""
    if not path.is_file():
        raise UserError(f"{path}: expected a file, found {_kind(path)}")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files in a folder, whatever its own name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return text_digest(*(f"{path.relative_to(folder).as_posix()} {file_digest(path)}" for path in files))


def text_digest(*texts: str) -> str:
    """SHA-256 over several strings; the boundaries between them count."""
    digest = hashlib.sha256()
    for text in texts:
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()


def _kind(path: Path) -> str:
    return "a folder" if path.is_dir() else "nothing there" if not path.exists() else "something else"
