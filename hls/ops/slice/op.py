"""TensorSlice_rtl: some rows, columns and channels of a tensor."""

from math import gcd, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from qonnx.core.datatype import BaseDataType

from hls.ops.access import Access, Axis
from hls.ops.base import StreamOp
from hls.ops.operator import Array, Frame, in_step
from hls.ops.slice import cases

if TYPE_CHECKING:
    from hls.cpp.units import Place, Unit


class TensorSlice_rtl(StreamOp):
    """out[y, x, c] = in[y + CropNorth, x + CropWest, c + First]

    (1, H, W, C) -> (1, H - CropNorth - CropSouth, W - CropWest - CropEast, Last - First). Attributes: ImgDim
    [H, W], NumChannels C, First, Last (0: C), CropNorth, CropEast, CropSouth, CropWest, SIMD (divides C,
    First and Last), inputDataType.
    """

    short = "slice"
    core = "tensor_slice"
    draw = staticmethod(cases.draw)
    naive = staticmethod(cases.naive)

    def get_nodeattr_types(self) -> dict[str, Any]:
        crops = {f"Crop{side}": ("i", False, 0) for side in ("North", "East", "South", "West")}
        return super().get_nodeattr_types() | crops | {
            "ImgDim": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "First": ("i", False, 0),
            "Last": ("i", False, 0),
            "inputDataType": ("s", True, ""),
        }  # fmt: skip

    def crops(self) -> tuple[int, int, int, int]:
        """Rows and columns dropped: north, east, south, west."""
        north, east, south, west = (
            self.attribute(f"Crop{side}") for side in ("North", "East", "South", "West")
        )
        height, width = self.attribute("ImgDim")
        if min(north, east, south, west) < 0 or north + south >= height or west + east >= width:
            crops = f"N {north}, E {east}, S {south}, W {west}"
            raise self.error(f"crops must leave some of the {height} x {width} pixels, got {crops}")
        return north, east, south, west

    def channels(self) -> tuple[int, int]:
        """The first that is kept, and the first after them that is not."""
        every = self.attribute("NumChannels")
        first, last = self.attribute("First"), self.attribute("Last") or every
        if not 0 <= first < last <= every:
            raise self.error(
                f"First and Last must leave some of the {every} channels, got {first} and {last}"
            )
        return first, last

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return (1, *self.attribute("ImgDim"), self.attribute("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        (height, width), (north, east, south, west) = self.attribute("ImgDim"), self.crops()
        first, last = self.channels()
        return (1, height - north - south, width - west - east, last - first)

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        if self.channels()[0] % self.attribute("SIMD"):
            raise self.error(f"SIMD must divide First = {self.channels()[0]}, got {self.attribute('SIMD')}")
        return super().get_folded_output_shape(ind)

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        return self.integer_type("inputDataType")

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        return self.get_input_datatype()

    def evaluate(self, inputs: list[Array]) -> list[Array]:
        north, east, south, west = self.crops()
        height, width = inputs[0].shape[1:3]
        return [inputs[0][:, north : height - south, west : width - east, slice(*self.channels())]]

    def access(self, index: int) -> Access:
        north, _, _, west = self.crops()
        return Access(Axis(first=north, last=north), Axis(first=west, last=west))

    def limits(self) -> dict[str, int]:
        return {"SIMD": gcd(self.attribute("NumChannels"), *self.channels())}

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        """A beat that is kept leaves in the step that takes it; the others have steps of their own."""
        have = (frame.rows_in[0], self.attribute("ImgDim")[1])
        pixels = self.access(0).needed(have, (frame.rows_out[0], self.get_normal_output_shape()[2]))
        folds, kept = self.get_folded_input_shape()[-2], self.get_folded_output_shape()[-2]
        first = self.channels()[0] // self.attribute("SIMD")
        need = pixels[:, None] * folds + first + np.arange(kept)
        return in_step([need.reshape(-1)], [prod(have) * folds])

    def unit(self, place: "Place") -> "Unit":
        height, width = place.numbers("ImgDim")
        north, east, south, west = self.crops()
        first, last = (channel // place.number("SIMD") for channel in self.channels())
        constants = {
            "HEIGHT": height, "WIDTH": width, "FOLDS": self.get_folded_input_shape()[-2],
            "FIRST": first, "LAST": last,
            "CROP_N": north, "CROP_E": east, "CROP_S": south, "CROP_W": west, "BITS": place.inputs[0].bits,
        }  # fmt: skip
        return place.simple("slice", "a box of a tensor", constants)

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        height, width = self.attribute("ImgDim")
        north, east, south, west = self.crops()
        first, last = (channel // self.attribute("SIMD") for channel in self.channels())
        bits = self.get_instream_width()
        return {
            "WIDTH": bits,
            "IMG_H": height,
            "IMG_W": width,
            "FOLDS": self.get_folded_input_shape()[-2],
            "FIRST": first,
            "LAST": last,
            "CROP_N": north,
            "CROP_E": east,
            "CROP_S": south,
            "CROP_W": west,
        }, self.through_connections()

    def lut_estimation(self, fpgapart: str) -> int:
        """Rough: three counters and their comparisons."""
        return 40
