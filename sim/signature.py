"""One number for all that a stream carried: what `hls/rtl/stream_probe.sv` counts, computed from tensors.

Every stream of the stitched RTL has a probe. Comparing them with the integer model's tensors blames a wrong
pixel on the first node that went wrong, without recording a stream.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from hls.rtl.top import links
from pixelmend.errors import UserError
from sim.stream import pack

MULTIPLIER = 0x2C9277B5
START = 1
CHUNK = 1 << 19  # values packed at once


def first_difference(
    graph: ModelWrapper, tensors: Mapping[str, NDArray[Any]], signatures: Mapping[str, int]
) -> str | None:
    """The first node, in the order of the graph, whose output stream is not that of `tensors`, or None.

    `tensors` as `IntegerModel.tensors` gives them, `signatures` by tensor name, both for the same frames.
    'pixel_in' is what stands before the first node.
    """
    for link in links(graph):
        if link.name not in signatures or link.name not in tensors:
            raise UserError(f"stream {link.name}: expected its signature and its tensor, found one or none")
        kind = graph.get_tensor_datatype(link.name)
        lanes = link.bits // kind.bitwidth()
        wanted = stream_signature(tensors[link.name], kind.bitwidth(), lanes, kind.signed())
        if signatures[link.name] != wanted:
            return link.producer
    return None


def stream_signature(values: NDArray[Any], bits: int, lanes: int, signed: bool = False) -> int:
    """Signature of integers (..., channels) streamed in C order, `lanes` of `bits` a beat."""
    if not 1 <= lanes <= values.size or values.size % lanes:
        raise UserError(f"lanes: expected a divisor of the {values.size} values, got {lanes}")
    vectors = values.reshape(-1, lanes)
    rows = max(1, CHUNK // lanes)
    result = START
    for first in range(0, len(vectors), rows):
        result = beats_signature(pack(vectors[first : first + rows], bits, lanes, signed), result)
    return result


def beats_signature(beats: NDArray[np.uint8], start: int = START) -> int:
    """Signature of beats (beats, bytes); pad bits are zero, as `sim.stream.pack` leaves them.

    `start` is that of the beats before, where there were any.
    """
    padded = np.pad(beats, ((0, 0), (0, -beats.shape[1] % 4)))
    words = _mix(np.ascontiguousarray(padded).view("<u4").astype(np.uint32).ravel())
    powers = np.full(len(words) + 1, MULTIPLIER, np.uint32)
    powers[0] = 1
    powers = np.multiply.accumulate(powers, dtype=np.uint32)  # mod 2**32
    total = int((words * powers[-2::-1]).sum(dtype=np.uint64))
    return (start * int(powers[-1]) + total) % 2**32


def _mix(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    mixed = words.copy()  # all operations stay in 32 bits
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed
