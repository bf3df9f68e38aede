"""Train the float network: the generator that repairs, or, with a table [task], the network of a task.

    python -m model.train --config configs/tiny.toml --data data/photos --out build/tiny

The tiny configuration takes about two minutes on one core. Written to the folder `--out`:
`float.safetensors` (the best network by model score, spectral and batch norm folded), `train.csv`,
`train.json` and `train.png` (the curve), and `tensorboard/` (`tensorboard --logdir build`, at any time).
What a later run needs to go on is in `train_state.pt`, written at each validation and on Ctrl-C.
Everything random is drawn from the seed and the step, so an interrupted training ends with exactly the files
of an uninterrupted one.

In several processes, which share each batch (on one machine; torch's documentation tells how on more):

    python -m torch.distributed.run --standalone --nproc-per-node 2 -m model.train --config ...
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from model.checkpoint import save
from model.defects import DefectConfig
from model.evaluate import load_generator
from model.finder import start as start_finder
from model.generator import Generator, GeneratorConfig, check_frame, folded
from model.learn import Learner, TrainConfig
from model.loop import config_json, fit, load_pools, training_key, write_curve
from model.photos import find_photos
from model.processes import of_the_first, processes, rank
from model.tasks import has_task
from model.tasks.learn import TaskSchedule
from model.tasks.train import train as train_for_task
from pixelmend import config, provenance
from pixelmend.config import Frame
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest

__all__ = ["KIND", "TrainConfig", "train"]

KIND = "generator"  # of the checkpoint
FIGURES = ("psnr_db", "ssim", "defect_psnr_db", "defect_ssim")


def main(
    configuration: Annotated[Path, typer.Option("--config", help="a file of configs/")],
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="folder for the checkpoint and the curve")],
    start: Annotated[
        Path | None, typer.Option(help="float checkpoint to start from, instead of drawn weights")
    ] = None,
) -> None:
    """Train the float network; goes on where an interrupted run stopped, does nothing if all is there."""
    config.check(configuration)  # a mistake in a later stage's table is told before the training
    if has_task(configuration):
        with processes(config.load(configuration, "train", TaskSchedule).device):
            train_for_task(configuration, data, out, start)
        return
    generator = config.load(configuration, "generator", GeneratorConfig)
    check_frame(config.load(configuration, "frame", Frame), generator)  # rather now than after the training
    defects = config.load(configuration, "defects", DefectConfig)
    settings = config.load(configuration, "train", TrainConfig)
    with processes(settings.device):
        train(generator, defects, settings, data, out, start)


def train(
    generator: GeneratorConfig,
    defects: DefectConfig,
    settings: TrainConfig,
    data: Path,
    out: Path,
    start: Path | None = None,
) -> Path:
    """Train on the photographs under `data` and return the path of the checkpoint in `out`.

    With `start`, a float checkpoint, its network is trained further, whatever `generator` says.

    `UserError` where the photographs, the settings or an old state can't be used. On Ctrl-C the state is
    saved and `KeyboardInterrupt` raised. Of several processes the first writes the files.
    """
    first = None if start is None else load_generator(start)
    generator = generator if first is None else first.config
    if settings.crop % generator.multiple:
        raise UserError(f"[train] crop: must be divisible by {generator.multiple}, got {settings.crop}")
    paths = find_photos(data)
    key = training_key(settings, paths, generator=generator, defects=defects, train=settings)
    key |= {} if start is None else {"start": file_digest(start)}
    outputs = [out / name for name in ("float.safetensors", "train.csv", "train.json", "train.png")]
    stamp = out / "train.key.json"
    if of_the_first(lambda: provenance.is_current(stamp, key, outputs)):
        note(f"{outputs[0]}: already trained with this configuration and these photographs")
        return outputs[0]
    out.mkdir(parents=True, exist_ok=True)  # refused now rather than after the training
    pool, validation = load_pools(defects, settings, paths)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        network = Generator(generator) if first is None else first
        if first is None and settings.objective == "finder" and not generator.spectral_norm:
            start_finder(network)
    learner = Learner(network, defects, settings, pool, validation)
    events = out / "tensorboard" / "train"
    fit(learner, out / "train_state.pt", key, validate_first=first is not None, events=events)
    if rank() == 0:
        _write(learner, generator, key, out)
        provenance.mark_current(stamp, key)
        (out / "train_state.pt").unlink(missing_ok=True)
    return outputs[0]


def _write(learner: Learner, config: GeneratorConfig, key: dict[str, Any], out: Path) -> None:
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
    network = Generator(config)
    network.load_state_dict(learner.best_weights)
    plain = folded(network)
    save(out / "float.safetensors", KIND, config_json(asdict(plain.config)), plain.state_dict(), made_by)
    write_curve(learner, out / "train", made_by)
    best = learner.best
    note(
        f"{out / 'float.safetensors'}: step {best['step']:.0f}, validation {best['psnr_db']:.2f} dB, "
        f"in the defect {best['defect_psnr_db']:.2f} dB"
    )


if __name__ == "__main__":
    run(main)
