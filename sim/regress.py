"""Golden regression: the network that ships must give what it gave, to the bit and to the cycle.

    python -m sim.regress --config configs/z2-256.toml [--update]

lowers `checkpoints/<configuration>/generator.onnx` into a folder of its own, streams fixed photographs with
seeded defects through the RTL (as they are where the build does not repair; random values where it takes no
pictures), and compares with `golden.json` beside that file: digests of the pixels, cycles a frame, the
highest level of each FIFO, cells after synthesis (equal) and, of repairs, PSNR/SSIM (a floor, see
`sim.golden`). What came is left in the folder as `regress.json`. Exit status is not 0 where a figure is out
of its bounds. `--update` stores what came and prints the changes for the message of the commit.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from hls.fit import fit
from hls.lower import lower
from model.defects import named_set
from model.metrics import quality
from model.photos import held_out
from model.tasks import task_of
from pixelmend import config as configuration
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, read_json, write_json
from pixelmend.provenance import ROOT, made_by
from sim.config import SimConfig
from sim.executors import difference
from sim.golden import Change, changes
from sim.integer import IntegerModel
from sim.rtl import CACHE, RtlModel, Run
from sim.scenes import Stimulus, stimulus
from sim.verilator import progress_bar

BUNDLED = ("astronaut", "chelsea", "coffee")  # PNG files inside scikit-image: the same pixels everywhere
FETCHED = ("kodim23",)  # where `make data` was run
DEFECTS = "dynamic"
FIRST_SEED = 7  # of the defects in the first photograph; the next has the next

Figures = dict[str, Any]


def regress(
    config: Path, out: Path, network: Path, golden: Path, update: bool = False, cells: bool = False
) -> list[Change]:
    """Measure, and compare with `golden` or (`update`) replace it; returns what changed.

    `out` is the folder of the build; `cells`: run the synthesis (`hls.fit`), else its result is taken where
    a build of the same RTL has one. `UserError` where there is no golden, or a figure is out of its bounds.
    """
    stored = _stored(golden, update)
    lower(network, config, out)
    if cells:
        fit(out, config, check=False)  # its figures are compared; whether it fits is `make fit`'s to say
    came = measure(out, network, config)
    write_json(out / "regress.json", came | {"made_by": made_by()})
    if update:
        return _update(golden, stored, came)
    _tell_missing(stored, came)
    found = changes(*_common(stored, came))
    for change in found:
        note(f"{'differs' if change.breaks else 'within its bounds'}  {change}")
    broken = [change for change in found if change.breaks]
    if broken:
        first = next((change for change in broken if change.name == "network"), broken[0])
        raise UserError(
            f"{len(broken)} figures of {config.stem} are not those of {golden}, first {first}; where that is "
            f"meant: make regress CONFIG={config.stem} UPDATE=1"
        )
    cycles = came["cycles"]["per_frame"]
    note(f"regress: {config.stem} is as stored: {', '.join(came['photos'])}; {cycles:,} cycles a frame")
    return found


def measure(build: Path, network: Path, config: Path) -> Figures:
    """All figures of a lowered build."""
    settings = configuration.load(config, "sim", SimConfig)
    model = IntegerModel.load(build / "dataflow.onnx")
    here = held_out(ROOT / "data" / "heldout")
    pictures = model.ports.input.format.is_image
    shown = {
        name: stimulus(
            model.ports,
            named_set(DEFECTS),
            SimConfig(frames=1),
            Path(name) if pictures else None,
            None,
            FIRST_SEED + n,
            task_of(config),
        )
        for n, name in enumerate([*BUNDLED, *(name for name in FETCHED if name in here)])
    }
    note("rtl: compiling the simulation, unless it is in the cache")
    hardware = RtlModel.load(build, CACHE, settings.threads)
    # what was fetched comes in a run of its own: cycles and levels depend on how many frames there are
    timed = _simulate(hardware, model, [shown[name] for name in BUNDLED], settings)
    results = {name: [one[n] for one in timed.results] for n, name in enumerate(BUNDLED)}
    for name in shown.keys() - results.keys():
        alone = _simulate(hardware, model, [shown[name]], settings)
        results[name] = [one[0] for one in alone.results]
    return {
        "config": config.stem,
        "network": file_digest(network),
        "photos": {name: _figures(one, results[name]) for name, one in shown.items()},
        "cycles": {
            "per_frame": timed.per_frame,
            "first_pixel": timed.first_pixel,
            "last_pixel": timed.last_pixel,
        },
        "fifo_high_water": timed.fills,
        "cells": _cells([build, ROOT / "build" / config.stem], read_json(build / "io.json")["rtl_digest"]),
    }


def _simulate(hardware: RtlModel, model: IntegerModel, shown: Sequence[Stimulus], settings: SimConfig) -> Run:
    """All frames back to back; `UserError` where the RTL differs from the integer model."""
    frames = np.concatenate([one.frames for one in shown])
    tensors = model.tensors(frames)
    with progress_bar("rtl: simulating") as on_progress:
        result = hardware.run(frames, idle_limit=settings.idle_limit, on_progress=on_progress)
    blamed = hardware.first_wrong_node(result, tensors)
    found = difference(model.results(tensors), result.results, blamed)
    if found.values:
        raise UserError(f"rtl differs from the integer model: {found.where}")
    if blamed is not None:
        raise UserError(f"node {blamed}: its stream differs in RTL, though the pixels are right")
    return result


def _figures(shown: Stimulus, results: Sequence[NDArray[Any]]) -> Figures:
    """Of one frame and what each output made of it."""
    digest = sha256()
    for result in results:
        digest.update(result.tobytes())
    found: Figures = {"frame": shown.digest, "pixels": digest.hexdigest()}
    if shown.scene is not None:
        figures = quality(shown.scene.clean, results[0], shown.scene.masks[0])
        found |= {name: round(value, 6) for name, value in figures.items()}
    return found


def _cells(folders: Sequence[Path], rtl: str) -> Figures | None:
    """Cells by operator and in all, of the first folder whose fit.json is of this RTL."""
    for folder in folders:
        io, report = folder / "io.json", folder / "fit.json"
        if not io.is_file() or not report.is_file() or report.stat().st_mtime < io.stat().st_mtime:
            continue
        if read_json(io).get("rtl_digest") == rtl:
            found = read_json(report)
            return {op: row["measured"] for op, row in found["by_op"].items()} | {"total": found["total"]}
    return None


def _stored(golden: Path, update: bool) -> Figures:
    if update and not golden.is_file():
        return {}
    if not golden.is_file():
        raise UserError(f"{golden}: no golden figures; make regress UPDATE=1 stores them")
    found = read_json(golden)
    if not isinstance(found, dict) or not isinstance(found.get("photos"), dict):
        raise UserError(f"{golden}: expected golden figures, as sim.regress writes; take it from git again")
    return found


def _common(stored: Figures, came: Figures) -> tuple[Figures, Figures]:
    """Both without what only one of them has for want of a photograph or a synthesis."""
    both = stored["photos"].keys() & came["photos"].keys() | set(BUNDLED)
    cut = []
    for figures, other in ((stored, came), (came, stored)):
        photos = {name: found for name, found in figures["photos"].items() if name in both}
        cells = figures.get("cells") if other.get("cells") else None
        cut.append({**figures, "photos": photos, "cells": cells})
    return cut[0], cut[1]


def _tell_missing(stored: Figures, came: Figures) -> None:
    for name in sorted(stored["photos"].keys() - came["photos"].keys() - set(BUNDLED)):
        note(f"not compared: {name}, which is not here; make data fetches it")
    for name in sorted(came["photos"].keys() - stored["photos"].keys() - set(BUNDLED)):
        note(f"not compared: {name}, of which nothing is stored")
    if stored.get("cells") and not came["cells"]:
        note("not compared: cells, for want of a synthesis of this RTL; CELLS=1 runs it")
    if came["cells"] and not stored.get("cells"):
        note("not compared: cells, of which nothing is stored")


def _update(golden: Path, stored: Figures, came: Figures) -> list[Change]:
    """Store what came; of the same network also what could not be measured here."""
    if stored.get("network") == came["network"]:
        came = {
            **came,
            "photos": stored["photos"] | came["photos"],
            "cells": came["cells"] or stored.get("cells"),
        }
    found = changes(stored, came)
    if not found:
        note(f"regress: {golden} is unchanged")
        return found
    write_json(golden, came)
    note("\n".join([f"Golden figures of {came['config']}", "", *map(str, found)]))
    worse = [change for change in found if change.falls]
    if stored and worse:
        note(f"\n{len(worse)} figures of image quality fell below their floors")
    return found


def main(
    config: Annotated[Path, typer.Option(help="configuration with [frame], [hls] and [sim]")],
    out: Annotated[Path | None, typer.Option(help="build folder; build/regress/<configuration>")] = None,
    network: Annotated[
        Path | None, typer.Option(help="QONNX file; checkpoints/<configuration>/generator.onnx")
    ] = None,
    golden: Annotated[Path | None, typer.Option(help="figures; golden.json beside the network")] = None,
    update: Annotated[bool, typer.Option("--update", help="store what came")] = False,
    cells: Annotated[bool, typer.Option("--cells", help="synthesize all nodes that are not cached")] = False,
) -> None:
    """Compare the network that ships with the figures stored of it."""
    name = config.stem
    model = network or ROOT / "checkpoints" / name / "generator.onnx"
    folder = out or Path("build") / "regress" / name
    regress(config, folder, model, golden or model.with_name("golden.json"), update, cells)


if __name__ == "__main__":
    run(main)
