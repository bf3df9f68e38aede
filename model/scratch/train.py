"""Train document 001's denoiser with numpy alone, on pairs of noisy images, never a clean one.

    python -m model.scratch.train --data data/photos --out build/scratch

Written to `--out`: `scratch.safetensors` (the weights by PyTorch's names: a state of `model.networks.n2n`),
`scratch.json` (settings, curve, PSNR on crops that never train, seconds) and, while it runs, `state.npz`, from which an
interrupted run goes on. The seed decides every draw.
"""

import io
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from model.checkpoint import save
from model.metrics import psnr_db
from model.networks.n2n import N2NConfig
from model.noise import NoiseConfig
from model.photos import find_photos
from model.scratch.descent import Descent, MeanSquaredError
from model.scratch.layers import Sequential
from model.scratch.network import denoiser, state
from model.scratch.pairs import Pairs, load_pairs, to_frames, to_pixels
from pixelmend.console import note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import as_json, file_digest, replacing, text_digest, write_json
from pixelmend.provenance import made_by

KIND = "n2n"  # of the checkpoint
JUDGED = 200  # crops that the PSNR is taken on


@dataclass(frozen=True)
class Settings:
    """How it is trained."""

    steps: int = 12_000
    batch: int = 8  # pairs a step
    rate: float = 3.0  # of SGD; the gradients of a mean over all pixels are small
    momentum: float = 0.9
    hidden: int = 48  # channels
    side: int = 32  # px of a crop
    validate_every: int = 1000  # steps
    seed: int = 0
    noise: NoiseConfig = field(default_factory=NoiseConfig)


class Run:
    """A training under way: what changes from step to step."""

    def __init__(self, settings: Settings, pairs: Pairs) -> None:
        self.settings, self.pairs = settings, pairs
        self.network = denoiser(N2NConfig(hidden=settings.hidden), settings.seed)
        self.descent = Descent(self.network, settings.rate, settings.momentum)
        self.loss = MeanSquaredError()
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, float]] = []
        self._losses: list[float] = []
        self._clean, self._noisy = pairs.judged(JUDGED)

    def advance(self) -> None:
        """One step on one batch of pairs."""
        began = time.monotonic()
        noisy, target = self.pairs.batch(self.settings.batch, self.step)
        with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite is told by `validate`
            self._losses.append(self.loss.forward(self.network.forward(noisy), target))
            self.network.backward(self.loss.backward())
            self.descent.step()
        self.step += 1
        self.seconds += time.monotonic() - began

    def validate(self) -> dict[str, float]:
        """Append to the curve the loss since the last time and the mean PSNR; `UserError` where it diverged."""
        loss = float(np.mean(self._losses))
        if not np.isfinite(loss):
            raise UserError(f"the loss became {loss} by step {self.step}; a lower --rate may help")
        result = to_pixels(self.network.forward(to_frames(self._noisy)))
        row = {"step": float(self.step), "loss": loss, "psnr_db": mean_psnr(self._clean, result)}
        self.curve.append(row)
        self._losses = []
        return row

    def noisy_db(self) -> float:
        """The PSNR of what it is given."""
        return mean_psnr(self._clean, self._noisy)

    def keep(self, path: Path, key: str) -> None:
        """Write what `restore` needs."""
        arrays: dict[str, Any] = {name: layer.parameters[own] for name, layer, own in self.network.named()}
        arrays |= {f"velocity {name}": array for name, array in self.descent.velocity.items()}
        rest = {
            "key": key,
            "step": self.step,
            "seconds": self.seconds,
            "curve": self.curve,
            "losses": self._losses,
        }
        data = io.BytesIO()
        np.savez(data, rest=np.frombuffer(as_json(rest).encode(), np.uint8), **arrays)
        with replacing(path) as temporary:
            temporary.write_bytes(data.getvalue())

    def restore(self, path: Path, key: str) -> None:
        """Go on from `path`, where it exists and is of the same `key`."""
        if not path.is_file():
            return
        try:
            with np.load(path) as stored:
                arrays = {name: stored[name] for name in stored.files}
            rest = json.loads(arrays.pop("rest").tobytes())
            if rest["key"] != key:
                note(f"{path}: of other settings or photographs; training starts anew")
                return
            for name, layer, own in self.network.named():
                layer.parameters[own] = arrays[name]
                self.descent.velocity[name] = arrays[f"velocity {name}"]
            self.step, self.seconds, self.curve = rest["step"], rest["seconds"], rest["curve"]
            self._losses = rest["losses"]
        except Exception as error:  # numpy and zipfile raise many kinds for a damaged file
            raise UserError(
                f"{path}: expected a training state, got a damaged file ({type(error).__name__}); delete it"
            ) from error
        note(f"{path}: going on after step {self.step}")


def mean_psnr(clean: np.ndarray[Any, Any], found: np.ndarray[Any, Any]) -> float:
    """The mean over images of the PSNR in dB."""
    return float(np.mean([psnr_db(a, b) for a, b in zip(clean, found, strict=True)]))


def train(settings: Settings, data: Path, out: Path) -> dict[str, Any]:
    """Train, write the files and return what `scratch.json` holds; goes on where it was interrupted.

    `UserError` where the photographs or an old state can't be used.
    """
    if settings.side % 4:
        raise UserError(f"--side: expected a multiple of 4, got {settings.side}")
    key = text_digest(as_json(asdict(settings)), *(file_digest(path) for path in find_photos(data)))
    run_ = Run(settings, load_pairs(data, settings.side, settings.noise, settings.seed))
    out.mkdir(parents=True, exist_ok=True)
    kept = out / "state.npz"
    run_.restore(kept, key)
    with progress() as bar:
        task = bar.add_task("train", total=settings.steps, completed=run_.step, note="")
        try:
            while run_.step < settings.steps:
                run_.advance()
                bar.update(task, completed=run_.step)
                if run_.step % settings.validate_every == 0 or run_.step == settings.steps:
                    row = run_.validate()
                    bar.update(task, note=f"{row['psnr_db']:.2f} dB")
                    run_.keep(kept, key)
        except KeyboardInterrupt:
            run_.keep(kept, key)
            raise
    report = {
        "settings": asdict(settings), "noisy_db": run_.noisy_db(), "psnr_db": run_.curve[-1]["psnr_db"],
        "seconds": round(run_.seconds, 1), "curve": run_.curve, "made_by": made_by(),
    }  # fmt: skip
    _write(run_.network, settings, report, out)
    kept.unlink(missing_ok=True)
    note(f"{out / 'scratch.json'}: {report['noisy_db']:.2f} dB noisy, {report['psnr_db']:.2f} dB denoised")
    return report


def _write(network: Sequential, settings: Settings, report: dict[str, Any], out: Path) -> None:
    config = asdict(N2NConfig(hidden=settings.hidden))
    timeless = {"settings": report["settings"], "psnr_db": report["psnr_db"]} | made_by()
    save(out / "scratch.safetensors", KIND, config, state(network), timeless)
    write_json(out / "scratch.json", report)


def main(
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="folder for the weights and the report")],
    steps: Annotated[int, typer.Option(min=1)] = Settings.steps,
    batch: Annotated[int, typer.Option(min=1, help="pairs a step")] = Settings.batch,
    rate: Annotated[float, typer.Option(help="learning rate of SGD")] = Settings.rate,
    momentum: Annotated[float, typer.Option(min=0.0)] = Settings.momentum,
    hidden: Annotated[int, typer.Option(min=1, help="channels")] = Settings.hidden,
    side: Annotated[int, typer.Option(min=4, help="of a crop, px")] = Settings.side,
    noise: Annotated[Literal["gaussian", "poisson", "text"], typer.Option(help="kind of noise")] = "gaussian",
    seed: Annotated[int, typer.Option(min=0)] = Settings.seed,
) -> None:
    """Train the denoiser of document 001 with numpy alone."""
    settings = Settings(
        steps,
        batch,
        rate,
        momentum,
        hidden,
        side,
        min(steps, Settings.validate_every),
        seed,
        NoiseConfig(kind=noise),
    )
    train(settings, data, out)


if __name__ == "__main__":
    run(main)
