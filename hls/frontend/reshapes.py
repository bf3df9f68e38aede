"""Reshape, Transpose, Reshape: how exporters write shuffles of pixels and of channels."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto

from hls.frontend.registry import handles
from hls.frontend.shapes import permuted
from hls.layers.shape import space_to_depth
from hls.network import Tensor

if TYPE_CHECKING:
    from hls.frontend.reader import Reader


@dataclass(frozen=True)
class Reshaped:
    """A tensor (1, C, H, W) whose elements are seen as another `shape`, and then with its axes in another order."""

    tensor: Tensor
    shape: tuple[int, ...]
    order: tuple[int, ...] | None = None


@handles("Reshape")
def reshape(reader: "Reader", node: NodeProto) -> None:
    value = reader.known.get(node.input[0])
    made = tuple(reader.model.get_tensor_shape(node.output[0]))
    if isinstance(value, Reshaped):
        reader.known[node.output[0]] = _shuffled(reader, node, value, made)
    else:
        reader.known[node.output[0]] = Reshaped(reader.tensor(node), made)


@handles("Transpose")
def transpose(reader: "Reader", node: NodeProto) -> None:
    value = reader.known.get(node.input[0])
    order = tuple(reader.attributes(node, perm=None)["perm"] or ())
    if not isinstance(value, Reshaped) or value.order is not None:
        raise reader.error(
            node, f"axes may change their order between two Reshapes only, as shuffles do; got {order}"
        )
    reader.known[node.output[0]] = replace(value, order=order)


def _shuffled(reader: "Reader", node: NodeProto, value: Reshaped, made: tuple[int, ...]) -> Tensor:
    """What a Reshape behind a Transpose makes: blocks of pixels as channels, or channels in another order."""
    tensor, shape, order = value.tensor, value.shape, value.order
    if order is None and made == (1, tensor.channels, *tensor.size):
        return tensor
    height, width, channels = tensor.shape
    if (
        order is not None
        and len(shape) == 6
        and len(made) == 4
        and order in ((0, 1, 3, 5, 2, 4), (0, 3, 5, 1, 2, 4))
    ):
        block = shape[3]
        wanted = (1, channels, height // block, block, width // block, block)
        if shape == wanted and made == (1, channels * block**2, height // block, width // block):
            return _gathered(reader, node, tensor, block, order[1] == 1)
    if order == (0, 2, 1, 3, 4) and made == (1, channels, height, width):
        if (shape[0], shape[1] * shape[2], *shape[3:]) != (1, channels, height, width):
            raise reader.error(node, f"groups {shape} of its channels do not fit {made}")
        return permuted(reader, node, tensor, np.arange(channels).reshape(shape[1], shape[2]).T.reshape(-1))
    raise reader.error(
        node,
        f"{(1, channels, height, width)} seen as {shape}, axes {order}, then as {made}: known are shuffles of pixels "
        "(SpaceToDepth, PixelUnshuffle) and of channels in groups",
    )


def _gathered(reader: "Reader", node: NodeProto, source: Tensor, block: int, channels_first: bool) -> Tensor:
    """Blocks of pixels as groups (r, s, c) of channels, or, as PixelUnshuffle has them, (c, r, s)."""
    name, label = node.output[0], reader.label(node)
    groups = replace(
        source, name=f"{name}:blocks" if channels_first else name, height=source.height // block,
        width=source.width // block, channels=source.channels * block**2,
    )  # fmt: skip
    reader.add(space_to_depth(reader.name("gather", label), source, groups, block, label))
    if not channels_first:
        return groups
    order = np.arange(groups.channels).reshape(block, block, source.channels).transpose(2, 0, 1).reshape(-1)
    return permuted(reader, node, groups, order)
