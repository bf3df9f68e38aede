"""FINN without its builder: where it may write, and settings without a vendor tool."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finn.util.settings import get_settings, initialize_dummy_settings


@contextmanager
def finn_workspace() -> Iterator[Path]:
    """A temporary folder that FINN takes for its build folder; settings are made when first needed."""
    with tempfile.TemporaryDirectory(prefix="pixelmend-finn-") as name:
        before = os.environ.get("FINN_BUILD_DIR")
        os.environ["FINN_BUILD_DIR"] = name
        initialize_dummy_settings()
        try:
            yield Path(name)
        finally:
            if before is None:
                del os.environ["FINN_BUILD_DIR"]
            else:
                os.environ["FINN_BUILD_DIR"] = before


def rtllib() -> Path:
    """FINN's library of SystemVerilog."""
    return Path(get_settings().finn_rtllib)
