"""Configurations: what is wrong is named with its file, its key, what was expected and what came."""

from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from model.generator import GeneratorConfig
from model.tasks.network import load_choice
from model.train import main as train_main
from pixelmend.config import Frame, check, load, load_frame, parse, read, tables_of
from pixelmend.errors import UserError

CONFIGS = Path(__file__).parents[2] / "configs"


def written(folder: Path, text: str) -> Path:
    path = folder / "some.toml"
    path.write_text(text, encoding="utf-8")
    return path


PLACES = [(path, table) for path in sorted(CONFIGS.rglob("*.toml")) for table in tables_of(read(path))]


@pytest.mark.parametrize(
    ("path", "table"),
    PLACES,
    ids=[f"{path.relative_to(CONFIGS).with_suffix('')}-{table}" for path, table in PLACES],
)
def test_every_configuration_fits_every_stage(path: Path, table: str) -> None:
    module, name = tables_of(read(path))[table].rsplit(".", 1)
    if table == "network":
        load_choice(path).make()
        return
    values = asdict(load(path, table, getattr(import_module(module), name)))
    for key, value in read(path).get(table, {}).items():
        assert_holds(values[key], value)


def assert_holds(came: Any, written: Any) -> None:
    """What is written is there; of a table inside a table, other keys have their defaults."""
    if isinstance(written, dict):
        for key, value in written.items():
            assert_holds(came[key], value)
    else:
        assert (list(came) if isinstance(came, tuple) else came) == written


def test_there_are_configurations() -> None:
    assert (CONFIGS / "tiny.toml").is_file()


def test_an_absent_table_gives_the_defaults(tmp_path: Path) -> None:
    assert load(written(tmp_path, "[hls]\n"), "frame", Frame) == Frame(256, 256)
    assert load(written(tmp_path, "[frame]\nwidth = 640\n"), "frame", Frame) == Frame(256, 640)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[fame]\nwidth = 8",
            "unknown table or key 'fame'; known tables are "
            "frame, generator, defects, train, prune, quant, qat, hls, sim",
        ),
        ("width = 8", "unknown table or key 'width'; known tables are frame, generator, "),
        ("frame = 64", "'frame' must be a table [frame], got 64"),
        ("[[frame]]\nwidth = 8", "'frame' must be a table [frame], got [{'width': 8}]"),
        ("[frame]\nwidht = 8", "[frame] widht: unknown key; known are height, width"),
        ("[frame]\nwidth = 0", "[frame] width: Input should be greater than or equal to 1; got 0"),
        ("[frame]\nwidth = 8193", "[frame] width: Input should be less than or equal to 8192; got 8193"),
        ("[frame]\nwidth = 'wide'", "[frame] width: Input should be a valid integer, "),
        ("[frame]\nwidth = 8.5", "[frame] width: Input should be a valid integer, got a number with a fract"),
        ("[frame\nwidth = 8", "not valid TOML: Expected ']' at the end of a table declaration"),
        ("[frame]\nwidth = 8\nwidth = 9", "not valid TOML: Cannot overwrite a value"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError) as caught:
        load(path, "frame", Frame)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_one_message_in_full(tmp_path: Path) -> None:
    path = written(tmp_path, "[frame]\nheight = -4\n")
    with pytest.raises(UserError) as caught:
        load(path, "frame", Frame)
    assert str(caught.value) == f"{path}: [frame] height: Input should be greater than or equal to 1; got -4"


def test_an_inner_value_is_named_with_its_place() -> None:
    with pytest.raises(UserError, match=r"^x: widths\.1: Input should be a valid integer, .*; got 'b'$"):
        parse({"widths": [4, "b"]}, GeneratorConfig, "x:")


def test_a_rule_of_several_values_is_said_in_its_own_words() -> None:
    with pytest.raises(UserError, match=r"^x: the whole table: kernel must be at least stride, else pixels"):
        parse({"kernel": 2, "stride": 3}, GeneratorConfig, "x:")


def test_a_table_of_another_stage_is_not_checked(tmp_path: Path) -> None:
    assert load(written(tmp_path, "[hls]\nmagic = 1\n"), "frame", Frame) == Frame()


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_bytes(b"[frame]\xff\xfe")
    with pytest.raises(UserError, match=r"some\.toml: not valid TOML: 'utf-8' codec can't decode"):
        read(path)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir], ids=["missing", "a folder"])
def test_no_file(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "none.toml"
    make(path)
    with pytest.raises(UserError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: no such configuration; expected a TOML file, as in configs/"


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Frame().width = 3  # type: ignore[misc]


def test_a_band_keeps_the_width_of_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text("[frame]\nheight = 64\nwidth = 48\n")
    assert load_frame(path) == Frame(64, 48)
    assert load_frame(path, 16) == Frame(16, 48)
    with pytest.raises(UserError, match=r"--rows: expected at most the 64 rows of \[frame\] in .*, got 80"):
        load_frame(path, 80)


def test_a_configuration_extends_another(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "base.toml").write_text(
        '[task]\nname = "denoise"\npairs = true\n[network]\nmodule = "mine.py:Net"\nwidth = 4\n[train]\nsteps = 5\n'
        "[quant]\nlayer_weight_bits = { first = 8 }\n"
    )
    (tmp_path / "middle.toml").write_text('extends = "base.toml"\n[train]\nbatch = 2\n')
    path = tmp_path / "deep" / "top.toml"
    path.write_text(
        'extends = "../middle.toml"\n[train]\nsteps = 7\n[quant]\nlayer_weight_bits = { last = 6 }\n'
    )
    found = read(path)
    assert found["train"] == {"steps": 7, "batch": 2}
    assert found["task"] == {"name": "denoise", "pairs": True}
    assert found["quant"]["layer_weight_bits"] == {"first": 8, "last": 6}
    assert found["network"]["module"] == f"{tmp_path / 'mine.py'}:Net", "beside the file that names it"
    path.write_text('extends = "../middle.toml"\n[network]\nname = "dncnn"\n')
    assert read(path)["network"] == {"name": "dncnn"}, "another network takes nothing over"


def test_what_can_not_be_extended(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text('extends = "two.toml"\n')
    two.write_text('extends = "one.toml"\n')
    with pytest.raises(UserError, match=r"two.toml: extends: one.toml extends this file itself"):
        read(one)
    two.unlink()
    with pytest.raises(UserError, match=r"two.toml: no such configuration, which .*one.toml extends"):
        read(one)
    one.write_text("extends = 3\n")
    with pytest.raises(UserError, match="extends: expected the path of a configuration, got 3"):
        read(one)
    one.write_text('extends = "two.toml"\n[nothing]\n')
    two.write_text("[frame]\n")
    with pytest.raises(UserError, match="unknown table or key 'nothing'"):
        read(one)


def test_every_table_is_checked_before_a_long_stage(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text("[train]\nsteps = 5\n[quant]\nweight_bits = 17\n[hls]\ntarget_fps = 30\n")
    with pytest.raises(UserError, match=r"some.toml: \[quant\] weight_bits: .* got 17"):
        check(path)
    with pytest.raises(UserError, match=r"\[quant\] weight_bits"):
        train_main(path, tmp_path / "no-photographs", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    path.write_text("[train]\nsteps = 5\n")
    check(path)
