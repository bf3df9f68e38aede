"""ConvolutionInputGenerator_rtl, FINN's: the windows of a convolution, one after the other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from finn.custom_op.fpgadataflow.rtl import convolutioninputgenerator_rtl
from qonnx.core.modelwrapper import ModelWrapper

from hls.cost import weight_memory
from hls.ops.access import Access, Axis
from hls.ops.finn import FinnOp
from hls.ops.folding import narrowest
from hls.ops.instance import instantiated
from hls.ops.operator import Array, Frame, Operator, Work
from hls.ops.window import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit


class ConvolutionInputGenerator_rtl(FinnOp, convolutioninputgenerator_rtl.ConvolutionInputGenerator_rtl):
    """(1, H, W, C) -> (1, Y, X, k_y * k_x * C): window (y, x) has the rows y*s + u*d, the columns x*s + v*d.

    In the order (u, v, c). The last window reaches the last row and column.
    """

    short = "window"
    repeats = True
    synthesis_rank = 2
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        kernel, stride, dilation = (self.numbers(key) for key in ("ConvKernelDim", "Stride", "Dilation"))
        spans = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilation, strict=True)]
        views = np.lib.stride_tricks.sliding_window_view(inputs[0], tuple(spans), axis=(1, 2))
        views = views[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]  # N, Y, X, C, u, v
        count, rows, columns, channels = views.shape[:4]
        size = kernel[0] * kernel[1] * channels
        return [views.transpose(0, 1, 2, 4, 5, 3).reshape(count, rows, columns, size)]

    def get_buffer_depth(self) -> int:
        """FINN's, and as many places as its address ever goes ahead, which wraps once at most: more than FINN's where a
        stride goes far beyond the kernel, such as every second row of a kernel of one.
        """
        depth = int(super().get_buffer_depth())
        if self.select_impl_style() != "default":
            return depth
        kernel, stride, dilation = (self.numbers(key) for key in ("ConvKernelDim", "Stride", "Dilation"))
        rows, columns = ((taps - 1) * apart for taps, apart in zip(kernel, dilation, strict=True))
        width, folds = self.numbers("IFMDim")[1], self.number("IFMChannels") // self.number("SIMD")
        least = rows * width + columns + 1
        ahead = max(stride[1], columns + 1 + (stride[0] - 1) * width) - least
        return max(depth, ahead * folds + 1)

    def access(self, index: int) -> Access:
        kernel, stride, dilation = (self.numbers(key) for key in ("ConvKernelDim", "Stride", "Dilation"))
        rows, columns = (
            Axis(step, last=(taps - 1) * apart)
            for step, taps, apart in zip(stride, kernel, dilation, strict=True)
        )
        return Access(rows, columns)

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        kernel, stride, dilation = (self.numbers(key) for key in ("ConvKernelDim", "Stride", "Dilation"))
        held = int(not any(frame.fifo_behind))
        if kernel == [1, 1]:
            beats, width = self.get_folded_input_shape()[-2], self.numbers("IFMDim")[1]
            return "pick", [beats, width, frame.rows_in[0], *stride, held]
        return "window", [
            self.get_folded_input_shape()[-2], self.numbers("IFMDim")[1], frame.rows_in[0],
            self.numbers("OFMDim")[1], frame.rows_out[0], *kernel, *stride, *dilation,
            self.get_buffer_depth(), held,
        ]  # fmt: skip

    def ahead(self, producer: Operator | None) -> int:
        return 0

    def limits(self) -> dict[str, int]:
        return {"SIMD": self.number("IFMChannels")}

    def fold(self, target_cycles: int, producer: Operator | None, before: dict[str, int]) -> dict[str, int]:
        return narrowest(self, target_cycles)

    def footprint(self) -> tuple[float, float]:
        """Counters, and the rows that wait."""
        width, depth = self.get_instream_width(), self.get_buffer_depth()
        _, blocks, luts = weight_memory(width, depth)
        return 255.0 + luts, blocks

    def work(self) -> Work:
        return Work()

    def instance(self, model: ModelWrapper) -> Iterator[str]:
        return instantiated(self)

    def unit(self, place: "Place") -> "Unit":
        (height, width), kernel = place.numbers("IFMDim"), place.numbers("ConvKernelDim")
        stride, dilation = place.numbers("Stride"), place.numbers("Dilation")
        constants = {
            "HEIGHT": height, "WIDTH": width, "CHANNELS": place.number("IFMChannels"),
            "KERNEL_H": kernel[0], "KERNEL_W": kernel[1], "STRIDE_H": stride[0], "STRIDE_W": stride[1],
            "DILATION_H": dilation[0], "DILATION_W": dilation[1],
            "SIMD": place.number("SIMD"), "BITS": place.kind().bitwidth(),
        }  # fmt: skip
        return place.simple("sliding_window", "the windows of a convolution", constants)
