"""Prove the board: the samples must come out as the integer model makes them, to the last bit.

    python -m board.selftest [--package DIR] [--device pynq]

The package's folder holds overlay/ and samples/, pictures, or frames where the network does not repair pictures;
samples/samples.json the SHA-256 of each expected result.
Then the speed is measured, and temperature and power are read where the board tells them.
"""

import argparse
import hashlib
import time
from collections.abc import Sequence
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
FRAME = ".npy"  # of a sample that is a frame


def pixel_digest(pixels: Pixels) -> str:
    """SHA-256 of the size and the bytes of uint8 pixels (H, W, 3)."""
    height, width = pixels.shape[:2]
    return hashlib.sha256(f"{height}x{width}\n".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def frame_digest(outputs: "Sequence[np.ndarray[Any, Any]]") -> str:
    """SHA-256 of all outputs of one frame, (height, width, channels) each: type, size and bytes."""
    parts = [
        f"{one.dtype.str} {one.shape}\n".encode() + np.ascontiguousarray(one).tobytes() for one in outputs
    ]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def selftest(options: argparse.Namespace) -> int:
    """Do what the command line asks; the exit status is 1 where any pixel is wrong."""
    samples = _samples(options.package / "samples")
    report: dict[str, Any] = {"samples": {}, "before": readings()}
    with Driver.open(options.package / "overlay", options.device) as driver:
        report["plan_digest"] = driver.overlay.plan_digest
        wrong = 0
        for name, expected in samples.items():
            found, frame, defects = _sample(driver, options.package / "samples", name)
            exact = found == expected
            wrong += not exact
            report["samples"][name] = "bit-exact" if exact else "WRONG"
            (note if exact else problem)(f"{name}: {report['samples'][name]}")
        report["frames_per_second"] = _throughput(driver, frame, defects, options.frames)
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


def _sample(driver: Driver, folder: Path, name: str) -> tuple[str, Any, Pixels | None]:
    """The digest of what came of a sample, a frame of it, and that frame's map."""
    if name.endswith(FRAME):
        frame = load_frame(folder / name)
        result = driver.repair(frame)
        return frame_digest(result if isinstance(result, list) else [result]), frame, None
    picture = pictures.read(folder / name).pixels
    defects = load_map(driver, folder / name)
    result = np.empty_like(picture)
    repair(driver, picture, result, defects)
    shape = driver.overlay.height, driver.overlay.width
    chosen = None if defects is None else np.resize(defects, shape)
    return pixel_digest(result), np.resize(picture, (*shape, 3)), chosen


def load_frame(path: Path) -> Any:
    """A sample that is a frame. `BoardError` where the file is none."""
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BoardError(f"{path}: expected an array of numpy.save, {error}") from None


def load_map(driver: Driver, sample: Path) -> Pixels | None:
    """The map beside a sample, where the network takes one."""
    return defectmap.read(sample.with_name(f"{sample.stem}.map.png")) if driver.overlay.mapped else None


def _throughput(driver: Driver, frame: Any, defects: Pixels | None, count: int) -> float:
    """Frames a second, back to back."""
    began = time.perf_counter()
    for outcome in driver.stream((frame for _ in range(count)), defects):
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
