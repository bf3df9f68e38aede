"""Command lines, the good files they would succeed with, and how an attempt ended.

`good` arguments name files of one folder, which `make` fills; a kind of bad input replaces one of them.
"""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

import bench.board_driver
import board.calibrate
import board.console
import board.infer
import board.selftest
import hls.fit
import hls.lower
import hls.vivado.run
import model.train
import quant.evaluate
import quant.export
import quant.prune
import quant.qat
import release.overlay
import release.package
import sim.cosim
import sim.csim
import sim.fifo_check
from model.checkpoint import save
from model.generator import Generator
from model.loop import config_json
from pixelmend.console import run
from quant.qat import KIND
from tests.board.test_infer import make_overlay
from tests.folders import contents
from tests.networks import Case, configuration, lowered

CASE = Case(widths=(4, 4), height=8, width=16, center=False)
TRAINING = """
[generator]
widths = [4, 4]
center = false
spectral_norm = false
[defects]
boxes = [1, 1]
side = [2, 4]
[train]
steps = 1
batch = 1
crop = 8
validation_crops = 1
"""
EARLIER = ("cosim.json", "float.safetensors", "train.csv", "train.json", "qat.safetensors", "qat.csv")
"""Results that lie in the build folder before each attempt, and must lie there after it."""

DEVICE = "tests.board.test_infer:strict"
TRAIN = {"--config": "@good.toml", "--data": "@photographs", "--out": "@build"}
BUILD = {"": "@build", "--config": "@good.toml"}
FLOAT, QAT = {"--checkpoint": "@float.safetensors"}, {"--checkpoint": "@qat.safetensors"}


@dataclass(frozen=True)
class Command:
    """A command line that would succeed: '' is the positional argument, '@name' a file of the folder."""

    run: Callable[[], None]
    good: dict[str, str]


def of(module: Any, good: dict[str, str]) -> Command:
    """A command of this package, or of `board`, which has a console of its own."""
    runs = board.console.run if module.__name__.startswith("board.") else run
    return Command(lambda: runs(module.main), good)


COMMANDS = {
    "model.train": of(model.train, TRAIN),
    "quant.prune": of(quant.prune, TRAIN | FLOAT),
    "quant.qat": of(quant.qat, TRAIN | FLOAT),
    "quant.export": of(quant.export, {"--config": "@good.toml", "--out": "@build"} | QAT),
    "quant.evaluate": of(
        quant.evaluate, BUILD | QAT | {"--photos": "@photographs", "--defects": "lines", "--samples": "2"}
    ),
    "hls.lower": of(hls.lower, {"": "@generator.onnx", "--config": "@good.toml", "--out": "@build"}),
    "hls.fit": of(hls.fit, BUILD),
    "hls.vivado.run": of(hls.vivado.run, BUILD),
    "sim.cosim": of(sim.cosim, BUILD),
    "sim.csim": of(sim.csim, BUILD),
    "sim.fifo_check": of(sim.fifo_check, BUILD),
    "release.overlay": of(release.overlay, BUILD),
    "release.package": of(release.package, BUILD),
    "bench.board_driver": of(bench.board_driver, {"--out": "@build/bench.json", "--frames": "1"}),
    "board.infer": of(
        board.infer,
        {"": "@photographs/0.png", "--overlay": "@overlay", "--out": "@build", "--device": DEVICE},
    ),
    "board.calibrate": of(board.calibrate, {"": "@darks", " ": "@flats", "--out": "@build/map.png"}),
    "board.selftest": of(board.selftest, {"--package": "@package", "--device": DEVICE, "--frames": "1"}),
}


@dataclass(frozen=True)
class Attempt:
    """How a command ended."""

    status: Any  # the argument of SystemExit; None where it ended without one
    errors: list[str]  # lines on stderr
    changed: bool  # whether an earlier result is not as it was, or a new file lies beside it


@dataclass(frozen=True)
class Place:
    """The folder of the good files, and of the bad ones that were put beside them."""

    folder: Path

    def arguments(self, command: str, changes: dict[str, str]) -> list[str]:
        """The words of a command line, `changes` in place of the good ones."""
        words = []
        for name, value in (COMMANDS[command].good | changes).items():
            given = str(self.folder / value[1:]) if value.startswith("@") else value
            words += [name, given] if name.strip() else [given]
        return words

    def attempt(self, command: str, changes: dict[str, str]) -> Attempt:
        """Run it in this process; whatever but `SystemExit` is raised, a mistake of ours, is passed on."""
        before = contents(self.folder / "build")
        said, status = io.StringIO(), None
        argv = [command, *self.arguments(command, changes)]
        with patch.object(sys, "argv", argv), redirect_stdout(io.StringIO()), redirect_stderr(said):
            try:
                COMMANDS[command].run()
            except SystemExit as ended:
                status = ended.code
        after = contents(self.folder / "build")
        return Attempt(status, said.getvalue().splitlines(), before != after)


def make(folder: Path) -> Place:
    """Fill `folder` with what the commands would succeed with."""
    network, _, _ = lowered(CASE, folder)
    good = configuration(CASE, folder / "good.toml")
    good.write_text(good.read_text(encoding="utf-8") + TRAINING, encoding="utf-8")
    for name in EARLIER:
        (folder / "build" / name).write_text(f"an earlier {name}")
    tables = config_json({"generator": asdict(network.config), "quant": asdict(network.quant)})
    save(folder / "qat.safetensors", KIND, tables, network.state_dict(), {})
    floating = Generator(CASE.generator)
    save(folder / "float.safetensors", "generator", tables["generator"], floating.state_dict(), {})
    rng = np.random.default_rng(1)
    for name, count, side in (("photographs", 2, 300), ("darks", 4, 8), ("flats", 4, 8)):
        (folder / name).mkdir()
        for number in range(count):
            pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    make_overlay(folder / "overlay")
    (folder / "package").mkdir()
    make_overlay(folder / "package" / "overlay")
    (folder / "package" / "samples").mkdir()
    return Place(folder)
