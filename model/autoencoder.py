"""The frozen autoencoder whose latents a `latent_inpainter` is held to.

It is a float checkpoint of `model.train`, trained with the objective `autoencoder`, of the same architecture.
"""

from pathlib import Path
from typing import Any

from model.checkpoint import load
from model.evaluate import load_generator
from model.generator import Generator, GeneratorConfig
from pixelmend.errors import UserError
from pixelmend.files import file_digest
from pixelmend.provenance import ROOT

SAME = ("widths", "kernel", "stride", "skips", "center", "middle")
"""What must be as in the network that is trained, for the latents to be comparable."""


def digests(autoencoder: str | None) -> dict[str, Any]:
    """What a training depends on beside its settings and photographs; a relative path starts at the project.

    `UserError` where there is no such file.
    """
    return {} if autoencoder is None else {"autoencoder": file_digest(ROOT / autoencoder)}


def load_autoencoder(autoencoder: str, config: GeneratorConfig) -> Generator:
    """The network of a checkpoint, in evaluation, its weights fixed.

    `UserError` where the checkpoint can't be used, was trained otherwise, or is of another architecture.
    """
    path = Path(ROOT / autoencoder)
    network = load_generator(path)
    objective = load(path, "generator").made_by.get("train", {}).get("objective")
    if objective != "autoencoder":
        raise UserError(
            f"[train] autoencoder: expected a checkpoint trained with objective 'autoencoder', "
            f"but {path} was with {objective!r}"
        )
    for field in SAME:
        own, came = getattr(config, field), getattr(network.config, field)
        if own != came:
            raise UserError(
                f"[train] autoencoder: expected the architecture of [generator], {field} = {own}; "
                f"{path} has {came}"
            )
    return network.requires_grad_(False)
