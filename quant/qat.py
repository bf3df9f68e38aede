"""Quantization-aware training: the float checkpoint's Brevitas twin, calibrated and fine-tuned.

    python -m quant.qat --config configs/tiny.toml --checkpoint build/tiny/float.safetensors \\
        --data data/photos --out build/tiny

writes `qat.safetensors` (best by model score, biases settled), `qat.csv` and `qat.json`. The loop is that of
`model.train`: resumes, survives Ctrl-C, same files for the same seed.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from model.checkpoint import load, save
from model.defects import DefectConfig
from model.evaluate import load_generator
from model.generator import GeneratorConfig
from model.learn import Learner, TrainConfig, to_frames
from model.loop import config_json, fit, load_pools, write_curve
from model.photos import find_photos
from pixelmend import config as configuration
from pixelmend.config import parse
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, text_digest
from pixelmend.provenance import code_digest, is_current, made_by, mark_current, versions
from quant.bits import QuantConfig
from quant.generator import QuantGenerator
from quant.settle import settle

KIND = "quantized generator"  # of the checkpoint
CALIBRATION_BATCHES = (
    20  # forward passes from which the activation scales start; see quant.generator.ActQuant
)


def qat(
    quant: QuantConfig, defects: DefectConfig, settings: TrainConfig, checkpoint: Path, data: Path, out: Path
) -> Path:
    """Fine-tune the float `checkpoint` with `quant` bit widths; returns the path of the new checkpoint.

    `UserError` where the checkpoint, the photographs or the settings can't be used. On Ctrl-C the state is
    saved and `KeyboardInterrupt` raised.
    """
    floating = load_generator(checkpoint)
    if settings.crop % floating.config.multiple:
        raise UserError(f"[qat] crop: must be divisible by {floating.config.multiple}, got {settings.crop}")
    paths = find_photos(data)
    key = config_json(
        {
            "quant": asdict(quant),
            "defects": asdict(defects),
            "qat": asdict(settings),
            "float": file_digest(checkpoint),
            "data": text_digest(*(file_digest(path) for path in paths)),
            "versions": versions(),
            "code": code_digest("quant"),
        }
    )
    result, stamp = out / "qat.safetensors", out / "qat.key.json"
    if is_current(stamp, key, [result, out / "qat.csv", out / "qat.json"]):
        note(f"{result}: trained before with this configuration and these photographs")
        return result
    twin = QuantGenerator(floating.config, quant)
    twin.load_float(floating)
    pool, validation = load_pools(defects, settings, paths)
    calibrate(twin, to_frames(pool.draw(CALIBRATION_BATCHES * 4, np.random.default_rng(settings.seed))))
    learner = Learner(twin, defects, settings, pool, validation, "qat")
    state = out / "qat_state.pt"
    fit(learner, state, key)
    _write(learner, key, result)
    mark_current(stamp, key)
    state.unlink(missing_ok=True)
    return result


def calibrate(twin: QuantGenerator, frames: torch.Tensor) -> None:
    """Set the activation scales from `frames` (N, 3, H, W); N at least `CALIBRATION_BATCHES`."""
    twin.train()
    with torch.no_grad():
        for batch in frames.chunk(CALIBRATION_BATCHES):
            twin(batch)
    twin.eval()


def load_twin(path: Path) -> QuantGenerator:
    """The network of a checkpoint that `qat` wrote, in evaluation; `UserError` where it can't be used."""
    stored = load(path, KIND)
    if not isinstance(stored.config, dict) or not {"generator", "quant"} <= stored.config.keys():
        raise UserError(f"{path}: expected the tables generator and quant in it, got {stored.config!r}")
    generator = parse(stored.config["generator"], GeneratorConfig, f"{path}: generator")
    quant = parse(stored.config["quant"], QuantConfig, f"{path}: quant")
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
    twin.load_state_dict(learner.best_weights)
    margin = settle(twin)
    best = learner.best
    maker = made_by() | {"stage": "quant.qat", "seed": learner.settings.seed, "best": best}
    maker |= {"least_margin": margin} | {name: key[name] for name in ("qat", "defects", "data", "float")}
    config = config_json({"generator": asdict(twin.config), "quant": asdict(twin.quant)})
    save(result, KIND, config, twin.state_dict(), maker)
    write_curve(learner, result.with_suffix(""), maker)
    note(
        f"{result}: step {best['step']:.0f}, validation {best['psnr_db']:.2f} dB, in the defect "
        f"{best['defect_psnr_db']:.2f} dB; rounding margin {margin:.3f} accumulator units"
    )


def main(
    config: Annotated[Path, typer.Option(help="a file of configs/; [quant], [defects] and [qat] are read")],
    checkpoint: Annotated[Path, typer.Option(help="float checkpoint, as model.train writes")],
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="build folder, e.g. build/tiny")],
) -> None:
    """Quantize the float generator and fine-tune it."""
    qat(
        configuration.load(config, "quant", QuantConfig),
        configuration.load(config, "defects", DefectConfig),
        configuration.load(config, "qat", TrainConfig),
        checkpoint,
        data,
        out,
    )


if __name__ == "__main__":
    run(main)
