"""What all tests share: the folder of compiled simulations, threads."""

import os
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # the workers share the cores


@pytest.fixture(scope="session")
def simulations() -> Path:
    """Compiled simulations are kept between test runs, by content."""
    folder = Path(os.environ.get("PIXELMEND_CACHE", ROOT / "build" / ".cache" / "sim"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
