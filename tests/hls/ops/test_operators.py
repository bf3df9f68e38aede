"""Every operator three ways, exactly: loops written here == the node's execution == its RTL.

A subclass of `Operator` names the operation, draws random nodes and says in plain loops what they compute.
The seed is in the test's id. Frames follow back to back, under all pairs of stall patterns.
"""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from sim.verilator import Stall

SEEDS = range(12)
FRAMES = 3
PATTERNS = ("none", "random", "bursty", "one_in_four")


def integers(rng: Generator, datatype: Any, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Random values of a datatype, its least and greatest among them."""
    values = rng.integers(int(datatype.min()), int(datatype.max()) + 1, shape)
    edge = rng.random(shape)
    values[edge < 0.1] = int(datatype.min())
    values[edge > 0.9] = int(datatype.max())
    return values


def divisor(rng: Generator, number: int) -> int:
    return int(rng.choice([n for n in range(1, number + 1) if number % n == 0]))


class Operator:
    """Inherited tests of one operator."""

    operator: str
    inputs = 1
    outputs = 1

    def draw(self, rng: Generator) -> dict[str, Any]:
        """Attributes of a random node."""
        raise NotImplementedError

    def naive(self, node: dict[str, Any], frames: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs for one frame of each input, (H, W, C), in loops."""
        raise NotImplementedError

    @pytest.fixture(params=SEEDS, ids=lambda seed: f"seed{seed}")
    def case(self, request, make):
        rng = np.random.default_rng([request.param, len(self.operator)])
        node = self.draw(rng)
        op = make(self.operator, self.inputs, node.get("NumOutputs", self.outputs), **node)
        shapes = [op.get_normal_input_shape(i) for i in range(self.inputs)]
        frames = [
            integers(rng, op.get_input_datatype(i), (FRAMES, *shape[1:])) for i, shape in enumerate(shapes)
        ]
        per_frame = [self.naive(node, [tensor[f] for tensor in frames]) for f in range(FRAMES)]
        return op, frames, [np.stack(outputs) for outputs in zip(*per_frame, strict=True)]

    def test_execution(self, case, equal):
        op, frames, want = case
        for f in range(FRAMES):
            context = {f"x{i}": tensor[f : f + 1].astype(np.float32) for i, tensor in enumerate(frames)}
            op.execute_node(context, None)
            for i, tensor in enumerate(want):
                equal(f"execution, frame {f}, output {i}", context[f"y{i}"], tensor[f : f + 1])

    def test_rtl(self, case, compiled, simulate, equal):
        op, frames, want = case
        simulation = compiled(op)
        for seed, (kind_in, kind_out) in enumerate(product(PATTERNS, PATTERNS)):
            got, _ = simulate(
                op, simulation, frames, Stall(kind_in, seed=seed), Stall(kind_out, seed=seed + 99)
            )
            for i, tensor in enumerate(want):
                equal(f"RTL, {kind_in} in, {kind_out} out, output {i}", got[i], tensor)


class TestStreamFork(Operator):
    operator = "StreamFork_rtl"

    def draw(self, rng):
        channels = int(rng.integers(1, 13))
        return {
            "ImgDim": [int(n) for n in rng.integers(1, 5, 2)],
            "NumChannels": channels,
            "NumOutputs": int(rng.integers(2, 5)),
            "SIMD": divisor(rng, channels),
            "inputDataType": f"{rng.choice(['INT', 'UINT'])}{rng.integers(2, 13)}",
        }

    def naive(self, node, frames):
        return [frames[0] for _ in range(node["NumOutputs"])]


class TestSkipAdd(Operator):
    operator = "SkipAdd_rtl"
    inputs = 2

    def draw(self, rng):
        channels = int(rng.integers(1, 13))
        types = [f"{rng.choice(['INT', 'UINT', 'UINT'])}{rng.integers(2, 10)}" for _ in range(2)]
        return {
            "ImgDim": [int(n) for n in rng.integers(1, 5, 2)],
            "NumChannels": channels,
            "SIMD": divisor(rng, channels),
            "inputDataType": types[0],
            "inputDataType1": types[1],
        }

    def naive(self, node, frames):
        a, b = frames
        total = np.zeros_like(a)
        for at in np.ndindex(a.shape):
            total[at] = int(a[at]) + int(b[at])
        return [total]


class TestPixelShuffle(Operator):
    operator = "PixelShuffle_rtl"

    def draw(self, rng):
        height, width = (int(n) for n in rng.integers(1, 6, 2))
        stride, channels = int(rng.choice([2, 2, 3])), int(rng.integers(1, 7))
        north, west = (int(rng.integers(0, min(stride * size, 4))) for size in (height, width))
        south = int(rng.integers(0, min(stride * height - north, 4)))
        east = int(rng.integers(0, min(stride * width - west, 4)))
        return {
            "ImgDim": [height, width],
            "NumChannels": channels,
            "Stride": stride,
            "CropNorth": north,
            "CropEast": east,
            "CropSouth": south,
            "CropWest": west,
            "SIMD": divisor(rng, channels),
            "inputDataType": f"{rng.choice(['INT', 'UINT'])}{rng.integers(2, 9)}",
            "FirstDepth": int(rng.choice([2, 2, 5, 17])),
        }

    def naive(self, node, frames):
        (height, width), stride, channels = node["ImgDim"], node["Stride"], node["NumChannels"]
        rows = range(node["CropNorth"], stride * height - node["CropSouth"])
        columns = range(node["CropWest"], stride * width - node["CropEast"])
        out = np.zeros((len(rows), len(columns), channels), np.int64)
        for row, column, c in product(rows, columns, range(channels)):
            (y, r), (x, s) = divmod(row, stride), divmod(column, stride)
            value = frames[0][y, x, (r * stride + s) * channels + c]
            out[row - rows.start, column - columns.start, c] = value
        return [out]
