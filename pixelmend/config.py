"""Configurations: `configs/*.toml` -> one frozen dataclass per stage.

A configuration file has one table per stage; a stage reads its own table only. With `extends = "other.toml"`, a
path beside it, it has all that the other has and says only what differs; a table that names a network is whole. An
unknown table or key and a value out of range are `UserError`s that name the file, the key, what was expected and what
came.
"""

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from pixelmend.errors import UserError

# Every table a configuration may have, and the dataclass that reads it.
TABLES = {
    "frame": "pixelmend.config.Frame",
    "generator": "model.generator.GeneratorConfig",
    "defects": "model.defects.DefectConfig",
    "train": "model.learn.TrainConfig",
    "prune": "quant.shrink.PruneConfig",
    "quant": "quant.bits.QuantConfig",
    "qat": "quant.qat.QatConfig",
    "hls": "hls.config.HlsConfig",
    "sim": "sim.config.SimConfig",
}

# Those of a configuration that has a table [task], for a task other than repair.
TASK_TABLES = {
    "frame": "pixelmend.config.Frame",
    "task": "model.tasks.task.TaskConfig",
    "noise": "model.noise.NoiseConfig",
    "network": "model.tasks.network.Choice",  # its name or module, and what that network's own configuration has
    "train": "model.tasks.learn.TaskSchedule",
    "quant": "quant.twin.settings.QuantSettings",
    "qat": "quant.twin.qat.TaskQatConfig",
    "hls": "hls.config.HlsConfig",
    "sim": "sim.config.SimConfig",
}

# Those of one that has a table [features]: a feature extractor to train.
FEATURE_TABLES = {
    "features": "model.features.extractor.ExtractorConfig",
    "train": "model.schedule.Schedule",
}

CHECKED = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)
"""What every configuration dataclass passes to `pydantic.dataclasses.dataclass(config=...)`."""

Stage = TypeVar("Stage")

Side = Annotated[int, Field(ge=1, le=8192)]


@dataclass(frozen=True, config=CHECKED)
class Frame:
    """Size of the image a build works on, in pixels."""

    height: Side = 256
    width: Side = 256


def load_frame(path: Path, rows: int | None = None) -> Frame:
    """The table [frame] of a configuration file; with `rows`, a band of so many rows at its full width.

    `UserError` where the frame has fewer rows than the band.
    """
    frame = load(path, "frame", Frame)
    if rows is None:
        return frame
    if rows > frame.height:
        raise UserError(f"--rows: expected at most the {frame.height} rows of [frame] in {path}, got {rows}")
    return Frame(rows, frame.width)


def load(path: Path, table: str, cls: type[Stage]) -> Stage:
    """Read `table` of the TOML file `path` into the pydantic dataclass `cls`.

    A table that is absent gives the defaults of `cls`.
    """
    return parse(read(path).get(table, {}), cls, f"{path}: [{table}]")


def parse(values: dict[str, Any], cls: type[Stage], where: str) -> Stage:
    """Check `values` against the pydantic dataclass `cls`; `where` opens the error message."""
    try:
        return TypeAdapter(cls).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        keys, holder = _place(cls, first["loc"])
        key = ".".join(keys) or "the whole table"
        if first["type"] == "unexpected_keyword_argument":
            known = ", ".join(holder.__dataclass_fields__)
            raise UserError(f"{where} {key}: unknown key; known are {known}") from error
        reason = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{where} {key}: {reason}; got {first['input']!r}") from error


def _place(cls: Any, path: tuple[int | str, ...]) -> tuple[list[str], Any]:
    """The keys along `path` as the file has them, and the dataclass that the last one stands in.

    Where a field is one of several dataclasses, pydantic's path has the name of one in addition.
    """
    keys, holder = [], cls
    for part in path:
        members = {getattr(member, "__name__", ""): member for member in get_args(cls)}
        if part in members:
            cls = members[part]
            continue
        keys.append(str(part))
        holder = cls
        fields = getattr(cls, "__dataclass_fields__", {})
        cls = fields[part].type if part in fields else None
    return keys, holder


def read(path: Path) -> dict[str, Any]:
    """Read a TOML configuration, and what it extends, and check its table names."""
    values = _extended(path, ())
    tables = tables_of(values)
    for name, value in values.items():
        if name not in tables:
            of = next(
                (f" of a configuration with [{key}]" for key in ("task", "features") if key in values), ""
            )
            raise UserError(
                f"{path}: unknown table or key '{name}'; known tables{of} are {', '.join(tables)}"
            )
        if not isinstance(value, dict):
            raise UserError(f"{path}: '{name}' must be a table [{name}], got {value!r}")
    return values


def check(path: Path) -> None:
    """Check every table of a configuration, so that a stage that takes long knows that later ones can begin.

    `UserError` for the first mistake. [network] is checked by whoever makes the network.
    """
    values = read(path)
    for table, place in tables_of(values).items():
        if table in values and table != "network":
            module, name = place.rsplit(".", 1)
            load(path, table, getattr(import_module(module), name))


def _extended(path: Path, extending: tuple[Path, ...]) -> dict[str, Any]:
    """The tables of a file with those of what it extends; `extending`: the files that lead to it."""
    if not path.is_file():
        by = f", which {extending[-1]} extends" if extending else ""
        raise UserError(f"{path}: no such configuration{by}; expected a TOML file, as in configs/")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, or thousands of digits or brackets
        raise UserError(f"{path}: not valid TOML: {error}") from error
    network = values.get("network")
    if extending and isinstance(network, dict) and isinstance(network.get("module"), str):
        network["module"] = str(
            (path.parent / network["module"]).resolve()
        )  # it lies beside the file that names it
    if "extends" not in values:
        return values
    base = values.pop("extends")
    if not isinstance(base, str):
        raise UserError(f"{path}: extends: expected the path of a configuration, got {base!r}")
    chain = (*extending, path.resolve())
    if (path.parent / base).resolve() in chain:
        raise UserError(f"{path}: extends: {base} extends this file itself")
    return _over(_extended(path.parent / base, chain), values)


def _over(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """`base` with `values`: table by table, key by key; another network takes nothing over."""
    merged = dict(base)
    for key, value in values.items():
        before = base.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and not {"name", "module"} & value.keys():
            value = _over(before, value)
        merged[key] = value
    return merged


def tables_of(values: dict[str, Any]) -> dict[str, str]:
    """The tables that a configuration with these may have."""
    if "task" in values:
        return TASK_TABLES
    return FEATURE_TABLES if "features" in values else TABLES
