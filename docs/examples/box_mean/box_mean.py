"""BoxMean: the mean of the 3x3 pixels around each, zeros beyond the border. An operator of a user's own."""

from typing import Any

import numpy as np
import torch
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.custom_op.base import CustomOp
from torch import Tensor, nn

from hls.frontend import handles
from hls.layers import Operation
from hls.network import Tensor as Integers
from hls.ops import register
from hls.ops.access import Access, Axis
from hls.ops.base import StreamOp
from hls.ops.drawing import any_integer, size
from hls.ops.operator import Array, Drawn, Frame, steps

DOMAIN = "box_mean"  # the name of this module: qonnx imports it to find the class BoxMean
AREA, MORE_BITS = 9, 4  # pixels of a box, and by how many bits their sum is wider


# The network's side: a PyTorch module, its ONNX operator, and how the compiler reads that.


class BoxBlur(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return torch.onnx.ops.symbolic(
                f"{DOMAIN}::BoxMean", (x,), dtype=x.dtype, shape=x.shape, version=1
            )
        return nn.functional.avg_pool2d(x, 3, 1, 1)


class BoxMean(CustomOp):  # type: ignore[misc]
    def get_nodeattr_types(self) -> dict[str, Any]:
        return {}

    def make_shape_compatible_op(self, model: Any) -> Any:
        return helper.make_node("Identity", self.onnx_node.input, self.onnx_node.output)

    def infer_node_datatype(self, model: Any) -> None:
        model.set_tensor_datatype(self.onnx_node.output[0], DataType["FLOAT32"])

    def execute_node(self, context: dict[str, Any], graph: Any) -> None:
        x = torch.from_numpy(context[self.onnx_node.input[0]])
        context[self.onnx_node.output[0]] = nn.functional.avg_pool2d(x, 3, 1, 1).numpy()

    def verify_node(self) -> list[str]:
        return []


@handles("BoxMean", domain=DOMAIN)
def read(reader: Any, node: Any) -> None:
    """The exact sum; that it is a mean, its scale says."""
    x, name, label = reader.tensor(node), node.output[0], reader.label(node)
    result = Integers(name, *x.shape, x.bits + MORE_BITS, AREA * x.maximum, x.scale / AREA, AREA * x.minimum)
    attributes = {
        "ImgDim": list(x.size),
        "NumChannels": x.channels,
        "SIMD": x.channels,
        "inputDataType": x.kind,
    }
    reader.add(
        Operation(reader.name("box", label), BoxSum_rtl, (x,), (result,), attributes, "sum", label=label)
    )
    reader.known[name] = result


# The hardware's side.


@register
class BoxSum_rtl(StreamOp):
    """(1, H, W, C) -> (1, H, W, C): the sum of each pixel's 3x3 neighbours, a whole pixel a beat."""

    short = "box_sum"
    core = "box_sum"

    def get_nodeattr_types(self) -> dict[str, Any]:
        own = {"ImgDim": ("ints", True, []), "NumChannels": ("i", True, 0), "inputDataType": ("s", True, "")}
        return super().get_nodeattr_types() | own

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), self.attribute("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return self.get_normal_input_shape()

    def get_input_datatype(self, ind: int = 0) -> Any:
        return self.integer_type("inputDataType")

    def get_output_datatype(self, ind: int = 0) -> Any:
        kind = self.get_input_datatype()
        return DataType[f"{'INT' if kind.signed() else 'UINT'}{kind.bitwidth() + MORE_BITS}"]

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        padded = np.pad(inputs[0], ((0, 0), (1, 1), (1, 1), (0, 0)))
        return [np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2)).sum((-2, -1))]

    def access(self, index: int) -> Access:
        """Rows and columns from one before to one behind. Tiles, FIFO depths and reach follow from it."""
        return Access(Axis(first=-1, last=1), Axis(first=-1, last=1))

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        """Over a grid of one more row and column: a pixel is given one row and one column after it came."""
        height, width = frame.rows_in[0], self.attribute("ImgDim")[1]
        row, column = (side.reshape(-1) for side in np.mgrid[: height + 1, : width + 1])
        return steps([(row < height) & (column < width)], [(row > 0) & (column > 0)])

    def get_exp_cycles(self) -> int:
        height, width = self.attribute("ImgDim")
        return int((height + 1) * (width + 1))

    def limits(self) -> dict[str, int]:
        return {}  # no folding: all channels at once

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: counters, adders, and two rows in LUT memory, three bits of 64 words in four LUTs."""
        width, beat = self.attribute("ImgDim")[1], self.get_instream_width()
        return int(40 + 4 * self.get_outstream_width() + 2 * -(-beat // 3) * 4 * -(-width // 64))

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        (height, width), kind = self.attribute("ImgDim"), self.get_input_datatype()
        sizes = {
            "LANES": self.attribute("NumChannels"),
            "BITS": kind.bitwidth(),
            "SIGNED": f"1'b{int(kind.signed())}",
        }
        return sizes | {"IMG_H": height, "IMG_W": width}, self.through_connections()

    def unit(self, place: Any) -> Any:
        (height, width), kind = place.numbers("ImgDim"), place.kind()
        sizes = {"LANES": place.number("NumChannels"), "BITS": kind.bitwidth(), "SIGNED": bool(kind.signed())}
        return place.simple("box_sum", "sums of 3x3 pixels", sizes | {"HEIGHT": height, "WIDTH": width})

    # For the tests: a random node, its result by plain loops, and its place in the fuzzer's networks.

    @classmethod
    def draw(cls, rng: Any) -> Drawn:
        channels = int(rng.integers(1, 5))
        kind = any_integer(rng, 9)
        return Drawn(
            {"ImgDim": size(rng, 5), "NumChannels": channels, "SIMD": channels, "inputDataType": kind}
        )

    @classmethod
    def naive(cls, drawn: Drawn, frames: list[Array]) -> list[Array]:
        out = np.zeros(frames[0].shape, np.int64)
        for y, x, v, u in np.ndindex(*out.shape[:2], 3, 3):
            if 0 <= y + v - 1 < out.shape[0] and 0 <= x + u - 1 < out.shape[1]:
                out[y, x] += frames[0][y + v - 1, x + u - 1]
        return [out]

    @staticmethod
    def drawn_into(rng: Any, shape: tuple[int, int, int], bits: int, signed: bool) -> dict[str, Any]:
        return {"domain": DOMAIN, "kind": "BoxMean"}
