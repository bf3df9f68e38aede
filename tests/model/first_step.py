"""What one process, or several, make of the first steps of a training; run by `test_processes`.

python -m torch.distributed.run --standalone --nproc-per-node 2 tests/model/first_step.py RESULT
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.critic import CriticConfig
from model.crops import CropPool
from model.defects import DefectConfig
from model.generator import Generator, GeneratorConfig
from model.learn import Learner, TrainConfig, validation_set
from model.processes import anywhere, gathered, of_the_first, processes, rank, world

DEFECTS = DefectConfig(boxes=(0, 3), side=(3, 9), fill=0.4)  # frames differ in their masks' sizes
SETTINGS = TrainConfig(
    objective="dual_encoder",
    critic=CriticConfig(widths=(6, 6), gradient_penalty=1.0, steps=2),
    steps=6,
    batch=4,
    crop=24,
    validation_crops=3,
    learning_rate=1e-3,
    betas=(0.9, 0.99),
    lambda_psnr=1.0,
    lambda_ssim=1.0,
)


def first_steps() -> dict[str, Any]:
    """Gradients of the first step, the validation after three, and what the collectives give."""
    torch.set_num_threads(1)
    photo = np.random.default_rng(6).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    pool = CropPool([photo], SETTINGS.crop)
    torch.manual_seed(5)
    network = Generator(GeneratorConfig(widths=(6, 8), mode="selective"))
    learner = Learner(network, DEFECTS, SETTINGS, pool, validation_set(pool, DEFECTS, SETTINGS))
    assert learner.adversary is not None
    masked = gathered([int(learner._batch().mask.sum())])
    learner.advance()
    named = [*network.named_parameters(), *learner.adversary.critic.named_parameters()]
    gradients = {name: value.grad.clone() for name, value in named if value.grad is not None}
    for _ in range(2):
        learner.advance()
    return {
        "gradients": gradients,
        "row": learner.validate(),
        "masked": masked,
        "anywhere": (anywhere(rank() == world() - 1), anywhere(False)),
        "gathered": gathered(list(range(rank(), 5, world()))),
        "first": of_the_first(lambda: 10 + rank()),
    }


def main(out: Path) -> None:
    """Write the result of the first process, and check that the others have the same."""
    with processes("cpu"):
        result = first_steps()
        rows = gathered([result["row"]])
        assert all(row == rows[0] for row in rows), rows
        if rank() == 0:
            torch.save(result, out)
    # a thread of the group that outlives it can abort the interpreter at its end
    threads = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    assert not any("gloo" in name for name in threads), threads


if __name__ == "__main__":
    main(Path(sys.argv[1]))
