"""SlidingWindow_rtl: the windows of a convolution, one after the other."""

from typing import TYPE_CHECKING, Any

import numpy as np
from qonnx.core.datatype import BaseDataType

from hls.cost import weight_memory
from hls.ops.access import Access, Axis
from hls.ops.base import StreamOp
from hls.ops.operator import Array, Frame
from hls.ops.window import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit


class SlidingWindow_rtl(StreamOp):
    """(1, H, W, C) -> (1, Y, X, k_y * k_x * C): window (y, x) has the rows y*s + u*d, the columns x*s + v*d.

    In the order (u, v, c). Attributes: ImgDim [H, W], NumChannels C, Kernel, Stride, Dilation (rows, columns), SIMD
    (divides C), inputDataType (of both). There are as many windows as fit.
    """

    short = "window"
    core = "sliding_window"
    repeats = True
    synthesis_rank = 2
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {
            "ImgDim": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "Kernel": ("ints", True, []),
            "Stride": ("ints", True, []),
            "Dilation": ("ints", True, []),
            "inputDataType": ("s", True, ""),
        }

    def spans(self) -> list[int]:
        """Rows and columns from the first to the last of a window."""
        size, kernel, stride, dilation = (
            self.numbers(key) for key in ("ImgDim", "Kernel", "Stride", "Dilation")
        )
        spans = [(taps - 1) * apart + 1 for taps, apart in zip(kernel, dilation, strict=True)]
        if min(*kernel, *stride, *dilation) < 1 or any(
            span > side for span, side in zip(spans, size, strict=True)
        ):
            raise self.error(
                f"Kernel, Stride and Dilation must be positive and a window within {size[0]}x{size[1]} pixels, got "
                f"{kernel}, {stride}, {dilation}"
            )
        return spans

    def windows(self) -> list[int]:
        """Rows and columns of windows."""
        return [
            (side - span) // step + 1
            for side, span, step in zip(
                self.numbers("ImgDim"), self.spans(), self.numbers("Stride"), strict=True
            )
        ]

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.numbers("ImgDim"), self.number("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        rows, columns = self.numbers("Kernel")
        return (1, *self.windows(), rows * columns * self.number("NumChannels"))

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """A beat has lanes of one tap."""
        simd = self.get_folded_input_shape()[-1]
        *size, channels = self.get_normal_output_shape()
        return (*size, channels // simd, simd)

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        return self.integer_type("inputDataType")

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        return self.get_input_datatype()

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        kernel, stride, dilation = (self.numbers(key) for key in ("Kernel", "Stride", "Dilation"))
        spans = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilation, strict=True)]
        views = np.lib.stride_tricks.sliding_window_view(inputs[0], tuple(spans), axis=(1, 2))
        views = views[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]  # N, Y, X, C, u, v
        count, rows, columns, channels = views.shape[:4]
        size = kernel[0] * kernel[1] * channels
        return [views.transpose(0, 1, 2, 4, 5, 3).reshape(count, rows, columns, size)]

    def places(self) -> int:
        """Beats of its memory: what a window spans, and the rest of what a stride goes ahead while one is handed on."""
        (rows, columns), (down, right) = self.spans(), self.numbers("Stride")
        width, taps = self.numbers("ImgDim")[1], int(np.prod(self.numbers("Kernel")))
        span = (rows - 1) * width + columns
        more = max(0, right - 1 - taps) + max(0, (down - 1) * width - taps)
        return (span + more) * int(self.get_folded_input_shape()[-2])

    def access(self, index: int) -> Access:
        kernel, stride, dilation = (self.numbers(key) for key in ("Kernel", "Stride", "Dilation"))
        rows, columns = (
            Axis(step, last=(taps - 1) * apart)
            for step, taps, apart in zip(stride, kernel, dilation, strict=True)
        )
        return Access(rows, columns)

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        return "window", [
            self.get_folded_input_shape()[-2], self.numbers("ImgDim")[1], frame.rows_in[0],
            self.windows()[1], frame.rows_out[0], *self.numbers("Kernel"), *self.numbers("Stride"),
            *self.numbers("Dilation"), self.places(),
        ]  # fmt: skip

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        beats = int(self.get_folded_input_shape()[-2])
        parameters: dict[str, int | str] = {
            "WIDTH": self.get_instream_width(),
            "BEATS": beats,
            "PLACES": self.places(),
        }
        for key, attribute in (
            ("IMG", "ImgDim"), ("KERNEL", "Kernel"), ("STRIDE", "Stride"), ("DILATION", "Dilation"),
        ):  # fmt: skip
            rows, columns = self.numbers(attribute)
            parameters |= {f"{key}_H": rows, f"{key}_W": columns}
        return parameters, self.through_connections()

    def footprint(self) -> tuple[float, float]:
        """Counters, and the rows that wait."""
        _, blocks, luts = weight_memory(self.get_instream_width(), self.places())
        return self.lut_estimation("") + luts, blocks

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: counters and three differences."""
        return 180

    def unit(self, place: "Place") -> "Unit":
        (height, width), kernel = place.numbers("ImgDim"), place.numbers("Kernel")
        stride, dilation = place.numbers("Stride"), place.numbers("Dilation")
        constants = {
            "HEIGHT": height, "WIDTH": width, "CHANNELS": place.number("NumChannels"),
            "KERNEL_H": kernel[0], "KERNEL_W": kernel[1], "STRIDE_H": stride[0], "STRIDE_W": stride[1],
            "DILATION_H": dilation[0], "DILATION_W": dilation[1],
            "SIMD": place.number("SIMD"), "BITS": place.kind().bitwidth(),
        }  # fmt: skip
        return place.simple("sliding_window", "the windows of a convolution", constants)
