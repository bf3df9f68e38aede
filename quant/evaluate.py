"""How good the networks of a build are: float, pruned and quantized, beside what needs no training.

    python -m quant.evaluate build/z2-256 --config configs/z2-256.toml --defects detector --samples 200

Every method repairs the same samples, drawn from the seed: frames of the held-out photographs, or of any
folder. Written into the build folder: `quality.json`, and into `quality/` the same under the name of the
defect set, with sheets of a typical, the best and the worst sample. The quantized network is evaluated by its
Brevitas twin, which equals the integer model to the last bit.

The standard errors are those of the samples: what other frames and defects of these photographs would change.
"""

import hashlib
import os
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from model.baselines import Map, median3_selected
from model.cases import write_sheets
from model.checkpoint import kind_of
from model.defects import named_set
from model.evaluate import BASELINES, Repair, load_generator, measure
from model.generator import MAPPED, SCORED, EncoderDecoder, Generator, check_frame
from model.learn import repair
from model.metrics import mean_and_error
from model.photos import Photo
from model.samples import HELD_OUT, Samples, photographs
from model.tasks import has_task
from model.train import KIND as FLOAT
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import console, note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, write_json
from pixelmend.provenance import made_by
from quant.footprint import float_bytes, footprint
from quant.generator import QuantGenerator
from quant.qat import KIND as QUANTIZED
from quant.qat import load_twin
from quant.twin.evaluate import evaluate as evaluate_task

FIGURES = {"psnr_db": "PSNR dB", "ssim": "SSIM %", "defect_psnr_db": "defect dB", "defect_ssim": "SSIM %"}
HARM = {
    "precision": "precision %", "recall": "recall %", "left": "left broken %", "false_per_mpx": "false/Mpx"
}  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated on what."""

    defects: str  # name of a set, see model.defects.named
    samples: int
    seed: int
    photos: Path | None  # folder; None: those held out from training
    frame: Frame
    networks: dict[str, Path]  # method name -> checkpoint


def evaluate(what: Evaluation, config: str, folder: Path, jobs: int) -> dict[str, Any]:
    """Evaluate and write everything into `folder`; returns what it writes to `quality.json`.

    `config` is the name to report. `UserError` for bad input, before anything is written.
    """
    if what.samples < 2:
        raise UserError(f"--samples: at least 2 are needed for a standard error, got {what.samples}")
    started = time.monotonic()
    networks = {name: load_network(path) for name, path in what.networks.items()}
    for name, network in networks.items():
        check_frame(what.frame, network.config)
        if name.startswith("mapped") and network.config.mode not in MAPPED:
            raise UserError(
                f"{what.networks[name]}: expected a network of mode {' or '.join(map(repr, MAPPED))}, "
                f"got '{network.config.mode}'"
            )
    samples = Samples(photographs(what.photos, what.frame), what.frame, named_set(what.defects), what.seed)
    samples[0]  # a set that needs a larger frame, or files that are not there, is refused here
    methods = methods_of(networks)
    with progress() as bar:
        task = bar.add_task(f"samples, {what.defects}", total=what.samples, note="")
        rows = measure(samples, what.samples, methods, min(jobs, what.samples), lambda: bar.advance(task))
    maker = _maker(what, samples, networks) | {"jobs": jobs, "seconds": round(time.monotonic() - started, 1)}
    report = {
        "config": config,
        "defects": what.defects,
        "samples": what.samples,
        "seed": what.seed,
        "photos": HELD_OUT if what.photos is None else str(what.photos),
        "size_bytes": {name: size_bytes(network, what.frame) for name, network in networks.items()},
        "quality": {name: mean_and_error(values) for name, values in rows.items()},
        "made_by": maker,
    }
    write_sheets(folder / "quality" / what.defects, samples, rows, methods)
    write_json(folder / "quality" / f"{what.defects}.json", report)
    write_json(folder / "quality.json", report)
    return report


def _maker(
    what: Evaluation, samples: Samples, networks: dict[str, Generator | QuantGenerator]
) -> dict[str, Any]:
    pixels = hashlib.sha256()
    for photo in samples.photos:
        pixels.update(photo.tobytes())
    return made_by() | {
        "stage": "quant.evaluate",
        "frame": asdict(what.frame),
        "photographs": {"count": len(samples.photos), "sha256_of_pixels": pixels.hexdigest()},
        "checkpoints": {name: file_digest(path) for name, path in what.networks.items()},
        "modes": {name: network.config.mode for name, network in networks.items()},
    }


def find_networks(
    folder: Path, checkpoint: Path | None = None, pruned: Path | None = None, mapped: list[Path] | None = None
) -> dict[str, Path]:
    """The networks to evaluate, by the names they are reported under.

    Without `checkpoint` those of the build `folder` that are there; with it that one, float or quantized.
    `UserError` where a file is missing or of the wrong kind.
    """
    if checkpoint is not None:
        found = {_name(checkpoint): checkpoint}
    else:
        files = {"float": "float", "pruned": "pruned", "integer": "qat"}
        places = {name: folder / f"{file}.safetensors" for name, file in files.items()}
        found = {name: path for name, path in places.items() if path.is_file()}
    if pruned is not None:
        found["pruned"] = pruned
    for path in mapped or []:
        found[f"mapped_{_name(path)}"] = path
    for name, path in found.items():
        expected = QUANTIZED if name.endswith("integer") else FLOAT
        if kind_of(path) != expected:
            raise UserError(f"{path}: expected a checkpoint of kind '{expected}', got kind '{kind_of(path)}'")
    return found


def _name(checkpoint: Path) -> str:
    names = {FLOAT: "float", QUANTIZED: "integer"}
    kind = kind_of(checkpoint)
    if kind not in names:
        raise UserError(
            f"{checkpoint}: expected a checkpoint of kind '{FLOAT}' or '{QUANTIZED}', got '{kind}'"
        )
    return names[kind]


def load_network(path: Path) -> Generator | QuantGenerator:
    """A float or a quantized network, in evaluation mode."""
    return load_twin(path) if kind_of(path) == QUANTIZED else load_generator(path)


def methods_of(networks: dict[str, Generator | QuantGenerator]) -> dict[str, Repair]:
    """The baselines and the networks by name.

    Beside a network that selects stands the 3x3 median of the pixels it selects; of several, the last's.
    """
    repairs: dict[str, Repair] = {name: partial(_repair, network) for name, network in networks.items()}
    selected: dict[str, Repair] = {}
    for name, network in networks.items():
        if network.config.mode in SCORED:
            selected["median3_selected"] = partial(median3_selected, repairs[name])
    return BASELINES | selected | repairs


def _repair(network: EncoderDecoder, defective: Photo, broken: Map) -> Photo:
    return repair(network, defective, broken)


def size_bytes(network: Generator | QuantGenerator, frame: Frame) -> int:
    """Bytes of all weights and biases: float32, or at the bit widths of a quantized network."""
    if isinstance(network, QuantGenerator):
        return footprint(network.config, network.quant, frame).bytes
    return float_bytes(network.config)


def _show(report: dict[str, Any]) -> None:
    title = f"{report['config']}: {report['samples']} samples, {report['defects']}, {report['photos']}"
    for columns in (FIGURES, HARM):
        table = Table("", *columns.values(), title=title)
        for method, figures in report["quality"].items():
            scale = {name: 1 if name.endswith(("db", "mpx")) else 100 for name in columns}
            cells = [
                f"{times * figures[name]:.2f}±{times * figures[f'{name}_se']:.2f}"
                for name, times in scale.items()
            ]
            table.add_row(method, *cells)
        console.print(table)
    for method, size in report["size_bytes"].items():
        note(f"{method}: {size:,} bytes of weights and biases")


def main(
    folder: Annotated[
        Path, typer.Argument(help="build folder; its float, pruned and QAT networks are taken")
    ],
    config: Annotated[Path, typer.Option(help="a file of configs/; [frame] is read")],
    defects: Annotated[
        str, typer.Option(help="defect set, by name: dynamic, fixed8, irregular, ...")
    ] = "dynamic",
    samples: Annotated[int, typer.Option(help="frames, each with its own defects")] = 500,
    photos: Annotated[
        Path | None, typer.Option(help="folder of photographs; without it those held out from training")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="evaluate this network, float or quantized, instead of the folder's")
    ] = None,
    pruned: Annotated[Path | None, typer.Option(help="pruned float network")] = None,
    mapped: Annotated[
        list[Path] | None, typer.Option(help="network that is given the map of broken pixels; repeatable")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the places and the defects", min=0)] = 1,
    jobs: Annotated[int, typer.Option(help="processes", min=1)] = os.cpu_count() or 1,
) -> None:
    """PSNR and SSIM of the networks and the baselines, with standard errors."""
    if has_task(config):
        evaluate_task(config, folder, samples, seed, photos, checkpoint)
        return
    frame = configuration.load(config, "frame", Frame)
    networks = find_networks(folder, checkpoint, pruned, mapped)
    if not networks:
        note(f"{folder}: no network in it; only the baselines are evaluated")
    what = Evaluation(defects, samples, seed, photos, frame, networks)
    report = evaluate(what, config.stem, folder, jobs)
    _show(report)
    note(f"{folder / 'quality.json'}, {folder / 'quality'}: {report['made_by']['seconds']:.0f} s")


if __name__ == "__main__":
    run(main)
