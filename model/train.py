"""Train the float generator.

    python -m model.train --config configs/tiny.toml --data data/photos --out build/tiny

The tiny configuration takes about two minutes on one core. Written to the folder `--out`:
`float.safetensors` (the best network by model score, spectral norm folded), `train.csv` and `train.json` (the
curve). What a later run needs to go on is in `train_state.pt`, written at each validation and on Ctrl-C.
Everything random is drawn from the seed and the step, so an interrupted training ends with exactly the files
of an uninterrupted one.
"""

import csv
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from model.checkpoint import save
from model.crops import CropPool
from model.defects import DefectConfig
from model.generator import Generator, GeneratorConfig, fold_spectral_norm
from model.learn import Learner, TrainConfig, validation_set
from model.photos import find_photos, load_photos
from pixelmend import config, provenance
from pixelmend.console import note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, replacing, text_digest, write_json

__all__ = ["KIND", "TrainConfig", "train"]

KIND = "generator"  # of the checkpoint
FIGURES = ("psnr_db", "ssim", "defect_psnr_db", "defect_ssim")


def main(
    configuration: Annotated[Path, typer.Option("--config", help="a file of configs/")],
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="folder for the checkpoint and the curve")],
) -> None:
    """Train the float generator; goes on where an interrupted run stopped, does nothing if all is there."""
    generator = config.load(configuration, "generator", GeneratorConfig)
    defects = config.load(configuration, "defects", DefectConfig)
    settings = config.load(configuration, "train", TrainConfig)
    train(generator, defects, settings, data, out)


def train(
    generator: GeneratorConfig, defects: DefectConfig, settings: TrainConfig, data: Path, out: Path
) -> Path:
    """Train on the photographs under `data` and return the path of the checkpoint in `out`.

    `UserError` where the photographs, the settings or an old state can't be used. On Ctrl-C the state is
    saved and `KeyboardInterrupt` raised.
    """
    if settings.crop % generator.multiple:
        raise UserError(f"[train] crop: must be divisible by {generator.multiple}, got {settings.crop}")
    paths = find_photos(data)
    key = {
        "generator": asdict(generator),
        "defects": asdict(defects),
        "train": asdict(settings),
        "data": text_digest(*(file_digest(path) for path in paths)),
        "versions": provenance.versions(),
    }
    key = config_json(key)
    outputs = [out / name for name in ("float.safetensors", "train.csv", "train.json")]
    stamp = out / "train.key.json"
    if provenance.is_current(stamp, key, outputs):
        note(f"{outputs[0]}: already trained with this configuration and these photographs")
        return outputs[0]
    learner = _learner(generator, defects, settings, paths)
    with _repeatable(settings.threads), _stop_request() as stop:
        _restore(learner, out / "train_state.pt", key)
        _steps(learner, out / "train_state.pt", key, stop)
    _write(learner, key, out)
    provenance.mark_current(stamp, key)
    (out / "train_state.pt").unlink(missing_ok=True)
    return outputs[0]


def _learner(
    generator: GeneratorConfig, defects: DefectConfig, settings: TrainConfig, paths: list[Path]
) -> Learner:
    """Photographs are split before they are cropped: no validation crop is of a photograph trained on."""
    count = max(1, round(len(paths) * settings.validation_share))
    if len(paths) < 2:
        raise UserError("training needs at least 2 photographs, one of them to validate on; got 1")
    least = settings.crop
    chosen = CropPool(load_photos(paths[:count], least, settings.memory_mb, settings.reduce), least)
    pool = CropPool(load_photos(paths[count:], least, settings.memory_mb, settings.reduce), least)
    return Learner(generator, defects, settings, pool, validation_set(chosen, defects, settings))


def _steps(learner: Learner, state: Path, key: dict[str, Any], stop: list[int]) -> None:
    """Run the steps that are left, validating now and then."""
    total = learner.settings.steps
    with progress() as bar:
        task = bar.add_task("train", total=total, completed=learner.step, note="")
        while learner.step < total:
            learner.advance()
            if learner.step % learner.settings.validate_every == 0 or learner.step == total:
                row = learner.validate()
                shown = f"{row['psnr_db']:.2f} dB, in the defect {row['defect_psnr_db']:.2f} dB"
                bar.update(task, note=shown)
                _keep(learner, state, key)
            elif stop:
                _keep(learner, state, key)
            bar.update(task, completed=learner.step)
            if stop:
                raise KeyboardInterrupt


def _keep(learner: Learner, path: Path, key: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        torch.save({"key": key, "learner": learner.state()}, temporary)


def _restore(learner: Learner, path: Path, key: dict[str, Any]) -> None:
    """Go on from a saved state, if there is one of the same configuration and photographs."""
    if not path.is_file():
        return
    try:
        saved = torch.load(path, weights_only=True)
        if saved["key"] != key:
            note(f"{path}: of another configuration or other photographs; training starts anew")
            return
        learner.restore(saved["learner"])
    except Exception as error:  # torch raises many kinds for a damaged file
        raise UserError(
            f"{path}: expected a training state, got a damaged file ({error}); delete it"
        ) from error
    note(f"{path}: going on after step {learner.step}")


def _write(learner: Learner, key: dict[str, Any], out: Path) -> None:
    """Write the best network and the curve."""
    made_by = {
        "stage": "model.train",
        "seed": learner.settings.seed,
        "commit": provenance.commit(),
        "versions": provenance.versions(),
        "train": key["train"],
        "defects": key["defects"],
        "data": key["data"],
        "best": learner.best,
    }
    network = Generator(learner.config)
    network.load_state_dict(learner.best_weights)
    folded = fold_spectral_norm(network)
    save(out / "float.safetensors", KIND, config_json(asdict(folded.config)), folded.state_dict(), made_by)
    with (
        replacing(out / "train.csv") as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, fieldnames=list(learner.curve[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(learner.curve)
    write_json(out / "train.json", {"made_by": made_by, "curve": learner.curve})
    best = learner.best
    note(
        f"{out / 'float.safetensors'}: step {best['step']:.0f}, validation {best['psnr_db']:.2f} dB, "
        f"in the defect {best['defect_psnr_db']:.2f} dB"
    )


def config_json(value: Any) -> Any:
    """Tuples become lists, as they do when the value is written as JSON and read again."""
    if isinstance(value, dict):
        return {name: config_json(item) for name, item in value.items()}
    return [config_json(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def _repeatable(threads: int) -> Iterator[None]:
    """Fixed number of threads (sums are split by it), and the caller's generator left as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _stop_request() -> Iterator[list[int]]:
    """Collect Ctrl-C in a list, to be looked at between two steps; a second one interrupts at once."""
    requests: list[int] = []

    def remember(number: int, _frame: object) -> None:
        if requests:
            raise KeyboardInterrupt
        requests.append(number)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield requests
    finally:
        signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
    run(main)
