"""Co-simulation: one photograph through every execution of a build, which must agree to the last bit.

    python -m sim.cosim build/tiny [--image photo.png] [--config configs/tiny.toml] [--float F.safetensors]

The photograph's centre (or `--crop y,x`) is damaged with seeded defects, once for each frame, and streamed
through the RTL back to back. Written into the build folder: `cosim.json` and the pictures in `cosim/`.
Exit status is not 0 where any execution differs from the integer model, or the hardware repairs defects worse
than the 3x3 median.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from hls.table import read_csv
from model.defects import DefectConfig, damage, named_set
from model.evaluate import load_generator
from model.learn import repair
from model.metrics import mean_quality, median3, quality
from model.photos import crop, held_out, read_photo
from model.sheet import absolute_error, sheet, write_png
from pixelmend import config as configuration
from pixelmend.console import console, note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, replacing_folder, write_json
from pixelmend.provenance import ROOT, commit, versions
from sim.config import SimConfig
from sim.executors import Difference, compare_dataflow, compare_qonnx, first_pixel
from sim.integer import IntegerModel
from sim.rtl import IN, OUT, RtlModel, Run
from sim.verilator import Stall, progress_bar

Pixels = NDArray[np.uint8]

CACHE = ROOT / "build" / ".cache" / "sim"
FIGURES = ("psnr_db", "ssim", "defect_psnr_db", "defect_ssim")


@dataclass(frozen=True)
class Scene:
    """What is streamed: one clean image, damaged anew for each frame."""

    name: str
    clean: Pixels  # (H, W, 3)
    defective: Pixels  # (N, H, W, 3)
    masks: NDArray[np.bool_]  # (N, H, W)
    broken: NDArray[np.bool_]  # (N, H, W), the sensor's map

    def frames(self, channels: int) -> Pixels:
        """What goes into a network of so many input channels: (N, H, W, channels), the map as 0 and 255."""
        if channels == self.defective.shape[-1]:
            return self.defective
        return np.concatenate([self.defective, self.broken[..., None] * np.uint8(255)], -1)

    @property
    def digest(self) -> str:
        """Tells whether two runs saw the same frames."""
        return sha256(self.defective.tobytes()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """All a co-simulation found out."""

    differences: dict[str, Difference]  # qonnx, dataflow, rtl: each against the integer model
    results: dict[str, Pixels]  # (N, H, W, 3) by method, in the order of the table
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
    scene = make_scene(model, defects, settings, image, at, seed)
    outcome = _execute(folder, model, scene, settings, checkpoint, stalls, seed)
    report = _report(folder, scene, outcome, seed)
    _write_pictures(folder / "cosim", scene, outcome)
    write_json(folder / "cosim.json", report)
    _show(report)
    _judge(report, outcome, settings.least_gain_db)
    return report


def scene_defects(config: Path | None, settings: SimConfig) -> DefectConfig:
    """What the photograph is damaged with: a named set, or the configuration's own, at least one a frame."""
    if settings.defects is not None:
        return named_set(settings.defects)
    return (configuration.load(config, "defects", DefectConfig) if config else DefectConfig()).at_least_one


def make_scene(
    model: IntegerModel,
    defects: DefectConfig,
    settings: SimConfig,
    image: Path | None,
    at: tuple[int, int] | None,
    seed: int,
) -> Scene:
    """The photograph and its damaged frames; `image` is a file or the name of a held-out photograph."""
    name, photo = _photograph(image, settings)
    try:
        clean = crop(photo, model.height, model.width, at)
    except UserError as error:
        raise UserError(f"{image or name}: {error}") from error
    damaged = [damage(clean, defects, seed + number) for number in range(settings.frames)]
    return Scene(
        name,
        clean,
        np.stack([frame.defective for frame in damaged]),
        np.stack([frame.mask for frame in damaged]),
        np.stack([frame.broken for frame in damaged]),
    )


def _photograph(image: Path | None, settings: SimConfig) -> tuple[str, Pixels]:
    """The file `image`, or the held-out photograph of that name; without one, that of the configuration."""
    if image is not None and (image.suffix or image.exists()):
        return image.name, read_photo(image)
    photos = held_out(ROOT / "data" / "heldout")
    name = settings.photo if image is None else str(image)
    if name not in photos:
        asked = "[sim] photo" if image is None else "--image"
        raise UserError(f"{asked}: no held-out photograph '{name}'; there are {', '.join(photos)}")
    return name, photos[name]


def _execute(
    folder: Path,
    model: IntegerModel,
    scene: Scene,
    settings: SimConfig,
    checkpoint: Path | None,
    stalls: str,
    seed: int,
) -> Outcome:
    patterns = {port: Stall(stalls, seed=seed + index) for index, port in enumerate((IN, OUT))}
    floating = load_generator(checkpoint) if checkpoint is not None else None
    frames = scene.frames(model.channels)
    tensors = model.tensors(frames)
    integer = tensors["image_out"].astype(np.uint8)
    note("qonnx: executing the exported network")
    qonnx = compare_qonnx(folder / "generator.onnx", frames, tensors)
    note("dataflow: executing FINN's graph")
    dataflow = compare_dataflow(model, frames, tensors)
    note("rtl: compiling the simulation, unless it is in the cache")
    hardware = RtlModel.load(folder, CACHE, settings.threads)
    with progress_bar("rtl: simulating") as on_progress:
        rtl = hardware.run(frames, stalls=patterns, idle_limit=settings.idle_limit, on_progress=on_progress)
    results = {
        "defective": scene.defective,
        "median": np.stack([median3(frame) for frame in scene.defective]),
    }
    if floating is not None:
        results["float"] = np.stack(
            [
                repair(floating, frame, broken)
                for frame, broken in zip(scene.defective, scene.broken, strict=True)
            ]
        )
    results |= {"integer": integer, "rtl": rtl.frames}
    differences = {
        "qonnx": qonnx,
        "dataflow": dataflow,
        "rtl": _compare_rtl(hardware, rtl, tensors, integer),
    }
    return Outcome(differences, results, rtl, hardware.busy(rtl))


def _compare_rtl(hardware: RtlModel, rtl: Run, tensors: dict[str, Any], integer: Pixels) -> Difference:
    wrong = int((rtl.frames != integer).sum())
    blamed = hardware.first_wrong_node(rtl, tensors)
    if wrong:
        return Difference(wrong, f"{first_pixel(integer, rtl.frames)}; first wrong node {blamed}")
    if blamed is not None:
        raise UserError(f"node {blamed}: its stream differs in RTL, though the pixels are right")
    return Difference(0)


def _report(folder: Path, scene: Scene, outcome: Outcome, seed: int) -> dict[str, Any]:
    nodes = read_csv(folder / "dataflow.csv")
    slowest = max(nodes, key=lambda row: int(row["expected_cycles"]))
    figures = {
        method: mean_quality(
            [quality(scene.clean, frame, mask) for frame, mask in zip(frames, scene.masks, strict=True)]
        )
        for method, frames in outcome.results.items()
    }
    height, width = scene.clean.shape[:2]
    return {
        "config": folder.name,
        "seed": seed,
        "commit": commit(),
        "versions": versions(),
        "image": scene.name,
        "size": [height, width],
        "frames": len(scene.defective),
        "inputs": {"frames": scene.digest, "dataflow": file_digest(folder / "dataflow.onnx")},
        "mismatches": {name: found.values for name, found in outcome.differences.items()},
        "cycles": {
            "per_frame": outcome.rtl.per_frame,
            "first_pixel": outcome.rtl.first_pixel,
            "last_pixel": outcome.rtl.last_pixel,
            "slowest_node": slowest["node"],
            "slowest_node_expected": int(slowest["expected_cycles"]),
        },
        "busy": outcome.busy,
        "fifo_high_water": outcome.rtl.fills,
        "quality": figures,
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
    cycles = report["cycles"]
    note(
        f"cycles: {cycles['per_frame']:,} a frame, {cycles['first_pixel']:,} to the first pixel; "
        f"slowest node {cycles['slowest_node']} with {cycles['slowest_node_expected']:,} expected"
    )


def _judge(report: dict[str, Any], outcome: Outcome, least_gain_db: float) -> None:
    for name, found in outcome.differences.items():
        if found.values:
            raise UserError(f"{name} differs from the integer model: {found}")
    if outcome.rtl.frame_error:
        raise UserError("the hardware reports a frame error, though every frame had the right length")
    rtl, median = (report["quality"][method]["defect_psnr_db"] for method in ("rtl", "median"))
    if rtl < median + least_gain_db:
        wanted = f"; [sim] least_gain_db asks for {least_gain_db:g} dB more" if least_gain_db else ""
        raise UserError(
            f"the hardware repairs defects to {rtl:.2f} dB, the 3x3 median to {median:.2f} dB{wanted}"
        )


def parse_place(text: str) -> tuple[int, int]:
    """The pair "row,column" of the command line. Raises `UserError` for anything else."""
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise UserError(f"--crop: expected row,column of the top left pixel, such as 100,40; got {text!r}")
    return int(parts[0]), int(parts[1])


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
) -> None:
    """Prove that a build computes the integer model, on a photograph."""
    cosim(folder, image, config, floating, None if place is None else parse_place(place), seed, stalls)


if __name__ == "__main__":
    run(main)
