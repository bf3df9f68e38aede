"""Operators that FINN has no RTL for. Importing registers them with FINN."""

from qonnx.custom_op.registry import add_op_to_domain

from hls.ops.base import DOMAIN, StreamOp
from hls.ops.fork.op import StreamFork_rtl
from hls.ops.pixel_shuffle.op import PixelShuffle_rtl
from hls.ops.select.op import PixelSelect_rtl
from hls.ops.skip_add.op import SkipAdd_rtl

OPERATORS: tuple[type[StreamOp], ...] = (StreamFork_rtl, SkipAdd_rtl, PixelShuffle_rtl, PixelSelect_rtl)

__all__ = [
    "DOMAIN",
    "OPERATORS",
    "PixelSelect_rtl",
    "PixelShuffle_rtl",
    "SkipAdd_rtl",
    "StreamFork_rtl",
    "StreamOp",
    "register",
]


def register() -> None:
    """Make FINN's `getCustomOp` and `is_rtl_node` know the operators; may be called again."""
    for operator in OPERATORS:
        add_op_to_domain(DOMAIN, operator)


register()
