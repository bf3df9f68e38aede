"""Every HLS kernel against a naive reference: seeded random shapes, bit widths and foldings, two frames each.

Compiled with the address and the undefined-behaviour sanitizer, all cases of a kernel in one program.
"""

import re
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.cpp.roms import array, threshold_stages, weight_words
from pixelmend.errors import UserError
from sim.harness.tools import execute
from tests.hls.kernels.bench import Case, Stream, check, check_syntax, compile_program

Array = NDArray[Any]
COUNT = 20
FRAMES = 2


def divisor(rng: np.random.Generator, number: int, most: int = 8) -> int:
    return int(rng.choice([n for n in range(1, min(number, most) + 1) if number % n == 0]))


def whole(rng: np.random.Generator, shape: tuple[int, ...], bits: int, signed: bool = False) -> Array:
    """Random integers over the whole range of their type, both ends among them."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    values = rng.integers(low, high, shape)
    ends = rng.random(shape) < 0.2
    return np.where(ends, rng.choice([low, high - 1], shape), values)


def twice(call: str) -> str:
    return f"for (int frame = 0; frame < {FRAMES}; ++frame) {{ {call} }}"


def ints(rng: np.random.Generator, *ranges: tuple[int, int]) -> list[int]:
    """One integer of each range, both ends included."""
    return [int(rng.integers(low, high + 1)) for low, high in ranges]


def one_of(rng: np.random.Generator, *choices: int) -> int:
    """From a few choices where the number sets the width of a type: every width costs compile time."""
    return int(rng.choice(choices))


def pad_case(rng: np.random.Generator) -> Case:
    height, width, channels = ints(rng, (1, 5), (1, 5), (1, 12))
    bits = one_of(rng, 1, 4, 9)
    top, left, bottom, right = ints(rng, *[(0, 2)] * 4)
    simd = divisor(rng, channels)
    frame = whole(rng, (FRAMES, height, width, channels), bits)
    padded = np.pad(frame, ((0, 0), (top, bottom), (left, right), (0, 0)))
    node = {
        "HEIGHT": height, "WIDTH": width, "CHANNELS": channels, "TOP": top, "LEFT": left,
        "BOTTOM": bottom, "RIGHT": right, "SIMD": simd, "BITS": bits,
    }  # fmt: skip
    streams = (Stream(frame, bits, simd),), (Stream(padded, bits, simd),)
    return Case(node, *streams, twice("kernels::pad<NODE>(in0, out0);"))


def window_case(rng: np.random.Generator) -> Case:
    channels, *kernel = ints(rng, (1, 8), (1, 4), (1, 4))
    stride, apart = ints(rng, (1, 4), (1, 4)), ints(rng, (1, 3), (1, 3))
    bits = one_of(rng, 1, 4, 9)
    spans = [(taps - 1) * step + 1 for taps, step in zip(kernel, apart, strict=True)]
    height, width = (span + extra for span, extra in zip(spans, ints(rng, (0, 6), (0, 6)), strict=True))
    simd = divisor(rng, channels)
    frame = whole(rng, (FRAMES, height, width, channels), bits)
    rows, columns = (height - spans[0]) // stride[0] + 1, (width - spans[1]) // stride[1] + 1
    windows = np.empty((FRAMES, rows, columns, *kernel, channels), int)
    for y, x, u, v in np.ndindex(rows, columns, *kernel):
        windows[:, y, x, u, v] = frame[:, y * stride[0] + u * apart[0], x * stride[1] + v * apart[1]]
    node = {
        "HEIGHT": height, "WIDTH": width, "CHANNELS": channels, "KERNEL_H": kernel[0], "KERNEL_W": kernel[1],
        "STRIDE_H": stride[0], "STRIDE_W": stride[1], "DILATION_H": apart[0], "DILATION_W": apart[1],
        "SIMD": simd, "BITS": bits,
    }  # fmt: skip
    # FRAMES calls, each with its frame alone: input that is there would be taken across the border otherwise
    streams = (Stream(frame, bits, simd),), (Stream(windows, bits, simd),)
    return Case(node, *streams, twice("kernels::sliding_window<NODE>(in0, out0);"))


def packing(weight_bits: int, bits: int) -> int:
    """Most products of one multiplier of 25 x 18 bits."""
    return 1 + (25 - weight_bits) // (weight_bits + bits - 1)


def matrix_case(rng: np.random.Generator) -> Case:
    columns, rows, vectors = ints(rng, (1, 24), (1, 24), (1, 4))
    bits, weight_bits = one_of(rng, 1, 2, 4, 5, 8), one_of(rng, 2, 3, 4, 8)
    pe, simd = divisor(rng, rows), divisor(rng, columns)
    lanes = min(pe, ints(rng, (1, packing(weight_bits, bits)))[0])
    limit = 2 ** (weight_bits - 1) - 1
    lowest = -limit - (lanes == 1)  # only packed weights must have a narrow range
    matrix = rng.choice([rng.integers(lowest, limit + 1), lowest, limit], (columns, rows))
    matrix = np.where(rng.random(matrix.shape) < 0.3, matrix, rng.integers(lowest, limit + 1, matrix.shape))
    signed = bool(rng.integers(2)) and bits > 1
    vector = whole(rng, (FRAMES, vectors, columns), bits, signed)
    sums = vector @ matrix
    least = max(weight_bits + bits, int(np.abs(sums).max()).bit_length() + 1)
    out_bits = min(room for room in (8, 12, 16, 24) if room >= least)
    words = weight_words(matrix, pe, simd, weight_bits)
    node = {
        "MW": columns, "MH": rows, "SIMD": simd, "PE": pe, "VECTORS": vectors, "IN_BITS": bits,
        "IN_SIGNED": signed, "WEIGHT_BITS": weight_bits, "OUT_BITS": out_bits, "LANES": lanes,
        "TILES": words.shape[0], "WORDS": words.shape[1],
    }  # fmt: skip
    rom = array(f"static const unsigned long long NODE_weights[{words.shape[0]}][{words.shape[1]}]", words)
    streams = (Stream(vector, bits, simd, signed),), (Stream(sums, out_bits, pe, signed=True),)
    call = "kernels::matrix_vector<NODE>(in0, out0, NODE_weights);"
    return Case(node, *streams, twice(call), globals=rom)


def thresholds_case(rng: np.random.Generator) -> Case:
    channels, vectors, out_bits = ints(rng, (1, 12), (1, 12), (1, 6))
    in_bits = one_of(rng, 2, 5, 12, 20)
    signed = bool(rng.integers(2))
    pe = divisor(rng, channels)
    value = whole(rng, (FRAMES, vectors, channels), in_bits, signed)
    steps = np.sort(whole(rng, (channels, 2**out_bits - 1), in_bits, signed), axis=1)
    bias = one_of(rng, 0, -(2 ** (out_bits - 1)))
    level = (value[..., None] >= steps).sum(-1) + bias
    node = {
        "CHANNELS": channels, "PE": pe, "VECTORS": vectors, "IN_BITS": in_bits, "IN_SIGNED": signed,
        "OUT_BITS": out_bits, "BIAS": bias,
    }  # fmt: skip
    roms, members = "", ""
    for stage, values in enumerate(threshold_stages(steps, pe, out_bits)):
        roms += array(f"static const int NODE_stage{stage}[{pe}][{values.shape[1]}]", values)
        members += (
            f"  static ap_{'' if signed else 'u'}int<{in_bits}> threshold(kernels::Stage<{stage}>, int pe, "
            f"int fold, int prefix) {{ return NODE_stage{stage}[pe][fold * {2**stage} + prefix]; }}\n"
        )
    streams = (Stream(value, in_bits, pe, signed),), (Stream(level, out_bits, pe, bias < 0),)
    return Case(node, *streams, twice("kernels::thresholds<NODE>(in0, out0);"), members, roms)


def fork_case(rng: np.random.Generator) -> Case:
    beats, lanes = ints(rng, (1, 20), (1, 8))
    bits = one_of(rng, 1, 4, 16)
    stream = Stream(whole(rng, (FRAMES, beats, lanes), bits), bits, lanes)
    node = {"BEATS": beats, "BITS": bits * lanes}
    return Case(node, (stream,), (stream, stream), twice("kernels::fork<NODE>(in0, out0, out1);"))


def add_case(rng: np.random.Generator) -> Case:
    beats = ints(rng, (1, 20))[0]
    simd, a, b = one_of(rng, 1, 2, 5), one_of(rng, 1, 4, 7), one_of(rng, 2, 4, 11)
    a_signed, b_signed = (bool(flag) for flag in rng.integers(2, size=2))
    signed = a_signed or b_signed
    wider = max(a + (signed and not a_signed), b + (signed and not b_signed))
    bits = wider + ints(rng, (1, 2))[0]
    left, right = (
        whole(rng, (FRAMES, beats, simd), a, a_signed),
        whole(rng, (FRAMES, beats, simd), b, b_signed),
    )
    node = {
        "BEATS": beats, "SIMD": simd, "A_BITS": a, "A_SIGNED": a_signed, "B_BITS": b, "B_SIGNED": b_signed,
        "OUT_BITS": bits,
    }  # fmt: skip
    inputs = Stream(left, a, simd, a_signed), Stream(right, b, simd, b_signed)
    outputs = (Stream(left + right, bits, simd, signed),)
    return Case(node, inputs, outputs, twice("kernels::skip_add<NODE>(in0, in1, out0);"))


def select_case(rng: np.random.Generator) -> Case:
    beats, pixels = ints(rng, (1, 60), (1, 4))
    own = bool(rng.integers(2))
    repaired = whole(rng, (FRAMES, beats, pixels, 4 if own else 3), 8)
    image = whole(rng, (FRAMES, beats, pixels, 3 if own else 4), 8)
    flagged = repaired if own else image
    edge = rng.random(flagged.shape[:-1]) < 0.3
    flagged[..., 3] = np.where(edge, rng.choice([127, 128], edge.shape), flagged[..., 3])
    chosen = np.where(flagged[..., 3:] >= 128, repaired[..., :3], image[..., :3])
    node = {"BEATS": beats, "PIXELS_PER_BEAT": pixels, "FLAG_IN_REPAIRED": own}
    flat = [values.reshape(FRAMES, beats, -1) for values in (repaired, image, chosen)]
    streams = [Stream(values, 8, values.shape[-1]) for values in flat]
    call = "kernels::select<NODE>(in0, in1, out0);"
    return Case(node, (streams[0], streams[1]), (streams[2],), twice(call))


def with_flags(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Pixels (..., 4) whose flags are often next to the limit."""
    pixels = whole(rng, (*shape, 4), 8)
    edge = rng.random(shape) < 0.3
    pixels[..., 3] = np.where(edge, rng.choice([127, 128], shape), pixels[..., 3])
    return pixels


def mark_case(rng: np.random.Generator) -> Case:
    beats = ints(rng, (1, 600))[0]
    score, image = whole(rng, (FRAMES, beats, 1), 8), whole(rng, (FRAMES, beats, 3), 8)
    score = np.where(rng.random(score.shape) < 0.3, rng.choice([127, 128], score.shape), score)
    marked = np.concatenate([image, 255 * (score // 128)], -1)
    streams = (Stream(score, 8, 1), Stream(image, 8, 3)), (Stream(marked, 8, 4),)
    return Case({"BEATS": beats}, *streams, twice("kernels::mark<NODE>(in0, in1, out0);"))


def halve_case(rng: np.random.Generator) -> Case:
    rows, columns = ints(rng, (1, 20), (1, 20))
    frame = with_flags(rng, (FRAMES, 2 * rows, 2 * columns))
    cells = np.empty((FRAMES, rows, columns, 4), int)
    for n, y, x in np.ndindex(FRAMES, rows, columns):
        cell = frame[n, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].reshape(4, 4)
        sound = cell[cell[:, 3] < 128, :3]
        cells[n, y, x] = [*np.floor(sound.mean(0) + 0.5), 0] if len(sound) else [128, 128, 128, 255]
    node = {"HEIGHT": 2 * rows, "WIDTH": 2 * columns}
    streams = (Stream(frame, 8, 4),), (Stream(cells, 8, 4),)
    return Case(node, *streams, twice("kernels::halve<NODE>(in0, out0);"))


def bilinear(count: int) -> Array:
    """What the values at the centres of `count` intervals add to those at the centres of their halves."""
    places = (np.arange(2 * count) + 0.5) / 2 - 0.5
    return np.stack([np.interp(places, np.arange(count), one) for one in np.eye(count)], -1)


def grow_case(rng: np.random.Generator) -> Case:
    rows, columns = ints(rng, (1, 12), (1, 12))
    keep = bool(rng.integers(2))
    above = whole(rng, (FRAMES, rows, columns, 4), 8)
    level = with_flags(rng, (FRAMES, 2 * rows, 2 * columns))
    guess = np.einsum("yi,nijc,xj->nyxc", bilinear(rows), above[..., :3], bilinear(columns))
    filled = np.where(level[..., 3:] >= 128, np.floor(guess + 0.5).astype(int), level[..., :3])
    if keep:
        filled = np.concatenate([filled, level[..., 3:]], -1)
    node = {"HEIGHT": 2 * rows, "WIDTH": 2 * columns, "KEEP_FLAG": keep}
    inputs = Stream(above, 8, 4), Stream(level, 8, 4)
    outputs = (Stream(filled, 8, filled.shape[-1]),)
    # FRAMES calls share streams that hold all frames: none may take from the next
    return Case(node, inputs, outputs, twice("kernels::grow<NODE>(in0, in1, out0);"))


def relax_case(rng: np.random.Generator) -> Case:
    height, width = ints(rng, (1, 12), (6, 20))
    keep = bool(rng.integers(2))
    frame = with_flags(rng, (FRAMES, height, width))
    swept = frame.copy()
    stencil = np.array(
        [[0, 0, -1, 0, 0], [0, -2, 8, -2, 0], [-1, 8, -4, 8, -1], [0, -2, 8, -2, 0], [0, 0, -1, 0, 0]]
    )
    for came, image in zip(frame, swept, strict=True):
        for y, x in np.argwhere(came[..., 3] >= 128):
            rows = [
                image[r] if 0 <= r < height else came[min(max(r, 0), height - 1)] for r in range(y - 2, y + 3)
            ]
            columns = np.clip(np.arange(x - 2, x + 3), 0, width - 1)
            total = np.einsum("rc,rck->k", stencil, np.stack(rows)[:, columns, :3])
            image[y, x, :3] = np.clip(np.floor(total / 16 + 0.5), 0, 255)
    result = swept if keep else swept[..., :3]
    node = {"HEIGHT": height, "WIDTH": width, "KEEP_FLAG": keep}
    streams = (Stream(frame, 8, 4),), (Stream(result, 8, result.shape[-1]),)
    return Case(node, *streams, twice("kernels::relax<NODE>(in0, out0);"))


def correct_case(rng: np.random.Generator) -> Case:
    beats = ints(rng, (1, 600))[0]
    correction, image = whole(rng, (FRAMES, beats, 3), 8), with_flags(rng, (FRAMES, beats))
    moved = np.minimum(np.maximum(image[..., :3] + correction - 128, 0), 255)
    corrected = np.where(image[..., 3:] >= 128, moved, image[..., :3])
    streams = (Stream(correction, 8, 3), Stream(image, 8, 4)), (Stream(corrected, 8, 3),)
    return Case({"BEATS": beats}, *streams, twice("kernels::correct<NODE>(in0, in1, out0);"))


def shuffle_case(rng: np.random.Generator) -> Case:
    height, width, channels, s = ints(rng, (1, 4), (1, 4), (1, 8), (2, 4))
    bits = one_of(rng, 1, 4, 9)
    simd = divisor(rng, channels)
    crops = [ints(rng, (0, s - 1))[0] for _ in range(4)]
    north, south = (0, 0) if crops[0] + crops[1] >= s * height else (crops[0], crops[1])
    west, east = (0, 0) if crops[2] + crops[3] >= s * width else (crops[2], crops[3])
    frame = whole(rng, (FRAMES, height, width, s, s, channels), bits)
    big = np.empty((FRAMES, s * height, s * width, channels), int)
    for y, x, u, v in np.ndindex(height, width, s, s):
        big[:, s * y + u, s * x + v] = frame[:, y, x, u, v]
    result = big[:, north : s * height - south, west : s * width - east]
    node = {
        "HEIGHT": height, "WIDTH": width, "CHANNELS": channels, "STRIDE": s, "CROP_N": north,
        "CROP_E": east, "CROP_S": south, "CROP_W": west, "SIMD": simd, "BITS": bits,
    }  # fmt: skip
    local = {
        "first": f'hls::stream<ap_uint<{simd * bits}> > first("first");',
        "others[0]": f"hls::stream<ap_uint<{simd * bits}> > others[{s - 1}];",
    }
    call = "kernels::deal_rows<NODE>(in0, first, others); kernels::gather_rows<NODE>(first, others, out0);"
    streams = (Stream(frame, bits, simd),), (Stream(result, bits, simd),)
    return Case(node, *streams, twice(call), local=local)


def converter_case(rng: np.random.Generator) -> Case:
    ratio, beats = ints(rng, (2, 6), (1, 8))
    lanes, bits = one_of(rng, 1, 2, 5), one_of(rng, 1, 4, 9)
    wide = rng.integers(2) == 1
    values = whole(rng, (FRAMES, beats, ratio * lanes), bits)
    have, wanted = (lanes, ratio * lanes) if wide else (ratio * lanes, lanes)
    node = {"IN_BITS": have * bits, "OUT_BITS": wanted * bits, "OUT_BEATS" if wide else "IN_BEATS": beats}
    call = f"kernels::{'widen' if wide else 'narrow'}<NODE>(in0, out0);"
    return Case(node, (Stream(values, bits, have),), (Stream(values, bits, wanted),), twice(call))


def axis_case(rng: np.random.Generator) -> Case:
    """Entrance and exit in one: TLAST is right, or is missing in a frame, or comes early in one."""
    beats, pixels = ints(rng, (1, 60), (1, 4))
    bits = 24 * pixels
    data = whole(rng, (FRAMES, beats, 3 * pixels), 8)
    last = np.zeros((FRAMES, beats, 1), int)
    last[:, -1] = 1
    wrong = rng.choice(["nothing", "missing", "early"])
    frame = int(rng.integers(FRAMES))
    if wrong == "missing":
        last[frame, -1] = 0
    elif wrong == "early":
        last[frame, int(rng.integers(beats))] = 1
    right = np.zeros_like(last)
    right[:, -1] = 1
    # of each frame, as soon as it is through; once risen it stays
    error = np.maximum.accumulate((last != right).any((1, 2))).astype(int)[:, None]
    call = f"""
    ap_uint<1> error = 0;
    hls::stream<kernels::Axis<{bits}>::beat_t> axis("axis");
    hls::stream<ap_uint<{bits}> > inner("inner");
    for (int i = 0; i < NODE::BEATS; ++i) {{
      kernels::Axis<{bits}>::beat_t beat;
      beat.data = in0.read();
      beat.last = in1.read();
      axis.write(beat);
    }}
    kernels::pixel_in<NODE>(axis, inner, error);
    out2.write(error);
    kernels::pixel_out<NODE>(inner, axis);
    for (int i = 0; i < NODE::BEATS; ++i) {{
      const kernels::Axis<{bits}>::beat_t beat = axis.read();
      out0.write(beat.data);
      out1.write(beat.last);
    }}
    if (!axis.empty() || !inner.empty()) std::exit(7);"""
    pixels_in = Stream(data, 8, 3 * pixels)
    inputs, outputs = (pixels_in, Stream(last, 1, 1)), (pixels_in, Stream(right, 1, 1), Stream(error, 1, 1))
    return Case({"BEATS": beats, "BITS": bits}, inputs, outputs, twice(call))


CASES = {
    "pad": pad_case,
    "sliding_window": window_case,
    "matrix_vector": matrix_case,
    "thresholds": thresholds_case,
    "fork": fork_case,
    "skip_add": add_case,
    "select": select_case,
    "pixel_shuffle": shuffle_case,
    "width_converter": converter_case,
    "pixel_stream": axis_case,
    "mark": mark_case,
    "halve": halve_case,
    "grow": grow_case,
    "correct": correct_case,
    "relax": relax_case,
}


@pytest.mark.parametrize("kernel", CASES)
def test_kernel_equals_its_reference(
    kernel: str, simulations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = [np.random.default_rng([seed, list(CASES).index(kernel)]) for seed in range(COUNT)]
    cases = [CASES[kernel](rng) for rng in seeds]
    assert len({str(case.node) for case in cases}) >= COUNT - 5, "too many cases are alike"
    assert all(prod(stream.values.shape) for case in cases for stream in case.inputs)
    check(f"{kernel}.hpp", cases, simulations, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("weight_bits", "bits", "lanes"),
    [(4, 4, 4), (2, 2, 8), (3, 3, 5), (4, 8, 2), (4, 1, 6), (4, 4, 1)],
)
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_packed_products_are_exact(
    weight_bits: int, bits: int, lanes: int, signed: bool, simulations: Path
) -> None:
    """Every value with every pair of neighbouring weights, the other lanes at their ends."""
    assert lanes == 1 or lanes <= packing(weight_bits, bits)
    low, kind = (-(2 ** (bits - 1)), f"ap_int<{bits}>") if signed else (0, f"ap_uint<{bits}>")
    text = PRODUCTS.format(weight_bits=weight_bits, bits=bits, lanes=lanes, low=low, kind=kind)
    program = compile_program(text, simulations)
    execute([program], "products")


PRODUCTS = """
#include "multiply.hpp"
#include <cstdio>
static const int W = {weight_bits}, A = {bits}, L = {lanes}, LIMIT = (1 << (W - 1)) - 1;
static int weight[L], product[L];
static bool wrong() {{
  for (int value = {low}; value < {low} + (1 << A); ++value) {{
    kernels::multiply<L, W, A>(weight, {kind}(value), product);
    for (int l = 0; l < L; ++l)
      if (product[l] != weight[l] * value)
        return std::printf("lane %d: %d * %d gave %d\\n", l, weight[l], value, product[l]), true;
  }}
  return false;
}}
int main() {{
  const int ends[] = {{-LIMIT, -1, 0, 1, LIMIT}};
  for (int low = -LIMIT; low <= LIMIT; ++low)
    for (int high = -LIMIT; high <= LIMIT; ++high)
      for (int at = 0; at + 1 < L || at == 0; ++at)
        for (int others = 0; others < 25; ++others) {{
          for (int l = 0; l < L; ++l) weight[l] = ends[(l < at ? others : others / 5) % 5];
          weight[at] = low;
          if (at + 1 < L) weight[at + 1] = high;
          if (wrong()) return 1;
        }}
  return 0;
}}
"""


SUPPLIES = ("needed rows only", "level last", "at random")


@pytest.mark.parametrize("supply", SUPPLIES)
def test_growing_waits_for_nothing_that_it_can_do_without(supply: str, simulations: Path) -> None:
    """Pixels go out as soon as their rows are there, and rows come in as far as there is room for them."""
    program = compile_program(GROWING, simulations, SCRIPTED_STREAM)
    execute([program, str(SUPPLIES.index(supply))], "growing")


SCRIPTED_STREAM = """
#pragma once
#include <cstdio>
#include <cstdlib>
namespace hls {
inline void fail(const char* what) {
  std::fprintf(stderr, "%s\\n", what);
  std::exit(1);
}
// Beats of zeros, and broken pixels, while `open` says that there is one; `taken` is told of each.
template <class T>
struct stream {
  bool (*open)();
  void (*taken)();
  int refused, written;
  bool read_nb(T& beat) {
    if (!open()) {
      if (++refused > 1000) fail("waits for a beat that does not come");
      return false;
    }
    taken();
    refused = 0;
    beat = -1;
    return true;
  }
  T read() {
    T beat;
    if (!read_nb(beat)) fail("stands still until a beat comes");
    return beat;
  }
  void write(const T&) { ++written; }
};
}  // namespace hls
"""
"""hls_stream.h for a test that decides when a beat is there."""

GROWING = """
#include "grow.hpp"
template <int ABOVE_ROWS, int ABOVE_COLUMNS>
struct Node {
  static const int HEIGHT = 2 * ABOVE_ROWS, WIDTH = 2 * ABOVE_COLUMNS;
  static const bool KEEP_FLAG = true;
};
static int supply, rows, columns;     // of the level above
static int above_taken, level_taken;  // beats of a frame
static unsigned state = 1;
static bool coin() { return (state = 1664525 * state + 1013904223) >> 31; }
static int row() { return level_taken / (2 * columns); }
static int least(int a, int b) { return a < b ? a : b; }
static int needed() { return (least((row() + 1) / 2, rows - 1) + 1) * columns; }
static int room() { return least((row() == 0 ? 0 : (row() - 1) / 2) + 4, rows) * columns; }
static bool above_open() {
  if (supply == 0) return above_taken < needed();
  return supply == 1 || coin();
}
static bool level_open() {
  if (supply == 1) return above_taken == room();
  return supply == 0 || coin();
}
static void take_above() {
  if (++above_taken > room()) hls::fail("takes a row of the level above that it has no room for");
}
static void take_level() {
  if (above_taken < needed()) hls::fail("gives a pixel before the rows that it needs");
  if (++level_taken > 4 * rows * columns) hls::fail("takes more than a frame");
}
template <int ROWS, int COLUMNS>
static void run() {
  typedef hls::stream<ap_uint<32> > Stream;
  Stream above = {above_open, take_above, 0, 0}, level = {level_open, take_level, 0, 0}, out = {0, 0, 0, 0};
  rows = ROWS;
  columns = COLUMNS;
  for (int frame = 1; frame <= 3; ++frame) {
    above_taken = level_taken = 0;
    kernels::grow<Node<ROWS, COLUMNS> >(above, level, out);
    if (above_taken != ROWS * COLUMNS) hls::fail("leaves pixels of the level above");
    if (out.written != frame * 4 * ROWS * COLUMNS) hls::fail("gives another number of pixels");
  }
}
int main(int, char** arguments) {
  supply = std::atoi(arguments[1]);
  run<1, 1>();
  run<2, 3>();
  run<3, 1>();
  run<5, 2>();
  run<8, 4>();
  run<9, 5>();
  return 0;
}
"""


@pytest.mark.parametrize(
    ("kernel", "change", "sentence"),
    [
        ("pad", {"SIMD": 2}, "pad: SIMD must divide CHANNELS, as a beat never spans two pixels"),
        ("sliding_window", {"SIMD": 2}, "sliding_window: SIMD must divide CHANNELS"),
        ("sliding_window", {"KERNEL_H": 9}, "sliding_window: the kernel must not span more than the frame"),
        ("sliding_window", {"DILATION_W": 4}, "sliding_window: the kernel must not span more than the frame"),
        (
            "matrix_vector",
            {"SIMD": 5},
            "matrix_vector: SIMD must divide MW, as every beat of a vector is full",
        ),
        ("matrix_vector", {"PE": 5}, "matrix_vector: PE must divide MH, as every beat of sums is full"),
        ("matrix_vector", {"TILES": 1}, "matrix_vector: TILES must be the tiles of PE x SIMD"),
        ("matrix_vector", {"SIMD": 4, "TILES": 1}, "matrix_vector: WORDS of 64 bits must hold"),
        ("matrix_vector", {"LANES": 5}, "multiply: the packed weights must fit the 25 bits of a DSP48E1"),
        ("thresholds", {"PE": 2}, "thresholds: PE must divide CHANNELS"),
        ("skip_add", {"OUT_BITS": 4}, "skip_add: OUT_BITS must be one more than the wider operand's"),
        ("select", {"PIXELS_PER_BEAT": 0}, "select: a beat must hold whole pixels"),
        ("halve", {"HEIGHT": 3}, "halve: HEIGHT must be even, as a cell has two rows"),
        ("halve", {"WIDTH": 5}, "halve: WIDTH must be even, as a cell has two columns"),
        ("grow", {"HEIGHT": 3}, "grow: HEIGHT must be even, as a pixel of the level above becomes two rows"),
        ("grow", {"WIDTH": 5}, "grow: WIDTH must be even, as a pixel of the level above becomes two columns"),
        ("relax", {"HEIGHT": 0}, "relax: HEIGHT must be 1 or more"),
        ("relax", {"WIDTH": 5}, "relax: WIDTH must be 6 or more, as a pixel leaves three columns after it"),
        ("pixel_shuffle", {"SIMD": 2}, "pixel_shuffle: SIMD must divide CHANNELS of the output"),
        ("pixel_shuffle", {"CROP_N": 8}, "pixel_shuffle: the crops must leave a row"),
        ("width_converter", {"IN_BITS": 3}, "widen: IN_BITS must divide OUT_BITS"),
    ],
)
def test_a_rule_that_is_broken_is_a_sentence_of_the_compiler(
    kernel: str, change: dict[str, int], sentence: str, simulations: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        check_syntax(kernel, RULED[kernel][0] | change, RULED[kernel][1], tmp_path, simulations, True)


def test_the_same_rules_kept_compile(simulations: Path, tmp_path: Path) -> None:
    for kernel, (node, instance) in RULED.items():
        check_syntax(kernel, node, instance, tmp_path, simulations)


RULED: dict[str, tuple[dict[str, int | bool], str]] = {
    "pad": (
        {"HEIGHT": 4, "WIDTH": 4, "CHANNELS": 3, "TOP": 1, "LEFT": 1, "BOTTOM": 1, "RIGHT": 1,
         "SIMD": 1, "BITS": 4},
        "pad<Node>",
    ),
    "sliding_window": (
        {"HEIGHT": 4, "WIDTH": 4, "CHANNELS": 3, "KERNEL_H": 2, "KERNEL_W": 2, "STRIDE_H": 1, "STRIDE_W": 1,
         "DILATION_H": 1, "DILATION_W": 1, "SIMD": 1, "BITS": 4},
        "sliding_window<Node>",
    ),
    "matrix_vector": (
        {"MW": 4, "MH": 8, "SIMD": 2, "PE": 8, "VECTORS": 1, "IN_BITS": 4,
         "IN_SIGNED": False, "WEIGHT_BITS": 4, "OUT_BITS": 12, "LANES": 4, "TILES": 2, "WORDS": 1},
        "matrix_vector<Node>",
    ),
    "thresholds": (
        {"CHANNELS": 3, "PE": 1, "VECTORS": 1, "IN_BITS": 8, "IN_SIGNED": True, "OUT_BITS": 1, "BIAS": 0},
        "thresholds<Node>",
    ),
    "skip_add": (
        {"BEATS": 1, "SIMD": 1, "A_BITS": 4, "A_SIGNED": False, "B_BITS": 4, "B_SIGNED": False,
         "OUT_BITS": 5},
        "skip_add<Node>",
    ),
    "select": ({"BEATS": 1, "PIXELS_PER_BEAT": 1, "FLAG_IN_REPAIRED": True}, "select<Node>"),
    "mark": ({"BEATS": 1}, "mark<Node>"),
    "halve": ({"HEIGHT": 2, "WIDTH": 4}, "halve<Node>"),
    "grow": ({"HEIGHT": 2, "WIDTH": 4, "KEEP_FLAG": True}, "grow<Node>"),
    "correct": ({"BEATS": 1}, "correct<Node>"),
    "relax": ({"HEIGHT": 1, "WIDTH": 6, "KEEP_FLAG": False}, "relax<Node>"),
    "pixel_shuffle": (
        {"HEIGHT": 4, "WIDTH": 4, "CHANNELS": 3, "STRIDE": 2, "CROP_N": 0, "CROP_E": 0, "CROP_S": 0,
         "CROP_W": 0, "SIMD": 1, "BITS": 4},
        "deal_rows<Node>",
    ),
    "width_converter": ({"IN_BITS": 4, "OUT_BITS": 8, "OUT_BEATS": 1}, "widen<Node>"),
}  # fmt: skip
"""A node that keeps all rules of its kernel, and the function that is instantiated for it."""
