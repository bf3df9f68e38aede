"""PixelShuffle_rtl: channel groups to blocks of pixels, with a crop."""

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qonnx.core.datatype import BaseDataType

from hls.cpp.units import Channel, Unit, structure
from hls.ops.access import Access, Axis
from hls.ops.base import StreamOp
from hls.ops.fifo.source import fifo_source
from hls.ops.operator import Array, Frame
from hls.ops.pixel_shuffle import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place

BLOCK_FROM = 257
"""Deepest FIFO that "auto" makes of LUTs where a beat has 5 bits or more; FINN's fifo.sv."""

BRAM18_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


class PixelShuffle_rtl(StreamOp):
    """out[S*y + r - CropNorth, S*x + s - CropWest, c] = in[y, x, (r*S + s)*C + c]

    (1, Hi, Wi, S*S*C) -> (1, S*Hi - CropNorth - CropSouth, S*Wi - CropWest - CropEast, C).
    Attributes: ImgDim [Hi, Wi], NumChannels C (of the output), Stride S, CropNorth, CropEast, CropSouth,
    CropWest (output pixels), SIMD (divides C), inputDataType, FirstDepth (FIFO of r = 0, in beats),
    RowDepth (FIFOs of r >= 1; 0: one output row), RamStyle (as FINN's; "auto" never takes UltraRAM).
    """

    short = "shuffle"
    cautious = True  # with FIFOs of fewer beats than cycles through one in block RAM
    core = "pixel_shuffle"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        crops = {f"Crop{side}": ("i", False, 0) for side in ("North", "East", "South", "West")}
        return super().get_nodeattr_types() | crops | {
            "ImgDim": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "Stride": ("i", True, 2),
            "inputDataType": ("s", True, ""),
            "FirstDepth": ("i", False, 2),
            "RowDepth": ("i", False, 0),
            "RamStyle": ("s", False, "auto", {"auto", "shift", "distributed", "block", "ultra"}),
        }  # fmt: skip

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), self.attribute("Stride") ** 2 * self.attribute("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        north, east, south, west = self._crops()
        height, width = (self.attribute("Stride") * size for size in self.attribute("ImgDim"))
        if min(north, east, south, west) < 0 or north + south >= height or west + east >= width:
            crops = f"N {north}, E {east}, S {south}, W {west}"
            raise self.error(f"crops must leave some of the {height} x {width} output pixels, got {crops}")
        return (1, height - north - south, width - west - east, self.attribute("NumChannels"))

    def _crops(self) -> tuple[int, int, int, int]:
        north, east, south, west = (
            self.attribute(f"Crop{side}") for side in ("North", "East", "South", "West")
        )
        return north, east, south, west

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        self.get_folded_output_shape()  # SIMD must divide the output's channels
        return super().get_folded_input_shape(ind)

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        return self.integer_type("inputDataType")

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        return self.get_input_datatype()

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        stride, channels = self.attribute("Stride"), self.attribute("NumChannels")
        count, height, width, _ = inputs[0].shape
        blocks = inputs[0].reshape(count, height, width, stride, stride, channels)
        whole = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(count, height * stride, width * stride, channels)
        north, east, south, west = self._crops()
        return [whole[:, north : height * stride - south, west : width * stride - east]]

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        crops = self._crops()
        width, stride = self.attribute("ImgDim")[1], self.attribute("Stride")
        return "shuffle", [
            self.beats_per_pixel(),
            frame.rows_in[0],
            width,
            stride,
            *crops,
            *self.depths()[:2],
        ]

    def folded(self) -> None:
        """Of s row phases of T beats each, one leaves after the other while all come together at the same
        mean rate. Phase 0 is kept for the (s - 1) / s of a row's time in which the others are sent, at 1 / s
        of the rate of the whole: (s - 1) * T / s beats. (The others' FIFOs hold a row.)
        """
        stride = self.attribute("Stride")
        kept = -(-(stride - 1) * self.row_beats() // stride)
        self.set_nodeattr("FirstDepth", kept + stride * self.beats_per_pixel())

    def access(self, index: int) -> Access:
        stride, (north, _, _, west) = self.attribute("Stride"), self._crops()
        return Access(Axis(1, stride, north, north), Axis(1, stride, west, west))

    def unit(self, place: "Place") -> Unit:
        name, bits = place.node.name, place.inputs[0].bits
        (height, width), stride = place.numbers("ImgDim"), place.number("Stride")
        first_depth, row_depth = self.depths()[:2]
        style = {"shift": "srl"}.get(self.ram_style(), self.ram_style())
        constants = {
            "HEIGHT": height, "WIDTH": width, "CHANNELS": place.number("NumChannels"), "STRIDE": stride,
            "CROP_N": place.number("CropNorth"), "CROP_E": place.number("CropEast"),
            "CROP_S": place.number("CropSouth"), "CROP_W": place.number("CropWest"),
            "SIMD": place.number("SIMD"), "BITS": place.kind().bitwidth(),
        }  # fmt: skip
        rows = [
            Channel(f"{name}_first", bits, first_depth, style),
            Channel(f"{name}_others", bits, row_depth, style, stride - 1),
        ]
        calls = [
            f"deal_rows<{name}>({place.inputs[0].name}, {rows[0].name}, {rows[1].name});",
            f"gather_rows<{name}>({rows[0].name}, {rows[1].name}, {place.outputs[0].name});",
        ]
        return Unit(structure(name, "channel groups to pixels", constants), calls, "pixel_shuffle", rows)

    # Depths of the FIFOs; see README.md for how they come about.

    def row_beats(self) -> int:
        """Beats of one output row, T."""
        return self.get_normal_output_shape()[2] * self.beats_per_pixel()

    def beats_per_pixel(self) -> int:
        """Beats of one output pixel, CF."""
        return int(self.get_folded_output_shape()[-2])

    def least_row_depth(self) -> int:
        """Fewest beats a FIFO r >= 1 must hold; one less and the stream stops for ever.

        All kept beats of its row before the last input pixel that has a kept column.
        """
        stride, (_, east, _, west) = self.attribute("Stride"), self._crops()
        columns = stride * self.attribute("ImgDim")[1]
        first_of_last = (columns - east - 1) // stride * stride
        return max(0, first_of_last - west) * self.beats_per_pixel()

    def first_depth_without_stalls(self, cycles_per_beat: float) -> int:
        """FirstDepth at which an input of one beat every `cycles_per_beat` cycles (SF) never waits.

        The beats of r = 0 that come in the (S-1)*T cycles in which rows r >= 1 are replayed, and a burst:
        ceil((S-1)*T / (S*SF)) + S*CF.
        """
        stride = self.attribute("Stride")
        replay = (stride - 1) * self.row_beats()
        return ceil(replay / (stride * cycles_per_beat)) + stride * self.beats_per_pixel()

    def row_depth_without_stalls(self, cycles_per_beat: float) -> int:
        """RowDepth for the same: FIFO r also takes the next row's beats while rows 1 .. r-1 are replayed.

        T + ceil((S-2)*T / (S*SF)) + S*CF; with S = 2 just T.
        """
        stride, row = self.attribute("Stride"), self.row_beats()
        if stride == 2:
            return row
        return row + ceil((stride - 2) * row / (stride * cycles_per_beat)) + stride * self.beats_per_pixel()

    def depths(self) -> list[int]:
        """Depths of the FIFOs, r = 0 first. `UserError` where they are too small to work."""
        first, row = self.attribute("FirstDepth"), self.attribute("RowDepth") or self.row_beats()
        if first < 2:
            raise self.error(f"FirstDepth must be 2 or more, got {first}")
        if row < self.least_row_depth():
            raise self.error(f"RowDepth must be {self.least_row_depth()} or more, or 0, got {row}")
        return [first] + [max(2, row)] * (self.attribute("Stride") - 1)

    def ram_style(self) -> str:
        """RAM_STYLE of the core: "auto" is settled here where FINN's would take UltraRAM."""
        style = str(self.get_nodeattr("RamStyle"))
        return "block" if style == "auto" and max(self.depths()) > 2028 else style

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        north, east, south, west = self._crops()
        height, width = self.attribute("ImgDim")
        first, row = self.depths()[:2]
        bits = self.get_instream_width()
        parameters: dict[str, int | str] = {
            "WIDTH": bits,
            "IMG_H": height,
            "IMG_W": width,
            "CF": self.beats_per_pixel(),
            "STRIDE": self.attribute("Stride"),
            "CROP_N": north,
            "CROP_E": east,
            "CROP_S": south,
            "CROP_W": west,
            "FIFO0_DEPTH": first,
            "ROW_DEPTH": row,
            "RAM_STYLE": f'"{self.ram_style()}"',
        }
        connections = {}
        for port, name in (("s_axis", "in0_V"), ("m_axis", "out0_V")):
            connections[f"{port}_tdata"] = f"{name}_TDATA[{bits - 1}:0]"
            connections[f"{port}_tvalid"] = f"{name}_TVALID"
            connections[f"{port}_tready"] = f"{name}_TREADY"
        return parameters, connections

    def core_sources(self) -> list[Path]:
        return [fifo_source(), *super().core_sources()]

    def _in_block_ram(self, depth: int) -> bool:
        style = self.ram_style()
        return depth > 33 and (style == "block" or (style == "auto" and depth > BLOCK_FROM))

    def bram_estimation(self, fpgapart: str) -> int:
        """BRAM18 of the FIFOs in block RAM, each the cheapest of the memory's shapes."""
        width = self.get_instream_width()
        deep = [depth for depth in self.depths() if self._in_block_ram(depth)]
        return sum(
            min(ceil(depth / words) * ceil(width / bits) for words, bits in BRAM18_SHAPES) for depth in deep
        )

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: 60 for counters and comparisons, 30 for each FIFO's pointers, LUT memory at 32 bits a LUT
        (twice that beyond 33 words), and the output multiplexer."""
        width = self.get_instream_width()
        shallow = [depth for depth in self.depths() if not self._in_block_ram(depth)]
        memory = sum(width * ceil(depth / 32) * (1 if depth <= 33 else 2) for depth in shallow)
        return 60 + 30 * len(self.depths()) + memory + width * ceil((len(self.depths()) - 1) / 3)
