"""Layers that join tensors of one size."""

from dataclasses import replace

from hls.layers.operation import Operation
from hls.network import Tensor
from hls.ops.concat.op import ChannelConcat_rtl
from hls.ops.skip_add.op import SkipAdd_rtl
from pixelmend.errors import UserError


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


def subtract(name: str, sources: tuple[Tensor, Tensor], result: Tensor, label: str = "") -> Operation:
    """The exact difference of two tensors of one shape and one scale; it is signed."""
    layer = add(name, sources, result, label)
    return replace(layer, attributes=layer.attributes | {"Subtract": 1}, part="subtract")


def concat(name: str, sources: tuple[Tensor, ...], result: Tensor, label: str = "") -> Operation:
    """The channels of two or more tensors of one size, one scale and one datatype, behind one another."""
    kinds = sorted({tensor.kind for tensor in (*sources, result)})
    shape = (*sources[0].size, sum(tensor.channels for tensor in sources))
    if len(kinds) > 1 or any(tensor.size != result.size for tensor in sources) or result.shape != shape:
        parts = ", ".join(f"{tensor.shape} {tensor.kind}" for tensor in sources)
        raise UserError(
            f"layer {label or name}: expected tensors of one size and datatype and a result of all their "
            f"channels, got {parts} and {result.shape} {result.kind}"
        )
    return Operation(
        name,
        ChannelConcat_rtl,
        sources,
        (result,),
        {
            "ImgDim": list(result.size),
            "Channels": [tensor.channels for tensor in sources],
            "SIMD": 1,
            "inputDataType": result.kind,
        },
        "concat",
        label=label,
    )
