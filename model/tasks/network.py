"""The network of a task: one of `model.networks` by name, or a module of a user's own, and its checkpoint.

[network]
name = "dncnn"                 # or module = "mine.py:Net"
width = 32                     # what its configuration, or the module's constructor, takes
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from model.checkpoint import fill, load, save
from model.networks import SHAPES
from pixelmend import config as configuration
from pixelmend.errors import UserError

KIND = "network"  # of the checkpoint


@dataclass(frozen=True)
class Choice:
    """Which network, and what its constructor is given; JSON-able."""

    name: str  # of `SHAPES`, or FILE.py:CLASS
    parameters: dict[str, Any]

    def make(self) -> nn.Module:
        """With random weights, of torch's generator. `UserError` where it can't be made."""
        if ":" in self.name:
            return _theirs(self.name, self.parameters)
        if self.name not in SHAPES:
            raise UserError(f"[network] name: expected one of {', '.join(SHAPES)}, got {self.name!r}")
        kind, shape = SHAPES[self.name]
        made: nn.Module = kind(configuration.parse(self.parameters, shape, "[network]"))
        return made

    def as_dict(self) -> dict[str, Any]:
        """For a checkpoint's configuration."""
        return {"name": self.name, "parameters": self.parameters}


def load_choice(path: Path) -> Choice:
    """The table [network] of a configuration; a module's file is looked for beside it."""
    table = dict(configuration.read(path).get("network", {}))
    name, module = table.pop("name", None), table.pop("module", None)
    if (name is None) == (module is None):
        raise UserError(
            f"{path}: [network] expected name, one of {', '.join(SHAPES)}, or module, FILE.py:CLASS; got "
            f"{'both' if name else 'neither'}"
        )
    if module is not None:
        file, _, kind = str(module).rpartition(":")
        if not file.endswith(".py") or not kind:
            raise UserError(f"{path}: [network] module: expected FILE.py:CLASS, got {module!r}")
        name = f"{(path.parent / file).resolve()}:{kind}"
    return Choice(str(name), table)


def write_network(path: Path, choice: Choice, network: nn.Module, made_by: dict[str, Any]) -> None:
    """Write the checkpoint of a float network."""
    save(path, KIND, {"network": choice.as_dict()}, network.state_dict(), made_by)


def read_network(path: Path) -> tuple[Choice, nn.Module]:
    """The network of a checkpoint, in evaluation; `UserError` where it can't be used."""
    stored = load(path, KIND)
    choice = parse_choice(stored.config, path)
    network = choice.make().eval()
    fill(network, stored.state, path)
    return choice, network


def parse_choice(config: dict[str, Any], path: Path) -> Choice:
    """The table `network` of a checkpoint's configuration.

    A module's file that is no longer where it was is looked for beside the checkpoint.
    """
    table = config.get("network")
    if not isinstance(table, dict) or not isinstance(table.get("parameters"), dict) or "name" not in table:
        raise UserError(f"{path}: expected the table network in it, got {config!r}")
    name = str(table["name"])
    file, _, kind = name.rpartition(":")
    beside = path.parent / Path(file).name
    if file and not Path(file).is_file() and beside.is_file():
        name = f"{beside.resolve()}:{kind}"
    return Choice(name, table["parameters"])


def _theirs(name: str, parameters: dict[str, Any]) -> nn.Module:
    file, _, kind = name.rpartition(":")
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    if spec is None or spec.loader is None or not Path(file).is_file():
        raise UserError(
            f"[network] module: {file}: expected a Python file, found nothing there, nor beside the checkpoint"
        )
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        made = getattr(module, kind)(**parameters)
    except Exception as error:  # the user's own code
        raise UserError(f"[network] module: {name}: {type(error).__name__}: {error}") from error
    if not isinstance(made, nn.Module):
        raise UserError(f"[network] module: {name}: expected a torch.nn.Module, got {type(made).__name__}")
    return made
