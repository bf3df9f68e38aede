"""How far a pixel of the result looks: what a frame cut out of a larger one needs around it.

Along one axis, an element of a tensor sees an interval of input pixels. Both axes are alike here (square
kernels, equal strides), so one is followed through the layers, far from both ends.

A sweep in place carries what it changes from one broken pixel to the next, as far as the cluster goes. It is
counted with clusters of `CLUSTER` px along either axis: in a larger one, as a dead row is, pixels may differ
from those of the whole picture, by what little comes from so far away.
"""

from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from hls.network import (
    Convolution,
    Correct,
    Double,
    Halve,
    Layer,
    Mark,
    Network,
    Relax,
    Requantization,
    Select,
    SkipAdd,
    TransposedConvolution,
    sources,
)
from model.pyramid import REACH
from pixelmend.errors import UserError

Interval = tuple[NDArray[np.int64], NDArray[np.int64]]  # first and last input pixel that each element sees

CLUSTER = 32  # px, side of the largest cluster of broken pixels that tiles repair as the whole picture does
LEVELS = 12  # pixels at the deepest level that are followed; the middle ones see nothing of the ends


@dataclass(frozen=True)
class Reach:
    """In px along an axis. Pixel p of the result depends on input pixels p - before .. p + after at most.

    A frame may start at any multiple of `multiple` px of a larger one: its strides then fall alike.
    """

    before: int
    after: int
    field: int  # most pixels that one pixel of the result sees
    multiple: int


def reach(network: Network) -> Reach:
    """The reach of the result's pixels. `UserError` for a network that is not the same everywhere."""
    image = network.image_in
    tensors = {image.name: image} | {layer.result.name: layer.result for layer in network.layers}
    multiple = lcm(*(image.height // tensor.height for tensor in tensors.values()))
    side = LEVELS * 8 * multiple
    pixels = np.arange(side)
    seen: dict[str, Interval] = {image.name: (pixels, pixels)}
    for layer in network.layers:
        inputs = [seen[tensor.name] for tensor in sources(layer)]
        seen[layer.result.name] = _through(layer, inputs, side * layer.result.height // image.height)
    low, high = seen[network.image_out.name]
    middle = slice(side // 2, side // 2 + multiple)
    here = pixels[middle]
    result = Reach(
        int((here - low[middle]).max()),
        int((high[middle] - here).max()),
        int((high - low)[middle].max()) + 1,
        multiple,
    )
    if max(result.before, result.after) > side // 2 - multiple:
        raise UserError(f"a pixel of the result sees {result.field} px, more than can be followed")
    return result


def _through(layer: Layer, inputs: list[Interval], count: int) -> Interval:
    """What the `count` elements of the layer's result see."""
    match layer:
        case Convolution():
            taps = layer.weights.shape[-1]
            first = np.arange(count) * layer.stride - layer.pads[0]
            return _joined(inputs[0], first, first + taps - 1)
        case TransposedConvolution():
            # y * s + u - pad = Y for a kernel element 0 <= u < k
            taps, place = layer.weights.shape[-1], np.arange(count) + layer.pad
            return _joined(inputs[0], -((taps - 1 - place) // layer.stride), place // layer.stride)
        case SkipAdd() | Select() | Mark() | Correct():
            return _either(*inputs)
        case Halve():
            return _joined(inputs[0], 2 * np.arange(count), 2 * np.arange(count) + 1)
        case Double():
            above, level = inputs
            # the cell above and the next nearest
            first = (np.arange(count) - 1) // 2
            return _either(_joined(above, first, first + 1), level)
        case Relax():  # any number of sweeps ends with the pixels around the cluster
            ends = CLUSTER - 1 + REACH
            return _joined(inputs[0], np.arange(count) - ends, np.arange(count) + ends)
        case Requantization():
            return inputs[0]


def _either(one: Interval, other: Interval) -> Interval:
    """What elements see that read the same element of two tensors."""
    return np.minimum(one[0], other[0]), np.maximum(one[1], other[1])


def _joined(source: Interval, first: NDArray[np.int64], last: NDArray[np.int64]) -> Interval:
    """What elements see that read elements first .. last of `source`; intervals rise with the element."""
    low, high = source
    end = len(low) - 1
    return low[np.clip(first, 0, end)], high[np.clip(last, 0, end)]


def as_dict(reach: Reach) -> dict[str, object]:
    """The fields that io.json has of it."""
    return {
        "receptive_field": reach.field,
        "halo": {"before": reach.before, "after": reach.after},
        "multiple": reach.multiple,
    }
