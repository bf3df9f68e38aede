"""Golden regression of a small network: equal figures pass, any other is told, updates print what changed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from quant.export import export
from sim import regress as module
from sim.golden import Change
from sim.regress import BUNDLED, regress
from tests.networks import Case, configuration, twin

CASE = Case(widths=(4,), height=16, width=24, center=False)
CELLS = {"MVAU_rtl": {"lut": 10, "bram36": 0.5}, "total": {"lut": 12, "bram36": 0.5}}


@pytest.fixture(scope="module")
def stored_once(tmp_path_factory: pytest.TempPathFactory, simulations: Path) -> Path:
    """A folder with a network, its configuration and its golden figures."""
    folder = tmp_path_factory.mktemp("golden")
    export(twin(CASE), CASE.height, CASE.width, folder / "generator.onnx")
    configuration(CASE, folder / "small.toml")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "CACHE", simulations)
        patched.setattr(module, "FETCHED", ())
        names = ("small.toml", "build", "generator.onnx", "golden.json")
        regress(*(folder / name for name in names), update=True)
    return folder


@pytest.fixture
def again(
    stored_once: Path, tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Change]]:
    """again(update=...) measures a copy of it, in the folder `again.folder`."""
    monkeypatch.setattr(module, "CACHE", simulations)
    monkeypatch.setattr(module, "FETCHED", ())
    folder = tmp_path / "copy"
    shutil.copytree(stored_once, folder)

    def call(**options: Any) -> list[Change]:
        names = ("small.toml", "build", "generator.onnx", "golden.json")
        return regress(*(folder / name for name in names), **options)

    return call


@pytest.fixture
def folder(again: Callable[..., list[Change]], tmp_path: Path) -> Path:
    return tmp_path / "copy"


def edit(path: Path, **figures: Any) -> None:
    """Overwrite figures, named as in changes with a double underscore for each dot."""
    content = read_json(path)
    for name, value in figures.items():
        *outer, last = name.split("__")
        inner = content
        for key in outer:
            inner = inner[key]
        inner[last] = value
    write_json(path, content)


def test_the_same_network_gives_the_same_figures(
    again: Callable[..., list[Change]], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "golden.json").read_bytes()
    shutil.rmtree(folder / "build")
    assert again() == []
    assert "small is as stored: astronaut, chelsea, coffee; " in " ".join(capsys.readouterr().out.split())
    assert again(update=True) == []
    assert (folder / "golden.json").read_bytes() == before

    golden = json.loads(before)
    assert list(golden) == ["config", "network", "photos", "cycles", "fifo_high_water", "cells"]
    assert tuple(golden["photos"]) == BUNDLED
    assert len({found["pixels"] for found in golden["photos"].values()}) == 3
    measured = read_json(folder / "build" / "regress.json")
    assert {name: measured[name] for name in golden} == golden


def test_a_figure_that_differs_is_told(
    again: Callable[..., list[Change]], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = folder / "golden.json"
    stored = read_json(golden)
    cycles, quality = stored["cycles"]["per_frame"], stored["photos"]["coffee"]["psnr_db"]
    edit(golden, photos__coffee__psnr_db=quality - 1, cycles__per_frame=cycles)
    assert [change.name for change in again()] == ["photos.coffee.psnr_db"], "better is no failure"
    edit(golden, photos__coffee__psnr_db=quality + 0.02)
    with pytest.raises(UserError, match=r"1 figures of small .* first photos\.coffee\.psnr_db: .* UPDATE=1"):
        again()
    edit(golden, photos__coffee__psnr_db=quality, cycles__per_frame=cycles + 1)
    with pytest.raises(UserError, match=r"first cycles\.per_frame: .* \(-1\)"):
        again()
    edit(golden, network="00" * 32)
    capsys.readouterr()
    with pytest.raises(UserError, match=r"2 figures of small .* first network: 000000000000 -> "):
        again()
    assert "differs  cycles.per_frame" in capsys.readouterr().out

    changed = again(update=True)
    assert [change.name for change in changed] == ["network", "cycles.per_frame"]
    assert read_json(golden) == stored
    said = capsys.readouterr().out
    assert said[said.index("Golden figures of small") :].split("\n")[1:3][1].startswith("network: 0000")


def test_other_hardware_is_noticed(again: Callable[..., list[Change]], folder: Path) -> None:
    """A faster and still correct top: the pixels stay, the cycles do not."""
    shutil.rmtree(folder / "build")
    (folder / "small.toml").write_text((folder / "small.toml").read_text().replace("2000.0", "50000.0"))
    with pytest.raises(UserError, match="are not those of"):
        again()
    came, stored = read_json(folder / "build" / "regress.json"), read_json(folder / "golden.json")
    assert came["photos"] == stored["photos"]
    assert came["cycles"]["per_frame"] < stored["cycles"]["per_frame"]


def test_wrong_hardware_is_no_golden(again: Callable[..., list[Change]], folder: Path) -> None:
    """One wrong bit of a weight: what the integer model does not say is never stored."""
    before = (folder / "golden.json").read_bytes()
    memory = folder / "build" / "rtl" / "memory" / "conv1_mvau_weights.dat"
    first, *others = memory.read_text().split()
    memory.write_text("\n".join([f"{int(first, 16) ^ 1:0{len(first)}x}", *others]) + "\n")
    with pytest.raises(UserError, match=r"differs from the integer model|stream differs in RTL"):
        again(update=True)
    assert (folder / "golden.json").read_bytes() == before


def test_what_is_not_here_is_not_compared(
    again: Callable[..., list[Change]], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = folder / "golden.json"
    stored = read_json(golden)
    stored["photos"]["kodim23"] = stored["photos"]["coffee"]
    write_json(golden, stored | {"cells": CELLS})
    assert again() == []
    said = capsys.readouterr().out
    assert "not compared: kodim23, which is not here" in said
    assert "not compared: cells, for want of a synthesis" in said
    assert again(update=True) == [], "of the same network they are kept"
    edit(golden, network="00" * 32)
    names = {change.name.split(".")[1] for change in again(update=True) if change.came is None}
    assert names == {"kodim23", "MVAU_rtl", "total"}

    io, report = folder / "build" / "io.json", folder / "build" / "fit.json"
    write_json(report, {"by_op": {"MVAU_rtl": {"measured": CELLS["MVAU_rtl"]}}, "total": CELLS["total"]})
    write_json(golden, stored | {"cells": CELLS})
    assert again() == []
    edit(golden, cells__total__lut=11)
    with pytest.raises(UserError, match=r"first cells\.total\.lut: 11 -> 12 \(\+1\)"):
        again()
    del stored["photos"]["kodim23"]
    write_json(golden, stored)
    assert again() == []
    assert "cells, of which nothing is stored" in capsys.readouterr().out
    write_json(io, read_json(io))  # lowered again after the synthesis
    edit(golden, cells=CELLS)
    again()
    assert "not compared: cells" in capsys.readouterr().out


def test_goldens_that_are_missing_or_damaged(again: Callable[..., list[Change]], folder: Path) -> None:
    golden = folder / "golden.json"
    golden.write_text("{}")
    with pytest.raises(UserError, match=r"expected golden figures, as sim\.regress writes"):
        again()
    golden.unlink()
    with pytest.raises(UserError, match="no golden figures; make regress UPDATE=1 stores them"):
        again()
    (folder / "generator.onnx").unlink()
    with pytest.raises(UserError, match=r"generator\.onnx: expected a file, found nothing there"):
        again(update=True)
    assert not golden.exists()


def test_every_golden_that_is_stored_is_of_its_network() -> None:
    """Where a network was replaced, its golden figures were too."""
    stored = sorted((Path(__file__).parents[2] / "checkpoints").glob("*/golden.json"))
    assert "tiny" in [path.parent.name for path in stored]
    for path in stored:
        golden = read_json(path)
        assert golden["network"] == module.file_digest(path.with_name("generator.onnx")), path
        assert set(BUNDLED) <= set(golden["photos"])
        assert np.all([len(found["pixels"]) == 64 for found in golden["photos"].values()])
