"""WindowReduce_rtl: every window to one pixel: its maximum, its sum, or its sum with constant weights."""

from math import ceil, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qonnx.core.datatype import BaseDataType, DataType

from hls.cost import weight_memory
from hls.cpp.roms import WORD_BITS, array, weight_words
from hls.cpp.units import Unit, structure
from hls.ops.access import POINTWISE, Access
from hls.ops.base import StreamOp
from hls.ops.integers import fits, holding
from hls.ops.operator import Array, Frame, Operator, Work, in_step
from hls.ops.window_reduce import cases
from pixelmend.files import write_text

if TYPE_CHECKING:
    from hls.cpp.units import Place

MODES = ("max", "sum", "weighted")  # by their numbers in window_reduce.sv
FEWEST_WEIGHT_BITS = 2


class WindowReduce_rtl(StreamOp):
    """(1, Y, X, k_y * k_x * C), windows in the order (u, v, c), -> (1, Y, X, C).

    out[y, x, c] is over the window's taps (u, v) the maximum ("max"), the sum ("sum"), or the sum of
    weights[(u, v), c] * in ("weighted": a depthwise convolution), exact. Attributes: OutDim [Y, X], Kernel
    [k_y, k_x], NumChannels C, Mode, SIMD (divides C), inputDataType, outputDataType ("": the narrowest that
    holds every result; of a weighted sum, with any weights of narrow range), weightDataType (INT<n> of 2 bits
    or more, of "weighted", which has the constant (k_y * k_x, C) as its last input), RamStyle of the weights.
    """

    short = "reduce"
    core = "window_reduce"
    synthesis_rank = 2
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {
            "OutDim": ("ints", True, []),
            "Kernel": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "Mode": ("s", True, "max", set(MODES)),
            "inputDataType": ("s", True, ""),
            "outputDataType": ("s", False, ""),
            "weightDataType": ("s", False, ""),
            "RamStyle": ("s", False, "distributed", {"distributed", "block"}),
        }

    @property
    def constants(self) -> int:  # type: ignore[override]
        """The weights, if it has any."""
        return int(self.weighted())

    def weighted(self) -> bool:
        """Whether its sums have weights."""
        return bool(self.get_nodeattr("Mode") == "weighted")

    def taps(self) -> int:
        """Of a window."""
        kernel = self.attribute("Kernel")
        if len(kernel) != 2 or min(kernel) < 1:
            raise self.error(f"Kernel must be two numbers of 1 or more, got {kernel}")
        return int(prod(kernel))

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        if ind:
            return (self.taps(), self.attribute("NumChannels"))
        return (1, *self.attribute("OutDim"), self.taps() * self.attribute("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("OutDim"), self.attribute("NumChannels"))

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        self.folds()
        return super().get_folded_input_shape(ind)

    def folds(self) -> int:
        """Beats of a tap."""
        return int(self.get_folded_output_shape()[-2])

    def weight_type(self) -> BaseDataType:
        """Of the constant."""
        kind = self.integer_type("weightDataType")
        if not kind.signed() or kind.bitwidth() < FEWEST_WEIGHT_BITS:
            raise self.error(
                f"weightDataType must be INT{FEWEST_WEIGHT_BITS} or a wider INT, got {kind.name}"
            )
        return kind

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        return self.weight_type() if ind else self.integer_type("inputDataType")

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        kind, mode = self.get_input_datatype(), self.get_nodeattr("Mode")
        if mode == "max":
            return kind
        if self.get_nodeattr("outputDataType"):
            chosen = self.integer_type("outputDataType")
            signed = self.weighted() or kind.signed()
            if chosen.signed() != signed or (mode == "sum" and chosen.bitwidth() < kind.bitwidth()):
                least = kind.bitwidth() if mode == "sum" else 1
                raise self.error(
                    f"outputDataType must be {'an INT' if signed else 'a UINT'} of {least} bits or more, "
                    f"got {chosen.name}"
                )
            return chosen
        if mode == "sum" and not kind.signed():
            return DataType[f"UINT{(self.taps() * int(kind.max())).bit_length()}"]
        most = int(self.weight_type().max()) if self.weighted() else 1
        furthest = self.taps() * most * max(-int(kind.min()), int(kind.max()))
        lowest = -furthest if self.weighted() else self.taps() * int(kind.min())
        return holding(lowest, furthest if self.weighted() else self.taps() * int(kind.max()))

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        count, rows, columns, size = inputs[0].shape
        taps = inputs[0].reshape(count, rows, columns, self.taps(), size // self.taps())
        if self.get_nodeattr("Mode") == "max":
            return [taps.max(-2)]
        whole = taps.astype(np.float64)  # exact up to 2**53
        result = np.einsum("nyxtc,tc->nyxc", whole, inputs[1]) if self.weighted() else whole.sum(-2)
        return [fits(self, result, self.get_output_datatype())]

    def access(self, index: int) -> Access:
        return POINTWISE

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        """A beat leaves in the step that takes the last tap's."""
        folds, windows = self.folds(), frame.rows_out[0] * self.attribute("OutDim")[1]
        beats = self.taps() * folds
        need = np.arange(windows)[:, None] * beats + beats - folds + np.arange(folds)
        return in_step([need.reshape(-1)], [windows * beats])

    def fold(self, target_cycles: int, producer: Operator | None, before: dict[str, int]) -> dict[str, int]:
        """The lanes in which windows come, where those are enough, and so no width converter."""
        enough = super().fold(target_cycles, producer, before)
        lanes = before.get("SIMD", 0)
        comes = lanes >= enough["SIMD"] and self.number("NumChannels") % lanes == 0
        return {"SIMD": lanes} if comes else enough

    def folded(self) -> None:
        """Where the weights are kept: shallow memories in LUTs, the others in block RAM."""
        if self.weighted():
            width = self.attribute("SIMD") * self.weight_type().bitwidth()
            self.set_nodeattr("RamStyle", weight_memory(width, self.taps() * self.folds())[0])

    def work(self) -> Work:
        if not self.weighted():
            return Work()
        weights = self.taps() * self.attribute("NumChannels")
        return Work(prod(self.attribute("OutDim")) * weights, weights, self.weight_type().bitwidth())

    def unit(self, place: "Place") -> Unit:
        name, simd, kind = place.node.name, place.number("SIMD"), place.kind()
        constants: dict[str, int | bool] = {
            "WINDOWS": prod(place.numbers("OutDim")), "TAPS": self.taps(), "FOLDS": self.folds(),
            "SIMD": simd,
            "IN_BITS": kind.bitwidth(), "IN_SIGNED": bool(kind.signed()),
            "OUT_BITS": place.result().bitwidth(),
        }  # fmt: skip
        if not self.weighted():
            constants["MAXIMUM"] = self.get_nodeattr("Mode") == "max"
            return place.simple("window_reduce", "a pixel of every window", constants)
        bits = self.weight_type().bitwidth()
        words = weight_words(place.constant(1).reshape(-1, 1), 1, simd, bits)
        constants |= {"WEIGHT_BITS": bits, "WORDS": words.shape[1]}
        rom = array(
            f"static const unsigned long long {name}_weights[{words.shape[0]}][{words.shape[1]}]", words
        )
        macro = "KERNELS_ROM_BRAM" if self.get_nodeattr("RamStyle") == "block" else "KERNELS_ROM_LUTRAM"
        return Unit(
            rom + structure(name, f"weighted sums of windows, {WORD_BITS} bits a word of weights", constants),
            [f"window_weigh<{name}>({place.names()}, {name}_weights);"],
            "window_reduce",
            bindings=[f"{macro}({name}_weights)"],
        )

    def generate_hdl(self, model: Any, fpgapart: str, clk: float) -> None:
        """The wrapper, and the weights, if any: a word for each beat of a window, lane 0 in low bits."""
        super().generate_hdl(model, fpgapart, clk)
        if self.weighted():
            weights = model.get_initializer(self.onnx_node.input[1]).astype(np.int64)
            bits, simd = self.weight_type().bitwidth(), self.attribute("SIMD")
            lines = []
            for lanes in (weights & (2**bits - 1)).reshape(-1, simd):
                word = sum(int(lane) << (bits * place) for place, lane in enumerate(lanes))
                lines.append(f"{word:0{ceil(bits * simd / 4)}x}")
            folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
            write_text(folder / self._image(), "\n".join(lines) + "\n")

    def _image(self) -> str:
        return f"{self.onnx_node.name}_weights.dat"

    def core_sources(self) -> list[Path]:
        return [
            *(self.folder() / f"{name}.sv" for name in ("weight_rom", "window_sums")),
            *super().core_sources(),
        ]

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        kind = self.get_input_datatype()
        parameters: dict[str, int | str] = {
            "MODE": MODES.index(self.get_nodeattr("Mode")),
            "SIMD": self.attribute("SIMD"),
            "TAPS": self.taps(),
            "FOLDS": self.folds(),
            "X_WIDTH": kind.bitwidth(),
            "X_SIGNED": f"1'b{int(kind.signed())}",
            "Y_WIDTH": self.get_output_datatype().bitwidth(),
        }
        if self.weighted():
            parameters["W_WIDTH"] = self.weight_type().bitwidth()
            parameters["WEIGHTS"] = f'"./{self._image()}"'
            parameters["WEIGHTS_IN_BRAM"] = f"1'b{int(self.get_nodeattr('RamStyle') == 'block')}"
        return parameters, self.through_connections()

    def bram_estimation(self, fpgapart: str) -> int:
        """BRAM18 of the weights."""
        if not self.weighted() or self.get_nodeattr("RamStyle") != "block":
            return 0
        width = self.attribute("SIMD") * self.weight_type().bitwidth()
        return ceil(2 * weight_memory(width, self.taps() * self.folds())[1])

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: a comparator and multiplexer or an adder a lane, its product, and the sums in LUT memory."""
        lanes, out = self.attribute("SIMD"), self.get_output_datatype().bitwidth()
        product = (
            self.weight_type().bitwidth() * self.get_input_datatype().bitwidth() if self.weighted() else 0
        )
        memory = ceil(lanes * out / 3) * 4 * ceil(self.folds() / 64) if self.folds() > 1 else 0
        return 40 + lanes * (2 * out + product) + memory
