"""The notebook of the package: what goes in, what comes out, and speed, for those who work in PYNQ's Jupyter."""

import json

Cells = tuple[tuple[str, str], ...]

REPAIRS: Cells = (
    (
        "markdown",
        """# Repairing broken pixels on the board

Runs in the unpacked package. `PIXELMEND_DEVICE=sim:BUILD` takes a simulated accelerator instead.""",
    ),
    (
        "code",
        """import os
import time
from pathlib import Path

import numpy as np
from PIL import Image

from board import pictures
from board.driver import Driver
from board.repair import repair
from board.selftest import load_map

device = os.environ.get("PIXELMEND_DEVICE", "pynq")
driver = Driver.open(Path("overlay"), device)
print(driver.overlay)""",
    ),
    ("markdown", "## Before and after"),
    (
        "code",
        """samples = sorted(path for path in Path("samples").glob("*.png") if not path.stem.endswith(".map"))
for path in samples:
    before = pictures.read(path).pixels
    after = np.empty_like(before)
    repair(driver, before, after, load_map(driver, path))
    display(Image.fromarray(np.hstack([before, after])))""",
    ),
    (
        "markdown",
        "## Speed\n\nFrames back to back; the accelerator takes one in while it gives out the last.",
    ),
    (
        "code",
        """count = int(os.environ.get("PIXELMEND_FRAMES", "200"))
shape = driver.overlay.height, driver.overlay.width
frame = np.resize(before, (*shape, 3))
defects = np.zeros(shape, np.uint8) if driver.overlay.mapped else None
began = time.perf_counter()
for _ in driver.stream((frame for _ in range(count)), defects):
    pass
print(f"{count / (time.perf_counter() - began):.1f} frames/s of {shape[1]}x{shape[0]} px")
print(driver.timing)""",
    ),
    ("code", "driver.close()"),
)


FRAMES: Cells = (
    (
        "markdown",
        """# The network on the board

Runs in the unpacked package. `PIXELMEND_DEVICE=sim:BUILD` takes a simulated accelerator instead.""",
    ),
    (
        "code",
        """import os
import time
from pathlib import Path

import numpy as np
from PIL import Image

from board.driver import Driver

device = os.environ.get("PIXELMEND_DEVICE", "pynq")
driver = Driver.open(Path("overlay"), device)
print(driver.overlay.ports)""",
    ),
    (
        "markdown",
        "## What goes in and what comes out\n\nPorts that are pictures are shown, of others the size.",
    ),
    (
        "code",
        """def show(port, frame):
    if port.format.is_image and port.format.channels == 3:
        display(Image.fromarray(frame))
    else:
        print(port)

for path in sorted(Path("samples").glob("*.npy")):
    frame = np.load(path)
    show(driver.overlay.ports.input, frame)
    results = driver.repair(frame)
    for port, result in zip(driver.overlay.ports.outputs, results if isinstance(results, list) else [results]):
        show(port, result)""",
    ),
    (
        "markdown",
        "## Speed\n\nFrames back to back; the accelerator takes one in while it gives out the last.",
    ),
    (
        "code",
        """count = int(os.environ.get("PIXELMEND_FRAMES", "200"))
began = time.perf_counter()
for _ in driver.stream(frame for _ in range(count)):
    pass
print(f"{count / (time.perf_counter() - began):.1f} frames/s of {frame.shape[1]}x{frame.shape[0]}")
print(driver.timing)""",
    ),
    ("code", "driver.close()"),
)


def text(repairs: bool) -> str:
    """The notebook, as Jupyter's JSON (nbformat 4), of a network that repairs pictures or of any other."""
    cells: list[dict[str, object]] = []
    for number, (kind, source) in enumerate(REPAIRS if repairs else FRAMES):
        cell: dict[str, object] = {
            "cell_type": kind,
            "id": f"cell{number}",
            "metadata": {},
            "source": source.splitlines(True),
        }
        cells.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    body = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(body, indent=1) + "\n"
