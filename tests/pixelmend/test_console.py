"""How a command ends: one line on stderr, a status, no traceback."""

import errno
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from pixelmend import console
from pixelmend.errors import UserError


@pytest.fixture
def ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Runs a function as a command with arguments; gives the exit status and what stderr got."""

    def call(command: Callable[..., None], *arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["some-command", *arguments])
        monkeypatch.setattr(console, "problems", Console(stderr=True, highlight=False, width=60))
        with pytest.raises(SystemExit) as caught:
            console.run(command)
        code = caught.value.code
        return code if isinstance(code, int) else int(code is not None), capsys.readouterr().err

    return call


def failing(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def test_stages_that_tell_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with console.without_notes():
        console.note("lowered")
    console.note("done")
    assert capsys.readouterr().out == "done\n"


def test_a_user_error_is_one_line(ended: Callable[..., tuple[int, str]]) -> None:
    message = "x.toml: [frame] width: expected 1 to 8, got [bold]9[/bold]" + " and more" * 20
    assert ended(failing(UserError(message))) == (1, f"error: {message}\n")


def test_an_error_chooses_its_status(ended: Callable[..., tuple[int, str]]) -> None:
    class Worse(UserError):
        exit_code = 7

    assert ended(failing(Worse("bad"))) == (7, "error: bad\n")


@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EEXIST, errno.ENOTDIR],
    ids=errno.errorcode.get,
)
def test_what_the_system_refuses_is_one_line(ended: Callable[..., tuple[int, str]], number: int) -> None:
    status, said = ended(failing(OSError(number, "Refused", "build/tiny/x.onnx")))
    assert (status, said) == (1, "error: build/tiny/x.onnx: Refused; earlier results are unchanged\n")
    assert ended(failing(OSError(number, "Refused")))[1].startswith("error: output: Refused; ")


def test_an_array_cut_short_is_one_line(ended: Callable[..., tuple[int, str]]) -> None:
    """What `numpy.ndarray.tofile` raises on a full disk has no error number."""
    status, said = ended(failing(OSError("32768 requested and 25568 written")))
    assert status == 1
    assert said == (
        "error: output: file cut short, 32768 requested and 25568 written; earlier results are unchanged\n"
    )


def test_ctrl_c_is_said(ended: Callable[..., tuple[int, str]]) -> None:
    status, said = ended(failing(KeyboardInterrupt()))
    assert status == 130
    assert said == "error: interrupted; what was finished is kept, run the same command to go on\n"


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), OSError(errno.ENOENT, "a bug"), OSError("a bug")], ids=repr
)
def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(sys, "argv", ["some-command"])
    with pytest.raises(type(error), match="a bug"):
        console.run(failing(error))


def takes(path: Path, count: int = 1) -> None:
    """Does what its help says."""
    print(f"{path.name} {count}", file=sys.stderr)


def test_arguments_arrive_with_their_types(ended: Callable[..., tuple[int, str]]) -> None:
    assert ended(takes, "some/file.txt", "--count", "3") == (0, "file.txt 3\n")


@pytest.mark.parametrize(
    "arguments", [(), ("x", "--unknown"), ("x", "--count", "many"), ("x", "y")], ids=" ".join
)
def test_wrong_usage_has_status_2(ended: Callable[..., tuple[int, str]], arguments: tuple[str, ...]) -> None:
    status, said = ended(takes, *arguments)
    assert status == 2
    assert "Usage:" in said
    assert "Traceback" not in said


def test_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["some-command", "--help"])
    with pytest.raises(SystemExit) as caught:
        console.run(takes)
    assert not caught.value.code
    assert "Does what its help says." in capsys.readouterr().out
