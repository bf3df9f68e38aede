"""Every node of the dataflow graph as a structure of constants and the calls of kernels it stands for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from math import lcm, prod
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import get_by_name

from hls.cpp.roms import array, threshold_stages, weight_words
from hls.parts import find
from pixelmend.errors import UserError

DSP_PORT_BITS = {"xc7": 25, "xcup": 27}
"""Width of a DSP slice's wider multiplier port, by family: DSP48E1, DSP48E2."""


@dataclass(frozen=True)
class Channel:
    """A stream within the top function; `depth` in beats, `style` how a FIFO so deep is made."""

    name: str
    bits: int
    depth: int = 2  # what the tool gives a stream that needs none
    style: str = "auto"
    count: int = 0  # of an array of streams


@dataclass(frozen=True)
class Unit:
    """What one node becomes."""

    structures: str  # C++ before the top function
    calls: list[str]
    header: str  # of the kernel
    channels: list[Channel] = field(default_factory=list)  # streams of its own
    bindings: list[str] = field(default_factory=list)  # pragmas of the top function


@dataclass(frozen=True)
class Place:
    """A node with its operator and the streams at its ports."""

    model: ModelWrapper
    node: Any
    inputs: list[Channel]
    outputs: list[Channel]
    part: str

    def number(self, name: str) -> int:
        """An integer attribute; 0 where it is not set."""
        attribute = get_by_name(self.node.attribute, name)
        return 0 if attribute is None else int(attribute.i)

    def numbers(self, name: str) -> list[int]:
        """A list of integers."""
        return [int(item) for item in get_by_name(self.node.attribute, name).ints]

    def kind(self, index: int = 0) -> Any:
        """Datatype of input tensor `index`."""
        return self.model.get_tensor_datatype(self.node.input[index])

    def result(self) -> Any:
        """Datatype of the first output."""
        return self.model.get_tensor_datatype(self.node.output[0])

    def beats(self, index: int = 0) -> int:
        """Beats of a frame at input `index`."""
        shape = self.model.get_tensor_shape(self.node.input[index])
        return prod(shape) * self.kind(index).bitwidth() // self.inputs[index].bits

    def constant(self, index: int) -> Any:
        """An initializer as int64."""
        return self.model.get_initializer(self.node.input[index]).astype(np.int64)

    def error(self, message: str) -> UserError:
        """About this node."""
        return UserError(f"{self.node.op_type} '{self.node.name}': {message}")


def unit(place: Place) -> Unit:
    """The C++ of a node. `UserError` for a node that no kernel stands for."""
    try:
        return UNITS[place.node.op_type](place)
    except KeyError:
        known = ", ".join(UNITS)
        raise place.error(f"there is no kernel for it; there are kernels for {known}") from None


def structure(name: str, what: str, constants: dict[str, int | bool], members: str = "") -> str:
    """A structure of named constants, which a kernel takes as its parameter."""
    lines = [f"struct {name} {{  // {what}"]
    for key, value in constants.items():
        kind = "bool" if isinstance(value, bool) else "int"
        lines.append(f"  static const {kind} {key} = {str(value).lower()};")
    return "\n".join(lines) + f"\n{members}}};\n"


def _pad(place: Place) -> Unit:
    (height, width), (top, left, bottom, right) = place.numbers("ImgDim"), place.numbers("Padding")
    constants = {
        "HEIGHT": height, "WIDTH": width, "CHANNELS": place.number("NumChannels"), "TOP": top, "LEFT": left,
        "BOTTOM": bottom, "RIGHT": right, "SIMD": place.number("SIMD"), "BITS": place.kind().bitwidth(),
    }  # fmt: skip
    return _simple(place, "pad", "zeros around the frame", constants)


def _window(place: Place) -> Unit:
    (height, width), (kernel, other) = place.numbers("IFMDim"), place.numbers("ConvKernelDim")
    stride, across = place.numbers("Stride")
    if kernel != other or stride != across or place.numbers("Dilation") != [1, 1]:
        raise place.error("expected a square kernel and stride without dilation")
    constants = {
        "HEIGHT": height, "WIDTH": width, "CHANNELS": place.number("IFMChannels"), "KERNEL": kernel,
        "STRIDE": stride, "SIMD": place.number("SIMD"), "BITS": place.kind().bitwidth(),
    }  # fmt: skip
    return _simple(place, "sliding_window", "the windows of a convolution", constants)


def _matrix(place: Place) -> Unit:
    name, pe, simd = place.node.name, place.number("PE"), place.number("SIMD")
    matrix, weight_bits = place.constant(1), place.kind(1).bitwidth()
    if place.kind().signed():
        raise place.error(f"expected unsigned values, got {place.kind().name}")
    words = weight_words(matrix, pe, simd, weight_bits)
    constants = {
        "MW": matrix.shape[0], "MH": matrix.shape[1], "SIMD": simd, "PE": pe,
        "VECTORS": prod(place.numbers("numInputVectors")), "IN_BITS": place.kind().bitwidth(),
        "WEIGHT_BITS": weight_bits, "OUT_BITS": place.result().bitwidth(),
        "LANES": lanes(matrix, place), "TILES": words.shape[0], "WORDS": words.shape[1],
    }  # fmt: skip
    rom = array(f"static const unsigned long long {name}_weights[{words.shape[0]}][{words.shape[1]}]", words)
    style = get_by_name(place.node.attribute, "ram_style").s.decode()
    macro = {"block": "KERNELS_ROM_BRAM", "distributed": "KERNELS_ROM_LUTRAM"}.get(style)
    return Unit(
        rom + structure(name, "sums of a convolution", constants),
        [f"matrix_vector<{name}>({_names(place)}, {name}_weights);"],
        "matrix_vector",
        bindings=[f"{macro}({name}_weights)"] if macro else [],
    )


def lanes(matrix: Any, place: Place) -> int:
    """Products a DSP slice makes at once, as multiply.hpp packs them; 1 without narrow-range weights."""
    bits = place.kind(1).bitwidth()
    if matrix.min() == -(2 ** (bits - 1)):
        return 1
    room = DSP_PORT_BITS[find(place.part).family] - bits
    return min(1 + max(0, room) // (bits + place.kind().bitwidth() - 1), place.number("PE"))


def _thresholds(place: Place) -> Unit:
    name, pe, bits = place.node.name, place.number("PE"), place.result().bitwidth()
    kind = place.kind()
    steps = place.constant(1)
    steps = np.broadcast_to(steps, (place.number("NumChannels"), steps.shape[1]))
    table = "short" if steps.min() >= -(2**15) and steps.max() < 2**15 else "int"
    roms, members = "", ""
    type_name = f"ap_{'' if kind.signed() else 'u'}int<{place.kind(1).bitwidth()}>"
    for stage, values in enumerate(threshold_stages(steps, pe, bits)):
        rom = f"{name}_stage{stage}"
        roms += array(f"static const {table} {rom}[{pe}][{values.shape[1]}]", values)
        members += (
            f"  static {type_name} threshold(kernels::Stage<{stage}>, int pe, int fold, int prefix) {{\n"
            "#pragma HLS INLINE  // part of the search's pipeline\n"
            f"#pragma HLS ARRAY_PARTITION variable = {rom} complete dim = 1  // a memory for each lane\n"
            f"    return {rom}[pe][fold * {2**stage} + prefix];\n  }}\n"
        )
    constants = {
        "CHANNELS": place.number("NumChannels"), "PE": pe, "VECTORS": prod(place.numbers("numInputVectors")),
        "IN_BITS": kind.bitwidth(), "IN_SIGNED": bool(kind.signed()), "OUT_BITS": bits,
    }  # fmt: skip
    return Unit(
        roms + structure(name, "activation", constants, members),
        [f"thresholds<{name}>({_names(place)});"],
        "thresholds",
    )


def _fork(place: Place) -> Unit:
    """A chain of forks, one output each and two at the last."""
    name, bits = place.node.name, place.inputs[0].bits
    rest = [Channel(f"{name}_rest{n}", bits) for n in range(1, len(place.outputs) - 1)]
    sources = [place.inputs[0], *rest]
    last = [*rest, place.outputs[-1]]
    calls = [
        f"fork<{name}>({source.name}, {place.outputs[n].name}, {last[n].name});"
        for n, source in enumerate(sources)
    ]
    constants = {"BEATS": place.beats(), "BITS": bits}
    return Unit(structure(name, "one stream to several", constants), calls, "fork", rest)


def _add(place: Place) -> Unit:
    constants = {
        "BEATS": place.beats(), "SIMD": place.number("SIMD"),
        "A_BITS": place.kind(0).bitwidth(), "A_SIGNED": bool(place.kind(0).signed()),
        "B_BITS": place.kind(1).bitwidth(), "B_SIGNED": bool(place.kind(1).signed()),
        "OUT_BITS": place.result().bitwidth(),
    }  # fmt: skip
    return _simple(place, "skip_add", "sum of two streams", constants)


def _select(place: Place) -> Unit:
    constants = {
        "BEATS": place.beats(0), "PIXELS_PER_BEAT": 1, "FLAG_IN_REPAIRED": place.number("FlagInput") == 0,
    }  # fmt: skip
    return _simple(place, "select", "repaired pixels where they are bad", constants)


def _mark(place: Place) -> Unit:
    return _simple(place, "mark", "flags of broken pixels", {"BEATS": place.beats()})


def _halve(place: Place) -> Unit:
    height, width = place.numbers("ImgDim")
    return _simple(place, "halve", "means of the sound pixels", {"HEIGHT": height, "WIDTH": width})


def _double(place: Place) -> Unit:
    height, width = place.numbers("ImgDim")
    constants = {"HEIGHT": height, "WIDTH": width, "KEEP_FLAG": place.number("KeepFlag") == 1}
    return _simple(place, "grow", "broken pixels from the level above", constants)  # `double` is a C++ type


def _relax(place: Place) -> Unit:
    height, width = place.numbers("ImgDim")
    constants = {"HEIGHT": height, "WIDTH": width, "KEEP_FLAG": place.number("KeepFlag") == 1}
    return _simple(place, "relax", "broken pixels drawn towards a smooth surface", constants)


def _correct(place: Place) -> Unit:
    return _simple(place, "correct", "broken pixels corrected", {"BEATS": place.beats()})


def _shuffle(place: Place) -> Unit:
    name, bits = place.node.name, place.inputs[0].bits
    (height, width), stride = place.numbers("ImgDim"), place.number("Stride")
    first_depth, row_depth = getCustomOp(place.node).depths()[:2]
    style = {"shift": "srl"}.get(getCustomOp(place.node).ram_style(), getCustomOp(place.node).ram_style())
    constants = {
        "HEIGHT": height, "WIDTH": width, "CHANNELS": place.number("NumChannels"), "STRIDE": stride,
        "CROP_N": place.number("CropNorth"), "CROP_E": place.number("CropEast"),
        "CROP_S": place.number("CropSouth"), "CROP_W": place.number("CropWest"),
        "SIMD": place.number("SIMD"), "BITS": place.kind().bitwidth(),
    }  # fmt: skip
    rows = [
        Channel(f"{name}_first", bits, first_depth, style),
        Channel(f"{name}_others", bits, row_depth, style, stride - 1),
    ]
    calls = [
        f"deal_rows<{name}>({place.inputs[0].name}, {rows[0].name}, {rows[1].name});",
        f"gather_rows<{name}>({rows[0].name}, {rows[1].name}, {place.outputs[0].name});",
    ]
    return Unit(structure(name, "channel groups to pixels", constants), calls, "pixel_shuffle", rows)


def _convert(place: Place) -> Unit:
    """A converter; two, over the least common multiple, where neither width divides the other."""
    name, have, wanted = place.node.name, place.inputs[0].bits, place.outputs[0].bits
    common = lcm(have, wanted)
    frame = place.beats() * have
    chain = [place.inputs[0], place.outputs[0]]
    if common not in (have, wanted):
        chain.insert(1, Channel(f"{name}_common", common))
    structures, calls = "", []
    for source, result in pairwise(chain):
        kernel = "widen" if result.bits > source.bits else "narrow"
        own = name if len(chain) == 2 else f"{name}_{kernel}"
        beats = (
            {"OUT_BEATS": frame // result.bits} if kernel == "widen" else {"IN_BEATS": frame // source.bits}
        )
        constants = {"IN_BITS": source.bits, "OUT_BITS": result.bits, **beats}
        structures += structure(own, "beats of another width", constants)
        calls.append(f"{kernel}<{own}>({source.name}, {result.name});")
    return Unit(structures, calls, "width_converter", chain[1:-1])


def _simple(place: Place, kernel: str, what: str, constants: dict[str, Any]) -> Unit:
    name = place.node.name
    return Unit(structure(name, what, constants), [f"{kernel}<{name}>({_names(place)});"], kernel)


def _names(place: Place) -> str:
    return ", ".join(channel.name for channel in [*place.inputs, *place.outputs])


UNITS: dict[str, Callable[[Place], Unit]] = {
    "FMPadding_rtl": _pad,
    "ConvolutionInputGenerator_rtl": _window,
    "MVAU_rtl": _matrix,
    "Thresholding_rtl": _thresholds,
    "StreamFork_rtl": _fork,
    "SkipAdd_rtl": _add,
    "PixelSelect_rtl": _select,
    "PixelMark_rtl": _mark,
    "PyramidHalve_rtl": _halve,
    "PyramidDouble_rtl": _double,
    "PyramidRelax_rtl": _relax,
    "PixelCorrect_rtl": _correct,
    "PixelShuffle_rtl": _shuffle,
    "StreamingDataWidthConverter_rtl": _convert,
}
