"""The training loop around a `Trainee`: restore, step, validate, keep, stop on Ctrl-C, write the curve.

It serves the float network (`model.train`) and its quantized twin (`quant.qat`) alike.
"""

import csv
import io
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from model.autoencoder import digests
from model.crops import CropPool
from model.defects import DefectConfig
from model.learn import TrainConfig, ValidationSet, validation_set
from model.photos import load_photos, split
from model.processes import anywhere, check_joined, of_the_first, rank, world
from model.schedule import Schedule
from model.trainee import Trainee
from model.watch import Watch, write_curve_png
from pixelmend.console import note, progress
from pixelmend.errors import UserError
from pixelmend.files import file_digest, replacing, text_digest, write_json
from pixelmend.provenance import versions


def training_key(settings: Schedule, paths: list[Path], **tables: Any) -> dict[str, Any]:
    """All that a training depends on, JSON-able: the `tables` of its configuration by name, dataclasses, the
    photographs, the frozen autoencoder if there is one, the versions of the tools.

    `UserError` where a file is missing.
    """
    key: dict[str, Any] = {name: asdict(table) for name, table in tables.items()}
    key |= {"data": text_digest(*(file_digest(path) for path in paths)), "versions": versions()}
    frozen = digests(settings.autoencoder) if isinstance(settings, TrainConfig) else {}
    plain: dict[str, Any] = config_json(key | frozen)
    return plain


def load_pools(
    defects: DefectConfig, settings: TrainConfig, paths: list[Path]
) -> tuple[CropPool, ValidationSet]:
    """What is trained on, and what is validated on."""
    least = settings.crop
    held, trained = split(paths, settings.validation_share)
    chosen = CropPool(load_photos(held, least, settings.memory_mb, settings.reduce), least, settings.uniform)
    pool = CropPool(load_photos(trained, least, settings.memory_mb, settings.reduce), least, settings.uniform)
    return pool, validation_set(chosen, defects, settings)


def fit(
    learner: Trainee,
    state: Path,
    key: dict[str, Any],
    validate_first: bool = False,
    events: Path | None = None,
) -> None:
    """Train to the last step, from the file `state` on where it holds a state of the same `key`.

    With `validate_first` the network as it comes takes part in the choice of the best. TensorBoard's files
    go to the folder `events`. Of several processes the first reads and writes the files.

    `key` is JSON-able and says what is trained on what. On Ctrl-C the state is saved and
    `KeyboardInterrupt` raised; at the end the file stays, for the caller to remove with its results written.
    """
    check_joined()
    with _repeatable(learner.schedule.threads), _stop_request() as stop:
        _restore(learner, state, key)
        if validate_first and not learner.curve:
            learner.validate()
        with _watching(events, learner) as watch:
            _steps(learner, state, key, stop, watch)


def write_curve(learner: Trainee, stem: Path, made_by: dict[str, Any]) -> None:
    """Write `stem`.csv and `stem`.json, one row a validation, and the same drawn as `stem`.png."""
    with (
        replacing(stem.with_suffix(".csv")) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, fieldnames=list(learner.curve[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(learner.curve)
    write_json(stem.with_suffix(".json"), {"made_by": made_by, "curve": learner.curve})
    write_curve_png(learner.curve, stem.with_suffix(".png"))


@contextmanager
def _watching(events: Path | None, learner: Trainee) -> Iterator[Watch | None]:
    if events is None or rank() > 0:
        yield None
        return
    watch = Watch(events, learner)
    try:
        yield watch
    finally:
        watch.close()


def _steps(learner: Trainee, state: Path, key: dict[str, Any], stop: list[int], watch: Watch | None) -> None:
    """Run the steps that are left, validating now and then."""
    total = learner.schedule.steps
    with progress() as bar:
        task = bar.add_task(learner.name, total=total, completed=learner.step, note="")
        while learner.step < total:
            learner.advance()
            stopping = anywhere(bool(stop))
            if watch is not None:
                watch.stepped()
            if learner.step % learner.schedule.validate_every == 0 or learner.step == total:
                row = learner.validate()
                bar.update(task, note=learner.shown(row))
                if watch is not None:
                    watch.validated(row)
                _keep(learner, state, key)
                if tired(learner):
                    note(
                        f"{learner.name}: no better since step {learner.best['step']:.0f}, ended at {learner.step}"
                    )
                    return
            elif stopping:
                _keep(learner, state, key)
            bar.update(task, completed=learner.step)
            if stopping:
                raise KeyboardInterrupt


def tired(learner: Trainee) -> bool:
    """Whether as many validations as [train] patience says have brought nothing better."""
    since = [row for row in learner.curve if row["step"] > learner.best["step"]]
    return 0 < learner.schedule.patience <= len(since)


def _keep(learner: Trainee, path: Path, key: dict[str, Any]) -> None:
    if rank() > 0:
        return
    state = io.BytesIO()  # on a full disk torch.save itself would end in a RuntimeError
    torch.save({"key": key, "learner": learner.state()}, state)
    with replacing(path) as temporary:
        temporary.write_bytes(state.getvalue())


def _restore(learner: Trainee, path: Path, key: dict[str, Any]) -> None:
    """Go on from a saved state, if there is one of the same configuration and photographs."""
    try:
        saved = of_the_first(lambda: torch.load(path, "cpu", weights_only=True) if path.is_file() else None)
        if saved is None:
            return
        if saved["key"] != key:
            note(f"{path}: of another configuration or other photographs; training starts anew")
            return
        learner.restore(saved["learner"])
    except Exception as error:  # torch raises many kinds for a damaged file
        raise UserError(
            f"{path}: expected a training state, got a damaged file ({type(error).__name__}); delete it"
        ) from error
    note(f"{path}: going on after step {learner.step}")


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
    """Collect Ctrl-C in a list, to be looked at between two steps; a second one interrupts at once.

    Not so with several processes: whoever started them passes a Ctrl-C on, so each gets it twice.
    """
    requests: list[int] = []

    def remember(number: int, _frame: object) -> None:
        if requests and world() == 1:
            raise KeyboardInterrupt
        requests.append(number)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield requests
    finally:
        signal.signal(signal.SIGINT, before)
