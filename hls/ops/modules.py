"""Which names of SystemVerilog modules are taken: a node's own module must not be called like one of them."""

import re
from functools import cache
from pathlib import Path

from hls.finn_setup import finn_workspace, rtllib
from hls.ops.registry import folders

TOP = "pixelmend_top"  # the top level's own
AROUND = frozenset({TOP, "stream_probe"})


def taken() -> frozenset[str]:
    """The modules of the registered operators, of FINN's library, of the top level and what it has around it."""
    return AROUND.union(_of_finn(), *map(_declared, folders()))


@cache
def _of_finn() -> frozenset[str]:
    with finn_workspace():
        return _declared(rtllib())


@cache
def _declared(folder: Path) -> frozenset[str]:
    texts = (path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in (".sv", ".v"))
    return frozenset(name for text in texts for name in re.findall(r"^\s*module\s+(\w+)", text, re.MULTILINE))
