"""A small lowered build with its overlay, on the simulated board."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from board.overlay import Overlay
from release.overlay import find_or_make
from sim.integer import IntegerModel
from tests.networks import Case, lowered

CASE = Case((4, 6), height=32, width=48)


@dataclass(frozen=True)
class Simulated:
    """A build, its configuration and overlay, and the integer model that defines its results."""

    build: Path
    config: Path
    overlay: Overlay
    model: IntegerModel

    def whole(self, picture: np.ndarray) -> np.ndarray:
        """What the network makes of a picture that fits into one frame."""
        height, width = picture.shape[:2]
        padded = np.pad(picture, ((0, 32 - height), (0, 48 - width), (0, 0)), mode="reflect")
        return self.model.run(padded[None])[0][:height, :width]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Lowered once for all tests here."""
    folder = tmp_path_factory.mktemp("simulated")
    _, _, build = lowered(CASE, folder)
    config = folder / "config.toml"
    overlay = find_or_make(build, config, "pynq-z2")
    return Simulated(build, config, overlay, IntegerModel.load(build / "dataflow.onnx"))


@pytest.fixture
def sim_cache(simulations: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulations are compiled into the tests' cache."""
    monkeypatch.setattr("sim.device.CACHE", simulations)
