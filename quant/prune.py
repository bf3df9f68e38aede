"""Structured pruning: the float generator without its least channels, fine-tuned, in a few rounds.

    python -m quant.prune --config configs/z2-256.toml --checkpoint build/z2-256/float.safetensors \\
        --data data/photos --out build/z2-256

writes `pruned.safetensors`, a float checkpoint like that of `model.train` with smaller `widths`, from which
`quant.qat` goes on, and `prune.csv` and `prune.json`, the curves of all rounds. Every round prunes its share
of the way (`quant.shrink`) and fine-tunes with the loop of `model.train`: resumes, survives Ctrl-C, same
files for the same seed. What a round has made is kept in `prune_round<n>.safetensors` until the last one
has ended.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from model.checkpoint import load, save
from model.crops import CropPool
from model.defects import DefectConfig
from model.evaluate import load_generator
from model.generator import Generator
from model.learn import Learner, ValidationSet
from model.loop import config_json, fit, load_pools, training_key, write_curve
from model.photos import find_photos
from model.train import KIND
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest
from pixelmend.provenance import code_digest, is_current, made_by, mark_current
from quant.bits import QuantConfig
from quant.footprint import footprint
from quant.shrink import PruneConfig, hardware_cost, limits, prune_to, round_target


@dataclass(frozen=True)
class Task:
    """What all rounds share."""

    settings: PruneConfig
    quant: QuantConfig
    defects: DefectConfig
    frame: Frame
    teacher: Generator
    key: dict[str, Any]  # JSON-able, all that the result depends on
    out: Path

    def files(self, number: int) -> tuple[Path, Path]:
        """The checkpoint of a round that has ended, and the state of one that was interrupted."""
        return self.out / f"prune_round{number}.safetensors", self.out / f"prune_state{number}.pt"


def prune(
    settings: PruneConfig,
    quant: QuantConfig,
    defects: DefectConfig,
    frame: Frame,
    checkpoint: Path,
    data: Path,
    out: Path,
) -> Path:
    """Prune the float `checkpoint` and fine-tune it; returns the path of the new float checkpoint.

    `UserError` where the checkpoint, the photographs or the settings can't be used. On Ctrl-C the state is
    saved and `KeyboardInterrupt` raised.
    """
    teacher = load_generator(checkpoint)
    if settings.crop % teacher.config.multiple:
        raise UserError(f"[prune] crop: must be divisible by {teacher.config.multiple}, got {settings.crop}")
    limits(settings, teacher.config, quant)  # refuses now what it would refuse after loading the photographs
    paths = find_photos(data)
    tables: dict[str, Any] = {"prune": settings, "quant": quant, "defects": defects, "frame": frame}
    key = training_key(settings, paths, **tables)
    key |= {"float": file_digest(checkpoint), "code": code_digest("quant")}
    result, stamp = out / "pruned.safetensors", out / "prune.key.json"
    if is_current(stamp, key, [result, out / "prune.csv", out / "prune.json"]):
        note(f"{result}: pruned before with this configuration and these photographs")
        return result
    task = Task(settings, quant, defects, frame, teacher, key, out)
    _rounds(task, *load_pools(defects, settings, paths))
    mark_current(stamp, key)
    for number in range(1, settings.rounds + 1):
        for path in task.files(number):
            path.unlink(missing_ok=True)
    return result


def _rounds(task: Task, pool: CropPool, validation: ValidationSet) -> None:
    """All rounds from the first that has not ended, then the results."""
    network, curve = task.teacher, []
    reports = [_report(task, 0, network, _figures(task, network, pool, validation))]
    for number in range(1, task.settings.rounds + 1):
        ended = task.files(number)[0]
        if not _ended(ended, task.key):
            _round(task, number, network, pool, validation)
        made = load(ended, KIND).made_by
        reports.append(made["report"])
        curve += made["curve"]
        network = load_generator(ended)
    result = task.out / "pruned.safetensors"
    maker = made_by() | {"stage": "quant.prune", "seed": task.settings.seed, "rounds": reports}
    maker |= {name: task.key[name] for name in ("prune", "quant", "defects", "frame", "data", "float")}
    save(result, KIND, config_json(asdict(network.config)), network.state_dict(), maker)
    learner = _learner(task, network, pool, validation)
    learner.curve = curve
    write_curve(learner, task.out / "prune", maker)
    last = reports[-1]
    note(
        f"{result}: widths {last['widths']}, {last['bytes']:,} bytes; validation {last['psnr_db']:.2f} dB, "
        f"in the defect {last['defect_psnr_db']:.2f} dB (before pruning {reports[0]['psnr_db']:.2f} and "
        f"{reports[0]['defect_psnr_db']:.2f} dB)"
    )


def _round(task: Task, number: int, network: Generator, pool: CropPool, validation: ValidationSet) -> None:
    """Prune `network`, fine-tune it, and write the checkpoint of this round."""
    settings, quant, whole = task.settings, task.quant, task.teacher.config
    end = limits(settings, whole, quant)
    target = round_target(settings, whole, quant, number)
    small = prune_to(network, end, target, quant, hardware_cost(settings, whole, quant, task.frame))
    untuned = _figures(task, small, pool, validation)
    learner = _learner(task, small, pool, validation, f"prune {number}/{settings.rounds}")
    ended, state = task.files(number)
    fit(learner, state, task.key | {"round": number})
    small.load_state_dict(learner.best_weights)
    report = _report(task, number, small, learner.best) | {"untuned": untuned}
    curve = [{"round": float(number)} | row for row in learner.curve]
    maker = {"key": task.key, "report": report, "curve": curve}
    save(ended, KIND, config_json(asdict(small.config)), small.state_dict(), maker)
    state.unlink(missing_ok=True)


def _ended(path: Path, key: dict[str, Any]) -> bool:
    """Whether `path` holds the result of a round of the same task."""
    return path.is_file() and load(path, KIND).made_by.get("key") == key


def _learner(
    task: Task, network: Generator, pool: CropPool, validation: ValidationSet, name: str = "prune"
) -> Learner:
    return Learner(network, task.defects, task.settings, pool, validation, name)


def _figures(task: Task, network: Generator, pool: CropPool, validation: ValidationSet) -> dict[str, float]:
    """PSNR, SSIM and score of a network as it is."""
    row = _learner(task, network, pool, validation).validate()
    return {name: value for name, value in row.items() if name not in ("step", "loss")}


def _report(task: Task, number: int, network: Generator, figures: dict[str, float]) -> dict[str, Any]:
    size = footprint(network.config, task.quant, task.frame)
    cost = {"bytes": size.bytes, "products": size.products, "skip_bits": size.skip_bits}
    return {"round": number, "widths": list(network.config.widths)} | cost | figures


def main(
    config: Annotated[Path, typer.Option(help="a file of configs/; [prune], [quant], [defects], [frame]")],
    checkpoint: Annotated[Path, typer.Option(help="float checkpoint, as model.train writes")],
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="build folder, e.g. build/tiny")],
) -> None:
    """Prune whole channels of the float generator and fine-tune what is left."""
    prune(
        configuration.load(config, "prune", PruneConfig),
        configuration.load(config, "quant", QuantConfig),
        configuration.load(config, "defects", DefectConfig),
        configuration.load(config, "frame", Frame),
        checkpoint,
        data,
        out,
    )


if __name__ == "__main__":
    run(main)
