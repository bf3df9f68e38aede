"""What the simulations of a build share: a small one, lowered once."""

import shutil
from pathlib import Path

import pytest

import sim.cosim
import sim.csim
from tests.networks import SMALL, lowered


@pytest.fixture(scope="session")
def lowered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of `SMALL`; not to be written to."""
    return lowered(SMALL, tmp_path_factory.mktemp("lowered"))[2]


@pytest.fixture
def build(lowered_once: Path, tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same in a place of its own; what is compiled of it is kept between test runs."""
    monkeypatch.delenv("XILINX_HLS", raising=False)
    for module in (sim.cosim, sim.csim):
        monkeypatch.setattr(module, "CACHE", simulations)
    shutil.copytree(lowered_once, tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The test module's `CONFIG` as a file."""
    path = tmp_path / "some.toml"
    path.write_text(request.module.CONFIG, encoding="utf-8")
    return path
