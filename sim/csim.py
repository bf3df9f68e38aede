"""C simulation: what a build takes through its HLS C++, which must equal the integer model exactly.

    python -m sim.csim build/tiny [--image photo.png] [--config configs/tiny.toml]

Takes the frames that `sim.cosim` takes and writes `csim.json` into the build folder. Where
`cosim.json` there is of the same frames and the same network, the result joins it, as mismatches of "hls"
beside those of "rtl". Exit status is not 0 where a single value differs.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from hls.ops.option import Operators
from model.tasks import task_of
from pixelmend import config as configuration
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, read_json, write_json
from pixelmend.provenance import made_by
from sim.config import SimConfig
from sim.executors import difference
from sim.harness.tools import progress_bar
from sim.hls import HlsModel
from sim.integer import IntegerModel
from sim.rtl import CACHE
from sim.scenes import parse_place, scene_defects, stimulus


def csim(
    folder: Path,
    image: Path | None = None,
    config: Path | None = None,
    at: tuple[int, int] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Simulate the HLS C++ of the build `folder`; returns what it writes to `csim.json`.

    Raises `UserError` for bad input before anything is written, and after writing where a value differs.
    """
    settings = configuration.load(config, "sim", SimConfig) if config else SimConfig()
    defects = scene_defects(config, settings)
    model = IntegerModel.load(folder / "dataflow.onnx")
    shown = stimulus(model.ports, defects, settings, image, at, seed, task_of(config))
    expected = model.results(model.tensors(shown.frames))
    note("hls: compiling the C simulation, unless it is in the cache")
    begin = time.monotonic()
    hardware = HlsModel.load(folder, CACHE)
    compiled = time.monotonic()
    with progress_bar("hls: simulating") as on_progress:
        came = hardware.results(shown.frames, on_progress)
    ended = time.monotonic()
    found = difference(expected, came)
    report: dict[str, Any] = {
        "config": folder.name,
        "seed": seed,
        "made_by": made_by(),
        "image": shown.name,
        "size": [model.height, model.width],
        "frames": len(shown.frames),
        "inputs": {"frames": shown.digest, "dataflow": file_digest(folder / "dataflow.onnx")},
        "mismatches": {"hls": found.values},
        "seconds": {
            "compile": round(compiled - begin, 2),
            "per_frame": round((ended - compiled) / len(shown.frames), 3),
        },
    }
    write_json(folder / "csim.json", report)
    joined = _join(folder / "cosim.json", report)
    note(
        f"hls: {found} on {report['frames']} frames of {shown.name}, "
        f"{report['seconds']['per_frame']:.2f} s a frame; "
        + ("joined" if joined else "not of the frames of")
        + f" {folder / 'cosim.json'}"
    )
    if found.values:
        raise UserError(f"hls differs from the integer model: {found}")
    return report


def _join(path: Path, report: dict[str, Any]) -> bool:
    """Add the mismatches to the co-simulation's report, where that is of the same frames and network."""
    if not path.is_file():
        return False
    other = read_json(path)
    if not isinstance(other, dict) or other.get("inputs") != report["inputs"]:
        return False
    other["mismatches"] |= report["mismatches"]
    write_json(path, other)
    return True


def main(
    folder: Annotated[Path, typer.Argument(help="build folder, as hls.lower writes")],
    image: Annotated[Path | None, typer.Option(help="photograph, or the name of a held-out one")] = None,
    config: Annotated[Path | None, typer.Option(help="configuration, for [sim] and [defects]")] = None,
    place: Annotated[
        str | None, typer.Option("--crop", help="row,column of the frame; the centre where not given")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the defects", min=0)] = 0,
    operators: Operators = None,
) -> None:
    """Prove that the HLS C++ of a build computes the integer model."""
    csim(folder, image, config, None if place is None else parse_place(place), seed)


if __name__ == "__main__":
    run(main)
