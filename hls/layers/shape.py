"""Layers that move values and change none: slices, crops, repetition, blocks of pixels to channels, back."""

from typing import Any

from hls.layers.operation import Operation
from hls.network import Tensor
from hls.ops.operator import Operator
from hls.ops.pixel_shuffle.op import PixelShuffle_rtl
from hls.ops.slice.op import TensorSlice_rtl
from hls.ops.upsample.op import NearestUpsample_rtl
from hls.ops.window.op import SlidingWindow_rtl
from pixelmend.errors import UserError


def slice_channels(name: str, source: Tensor, result: Tensor, first: int, label: str = "") -> Operation:
    """As many channels as `result` has, from `first` on."""
    _expect(name, label, result, (*source.size, result.channels))
    last = first + result.channels
    return _box(name, source, result, label, "slice", First=first, Last=last)


def crop(name: str, source: Tensor, result: Tensor, north: int, west: int, label: str = "") -> Operation:
    """As many rows and columns as `result` has, from row `north` and column `west` on."""
    _expect(name, label, result, (*result.size, source.channels))
    south, east = source.height - north - result.height, source.width - west - result.width
    if min(north, west, south, east) < 0:
        raise UserError(
            f"layer {label or name}: expected {result.height}x{result.width} pixels from ({north}, {west}) "
            f"on to be within {source.height}x{source.width}"
        )
    crops = {"CropNorth": north, "CropEast": east, "CropSouth": south, "CropWest": west}
    return _box(name, source, result, label, "crop", **crops)


def _box(name: str, source: Tensor, result: Tensor, label: str, part: str, **box: int) -> Operation:
    known = {"ImgDim": list(source.size), "NumChannels": source.channels}
    return _one(TensorSlice_rtl, name, source, result, label, part, **known, **box)


def upsample(
    name: str, source: Tensor, result: Tensor, factors: tuple[int, int], label: str = ""
) -> Operation:
    """Nearest neighbour: out[y, x] = in[y // f_y, x // f_x]."""
    down, right = factors
    _expect(name, label, result, (down * source.height, right * source.width, source.channels))
    known = {"ImgDim": list(source.size), "NumChannels": source.channels, "Factors": list(factors)}
    return _one(NearestUpsample_rtl, name, source, result, label, "upsample", **known)


def space_to_depth(name: str, source: Tensor, result: Tensor, block: int, label: str = "") -> Operation:
    """Blocks of block x block pixels to channels: out[y, x, (u*block + v)*C + c] = in[block*y + u, block*x +
    v, c].

    It is the sliding window of a kernel as large as its stride.
    """
    rows, columns = source.height // block, source.width // block
    if source.height % block or source.width % block or block < 2:
        raise UserError(
            f"layer {label or name}: expected blocks of 2 or more that divide {source.height}x{source.width} "
            f"pixels, got {block}"
        )
    _expect(name, label, result, (rows, columns, block * block * source.channels))
    return Operation(
        name,
        SlidingWindow_rtl,
        (source,),
        (result,),
        {
            "Kernel": [block, block],
            "NumChannels": source.channels,
            "ImgDim": list(source.size),
            "SIMD": 1,
            "Stride": [block, block],
            "Dilation": [1, 1],
            "inputDataType": source.kind,
        },
        "blocks",
        label=label,
    )


def depth_to_space(name: str, source: Tensor, result: Tensor, block: int, label: str = "") -> Operation:
    """Channels to blocks of pixels: out[block*y + r, block*x + s, c] = in[y, x, (r*block + s)*C + c].

    The order of channel groups is that of ONNX' DepthToSpace in its mode DCR; CRD is a permutation of the
    channels of what comes before.
    """
    if block < 2 or source.channels % block**2:
        raise UserError(
            f"layer {label or name}: expected a block of 2 or more whose square divides the "
            f"{source.channels} channels, got {block}"
        )
    _expect(name, label, result, (block * source.height, block * source.width, source.channels // block**2))
    known = {"ImgDim": list(source.size), "NumChannels": result.channels, "Stride": block}
    return _one(PixelShuffle_rtl, name, source, result, label, "shuffle", **known)


def _one(
    operator: type[Operator], name: str, source: Tensor, result: Tensor, label: str, part: str, **known: Any
) -> Operation:
    attributes = {**known, "SIMD": 1, "inputDataType": source.kind}
    return Operation(name, operator, (source,), (result,), attributes, part, label=label)


def _expect(name: str, label: str, result: Tensor, shape: tuple[int, int, int]) -> None:
    if result.shape != shape:
        raise UserError(f"layer {label or name}: expected a result (H, W, C) of {shape}, got {result.shape}")
