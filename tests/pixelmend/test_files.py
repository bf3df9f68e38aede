"""Results are replaced whole or not at all, and nothing temporary stays behind."""

import errno
import hashlib
import stat
from pathlib import Path

import pytest

from pixelmend.errors import UserError
from pixelmend.files import (
    file_digest,
    folder_digest,
    read_json,
    replacing,
    replacing_folder,
    text_digest,
    write_json,
    write_text,
)


def full_disk() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "result.png"
    for text in ("first", "second"):
        with replacing(path) as temporary:
            assert temporary.parent == path.parent
            assert temporary.suffix == ".png"
            temporary.write_text(text)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == text
    assert names(tmp_path) == ["new", "new/result.png"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("error", [full_disk(), KeyboardInterrupt(), UserError("bad")], ids=repr)
def test_a_failure_leaves_the_old_file_alone(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(type(error)), replacing(path) as temporary:
        temporary.write_text("half of the ne")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["result.txt"]


def test_a_failed_rename_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.txt"
    path.write_text("old")

    def refuse(self: Path, target: Path) -> None:
        raise full_disk()

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["result.txt"]


def test_a_folder_is_replaced_with_all_it_held(tmp_path: Path) -> None:
    path = tmp_path / "build" / "rtl"
    with replacing_folder(path) as work:
        (work / "a").write_text("old a")
        (work / "b").write_text("old b")
    with replacing_folder(path) as work:
        assert list(work.iterdir()) == []
        (work / "a").write_text("new a")
        assert (path / "a").read_text() == "old a"
    assert (path / "a").read_text() == "new a"
    assert names(tmp_path) == ["build", "build/rtl", "build/rtl/a"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


@pytest.mark.parametrize("error", [full_disk(), KeyboardInterrupt(), UserError("bad")], ids=repr)
def test_a_failure_leaves_the_old_folder_alone(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "rtl"
    path.mkdir()
    (path / "a").write_text("old")
    with pytest.raises(type(error)), replacing_folder(path) as work:
        (work / "a").write_text("new")
        raise error
    assert (path / "a").read_text() == "old"
    assert names(tmp_path) == ["rtl", "rtl/a"]


def test_a_folder_that_cannot_take_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one has been put aside by then; it must come back."""
    path = tmp_path / "rtl"
    path.mkdir()
    (path / "a").write_text("old")
    replace = Path.replace

    def refuse_the_new(self: Path, target: Path) -> Path:
        if target == path and (self / "new").exists():
            raise full_disk()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse_the_new)
    with pytest.raises(OSError, match="No space left"), replacing_folder(path) as work:
        (work / "new").write_text("new")
    assert (path / "a").read_text() == "old"
    assert names(tmp_path) == ["rtl", "rtl/a"]


def test_json_round_trip_keeps_the_order_of_keys(tmp_path: Path) -> None:
    value = {"z": [1, 2.5, None], "a": {"é": "ü"}}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value
    assert list(read_json(tmp_path / "x.json")) == ["z", "a"]
    assert (tmp_path / "x.json").read_bytes().endswith(b"}\n")


def test_json_that_cannot_be_written_replaces_nothing(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"path": tmp_path})
    assert read_json(tmp_path / "x.json") == 1
    assert names(tmp_path) == ["x.json"]


@pytest.mark.parametrize("content", [b"{", b"", b'{"a": \xff}'])
def test_damaged_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.json: not valid JSON \(.*\); make it again"):
        read_json(path)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none: expected a JSON file, found nothing there$"):
        read_json(tmp_path / "none")
    with pytest.raises(UserError, match=r"expected a JSON file, found a folder$"):
        read_json(tmp_path)
    with pytest.raises(UserError, match=r"none: expected a file, found nothing there$"):
        file_digest(tmp_path / "none")
    with pytest.raises(UserError, match=r"expected a file, found a folder$"):
        file_digest(tmp_path)


def test_a_digest_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000  # more than one buffer
    (tmp_path / "x").write_bytes(content)
    assert file_digest(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_a_digest_of_texts_sees_where_one_ends() -> None:
    digests = {text_digest(*texts) for texts in ((), ("",), ("ab",), ("a", "b"), ("b", "a"), ("ab", ""))}
    assert len(digests) == 6
    assert text_digest("a", "ü") == text_digest("a", "ü")


def test_a_digest_of_a_folder_sees_names_contents_and_places(tmp_path: Path) -> None:
    def digest(name: str, files: dict[str, str]) -> str:
        folder = tmp_path / name
        for path, text in files.items():
            write_text(folder / path, text)
        return folder_digest(folder)

    same = {digest("one", {"a": "1", "s/b": "2"}), digest("two", {"s/b": "2", "a": "1"})}
    assert len(same) == 1  # whatever its name, and in whatever order it was written
    others = [
        {"a": "1", "s/b": "3"},
        {"a": "1", "s/c": "2"},
        {"a": "1", "b": "2"},
        {"a": "1"},
        {"a": "2", "s/b": "1"},
    ]
    assert len(same | {digest(f"other{n}", files) for n, files in enumerate(others)}) == 6
