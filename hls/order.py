"""Raster order: which input pixel is the last that an output pixel needs, node by node and along a branch.

For every operator, need(n) is the number of its input pixels that must have been consumed before its n-th
output pixel can leave; of a join, on each input. Along a branch these compose.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

Counts = NDArray[np.int64]
ROWS_HELD = 4  # by a PyramidDouble, of the level above, from the first that its row needs


def floor_pixels(model: ModelWrapper, join: Any, index: int) -> int:
    """Pixels that must wait at input `index` of `join`, whatever the folding, or the network deadlocks.

    The paths of the join's inputs part at a fork. Its n-th pixel needs others(n) pixels through that fork on
    the other inputs, by which time some have come out on this one, of which it has taken taken(n), which is
    n - 1 where it takes pixels one by one:

        max over n of |{m : own(m) <= others(n)}| - taken(n)

    That is 1 or less on the path that takes longest, and where the paths part at no fork at all.
    """
    streams = {n: tensor for n, tensor in enumerate(join.input) if model.get_initializer(tensor) is None}
    tensor = streams.pop(index)
    fork = _parting(model, tensor, streams.values())
    if fork is None:
        return 0
    own = need(model, tensor, fork)
    latest = _latest(model, join, streams, fork)
    if own is None or latest is None:
        return 0
    return int((np.searchsorted(own, latest, side="right") - _taken(join, index, len(latest))).max())


def _taken(join: Any, index: int, count: int) -> Counts:
    """The pixels of input `index` that a join takes before its n-th output pixel, n = 1 .. `count`."""
    before = np.arange(count)
    if join.op_type != "PyramidDouble_rtl" or index > 0:
        return before
    height, width = getCustomOp(join).size()
    rows = np.maximum(before // width - 1, 0) // 2 + ROWS_HELD
    return np.minimum(rows, height // 2) * (width // 2)


def _parting(model: ModelWrapper, tensor: str, others: Iterable[str]) -> Any:
    """The nearest fork upstream of `tensor` that one of `others` comes by too, if any."""
    theirs = {node.name for other in others for node in _forks(model, other)}
    return next((node for node in _forks(model, tensor) if node.name in theirs), None)


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


def need(model: ModelWrapper, tensor: str, fork: Any) -> Counts | None:
    """need(n) for n = 1.. of `tensor` in pixels through `fork`; None where it does not come from there."""
    if tensor in fork.output:
        height, width = model.get_tensor_shape(tensor)[1:3]
        return np.arange(1, height * width + 1)
    producer = model.find_producer(tensor)
    if producer is None:
        return None
    streams = {n: name for n, name in enumerate(producer.input) if model.get_initializer(name) is None}
    return _latest(model, producer, streams, fork)


def _latest(model: ModelWrapper, node: Any, streams: Mapping[int, str], fork: Any) -> Counts | None:
    """need(n) of the output of `node`, by its inputs `streams` alone; None where none comes from `fork`."""
    known = []
    for index, tensor in streams.items():
        through = need(model, tensor, fork)
        if through is not None:
            needed = last_input(node, index)
            known.append(through if needed is None else through[needed])
    if not known:
        return None
    latest: Counts = np.maximum.accumulate(np.maximum.reduce(known))
    return latest


def last_input(node: Any, index: int = 0) -> Counts | None:
    """For each output pixel of `node`, the index of the last pixel of an input it needs; None: its own."""
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
        case "PyramidHalve_rtl":
            height, width = operator.size()
            rows, columns = np.arange(1, height, 2), np.arange(1, width, 2)
            return (rows[:, None] * width + columns).reshape(-1)
        case "PyramidDouble_rtl" if index == 0:
            height, width = (side // 2 for side in operator.size())
            # whole rows are taken, of which the lower one may be the next row's
            rows = np.minimum((np.arange(2 * height) + 1) // 2, height - 1)
            return np.repeat(rows * width + width - 1, 2 * width)
        case "PyramidRelax_rtl":
            height, width = operator.size()
            return np.minimum(np.arange(height * width) + operator.lag(), height * width - 1)
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
