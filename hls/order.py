"""Raster order: which input pixel is the last that an output pixel needs, node by node and along a branch.

For every operator, need(n) is the number of its input pixels that must have been consumed before its n-th
output pixel can leave. Along a branch these compose.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

Counts = NDArray[np.int64]


def floor_pixels(model: ModelWrapper, join: Any, index: int) -> int:
    """Pixels that must wait at input `index` of `join`, whatever the folding, or the network deadlocks.

    The paths of the join's inputs part at a fork. Its n-th pixel needs others(n) pixels through that fork on
    the other inputs, by which time some have come out on this one, of which it has taken only n - 1:

        max over n of |{m : own(m) <= others(n)}| - (n - 1)

    That is 1 or less on the path that takes longest, and where the paths part at no fork at all.
    """
    streams = [tensor for tensor in join.input if model.get_initializer(tensor) is None]
    fork = _parting(model, streams, index)
    if fork is None:
        return 0
    own, *others = (need(model, tensor, fork) for tensor in (streams[index], *_but(streams, index)))
    known = [counts for counts in others if counts is not None]
    if own is None or not known:
        return 0
    latest: Counts = np.maximum.reduce(known)
    return int((np.searchsorted(own, latest, side="right") - np.arange(len(latest))).max())


def _parting(model: ModelWrapper, streams: list[str], index: int) -> Any:
    """The nearest fork upstream of input `index` that another input comes by too, if any."""
    others = {node.name for tensor in _but(streams, index) for node in _forks(model, tensor)}
    return next((node for node in _forks(model, streams[index]) if node.name in others), None)


def _forks(model: ModelWrapper, tensor: str) -> list[Any]:
    """All forks upstream of `tensor`, the nearest first."""
    found: dict[str, Any] = {}
    ahead = [tensor]
    for name in ahead:
        node = model.find_producer(name)
        if node is not None:
            if len(node.output) > 1:
                found.setdefault(node.name, node)
            ahead += [source for source in node.input if model.get_initializer(source) is None]
    return list(found.values())


def _but(streams: list[str], index: int) -> list[str]:
    return streams[:index] + streams[index + 1 :]


def need(model: ModelWrapper, tensor: str, fork: Any) -> Counts | None:
    """need(n) for n = 1.. of `tensor` in pixels through `fork`; None where it does not come from there."""
    if tensor in fork.output:
        height, width = model.get_tensor_shape(tensor)[1:3]
        return np.arange(1, height * width + 1)
    producer = model.find_producer(tensor)
    if producer is None:
        return None
    before = [need(model, source, fork) for source in producer.input if model.get_initializer(source) is None]
    known = [need for need in before if need is not None]
    if not known:
        return None
    through: Counts = np.maximum.reduce(known)
    needed = last_input(producer)
    return through if needed is None else np.maximum.accumulate(through[needed])


def last_input(node: Any) -> Counts | None:
    """For each output pixel of `node`, the index of the last input pixel it needs; None: its own."""
    operator = getCustomOp(node)
    match node.op_type:
        case "FMPadding_rtl":
            height, width = operator.get_nodeattr("ImgDim")
            top, left, bottom, right = operator.get_nodeattr("Padding")
            rows = np.arange(top + height + bottom) - top
            columns = np.arange(left + width + right) - left
            # a zero needs no pixel but leaves after those before it
            row, column = np.meshgrid(rows, columns, indexing="ij")
            last = np.where(row < 0, -1, row * width + np.clip(column, -1, width - 1))
            last = np.where(row >= height, height * width - 1, last)
            return np.maximum(last, 0).reshape(-1)
        case "ConvolutionInputGenerator_rtl":
            width = operator.get_nodeattr("IFMDim")[1]
            windows, kernel, stride = (
                operator.get_nodeattr(key) for key in ("OFMDim", "ConvKernelDim", "Stride")
            )
            rows = np.arange(windows[0]) * stride[0] + kernel[0] - 1
            columns = np.arange(windows[1]) * stride[1] + kernel[1] - 1
            return (rows[:, None] * width + columns).reshape(-1)
        case "PixelShuffle_rtl":
            height, width = operator.get_nodeattr("ImgDim")
            stride = operator.get_nodeattr("Stride")
            north, west = operator.get_nodeattr("CropNorth"), operator.get_nodeattr("CropWest")
            shape = operator.get_normal_output_shape()
            rows = (np.arange(shape[1]) + north) // stride
            columns = (np.arange(shape[2]) + west) // stride
            return (rows[:, None] * width + columns).reshape(-1)
        case _:
            return None
