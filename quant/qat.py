"""Quantization-aware training: a float checkpoint's Brevitas twin, calibrated and fine-tuned.

    python -m quant.qat --config configs/tiny.toml --checkpoint build/tiny/float.safetensors \\
        --data data/photos --out build/tiny

or, from a quantized checkpoint, that network trained further. Writes `qat.safetensors` (best by model
score, a score's threshold set, biases settled), `qat.csv` and `qat.json`. The loop is that of `model.train`:
resumes, survives Ctrl-C, same files for the same seed.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Field
from pydantic.dataclasses import dataclass

from model.checkpoint import kind_of, load, save
from model.crops import CropPool
from model.defects import DefectConfig, named_set
from model.evaluate import check_size, load_generator
from model.generator import SCORED, EncoderDecoder, Generator, GeneratorConfig
from model.harm import tiles
from model.learn import Learner, TrainConfig, draw
from model.loop import config_json, fit, load_pools, training_key, write_curve
from model.photos import find_photos, load_photos, split
from model.samples import Samples
from model.tasks import has_task
from pixelmend import config as configuration
from pixelmend.config import CHECKED, Frame, parse
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest
from pixelmend.provenance import code_digest, is_current, made_by, mark_current
from quant.bits import QuantConfig
from quant.calibrate import BATCHES, calibrate, correct_biases
from quant.choice import FINDER_SHIFTS, SHIFTS, set_finder_threshold, set_threshold
from quant.generator import QuantGenerator
from quant.masks import sparsity
from quant.settle import settle
from quant.twin.qat import qat as qat_of_task

KIND = "quantized generator"  # of the checkpoint


@dataclass(frozen=True, config=CHECKED)
class QatConfig(TrainConfig):
    """How the quantized network is fine-tuned: the settings of training, and what comes before it."""

    calibration_crops: Annotated[int, Field(ge=BATCHES)] = 80  # for activation scales and bias correction
    bias_correction: bool = False  # give each channel the float network's mean before training
    threshold_frames: Annotated[int, Field(ge=1)] = 32  # whole frames on which a score's threshold is set
    most_false_per_mpx: Annotated[float, Field(ge=0.0)] = 30.0  # of a finder's undamaged validation frames


def qat(
    quant: QuantConfig,
    defects: DefectConfig,
    settings: QatConfig,
    frame: Frame,
    checkpoint: Path,
    data: Path,
    out: Path,
) -> Path:
    """Fine-tune the float or quantized `checkpoint` with `quant` bit widths; returns where the result lies.

    `UserError` where the checkpoint, the photographs or the settings can't be used. On Ctrl-C the state is
    saved and `KeyboardInterrupt` raised.
    """
    start = _start(checkpoint, quant)
    if settings.crop % start.config.multiple:
        raise UserError(f"[qat] crop: must be divisible by {start.config.multiple}, got {settings.crop}")
    paths = find_photos(data)
    tables: dict[str, Any] = {"qat": settings, "quant": quant, "defects": defects, "frame": frame}
    key = training_key(settings, paths, **tables)
    key |= {"start": file_digest(checkpoint), "code": code_digest("quant")}
    result, stamp = out / "qat.safetensors", out / "qat.key.json"
    if is_current(stamp, key, [result, out / "qat.csv", out / "qat.json"]):
        note(f"{result}: trained before with this configuration and these photographs")
        return result
    pool, validation = load_pools(defects, settings, paths)
    further = isinstance(start, QuantGenerator)
    twin = start if isinstance(start, QuantGenerator) else quantized(start, quant, settings, defects, pool)
    learner = Learner(twin, defects, settings, pool, validation, "qat")
    state = out / "qat_state.pt"
    fit(learner, state, key, validate_first=further)
    twin.load_state_dict(learner.best_weights)
    found = {}
    if twin.config.mode in SCORED:
        found = {"threshold": choose_threshold(twin, settings, frame, paths)}
    _write(learner, key | found, result)
    mark_current(stamp, key)
    state.unlink(missing_ok=True)
    return result


def _start(checkpoint: Path, quant: QuantConfig) -> Generator | QuantGenerator:
    """The network to start from; a quantized one must have the bit widths asked for."""
    if kind_of(checkpoint) != KIND:
        return load_generator(checkpoint)
    twin = load_twin(checkpoint)
    if twin.quant != quant:
        raise UserError(f"{checkpoint}: quantized with {twin.quant}, but [quant] asks for {quant}")
    return twin


def quantized(
    floating: Generator, quant: QuantConfig, settings: QatConfig, defects: DefectConfig, pool: CropPool
) -> QuantGenerator:
    """The twin of `floating` before any training: masked, calibrated, its biases corrected if so set."""
    twin = QuantGenerator(floating.config, quant)
    twin.load_float(floating)
    if quant.masked:
        twin.mask_weights()
    frames = draw(pool, defects, settings.calibration_crops, settings.seed).damaged(floating.config.mode)
    calibrate(twin, frames)
    if settings.bias_correction:
        correct_biases(twin, floating, frames)
    return twin


def choose_threshold(
    network: EncoderDecoder, settings: QatConfig, frame: Frame, paths: list[Path]
) -> dict[str, float]:
    """Set it on frames of the photographs held out for validation, with the published defects; a finder's so
    that at most `most_false_per_mpx` of the undamaged ones are called broken.
    """
    held, _ = split(paths, settings.validation_share)
    photos = load_photos(held, max(frame.height, frame.width), settings.memory_mb, settings.reduce)
    finder = settings.objective == "finder"
    note(
        f"threshold: trying {len(FINDER_SHIFTS if finder else SHIFTS)} on {settings.threshold_frames} frames"
    )
    samples = Samples(photos, frame, named_set("dynamic"), settings.seed)
    if not finder:
        return set_threshold(network, samples, settings.threshold_frames)
    undamaged = [tile for photo in photos for tile in tiles(photo, frame)]
    most = settings.most_false_per_mpx
    return set_finder_threshold(network, samples, settings.threshold_frames, undamaged, most)


def load_twin(path: Path) -> QuantGenerator:
    """The network of a checkpoint that `qat` wrote, in evaluation; `UserError` where it can't be used."""
    stored = load(path, KIND)
    if not isinstance(stored.config, dict) or not {"generator", "quant"} <= stored.config.keys():
        raise UserError(f"{path}: expected the tables generator and quant in it, got {stored.config!r}")
    generator = parse(stored.config["generator"], GeneratorConfig, f"{path}: generator")
    quant = parse(stored.config["quant"], QuantConfig, f"{path}: quant")
    check_size(generator, stored.state, path)
    twin = QuantGenerator(generator, quant)
    try:  # not model.checkpoint.fill: Brevitas creates its learned scales while it loads them
        twin.load_state_dict(stored.state)
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise UserError(f"{path}: the tensors don't fit the network it describes: {detail}") from error
    return twin.eval()


def _write(learner: Learner, key: dict[str, Any], result: Path) -> None:
    twin = learner.network
    assert isinstance(twin, QuantGenerator)
    margin = settle(twin)
    best = learner.best
    maker = made_by() | {"stage": "quant.qat", "seed": learner.settings.seed, "best": best}
    maker |= {"least_margin": margin, "sparsity": sparsity(twin.layers())}
    maker |= {name: key[name] for name in ("qat", "defects", "data", "start", "threshold") if name in key}
    config = config_json({"generator": asdict(twin.config), "quant": asdict(twin.quant)})
    save(result, KIND, config, twin.state_dict(), maker)
    write_curve(learner, result.with_suffix(""), maker)
    note(
        f"{result}: step {best['step']:.0f}, validation {best['psnr_db']:.2f} dB, in the defect "
        f"{best['defect_psnr_db']:.2f} dB; rounding margin {margin:.3f} accumulator units"
    )


def main(
    config: Annotated[Path, typer.Option(help="a file of configs/; [quant], [defects] and [qat] are read")],
    checkpoint: Annotated[Path, typer.Option(help="what to start from, float or quantized")],
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="build folder, e.g. build/tiny")],
    steps: Annotated[int | None, typer.Option(help="instead of [qat] steps", min=1)] = None,
) -> None:
    """Quantize the float network and fine-tune it, or train a quantized one further."""
    if has_task(config):
        qat_of_task(config, checkpoint, data, out, steps)
        return
    settings = configuration.load(config, "qat", QatConfig)
    qat(
        configuration.load(config, "quant", QuantConfig),
        configuration.load(config, "defects", DefectConfig),
        settings if steps is None else replace(settings, steps=steps),
        configuration.load(config, "frame", Frame),
        checkpoint,
        data,
        out,
    )


if __name__ == "__main__":
    run(main)
