"""Prove the board: the samples must come out as the integer model makes them, to the last bit.

    python -m board.selftest [--package DIR] [--device pynq]

The package's folder holds overlay/ and samples/; samples/samples.json the SHA-256 of each expected result.
Then the speed is measured, and temperature and power are read where the board tells them.
"""

import argparse
import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from board import defectmap, pictures
from board.console import note, problem, run
from board.device import Pixels
from board.driver import Driver
from board.errors import BoardError, FrameError
from board.files import read_json, write_json
from board.repair import repair
from board.sensors import readings

FORMAT = "pixelmend samples 1"


def pixel_digest(pixels: Pixels) -> str:
    """SHA-256 of the size and the bytes of uint8 pixels (H, W, 3)."""
    height, width = pixels.shape[:2]
    return hashlib.sha256(f"{height}x{width}\n".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def selftest(options: argparse.Namespace) -> int:
    """Do what the command line asks; the exit status is 1 where any pixel is wrong."""
    samples = _samples(options.package / "samples")
    report: dict[str, Any] = {"samples": {}, "before": readings()}
    with Driver.open(options.package / "overlay", options.device) as driver:
        report["plan_digest"] = driver.overlay.plan_digest
        wrong = 0
        for name, expected in samples.items():
            result, defects = _sample(driver, options.package / "samples", name)
            exact = pixel_digest(result) == expected
            wrong += not exact
            report["samples"][name] = "bit-exact" if exact else "WRONG"
            (note if exact else problem)(f"{name}: {report['samples'][name]}")
        report["frames_per_second"] = _throughput(driver, result, defects, options.frames)
    report["after"] = readings()
    note(f"{report['frames_per_second']:.1f} frames/s over {options.frames} frames")
    note(", ".join(f"{name} {value:.1f}" for name, value in report["after"].items()) or "no sensors")
    if options.report:
        write_json(options.report, report)
    if wrong:
        problem(f"{wrong} of {len(samples)} samples are wrong: the hardware does not compute this network")
    return 1 if wrong else 0


def _samples(folder: Path) -> dict[str, str]:
    """Expected digests by file name."""
    data = read_json(folder / "samples.json")
    if not isinstance(data, dict) or data.get("format") != FORMAT or not data.get("results"):
        raise BoardError(f'{folder / "samples.json"}: expected the format "{FORMAT}" with results')
    results = data["results"]
    if not isinstance(results, dict) or any(Path(name).name != name for name in results):
        raise BoardError(f"{folder / 'samples.json'}: expected digests by names of files beside it")
    return results


def _sample(driver: Driver, folder: Path, name: str) -> tuple[Pixels, Pixels | None]:
    """The repaired sample, and the map it was repaired with."""
    picture = pictures.read(folder / name).pixels
    defects = load_map(driver, folder / name)
    result = np.empty_like(picture)
    repair(driver, picture, result, defects)
    return result, defects


def load_map(driver: Driver, sample: Path) -> Pixels | None:
    """The map beside a sample, where the network takes one."""
    return defectmap.read(sample.with_name(f"{sample.stem}.map.png")) if driver.overlay.mapped else None


def _throughput(driver: Driver, picture: Pixels, defects: Pixels | None, count: int) -> float:
    """Frames a second, back to back."""
    shape = driver.overlay.height, driver.overlay.width
    frame = np.resize(picture, (*shape, 3))
    chosen = None if defects is None else np.resize(defects, shape)
    began = time.perf_counter()
    for outcome in driver.stream((frame for _ in range(count)), chosen):
        if isinstance(outcome, FrameError):
            raise outcome
    return count / (time.perf_counter() - began)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m board.selftest", description=__doc__.splitlines()[0])
    made.add_argument("--package", type=Path, default=Path(), help="unpacked package; the current folder")
    made.add_argument("--device", default="pynq", help="pynq, or sim:BUILD")
    made.add_argument("--frames", type=int, default=100, help="frames to measure the speed with")
    made.add_argument("--report", type=Path, help="write the findings as JSON")
    return made


def main() -> int:
    """The command."""
    options = parser().parse_args()
    if options.frames < 1:
        raise BoardError(f"--frames: expected at least 1, got {options.frames}")
    return selftest(options)


if __name__ == "__main__":
    run(main)
