"""Checkpoints of twins: the module they were made of, what they are to be, and their tensors."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model.checkpoint import load, save
from model.loop import config_json
from model.tasks.network import Choice, parse_choice
from pixelmend.config import parse
from pixelmend.errors import UserError
from quant.twin.build import Twin, build
from quant.twin.settings import QuantSettings

KIND = "quantized network"  # of the checkpoint
MODULE, TWIN = "module.", "twin."  # whose tensors


def write_twin(path: Path, choice: Choice, module: nn.Module, twin: Twin, made_by: dict[str, Any]) -> None:
    """Write `twin`, made of the float `module` of `choice`.

    Of the module what has no weights of a convolution goes along, batch norm and slopes: with negative gains there, a
    twin has signed quantizers where it has unsigned ones without.
    """
    config = config_json({"network": choice.as_dict(), "quant": asdict(twin.settings)})
    state = {MODULE + name: tensor for name, tensor in _pointwise(module).items()}
    state |= {TWIN + name: tensor for name, tensor in twin.state_dict().items()}
    save(path, KIND, config, state, made_by)


def read_twin(path: Path) -> tuple[Choice, nn.Module, Twin]:
    """What `write_twin` wrote, in evaluation, the module with its convolutions' weights drawn.

    `UserError` where it can't be used.
    """
    stored = load(path, KIND)
    choice = parse_choice(stored.config, path)
    settings = parse(stored.config.get("quant", {}), QuantSettings, f"{path}: quant")
    with torch.random.fork_rng():
        module = choice.make().eval()
    parts: dict[str, dict[str, Tensor]] = {MODULE: {}, TWIN: {}}
    for name, tensor in stored.state.items():
        prefix = next((one for one in parts if name.startswith(one)), None)
        if prefix is None:
            raise UserError(f"{path}: tensor '{name}': expected one of module. or twin.")
        parts[prefix][name.removeprefix(prefix)] = tensor
    try:
        if parts[MODULE].keys() != _pointwise(module).keys():
            raise RuntimeError(f"module has {sorted(_pointwise(module))}, the file {sorted(parts[MODULE])}")
        module.load_state_dict(module.state_dict() | parts[MODULE])
        twin = build(module, settings)
        twin.load_state_dict(parts[TWIN])
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise UserError(f"{path}: the tensors don't fit the network it describes: {detail}") from error
    return choice, module, twin.eval()


def _pointwise(module: nn.Module) -> dict[str, Tensor]:
    """The state of all layers but convolutions, by name."""
    layers = [name for name, one in module.named_modules() if isinstance(one, nn.Conv2d | nn.ConvTranspose2d)]
    return {
        name: tensor
        for name, tensor in module.state_dict().items()
        if not any(name.startswith(f"{layer}.") for layer in layers)
    }
