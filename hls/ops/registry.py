"""Which operators there are: those of `hls/ops/`, and a user's own from outside the tree.

A user's operators are classes derived from `hls.ops.base.StreamOp` in a module of theirs that calls
`hls.ops.register(Class)` for each. The module is found by the entry point group `pixelmend.operators` of an
installed distribution, by `--operators MODULE` of the commands, or by the variable PIXELMEND_OPERATORS, which
holds names of modules or files separated by colons, and which `--operators` sets for the processes it starts.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from qonnx.custom_op.registry import add_op_to_domain, getCustomOp

from hls.ops.operator import Operator
from pixelmend.errors import UserError

DOMAIN = "finn.custom_op.fpgadataflow.rtl"
GROUP = "pixelmend.operators"
VARIABLE = "PIXELMEND_OPERATORS"

OURS = (
    "padding", "window", "matrix", "thresholds", "width_converter", "fifo", "fork", "skip_add", "select",
    "pixel_shuffle", "mark", "halve", "double", "relax", "correct", "concat", "slice", "upsample",
    "window_reduce",
)  # fmt: skip
"""The folders, in the order in which tables and tests list them."""

SHARED = Path(__file__).parent / "stream"
"""Modules of the top level and of operators that are no operators."""

_known: dict[str, type[Operator]] = {}
_asked: list[str] = []  # once: the modules of users


def register(operator: type[Operator]) -> type[Operator]:
    """Make FINN and us know an operator under the name of its class; may be called again.

    `UserError` where its name, or its short name, is another's, and for what is no operator.
    """
    if not (
        isinstance(operator, type)
        and issubclass(operator, Operator)
        and bool(getattr(operator, "short", None))
    ):
        raise UserError(
            f"{operator.__name__} of {operator.__module__}: expected a class derived from Operator with a "
            "`short` name"
        )
    for kind, other in _known.items():
        if (kind == operator.__name__ or other.short == operator.short) and not _same(operator, other):
            raise UserError(
                f"operator {operator.__name__} ('{operator.short}') of {operator.__module__}: the name is "
                f"taken by {kind} ('{other.short}') of {other.__module__}"
            )
    add_op_to_domain(DOMAIN, operator)
    _known[operator.__name__] = operator
    return operator


def _same(one: type[Operator], other: type[Operator]) -> bool:
    return one.__name__ == other.__name__ and one.__module__ == other.__module__


def load_users() -> None:
    """Import what entry points and PIXELMEND_OPERATORS name, when it is first asked for: not while we are imported
    ourselves, as such a module imports us.
    """
    if _asked:
        return
    _asked.append(os.environ.get(VARIABLE, ""))
    for point in entry_points(group=GROUP):
        point.load()
    for name in filter(None, _asked[0].split(":")):
        load(name)


def operators() -> Mapping[str, type[Operator]]:
    """All that are registered, by the type that a node of the graph has."""
    load_users()
    return MappingProxyType(_known)


def folders() -> list[Path]:
    """Where what belongs to an operator lies, proofs and planted bugs among it; and `SHARED`."""
    return [SHARED, *dict.fromkeys(operator.folder() for operator in operators().values())]


def facets(node: Any) -> Any:
    """The operator of a node: its facets, and FINN's view of it. `UserError` where there is none."""
    load_users()
    if node.op_type not in _known:
        raise UserError(
            f"node {node.name} is a {node.op_type}, which no operator of hls/ops or of --operators stands "
            f"for; there are {', '.join(_known)}"
        )
    return getCustomOp(node)


def load(name: str) -> ModuleType:
    """Import a user's operators: a module by its name, a file by its path. `UserError` where that fails."""
    before = set(_known)
    try:
        module = _file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
    except (ImportError, OSError, SyntaxError) as error:
        raise UserError(
            f"--operators {name}: expected a module or a .py file of operators; {error}"
        ) from error
    if set(_known) == before and not any(other.__module__ == module.__name__ for other in _known.values()):
        raise UserError(f"--operators {name}: the module registers no operator (hls.ops.register)")
    names = os.environ.get(VARIABLE, "").split(":")
    if name not in names:
        os.environ[VARIABLE] = ":".join([*filter(None, names), name])
    return module


def _file(path: Path) -> ModuleType:
    name = path.stem
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _ours() -> None:
    for folder in OURS:
        module = importlib.import_module(f"hls.ops.{folder}.op")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Operator)
                and value.__module__ == module.__name__
            ):
                register(value)


_ours()
