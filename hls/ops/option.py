"""The option --operators of the commands: modules, or files, of a user's own operators."""

from typing import Annotated

import typer

from hls.ops.registry import load


def _loaded(names: list[str] | None) -> list[str] | None:
    for name in names or []:
        load(name)
    return names


Operators = Annotated[
    list[str] | None,
    typer.Option(
        "--operators", callback=_loaded, help="module, or .py file, of your own operators; may be repeated"
    ),
]
"""Of a command's parameter `operators`, which it need not look at: they are registered before it runs."""
