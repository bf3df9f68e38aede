"""What made a file, and whether it must be made again."""

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from pixelmend import provenance
from pixelmend.errors import UserError
from pixelmend.provenance import TOOLS, code_digest, commit, is_current, made_by, mark_current, versions

KEY = {"seed": 1, "config": {"widths": [4, 8]}}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another checkout, outside git, in place of the project's."""
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for cached in (commit, code_digest):
        cached.cache_clear()
    yield tmp_path
    for cached in (commit, code_digest):
        cached.cache_clear()


def made(folder: Path) -> tuple[Path, list[Path]]:
    outputs = [folder / "a.bin", folder / "b"]
    outputs[0].write_bytes(b"1")
    outputs[1].mkdir()
    stamp = folder / "stamp.json"
    mark_current(stamp, KEY)
    return stamp, outputs


def test_a_stage_is_current_after_it_has_run(tmp_path: Path) -> None:
    stamp, outputs = made(tmp_path)
    assert is_current(stamp, KEY, outputs)
    mark_current(stamp, KEY | {"seed": 2})
    assert not is_current(stamp, KEY, outputs)
    assert is_current(stamp, KEY | {"seed": 2}, outputs)


def test_a_stage_that_never_ran_is_not_current(tmp_path: Path) -> None:
    assert not is_current(tmp_path / "stamp.json", KEY, [])


def test_every_output_must_be_there(tmp_path: Path) -> None:
    stamp, (file, folder) = made(tmp_path)
    assert not is_current(stamp, KEY, [file, folder, tmp_path / "c"])
    shutil.rmtree(folder)
    assert not is_current(stamp, KEY, [file, folder])
    assert is_current(stamp, KEY, [file])


def test_an_output_of_a_run_that_did_not_end(tmp_path: Path) -> None:
    """Its stamp is still that of the run before, which an unchanged configuration would match."""
    stamp, outputs = made(tmp_path)
    later = stamp.stat().st_mtime_ns + 1
    os.utime(outputs[0], ns=(later, later))
    assert not is_current(stamp, KEY, outputs)
    mark_current(stamp, KEY)
    assert is_current(stamp, KEY, outputs)


def test_a_damaged_stamp_is_named(tmp_path: Path) -> None:
    stamp, outputs = made(tmp_path)
    stamp.write_text("{")
    with pytest.raises(UserError, match=r"stamp\.json: not valid JSON"):
        is_current(stamp, KEY, outputs)


def test_the_digest_of_code_sees_sources_only(root: Path) -> None:
    def digest(*packages: str) -> str:
        code_digest.cache_clear()
        return code_digest(*packages)

    for name in ("one", "two"):
        (root / name / "deep").mkdir(parents=True)
        (root / name / "deep" / "x.py").write_text("1")
    first = digest("one")
    (root / "one" / "notes.txt").write_text("not compiled")
    (root / "two" / "deep" / "x.py").write_text("2")
    assert digest("one") == first
    assert digest("one", "two") != first
    seen = {first}
    for suffix in ("py", "sv", "v", "cpp", "hpp", "toml"):
        (root / "one" / f"more.{suffix}").write_text("x")
        seen.add(digest("one"))
    (root / "one" / "deep" / "x.py").write_text("2")
    seen.add(digest("one"))
    (root / "one" / "deep" / "x.py").rename(root / "one" / "deep" / "y.py")
    seen.add(digest("one"))
    assert len(seen) == 9


def test_outside_git_the_commit_is_unknown(root: Path) -> None:
    assert commit() == "unknown"


def test_without_git_the_commit_is_unknown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    assert commit() == "unknown"


def test_local_changes_are_said(root: Path) -> None:
    for arguments in (
        ("init", "-q"),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first"),
    ):
        provenance._git(*arguments)
    head = provenance._git("rev-parse", "HEAD")
    assert commit() == head[:12]
    (root / "x").write_text("1")
    commit.cache_clear()
    assert commit() == head[:12]  # a file that git does not know is no change
    provenance._git("add", "x")
    commit.cache_clear()
    assert commit() == f"{head[:12]}-dirty"


def test_versions_are_those_installed() -> None:
    told = versions()
    assert set(told) == {"python", *TOOLS}
    assert told["numpy"] == version("numpy")
    told["numpy"] = "changed"
    assert versions()["numpy"] == version("numpy")  # the caller got a copy
    assert set(made_by()) == {"commit", "versions"}
