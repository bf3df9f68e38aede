"""Checkpoints: safetensors with the configuration and the provenance in the header.

Loading executes no code, and equal contents give equal bytes: the format orders the tensors, and the header
holds sorted JSON. `kind` names what the tensors are (`generator`, a stage's own word), so that one stage's
checkpoint is not taken for another's.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from pixelmend.errors import UserError
from pixelmend.files import replacing

FORMAT = "pixelmend checkpoint 1"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds."""

    config: dict[str, Any]  # JSON-able, checked by whoever builds a network from it
    state: dict[str, Tensor]
    made_by: dict[str, Any]  # seed, commit, versions, ...


def save(
    path: Path, kind: str, config: dict[str, Any], state: dict[str, Tensor], made_by: dict[str, Any]
) -> None:
    """Write a checkpoint atomically. `config` and `made_by` are JSON-able; tensors go to the CPU."""
    # One metadata value: safetensors orders several by a hash that changes from run to run.
    header = {"format": FORMAT, "kind": kind, "config": config, "made_by": made_by}
    stored = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    data = to_bytes(stored, metadata={"pixelmend": json.dumps(header, sort_keys=True)})
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def load(path: Path, kind: str) -> Checkpoint:
    """Read a checkpoint of this `kind`.

    `UserError` where the file is missing, damaged, made by something else, or of another kind.
    """
    if not path.is_file():
        raise UserError(f"{path}: expected a checkpoint of kind '{kind}', found no such file")
    try:
        with safe_open(path, framework="pt") as stored:
            header = _header(path, stored.metadata())
            if header["kind"] != kind:
                raise UserError(
                    f"{path}: expected a checkpoint of kind '{kind}', got kind '{header['kind']}'"
                )
            state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 not a mapping
    except (SafetensorError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a checkpoint, or damaged ({error}); make it again") from error
    return Checkpoint(header["config"], state, header["made_by"])


def fill(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Copy `state` into `network`; `UserError` names `path` and the first tensor that does not fit."""
    own = cast(dict[str, Tensor], network.state_dict())
    for name in sorted(own.keys() | state.keys()):
        expected = tuple(own[name].shape) if name in own else "no such tensor"
        came = tuple(state[name].shape) if name in state else "no such tensor"
        if expected != came:
            raise UserError(f"{path}: tensor '{name}': expected {expected}, got {came}")
    network.load_state_dict(state)


def _header(path: Path, metadata: dict[str, str] | None) -> dict[str, Any]:
    try:
        header = json.loads((metadata or {})["pixelmend"])
        if header["format"] == FORMAT and {"kind", "config", "made_by"} <= header.keys():
            return header
        came = repr(header["format"])
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError):
        came = "a file written by another program"
    raise UserError(f"{path}: expected '{FORMAT}', got {came}")
