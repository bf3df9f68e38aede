"""A network that paints what it selects -> one that only selects, and leaves the filling to the pyramid.

    python -m quant.refill --checkpoint selective/qat.safetensors --out build/z2-256/start.safetensors

Of the last layer the score alone is kept; the result calls the same pixels broken, to the bit. It is what
`quant.qat` goes on from: the score was trained for another filling.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from model.checkpoint import save
from model.loop import config_json
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest
from pixelmend.provenance import made_by
from quant.generator import QuantGenerator
from quant.qat import KIND, load_twin


def refilled(painting: QuantGenerator, levels: int) -> QuantGenerator:
    """The network of mode `filled` with the score of a `selective` one; the argument stays as it is."""
    filling = QuantGenerator(replace(painting.config, mode="filled", fill_levels=levels), painting.quant)
    state = painting.state_dict()
    last = f"dec.{painting.config.levels - 1}"
    state[f"{last}.weight"] = state[f"{last}.weight"][:, -1:]  # transposed: input channels first
    state[f"{last}.bias"] = state[f"{last}.bias"][-1:]
    filling.load_state_dict(state)
    return filling.eval()


def main(
    checkpoint: Annotated[Path, typer.Option(help="quantized network of mode 'selective'")],
    out: Annotated[Path, typer.Option(help="checkpoint to write")],
    levels: Annotated[int, typer.Option(help="halvings of the pyramid", min=1, max=6)] = 3,
) -> None:
    """Keep the score of a selective network and fill what it selects from a pyramid."""
    painting = load_twin(checkpoint)
    if painting.config.mode != "selective":
        raise UserError(f"{checkpoint}: expected a network of mode 'selective', got '{painting.config.mode}'")
    filling = refilled(painting, levels)
    maker = made_by() | {"stage": "quant.refill", "start": file_digest(checkpoint)}
    config = config_json({"generator": asdict(filling.config), "quant": asdict(filling.quant)})
    save(out, KIND, config, filling.state_dict(), maker)
    note(f"{out}: the score of {checkpoint}, filled from {levels} halvings")


if __name__ == "__main__":
    run(main)
