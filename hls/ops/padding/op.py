"""FMPadding_rtl, FINN's: zeros around a frame."""

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from finn.custom_op.fpgadataflow.rtl import fmpadding_rtl
from qonnx.core.modelwrapper import ModelWrapper

from hls.ops.access import Access, Axis
from hls.ops.finn import FinnOp
from hls.ops.folding import narrowest
from hls.ops.instance import instantiated, unused_axilite
from hls.ops.operator import Array, Frame, Operator, Work
from hls.ops.padding import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit

ROWS_AHEAD = 1.75
ROWS_BESIDE = 0.75  # of them beside the zeros at the bottom


class FMPadding_rtl(FinnOp, fmpadding_rtl.FMPadding_rtl):
    """(1, H, W, C) -> (1, top + H + bottom, left + W + right, C); `Padding` is [top, left, bottom, right]."""

    short = "pad"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        top, left, bottom, right = self.numbers("Padding")
        return [np.pad(inputs[0], ((0, 0), (top, bottom), (left, right), (0, 0)))]

    def access(self, index: int) -> Access:
        top, left, _, _ = self.numbers("Padding")
        return Access(Axis(first=-top, last=-top), Axis(first=-left, last=-left))

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        width = self.numbers("ImgDim")[1]
        return "pad", [self.get_folded_input_shape()[-2], width, frame.rows_in[0], *self.numbers("Padding")]

    def ahead(self, producer: Operator | None) -> int:
        """A sliding window takes in the first rows of a frame only when the last window of the frame before
        has left, and a layer's rows come in bursts: `ROWS_AHEAD` rows bridge both, and as many more as zeros are
        handed on at the bottom beyond the first row of them, for no row is taken meanwhile.
        """
        return self._rows_ahead(producer, max(ROWS_AHEAD, self.numbers("Padding")[2] + ROWS_BESIDE))

    def least_ahead(self, producer: Operator | None) -> int:
        return self._rows_ahead(producer, ROWS_AHEAD)

    def _rows_ahead(self, producer: Operator | None, rows: float) -> int:
        _, _, width, folds, _ = self.get_folded_input_shape()
        return 0 if producer is None else max(2, ceil(rows * width * folds))

    def limits(self) -> dict[str, int]:
        return {"SIMD": self.number("NumChannels")}

    def fold(self, target_cycles: int, producer: Operator | None, before: dict[str, int]) -> dict[str, int]:
        return narrowest(self, target_cycles)

    def footprint(self) -> tuple[float, float]:
        return 27.0, 0.0

    def work(self) -> Work:
        return Work()

    def instance(self, model: ModelWrapper) -> Iterator[str]:
        return instantiated(self, unused_axilite())

    def unit(self, place: "Place") -> "Unit":
        (height, width), (top, left, bottom, right) = place.numbers("ImgDim"), place.numbers("Padding")
        constants = {
            "HEIGHT": height, "WIDTH": width, "CHANNELS": place.number("NumChannels"), "TOP": top,
            "LEFT": left, "BOTTOM": bottom, "RIGHT": right,
            "SIMD": place.number("SIMD"), "BITS": place.kind().bitwidth(),
        }  # fmt: skip
        return place.simple("pad", "zeros around the frame", constants)
