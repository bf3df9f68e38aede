"""The restoration operators: choosing by a flag, filling from a pyramid, correcting what was filled."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto

from hls.frontend.registry import handles
from hls.frontend.values import PIXEL_SCALE, Correction, Part
from hls.layers.restoration import correct, filling, mark, select
from hls.network import Tensor
from hls.ops.relax.op import NARROWEST
from model.pyramid import MOST_SWEEPS
from quant.pyramid_fill import DOMAIN

if TYPE_CHECKING:
    from hls.frontend.reader import Reader

COLOURS = 3  # R, G, B; a fourth channel is a flag
FLAGS = ((0, 1), (COLOURS, COLOURS + 1))  # first and last channel of a score, of a map beside an image
NEUTRAL = 128  # the correction that changes nothing
MOST_LEVELS = 6  # of a pyramid


@handles("GreaterOrEqual")
def at_least_half(reader: "Reader", node: NodeProto) -> None:
    part, limit = reader.value(node, 0), reader.constant(node, 1)
    if isinstance(part, Tensor):
        part = Part(part, 0, part.channels)
    if not isinstance(part, Part) or part.flag or (part.first, part.last) not in FLAGS:
        raise reader.error(node, "it must look at the fourth channel of a quantized image, or at a score")
    if part.last != part.tensor.channels or not _is_pixels(part.tensor):
        raise reader.error(node, "what it looks at must be the last channel, of 8 bits, scale 1/255")
    if limit is None or limit.size != 1 or float(limit.reshape(())) != 0.5:
        raise reader.error(node, "it must compare with the constant 0.5, which is bit 7 of a pixel")
    reader.known[node.output[0]] = replace(part, flag=True)


@handles("Where")
def choice(reader: "Reader", node: NodeProto) -> None:
    flag, chosen = reader.value(node, 0), reader.value(node, 1)
    if not isinstance(flag, Part) or not flag.flag:
        raise reader.error(node, "its condition must be the fourth channel of an image, at least 0.5")
    if isinstance(chosen, Correction):
        _correct(reader, node, flag, chosen)
        return
    first, second = images = _colours(reader, node, 1), _colours(reader, node, 2)
    if first.size != second.size or not all(_is_pixels(image) for image in images):
        raise reader.error(node, "it must choose between two images of one size, 8 bits, scale 1/255")
    channels = [image.channels for image in images]
    if sorted(channels) != [COLOURS, COLOURS + 1] or flag.tensor is not images[channels.index(4)]:
        raise reader.error(node, "one of its images must have four channels, the last its condition")
    maximum = max(first.maximum, second.maximum)
    result = Tensor(node.output[0], *first.size, COLOURS, 8, maximum, PIXEL_SCALE)
    label = reader.label(node)
    reader.add(select(reader.name("select", label), images, result, label))
    reader.known[node.output[0]] = result


@handles("PyramidFill", domain=DOMAIN)
def pyramid_fill(reader: "Reader", node: NodeProto) -> None:
    image, flag = _colours(reader, node, 0), reader.value(node, 1)
    known = reader.attributes(node, levels=0, sweeps=0)
    levels, sweeps = known["levels"], known["sweeps"]
    if not 1 <= levels <= MOST_LEVELS:
        raise reader.error(node, f"levels must be 1 to {MOST_LEVELS}, got {levels}")
    if not 0 <= sweeps <= MOST_SWEEPS:
        raise reader.error(node, f"sweeps must be 0 to {MOST_SWEEPS}, got {sweeps}")
    if sweeps and image.width < NARROWEST:
        raise reader.error(node, f"rows of {image.width} px can't be swept, only of {NARROWEST} and more")
    if image.height % 2**levels or image.width % 2**levels:
        raise reader.error(node, f"{image.height}x{image.width} px can't be halved {levels} times")
    if not isinstance(flag, Part) or not flag.flag:
        raise reader.error(node, "what is broken must come from a score or a map, at least 0.5")
    if image.size != flag.tensor.size or not _is_pixels(image):
        raise reader.error(node, "its image and what is broken must have one size, 8 bits, scale 1/255")
    if "halve1" in reader.taken:
        raise reader.error(node, "only one image can be filled, and this is the second")
    reader.taken.add("halve1")
    name, label = node.output[0], reader.label(node)
    if flag.tensor is image:
        layers, filled = filling(image, levels, True, name, sweeps, label)
        reader.mapped[filled.name] = image
        reader.known[name] = Part(filled, 0, COLOURS)
    elif (image.channels, flag.tensor.channels) == (COLOURS, 1):
        marked = Tensor(f"{name}:marked", *image.size, COLOURS + 1, 8, 255, PIXEL_SCALE)
        reader.add(mark(reader.name("mark"), (flag.tensor, image), marked, label))
        layers, filled = filling(marked, levels, False, name, sweeps, label)
        reader.known[name] = filled
    else:
        raise reader.error(node, "what is broken must be the image's own map, or a score of one channel")
    for layer in layers:
        reader.add(layer)


def joins_its_map(reader: "Reader", node: NodeProto) -> bool:
    """Whether a Concat joins a filled image and the map that came with it: what its stream carries already."""
    parts = [reader.known.get(name) for name in node.input]
    joined = [part for part in parts if isinstance(part, Part) and not part.flag]
    ends = [(part.first, part.last) for part in joined]
    if len(parts) != 2 or ends != [(0, COLOURS), (COLOURS, COLOURS + 1)]:
        return False
    filled, image = (part.tensor for part in joined)
    axis = reader.attributes(node, axis=None)["axis"]
    if reader.mapped.get(filled.name) is not image or axis not in (1, -3):
        return False
    reader.known[node.output[0]] = filled
    return True


def correction(reader: "Reader", node: NodeProto) -> bool:
    """Whether an Add adds a correction to the colours of an image with a map; then it is known as one."""
    part, other = reader.value(node, 0), reader.value(node, 1)
    if not isinstance(part, Part) or part.flag or (part.first, part.last) != (0, COLOURS):
        return False
    image = part.tensor
    if image.channels != COLOURS + 1:
        return False
    if not isinstance(other, Tensor) or other.channels != COLOURS:
        raise reader.error(node, "it must add a correction of three channels to an image with a map")
    if image.size != other.size or not (_is_pixels(image) and _is_pixels(other)):
        raise reader.error(node, "image and correction must have one size, 8 bits, scale 1/255")
    reader.known[node.output[0]] = Correction(image, other)
    return True


def shifted(reader: "Reader", node: NodeProto) -> None:
    """The neutral value taken off a corrected image."""
    source, constant = reader.value(node, 0), reader.constant(node, 1)
    neutral = np.float32(NEUTRAL) * np.float32(PIXEL_SCALE)
    if not isinstance(source, Correction) or source.shifted:
        raise reader.error(node, "it must take the neutral value off a corrected image")
    if constant is None or constant.size != 1 or np.float32(constant.reshape(())) != neutral:
        raise reader.error(node, f"it must take off the constant 128/255, {neutral}")
    reader.known[node.output[0]] = replace(source, shifted=True)


def _correct(reader: "Reader", node: NodeProto, flag: Part, chosen: Correction) -> None:
    kept = _colours(reader, node, 2)
    if not chosen.finished or kept is not chosen.image or flag.tensor is not chosen.image:
        raise reader.error(node, "it must choose between an image and its correction by the image's map")
    result = Tensor(node.output[0], *kept.size, COLOURS, 8, 255, PIXEL_SCALE)
    label = reader.label(node)
    reader.add(correct(reader.name("correct", label), (chosen.correction, kept), result, label))
    reader.known[node.output[0]] = result


def _is_pixels(tensor: Tensor) -> bool:
    return (tensor.kind, tensor.scale) == ("UINT8", PIXEL_SCALE)


def _colours(reader: "Reader", node: NodeProto, index: int) -> Tensor:
    """The image whose R, G, B are an operand of `node`."""
    source = reader.value(node, index)
    if isinstance(source, Part) and (source.first, source.last) == (0, COLOURS) and not source.flag:
        return source.tensor
    if isinstance(source, Tensor) and source.channels == COLOURS:
        return source
    raise reader.error(node, f"its input {node.input[index]} must be R, G, B of a quantized image")
