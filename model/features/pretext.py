"""Train a feature extractor without labels: it tells of which photograph a crop is, however its light and colours are
changed (Dosovitskiy et al. 2014, with a photograph for a class).

    python -m model.features.pretext --config configs/features.toml --data data/photos --out build/features

Written: `features.safetensors`, the extractor with the scale of each layer, its classifier left out; `features.csv`,
`features.json`, `features.png`, the curve. Resumes and repeats as `model.train`. It is judged on other crops of the
same photographs: what is wanted is features, and no photograph is kept from them.
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
from model.frames import to_frames, to_pixels
from model.loop import config_json, fit, training_key, write_curve
from model.photos import Photo, find_photos, load_photos
from model.processes import share
from model.schedule import Schedule
from model.trainee import Trainee, seed_of
from pixelmend import config as configuration
from pixelmend.console import note, run
from pixelmend.provenance import is_current, made_by, mark_current

SHOWN = 4  # crops on a picture sheet
PERCENTILE = 99.9  # of a layer's values: its scale
AT_ONCE = 32  # crops, while it is judged
# Of each colour; the share of crops without colour. With (0.6, 1.4), (-0.2, 0.2), 0.3 the second layer forgets how
# bright the image is: a linear map from its results to the image reaches 13 dB.
GAIN, OFFSET, GREY = (0.95, 1.05), (-0.03, 0.03), 0.05


class Which(nn.Module):
    """An extractor and a linear classifier of the mean over its last layer: (N, 3, H, W) -> (N, classes) scores."""

    def __init__(self, config: ExtractorConfig, classes: int) -> None:
        super().__init__()
        self.extractor = Extractor(config)
        self.classifier = nn.Linear(config.widths[-1], classes)
        for (
            layer
        ) in self.extractor.features:  # without batch norm eight layers learn nothing from torch's own start
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, frames: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.extractor(frames).mean((2, 3)))
        return scores


class WhichLearner(Trainee):
    """It learns from crops in other light; judged by the share of fixed crops that it tells right."""

    def __init__(self, network: Which, settings: Schedule, pool: CropPool) -> None:
        super().__init__(network, settings, "features")
        self.pool = pool
        self.held = drawn(pool, settings.validation_crops, seed_of(settings.seed, -1))

    def loss(self) -> Tensor:
        """The cross entropy of this step's crops."""
        frames, which = drawn(self.pool, self.schedule.batch, seed_of(self.schedule.seed, self.step))
        part, device = share(self.schedule.batch), self.schedule.device
        found = cross_entropy(self.trained(frames[part].to(device)), which[part].to(device))
        self.terms = {"which": found.detach()}
        return found

    def figures(self) -> dict[str, float]:
        """The share told right."""
        frames, which = self.held
        with torch.inference_mode():
            found = [
                self.trained(part.to(self.schedule.device)).argmax(1).cpu() for part in frames.split(AT_ONCE)
            ]
        right = float((torch.cat(found) == which).float().mean())
        return {"right": right, "model_score": right}

    def shown(self, row: dict[str, float]) -> str:
        """What is told right."""
        return f"{row['right']:.1%} told right"

    def sheet(self) -> Photo:
        """A few crops, as they are shown to it."""
        return np.concatenate(list(to_pixels(self.held[0][:SHOWN])), axis=1)


def drawn(pool: CropPool, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """N crops in other light, (N, 3, S, S), and the number of each one's photograph, (N,)."""
    places = pool.places(n, np.random.default_rng(seed))
    frames = in_other_light(to_frames(pool.cut(places)), torch.Generator().manual_seed(seed))
    return frames, torch.tensor([place.photo for place in places])


def in_other_light(frames: Tensor, random: torch.Generator) -> Tensor:
    """Frames (N, 3, H, W), each colour of each with a gain and an offset of its own, some without colour."""
    shape = len(frames), 3, 1, 1
    gain = torch.empty(shape).uniform_(*GAIN, generator=random)
    offset = torch.empty(shape).uniform_(*OFFSET, generator=random)
    grey = torch.rand(len(frames), 1, 1, 1, generator=random) < GREY
    plain = torch.where(grey, frames.mean(1, keepdim=True).expand_as(frames), frames)
    return (plain * gain + offset).clamp(0, 1)


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
    photos = load_photos(paths, settings.crop, settings.memory_mb, settings.reduce)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        network = Which(shape, len(photos))
    out.mkdir(parents=True, exist_ok=True)
    pool = CropPool(photos, settings.crop, settings.uniform)
    learner = WhichLearner(network, settings, pool)
    state = out / "features_state.pt"
    fit(learner, state, key)
    network.load_state_dict(learner.best_weights)
    extractor = network.extractor.eval()
    scales = layer_scales(extractor, pool.draw(AT_ONCE, np.random.default_rng(settings.seed)))
    maker = made_by() | {"stage": "model.features.pretext", "seed": settings.seed, "best": learner.best}
    stored = config_json({"shape": asdict(shape), "scales": scales})
    save(result, KIND, stored, extractor.state_dict(), maker | {"data": key["data"]})
    write_curve(learner, out / "features", maker)
    mark_current(stamp, key)
    state.unlink(missing_ok=True)
    note(f"{result}: step {learner.best['step']:.0f}, {learner.best['right']:.1%} of the crops told right")
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
