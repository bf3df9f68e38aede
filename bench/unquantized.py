"""What the bits cost: a float network that goes on from a quantized one, with all samples that one has had.

    python -m bench.unquantized --config configs/z2-256.toml --checkpoint checkpoints/z2-256/qat.safetensors

Weights and biases are the quantized network's before rounding, activations are not quantized any more. It is
trained for `--steps` steps with the table [qat], its threshold set as that of a quantized network, and
written to build/unquantized/<config>.safetensors, for `make evaluate CHECKPOINT=`. Goes on where it stopped.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from model.checkpoint import save
from model.defects import DefectConfig
from model.generator import SCORED
from model.learn import Learner
from model.loop import config_json, fit, load_pools, training_key
from model.photos import find_photos
from model.train import KIND
from pixelmend import config
from pixelmend.config import load_frame
from pixelmend.console import note, run
from pixelmend.files import file_digest
from pixelmend.provenance import made_by
from quant.qat import QatConfig, choose_threshold, load_twin
from quant.unquantize import unquantized


def main(
    configuration: Annotated[Path, typer.Option("--config", help="a file of configs/; [defects] and [qat]")],
    checkpoint: Annotated[Path, typer.Option(help="quantized network")],
    data: Annotated[Path, typer.Option(help="folder of photographs")] = Path("data/photos"),
    steps: Annotated[int, typer.Option(help="of training", min=1)] = 4000,
    out: Annotated[Path, typer.Option(help="folder")] = Path("build/unquantized"),
) -> None:
    """Train on without quantization."""
    settings = replace(config.load(configuration, "qat", QatConfig), steps=steps)
    defects, paths = config.load(configuration, "defects", DefectConfig), find_photos(data)
    key = training_key(settings, paths, qat=settings, defects=defects) | {"start": file_digest(checkpoint)}
    floating = unquantized(load_twin(checkpoint))
    pool, validation = load_pools(defects, settings, paths)
    learner = Learner(floating, defects, settings, pool, validation, "float")
    state = out / f"{configuration.stem}_state.pt"
    fit(learner, state, key, validate_first=True)
    floating.load_state_dict(learner.best_weights)
    found = {}
    if floating.config.mode in SCORED:
        found = {"threshold": choose_threshold(floating, settings, load_frame(configuration), paths)}
    result = out / f"{configuration.stem}.safetensors"
    maker = made_by() | key | found | {"stage": "bench.unquantized", "best": learner.best}
    save(result, KIND, config_json(asdict(floating.config)), floating.state_dict(), maker)
    state.unlink(missing_ok=True)
    note(f"{result}: step {learner.best['step']:.0f} of {steps}")


if __name__ == "__main__":
    run(main)
