"""A network with a score -> one that fills what it selects from a pyramid, or fills it in another way.

    python -m quant.refill --checkpoint selective/qat.safetensors --out start.safetensors --sweeps 2

Of the last layer of a network of mode `selective`, which paints what it selects, the score alone is kept;
one of mode `filled` keeps all. The result calls the same pixels broken, to the bit. `quant.qat` may go on
from it: the score was trained for another filling.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from model.checkpoint import load, save
from model.loop import config_json
from model.pyramid import MOST_SWEEPS
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest
from pixelmend.provenance import made_by
from quant.generator import QuantGenerator
from quant.qat import KIND, load_twin


def refilled(scoring: QuantGenerator, levels: int, sweeps: int) -> QuantGenerator:
    """The network of mode `filled` with the score of a `selective` or `filled` one, which stays as it is."""
    config = replace(scoring.config, mode="filled", fill_levels=levels, fill_sweeps=sweeps)
    filling = QuantGenerator(config, scoring.quant)
    state = scoring.state_dict()
    last = f"dec.{scoring.config.levels - 1}"
    state[f"{last}.weight"] = state[f"{last}.weight"][:, -1:]  # transposed: input channels first
    state[f"{last}.bias"] = state[f"{last}.bias"][-1:]
    filling.load_state_dict(state)
    return filling.eval()


def main(
    checkpoint: Annotated[Path, typer.Option(help="quantized network of mode 'selective' or 'filled'")],
    out: Annotated[Path, typer.Option(help="checkpoint to write")],
    levels: Annotated[int, typer.Option(help="halvings of the pyramid", min=1, max=6)] = 3,
    sweeps: Annotated[int, typer.Option(help="over what is filled", min=0, max=MOST_SWEEPS)] = 0,
) -> None:
    """Keep the score of a network and fill what it selects from a pyramid."""
    scoring = load_twin(checkpoint)
    if scoring.config.mode not in ("selective", "filled"):
        raise UserError(
            f"{checkpoint}: expected a network of mode 'selective' or 'filled', got '{scoring.config.mode}'"
        )
    filling = refilled(scoring, levels, sweeps)
    # what trained it, and what changed its filling
    maker = load(checkpoint, KIND).made_by | {
        "refill": made_by() | {"start": file_digest(checkpoint), "levels": levels, "sweeps": sweeps}
    }
    config = config_json({"generator": asdict(filling.config), "quant": asdict(filling.quant)})
    save(out, KIND, config, filling.state_dict(), maker)
    note(f"{out}: the score of {checkpoint}, filled from {levels} halvings, {sweeps} sweeps")


if __name__ == "__main__":
    run(main)
