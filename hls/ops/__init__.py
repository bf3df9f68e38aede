"""Operators that FINN has no RTL for. Importing registers them with FINN."""

from qonnx.custom_op.registry import add_op_to_domain

from hls.ops.base import DOMAIN, StreamOp
from hls.ops.correct.op import PixelCorrect_rtl
from hls.ops.double.op import PyramidDouble_rtl
from hls.ops.fork.op import StreamFork_rtl
from hls.ops.halve.op import PyramidHalve_rtl
from hls.ops.mark.op import PixelMark_rtl
from hls.ops.pixel_shuffle.op import PixelShuffle_rtl
from hls.ops.relax.op import PyramidRelax_rtl
from hls.ops.select.op import PixelSelect_rtl
from hls.ops.skip_add.op import SkipAdd_rtl

OPERATORS: tuple[type[StreamOp], ...] = (
    StreamFork_rtl,
    SkipAdd_rtl,
    PixelShuffle_rtl,
    PixelSelect_rtl,
    PixelMark_rtl,
    PyramidHalve_rtl,
    PyramidDouble_rtl,
    PyramidRelax_rtl,
    PixelCorrect_rtl,
)

__all__ = [
    "DOMAIN",
    "OPERATORS",
    "PixelCorrect_rtl",
    "PixelMark_rtl",
    "PixelSelect_rtl",
    "PixelShuffle_rtl",
    "PyramidDouble_rtl",
    "PyramidHalve_rtl",
    "PyramidRelax_rtl",
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
