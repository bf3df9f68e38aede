"""The float network with a quantized one's parameters, to train it further without rounding.

    python -m quant.unquantize checkpoints/z2-256/qat.safetensors build/z2-256/float.safetensors

Weights and biases are those before rounding; activations are not quantized any more.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from model.checkpoint import save
from model.generator import Generator
from model.loop import config_json
from model.train import KIND
from pixelmend.console import note, run
from pixelmend.files import file_digest
from pixelmend.provenance import made_by
from quant.generator import QuantGenerator
from quant.qat import load_twin


def unquantized(twin: QuantGenerator) -> Generator:
    """The float network with the parameters of `twin`, which stays as it is."""
    floating = Generator(replace(twin.config, spectral_norm=False))
    own = dict(twin.named_parameters())
    with torch.no_grad():
        for name, value in floating.named_parameters():
            value.copy_(own[name])
    return floating


def main(
    checkpoint: Annotated[Path, typer.Argument(help="quantized network")],
    out: Annotated[Path, typer.Argument(help="float checkpoint to write")],
) -> None:
    """Write a quantized network's parameters as a float checkpoint."""
    floating = unquantized(load_twin(checkpoint))
    maker = made_by() | {"stage": "quant.unquantize", "start": file_digest(checkpoint)}
    out.parent.mkdir(parents=True, exist_ok=True)
    save(out, KIND, config_json(asdict(floating.config)), floating.state_dict(), maker)
    note(f"{out}: written")


if __name__ == "__main__":
    run(main)
