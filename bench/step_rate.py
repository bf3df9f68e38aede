"""Training steps a second, in as many processes as this is started in; see `bench.processes`.

    python -m torch.distributed.run --standalone --nproc-per-node 2 -m bench.step_rate \\
        --config configs/tiny.toml --data data/photos --out build/step_rate.json
"""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from model.defects import DefectConfig
from model.generator import Generator, GeneratorConfig
from model.learn import Learner, TrainConfig
from model.loop import load_pools
from model.photos import find_photos
from model.processes import processes, rank, world
from pixelmend import config as configuration
from pixelmend.console import run
from pixelmend.files import write_json

WARM = 3  # steps before the clock starts


def main(
    config: Annotated[Path, typer.Option(help="a file of configs/; [generator], [defects], [train]")],
    data: Annotated[Path, typer.Option(help="folder of photographs")],
    out: Annotated[Path, typer.Option(help="JSON file to write")],
    steps: Annotated[int, typer.Option(help="steps to time", min=1)] = 40,
) -> None:
    """Time the steps of a training; nothing of it is kept."""
    settings = configuration.load(config, "train", TrainConfig)
    defects = configuration.load(config, "defects", DefectConfig)
    torch.set_num_threads(settings.threads)
    with processes(settings.device):
        pool, validation = load_pools(defects, settings, find_photos(data))
        torch.manual_seed(settings.seed)
        network = Generator(configuration.load(config, "generator", GeneratorConfig))
        learner = Learner(network, defects, settings, pool, validation)
        for _ in range(WARM):
            learner.advance()
        start = time.perf_counter()
        for _ in range(steps):
            learner.advance()  # ends with a number from the device, so nothing is left under way
        seconds = time.perf_counter() - start
        if rank() == 0:
            write_json(out, {"processes": world(), "steps": steps, "seconds": seconds})


if __name__ == "__main__":
    run(main)
