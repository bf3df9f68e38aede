"""Co-simulation: the same frames through every execution of a build, which must agree to the last bit.

    python -m sim.cosim build/tiny [--image photo.png] [--config configs/tiny.toml] [--float F.safetensors]

Of a build that repairs pictures, the photograph's centre (or `--crop y,x`) is damaged with seeded defects,
once for each frame, and streamed through the RTL back to back. Written into the build folder: `cosim.json`
and the pictures in `cosim/`. Exit status is not 0 where any execution differs from the integer model, or the
hardware repairs defects worse than the 3x3 median. Any other build is shown photographs as they are, or
random values where it takes no pictures (see `sim.scenes`); nothing is judged but that all agree. With a table [task]
in the configuration the photograph is what the task makes of it, and the RTL must beat the task's reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from hls.ops.option import Operators
from hls.table import read_csv
from model.evaluate import load_generator
from model.learn import repair
from model.metrics import mean_quality, median3, quality
from model.sheet import absolute_error, sheet, write_png
from model.tasks import Task, task_of
from model.tasks.evaluate import check_gain, figures_of, picture_sheet
from pixelmend import config as configuration
from pixelmend.console import console, note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, replacing_folder, write_json
from pixelmend.provenance import commit, versions
from quant.twin.evaluate import method_of
from sim.config import SimConfig
from sim.executors import Difference, compare_dataflow, compare_qonnx, difference
from sim.integer import IntegerModel
from sim.rtl import CACHE, RtlModel, Run
from sim.scenes import Scene, Stimulus, parse_place, scene_defects, stimulus
from sim.verilator import progress_bar

Pixels = NDArray[np.uint8]

FIGURES = ("psnr_db", "ssim", "defect_psnr_db", "defect_ssim")


@dataclass(frozen=True)
class Outcome:
    """All a co-simulation found out."""

    differences: dict[str, Difference]  # qonnx, dataflow, rtl: each against the integer model
    wrong: list[int]  # values of each output that differ in RTL
    results: dict[str, Pixels]  # (N, H, W, 3) by method, in the order of the table; of a build that repairs
    rtl: Run
    busy: dict[str, float]  # share of the frame in which each matrix unit works


def cosim(
    folder: Path,
    image: Path | None = None,
    config: Path | None = None,
    checkpoint: Path | None = None,
    at: tuple[int, int] | None = None,
    seed: int = 0,
    stalls: str = "none",
) -> dict[str, Any]:
    """Co-simulate the build `folder`; returns what it writes to `cosim.json`.

    `checkpoint` is the float network to compare the quality with. Raises `UserError` for bad input before
    anything is written, and after writing where a comparison failed.
    """
    settings = configuration.load(config, "sim", SimConfig) if config else SimConfig()
    defects = scene_defects(config, settings)
    model = IntegerModel.load(folder / "dataflow.onnx")
    task = task_of(config)
    shown = stimulus(model.ports, defects, settings, image, at, seed, task)
    if checkpoint is not None and shown.scene is None and task is None:
        raise UserError(
            f"{folder}: repairs no pictures, so there is no quality to compare with {checkpoint}'s"
        )
    outcome = _execute(folder, model, shown, settings, checkpoint, stalls, seed)
    report = _report(folder, model, shown, outcome, seed)
    if shown.scene is not None:
        report["quality"] = _quality(shown.scene, outcome)
        _write_pictures(folder / "cosim", shown.scene, outcome)
    if task is not None:
        report |= _restored(task, shown, outcome, checkpoint, folder / "cosim")
    write_json(folder / "cosim.json", report)
    _show(report)
    _judge(report, outcome, settings.least_gain_db)
    if task is not None:
        check_gain(task, report["restored"], "rtl")
    return report


def _restored(
    task: Task, shown: Stimulus, outcome: Outcome, checkpoint: Path | None, folder: Path
) -> dict[str, Any]:
    """What a task's report has: figures by method under `restored`; writes the picture sheet."""
    methods = task.baselines() | ({} if checkpoint is None else {"float": method_of(checkpoint, task)})
    results = {name: [method(sample.given) for sample in shown.samples] for name, method in methods.items()}
    results["rtl"] = list(zip(*outcome.rtl.results, strict=True))
    figures = {
        name: mean_quality(
            [figures_of(task, sample.wanted, one) for sample, one in zip(shown.samples, found, strict=True)]
        )
        for name, found in results.items()
    }
    with replacing_folder(folder) as work:
        first = {name: found[0] for name, found in results.items()}
        write_png(work / "sheet.png", picture_sheet(task, shown.samples[0], first))
    return {"task": task.settings.name, "restored": figures}


def _execute(
    folder: Path,
    model: IntegerModel,
    shown: Stimulus,
    settings: SimConfig,
    checkpoint: Path | None,
    stalls: str,
    seed: int,
) -> Outcome:
    frames = shown.frames
    tensors = model.tensors(frames)
    integer = model.results(tensors)
    note("qonnx: executing the exported network")
    qonnx = compare_qonnx(folder / "generator.onnx", frames, tensors)
    note("dataflow: executing FINN's graph")
    dataflow = compare_dataflow(model, frames, tensors)
    note("rtl: compiling the simulation, unless it is in the cache")
    hardware = RtlModel.load(folder, CACHE, settings.threads)
    with progress_bar("rtl: simulating") as on_progress:
        rtl = hardware.run(
            frames,
            stalls=hardware.stalls(stalls, seed),
            idle_limit=settings.idle_limit,
            on_progress=on_progress,
        )
    differences = {
        "qonnx": qonnx,
        "dataflow": dataflow,
        "rtl": _compare_rtl(hardware, rtl, tensors, integer),
    }
    wrong = [int((came != wanted).sum()) for came, wanted in zip(rtl.results, integer, strict=True)]
    results = _results(shown.scene, checkpoint) if shown.scene else {}
    results |= {"integer": integer[0], "rtl": rtl.frames}
    return Outcome(differences, wrong, results, rtl, hardware.busy(rtl))


def _results(scene: Scene, checkpoint: Path | None) -> dict[str, Pixels]:
    """What the hardware's repairs are compared with."""
    results = {
        "defective": scene.defective,
        "median": np.stack([median3(frame) for frame in scene.defective]),
    }
    if checkpoint is not None:
        floating = load_generator(checkpoint)
        results["float"] = np.stack(
            [
                repair(floating, frame, broken)
                for frame, broken in zip(scene.defective, scene.broken, strict=True)
            ]
        )
    return results


def _compare_rtl(
    hardware: RtlModel, rtl: Run, tensors: dict[str, Any], integer: Sequence[NDArray[Any]]
) -> Difference:
    blamed = hardware.first_wrong_node(rtl, tensors)
    found = difference(integer, rtl.results, blamed)
    if blamed is not None and not found.values:
        raise UserError(f"node {blamed}: its stream differs in RTL, though the pixels are right")
    return found


def _quality(scene: Scene, outcome: Outcome) -> dict[str, Any]:
    """Mean figures by method."""
    return {
        method: mean_quality(
            [quality(scene.clean, frame, mask) for frame, mask in zip(frames, scene.masks, strict=True)]
        )
        for method, frames in outcome.results.items()
    }


def _report(
    folder: Path, model: IntegerModel, shown: Stimulus, outcome: Outcome, seed: int
) -> dict[str, Any]:
    nodes = read_csv(folder / "dataflow.csv")
    slowest = max(nodes, key=lambda row: int(row["expected_cycles"]))
    return {
        "config": folder.name,
        "seed": seed,
        "commit": commit(),
        "versions": versions(),
        "image": shown.name,
        "size": [model.height, model.width],
        "frames": len(shown.frames),
        "inputs": {"frames": shown.digest, "dataflow": file_digest(folder / "dataflow.onnx")},
        "mismatches": {name: found.values for name, found in outcome.differences.items()},
        "float32_differs": outcome.differences["qonnx"].rounded,
        "cycles": {
            "per_frame": outcome.rtl.per_frame,
            "first_pixel": outcome.rtl.first_pixel,
            "last_pixel": outcome.rtl.last_pixel,
            "slowest_node": slowest["node"],
            "slowest_node_expected": int(slowest["expected_cycles"]),
        },
        "busy": outcome.busy,
        "fifo_high_water": outcome.rtl.fills,
        "outputs": [
            port.as_dict() | {"mismatches": wrong}
            for port, wrong in zip(model.ports.outputs, outcome.wrong, strict=True)
        ],
    }


def _write_pictures(folder: Path, scene: Scene, outcome: Outcome) -> None:
    first = {method: frames[0] for method, frames in outcome.results.items()}
    pictures = {"clean": scene.clean, "defective": first["defective"], "median 3x3": first["median"]}
    if "float" in first:
        pictures["float"] = first["float"]
    pictures |= {"hardware": first["rtl"], "absolute error": absolute_error(scene.clean, first["rtl"])}
    with replacing_folder(folder) as work:
        for name, pixels in pictures.items():
            write_png(work / f"{name.replace(' ', '_')}.png", pixels)
        write_png(work / "sheet.png", sheet(pictures))


def _show(report: dict[str, Any]) -> None:
    (_show_quality if "quality" in report else _show_outputs)(report)
    if "restored" in report:
        _show_restored(report)
    if report["float32_differs"]:
        note(
            f"qonnx: {report['float32_differs']:,} values differ where it rounds sums to float32, none in float64"
        )
    cycles = report["cycles"]
    note(
        f"cycles: {cycles['per_frame']:,} a frame, {cycles['first_pixel']:,} to the first pixel; "
        f"slowest node {cycles['slowest_node']} with {cycles['slowest_node_expected']:,} expected"
    )


def _show_outputs(report: dict[str, Any]) -> None:
    table = Table(title=f"{report['config']}: {report['frames']} frames of {report['image']}")
    for heading in ("", "height", "width", "channels", "bits", "differs from integer"):
        table.add_column(heading, justify="right" if heading else "left")
    for port in report["outputs"]:
        form = port["format"]
        bits = f"{form['bits']}{' signed' if form['signed'] else ''}"
        cells = [f"{port[name]}" for name in ("height", "width")]
        table.add_row(f"rtl {port['port']}", *cells, f"{form['channels']}", bits, f"{port['mismatches']}")
    for method in ("qonnx", "dataflow"):
        table.add_row(method, *[""] * 4, str(report["mismatches"][method]))
    console.print(table)


def _show_restored(report: dict[str, Any]) -> None:
    names = list(next(iter(report["restored"].values())))
    table = Table(
        "", *names, title=f"{report['config']}: {report['task']}, mean of {report['frames']} frames"
    )
    for method, figures in report["restored"].items():
        table.add_row(method, *(f"{figures[name]:.{2 if name.endswith('db') else 4}f}" for name in names))
    console.print(table)


def _show_quality(report: dict[str, Any]) -> None:
    table = Table(title=f"{report['config']}: {report['image']}, mean of {report['frames']} frames")
    for heading in ("", "PSNR dB", "SSIM", "defect PSNR dB", "defect SSIM", "differs from integer"):
        table.add_column(heading, justify="right" if heading else "left")
    for method, figures in report["quality"].items():
        wrong = report["mismatches"].get(method)
        cells = [f"{figures[name]:.{2 if name.endswith('db') else 4}f}" for name in FIGURES]
        table.add_row(method, *cells, "" if wrong is None else str(wrong))
    for method in ("qonnx", "dataflow"):
        table.add_row(method, *[""] * len(FIGURES), str(report["mismatches"][method]))
    console.print(table)


def _judge(report: dict[str, Any], outcome: Outcome, least_gain_db: float) -> None:
    for name, found in outcome.differences.items():
        if found.values:
            raise UserError(f"{name} differs from the integer model: {found}")
    if outcome.rtl.frame_error:
        raise UserError("the hardware reports a frame error, though every frame had the right length")
    if "quality" not in report:
        return
    rtl, median = (report["quality"][method]["defect_psnr_db"] for method in ("rtl", "median"))
    if rtl < median + least_gain_db:
        wanted = f"; [sim] least_gain_db asks for {least_gain_db:g} dB more" if least_gain_db else ""
        raise UserError(
            f"the hardware repairs defects to {rtl:.2f} dB, the 3x3 median to {median:.2f} dB{wanted}"
        )


def main(
    folder: Annotated[Path, typer.Argument(help="build folder, as hls.lower writes")],
    image: Annotated[Path | None, typer.Option(help="photograph, or the name of a held-out one")] = None,
    config: Annotated[Path | None, typer.Option(help="configuration, for [sim] and [defects]")] = None,
    floating: Annotated[
        Path | None, typer.Option("--float", help="float checkpoint to compare the quality with")
    ] = None,
    place: Annotated[
        str | None, typer.Option("--crop", help="row,column of the frame; the centre where not given")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the defects and of stalls", min=0)] = 0,
    stalls: Annotated[
        str, typer.Option(help="on both AXI streams: none, random, bursty, periodic or one_in_four")
    ] = "none",
    operators: Operators = None,
) -> None:
    """Prove that a build computes the integer model."""
    cosim(folder, image, config, floating, None if place is None else parse_place(place), seed, stalls)


if __name__ == "__main__":
    run(main)
