"""The package: installed into an empty environment without an index, proved, and its notebook run."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from board import pictures, selftest
from board.errors import BoardError
from board.sensors import readings
from pixelmend.provenance import ROOT
from release.package import package
from tests.board.conftest import Simulated


@pytest.fixture(scope="session")
def unpacked(simulated: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked package."""
    folder = tmp_path_factory.mktemp("package")
    path = package(simulated.build, simulated.config, "pynq-z2")
    first = path.read_bytes()
    assert package(simulated.build, simulated.config, "pynq-z2").read_bytes() == first
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    (inside,) = folder.iterdir()
    assert inside.name == "pixelmend-board-config-pynq-z2"
    return inside


def run(python: Path, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
    command = [str(python), *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def environment(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a new environment with the wheel in it; numpy, pillow and the simulated board come after it
    on the path, as the image of a board brings its own.
    """
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=True, symlinks=True)
    python = place / "bin" / "python"
    site = next((place / "lib").glob("python*/site-packages"))
    (site / "image.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    (wheel,) = unpacked.glob("*.whl")
    done = run(python, "-m", "pip", "install", "-q", "--no-index", wheel, cwd=place)
    assert done.returncode == 0, done.stderr
    where = run(python, "-c", "import board; print(board.__file__)", cwd=place)
    assert Path(where.stdout.strip()).is_relative_to(site), where.stdout
    return python


def test_selftest_passes_in_an_empty_environment(
    simulated: Simulated, unpacked: Path, environment: Path, tmp_path: Path
) -> None:
    words = ["-m", "board.selftest", "--device", f"sim:{simulated.build}", "--frames", 2]
    done = run(environment, *words, "--report", tmp_path / "report.json", cwd=unpacked)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert set(report["samples"].values()) == {"bit-exact"} and len(report["samples"]) == 3
    assert report["frames_per_second"] > 0


def test_a_wrong_pixel_is_told(
    simulated: Simulated, unpacked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "package"
    for name in ("overlay", "samples"):
        (copied / name).mkdir(parents=True)
        for path in (unpacked / name).iterdir():
            (copied / name / path.name).write_bytes(path.read_bytes())
    pixels = pictures.read(copied / "samples" / "coffee.png").pixels
    pictures.write(copied / "samples" / "coffee.png", 255 - pixels)
    options = Namespace(package=copied, device=f"sim:{simulated.build}", frames=1, report=None)
    assert selftest.selftest(options) == 1
    assert "coffee.png: WRONG" in capsys.readouterr().err
    (copied / "samples" / "samples.json").write_text("{}")
    with pytest.raises(BoardError, match="expected the format"):
        selftest.selftest(options)


def test_the_notebook_runs(simulated: Simulated, unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(unpacked)
    monkeypatch.setenv("PIXELMEND_DEVICE", f"sim:{simulated.build}")
    monkeypatch.setenv("PIXELMEND_FRAMES", "2")
    shown: list[Image.Image] = []
    names: dict[str, Any] = {"display": shown.append}
    notebook = json.loads((unpacked / "pixelmend.ipynb").read_text())
    assert notebook["nbformat"] == 4
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert [image.size for image in shown] == [(120, 40)] * 3
    for image in shown:
        before, after = np.hsplit(np.array(image), 2)
        assert (before != after).any()


def test_the_wheel_is_pure_and_imports_nothing_else(unpacked: Path) -> None:
    (wheel,) = unpacked.glob("*.whl")
    own = {"board", "numpy", "PIL", "pynq", "av"} | sys.stdlib_module_names
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert all(name.startswith("board/") or ".dist-info/" in name for name in names)
        for name in names:
            if name.endswith(".py"):
                imports = re.findall(r"^\s*(?:import|from) (\w+)", archive.read(name).decode(), re.M)
                assert set(imports) <= own, name


def test_a_real_board_refuses_the_placeholder(unpacked: Path) -> None:
    options = Namespace(package=unpacked, device="pynq", frames=1, report=None)
    with pytest.raises(BoardError, match="a placeholder; build one with `make bitstream`"):
        selftest.selftest(options)


def test_sensors(tmp_path: Path) -> None:
    xadc, rail = tmp_path / "bus/iio/devices/iio:device0", tmp_path / "class/hwmon/hwmon0"
    for path, text in (
        (xadc / "in_temp0_raw", "2600"), (xadc / "in_temp0_offset", "-2219"),
        (xadc / "in_temp0_scale", "123.04"),
        (rail / "power1_input", "4200000"), (rail / "name", "ina226"),
    ):  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert readings(tmp_path) == pytest.approx({"temperature_c": 46.878, "power_w ina226": 4.2}, abs=0.01)
    assert readings(tmp_path / "none") == {}
