"""Layers that join tensors of one size."""

from hls.layers.operation import Operation
from hls.network import Tensor
from hls.ops.skip_add.op import SkipAdd_rtl


def add(name: str, sources: tuple[Tensor, Tensor], result: Tensor, label: str = "") -> Operation:
    """The exact sum of two tensors of one shape and one scale."""
    left, right = sources
    return Operation(
        name,
        SkipAdd_rtl,
        sources,
        (result,),
        {
            "ImgDim": list(result.size),
            "NumChannels": result.channels,
            "SIMD": 1,
            "inputDataType": left.kind,
            "inputDataType1": right.kind,
            "outputDataType": result.kind,
        },
        "add",
        label=label,
    )
