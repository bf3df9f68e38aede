"""Train a feature extractor without labels: it tells by how many quarter turns a crop was turned (Gidaris et al. 2018).

    python -m model.features.pretext --config configs/features.toml --data data/photos --out build/features

Written: `features.safetensors`, the extractor with the scale of each layer, its classifier left out; `features.csv`,
`features.json`, `features.png`, the curve. Resumes and repeats as `model.train`.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from model.checkpoint import save
from model.crops import CropPool
from model.features.extractor import KIND, Extractor, ExtractorConfig
from model.frames import to_frames
from model.loop import config_json, fit, training_key, write_curve
from model.photos import Photo, find_photos, load_photos, split
from model.processes import share
from model.schedule import Schedule
from model.trainee import Trainee, seed_of
from pixelmend import config as configuration
from pixelmend.console import note, run
from pixelmend.provenance import is_current, made_by, mark_current

TURNS = 4
SHOWN = 4  # crops on a picture sheet
PERCENTILE = 99.9  # of a layer's values: its scale
AT_ONCE = 32  # crops, while it is judged


class Turned(nn.Module):
    """An extractor and a linear classifier of the mean over its last layer: (N, 3, H, W) -> (N, 4) scores."""

    def __init__(self, config: ExtractorConfig) -> None:
        super().__init__()
        self.extractor = Extractor(config)
        self.classifier = nn.Linear(config.widths[-1], TURNS)
        for (
            layer
        ) in self.extractor.features:  # without batch norm eight layers learn nothing from torch's own start
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, frames: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.extractor(frames).mean((2, 3)))
        return scores


class TurnLearner(Trainee):
    """It learns from crops in all four turns; judged by the share of fixed crops that it tells right."""

    def __init__(self, network: Turned, settings: Schedule, pool: CropPool, held: Photo) -> None:
        super().__init__(network, settings, "features")
        self.pool, self.held = pool, held

    def loss(self) -> Tensor:
        clean = self.pool.draw(
            self.schedule.batch, np.random.default_rng(seed_of(self.schedule.seed, self.step))
        )
        frames, turns = turned(to_frames(clean[share(self.schedule.batch)]).to(self.schedule.device))
        found = cross_entropy(self.trained(frames), turns)
        self.terms = {"turn": found.detach()}
        return found

    def figures(self) -> dict[str, float]:
        right = []
        with torch.inference_mode():
            for part in to_frames(self.held).split(AT_ONCE):
                frames, turns = turned(part.to(self.schedule.device))
                right.append((self.trained(frames).argmax(1) == turns).float())
        share_right = float(torch.cat(right).mean())
        return {"right": share_right, "model_score": share_right}

    def shown(self, row: dict[str, float]) -> str:
        """What is told right."""
        return f"{row['right']:.1%} told right"

    def sheet(self) -> Photo:
        """A few crops."""
        return np.concatenate(list(self.held[:SHOWN]), axis=1)


def turned(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Frames (N, 3, S, S) in all quarter turns (4N, 3, S, S), and by how many: (4N,)."""
    turns = torch.arange(TURNS, device=frames.device).repeat_interleave(len(frames))
    return torch.cat([torch.rot90(frames, turn, (2, 3)) for turn in range(TURNS)]), turns


def layer_scales(extractor: Extractor, crops: Photo) -> dict[str, float]:
    """For each layer the value below which `PERCENTILE` of those of `crops` (N, S, S, 3) lie, at least 1e-3."""
    with torch.inference_mode():
        results = extractor.results(to_frames(crops), extractor.names)
    return {
        name: max(1e-3, float(np.percentile(values.abs().numpy(), PERCENTILE)))
        for name, values in results.items()
    }


def train(config: Path, data: Path, out: Path) -> Path:
    """Train on the photographs under `data`; returns the checkpoint in `out`. Raises as `model.train`."""
    shape = configuration.load(config, "features", ExtractorConfig)
    settings = configuration.load(config, "train", Schedule)
    paths = find_photos(data)
    key = config_json(training_key(settings, paths, train=settings) | {"features": asdict(shape)})
    result, stamp = out / "features.safetensors", out / "features.key.json"
    if is_current(stamp, key, [result]):
        note(f"{result}: trained before with this configuration and these photographs")
        return result
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        network = Turned(shape)
    out.mkdir(parents=True, exist_ok=True)
    held, trained = split(paths, settings.validation_share)
    judging, training = (
        CropPool(
            load_photos(some, settings.crop, settings.memory_mb, settings.reduce),
            settings.crop,
            settings.uniform,
        )
        for some in (held, trained)
    )
    crops = judging.draw(settings.validation_crops, np.random.default_rng(seed_of(settings.seed, -1)))
    learner = TurnLearner(network, settings, training, crops)
    state = out / "features_state.pt"
    fit(learner, state, key)
    network.load_state_dict(learner.best_weights)
    extractor = network.extractor.eval()
    scales = layer_scales(extractor, training.draw(AT_ONCE, np.random.default_rng(settings.seed)))
    maker = made_by() | {"stage": "model.features.pretext", "seed": settings.seed, "best": learner.best}
    stored = config_json({"shape": asdict(shape), "scales": scales})
    save(result, KIND, stored, extractor.state_dict(), maker | {"data": key["data"]})
    write_curve(learner, out / "features", maker)
    mark_current(stamp, key)
    state.unlink(missing_ok=True)
    note(f"{result}: step {learner.best['step']:.0f}, {learner.best['right']:.1%} of the turns told right")
    return result


def main(
    config: Annotated[Path, typer.Option(help="a file of configs/ with [features] and [train]")],
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="folder for the checkpoint and the curve")],
) -> None:
    """Train a feature extractor without labels."""
    train(config, data, out)


if __name__ == "__main__":
    run(main)
