"""What all tests share: compiled simulations, photographs to train on, threads."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

ROOT = Path(__file__).parents[1]

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # the workers share the cores


@pytest.fixture(scope="session")
def simulations() -> Path:
    """Compiled simulations are kept between test runs, by content."""
    folder = Path(os.environ.get("PIXELMEND_CACHE", ROOT / "build" / ".cache" / "sim"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four smooth random photographs, 48x56 px; not to be written to."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(2)
    for i in range(4):
        smooth = gaussian_filter(rng.random((48, 56, 3)) * 1500 - 620, (4, 4, 0))
        Image.fromarray(smooth.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return folder
