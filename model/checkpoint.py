"""Checkpoints: safetensors with the configuration and the provenance in the header.

Loading executes no code, and equal contents give equal bytes: the format orders the tensors, and the header
holds sorted JSON. `kind` names what the tensors are (`generator`, a stage's own word), so that one stage's
checkpoint is not taken for another's.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from pixelmend.errors import UserError
from pixelmend.files import replacing

FORMAT = "pixelmend checkpoint 1"
HEADER = {"kind": str, "config": dict, "made_by": dict}


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

    `UserError` where the file is missing, damaged, made by something else, of another kind, or holds a number
    that is not finite.
    """
    with _opened(path, f"a checkpoint of kind '{kind}'") as stored:
        header = _header(path, stored.metadata())
        if header["kind"] != kind:
            raise UserError(f"{path}: expected a checkpoint of kind '{kind}', got kind '{header['kind']}'")
        state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 not a mapping
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise UserError(f"{path}: tensor '{name}': expected finite numbers, got nan or infinity")
    return Checkpoint(header["config"], state, header["made_by"])


def kind_of(path: Path) -> str:
    """The kind of a checkpoint; `UserError` as for `load`."""
    with _opened(path, "a checkpoint") as stored:
        return str(_header(path, stored.metadata())["kind"])


def fill(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Copy `state` into `network`; `UserError` names `path` and the first tensor that does not fit."""
    own = cast(dict[str, Tensor], network.state_dict())
    for name in sorted(own.keys() | state.keys()):
        expected = tuple(own[name].shape) if name in own else "no such tensor"
        came = tuple(state[name].shape) if name in state else "no such tensor"
        if expected != came:
            raise UserError(f"{path}: tensor '{name}': expected {expected}, got {came}")
    network.load_state_dict(state)


@contextmanager
def _opened(path: Path, expected: str) -> Iterator[Any]:
    if not path.is_file():
        raise UserError(f"{path}: expected {expected}, found no such file")
    try:
        with safe_open(path, framework="pt") as stored:
            yield stored
    except (SafetensorError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a checkpoint, or damaged ({error}); make it again") from error


def _header(path: Path, metadata: dict[str, str] | None) -> dict[str, Any]:
    try:
        header = json.loads((metadata or {})["pixelmend"])
        came = repr(header["format"])
        if header["format"] == FORMAT:
            wrong = [key for key, kind in HEADER.items() if not isinstance(header.get(key), kind)]
            if not wrong:
                return cast(dict[str, Any], header)
            came = f"one whose {wrong[0]} is {header.get(wrong[0])!r}"
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        came = "a file written by another program"
    raise UserError(f"{path}: expected '{FORMAT}', got {came}")
