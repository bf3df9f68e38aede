"""Depths of FIFOs: floors against a simulation that moves one token at a time, pace by the recurrence.

The simulation knows nothing of formulas: every node holds the tokens that came in a list and passes on, in
raster order and as soon as it can, what they suffice for. Queues are unlimited; the highest level that the
skip side of a join reaches is what its FIFO must hold.
"""

from collections import Counter, defaultdict
from math import inf
from typing import Any

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls import dataflow, fold, streams
from hls.fifo import PACE, RESOLUTION, size, skips
from hls.layers import Convolution, Requantization, TransposedConvolution
from hls.layers.joins import add
from hls.network import Layer, Network, Tensor
from hls.ops.fifo.memory import memories
from hls.order import Order
from hls.timing import Pipeline
from model.generator import FILLED, Mode
from sim.operators.needs import Input, dependence
from tests.networks import Case, integer_network


class Tokens:
    """The graph as nodes that push tokens (pixels) to each other."""

    def __init__(self, model: ModelWrapper) -> None:
        self.model = model
        self.streams = {
            node.name: [name for name in node.input if model.get_initializer(name) is None]
            for node in model.graph.node
        }
        self.needs = {node.name: self.needed(node) for node in model.graph.node}
        self.readers = {name: node for node in model.graph.node for name in self.streams[node.name]}
        self.arrived: dict[tuple[str, str], int] = defaultdict(int)  # (node, tensor) -> tokens
        self.sent: dict[str, int] = defaultdict(int)
        self.highest: dict[str, int] = defaultdict(int)  # skip tensor -> level

    def needed(self, node: Any) -> Any:
        """(streams, output pixels): the last pixel of each stream that must have come, -1 for none.

        Found by changing rows and columns and looking what becomes of the result: the last pixel is in the
        last of both. Only what its RTL waits for beyond that, rows that are taken whole and the pixels that
        come before one leaves, is asked of the operator.
        """
        operator = getCustomOp(node)
        streams = self.streams[node.name]
        inputs = [self.input(name) for name in streams]
        constants = [self.model.get_initializer(name) for name in node.input if name not in streams]
        found = []
        for index, (height, width, _) in enumerate(one.shape for one in inputs):
            y, x = np.indices((height, width))
            ends = []
            for places, count in ((y, height), (x, width)):
                groups = places == np.arange(count)[:, None, None]
                flags, *_ = dependence(operator, inputs, constants, index, np.random.default_rng(7), groups)
                ends.append(np.where(flags.any(1), count - 1 - flags[:, ::-1].argmax(1), -1))
            row, column = ends
            access = operator.access(index)
            if access.whole_rows:
                column = np.full_like(row, width - 1)
            last = np.where(row < 0, -1, row * width + column)
            if access.delay is not None:
                last = np.minimum(np.arange(len(last)) + access.delay, width * height - 1)
            found.append(last)
        return np.stack(found)

    def input(self, name: str) -> Input:
        """A stream with all values of its type."""
        kind = self.model.get_tensor_datatype(name)
        return Input(tuple(self.model.get_tensor_shape(name)[1:]), int(kind.min()), int(kind.max()))

    def push(self, tensor: str) -> None:
        """One more token on `tensor`; everything that it lets happen happens."""
        node = self.readers.get(tensor)
        if node is None:
            return
        self.arrived[node.name, tensor] += 1
        level = self.arrived[node.name, tensor] - self.sent[node.name]
        self.highest[tensor] = max(self.highest[tensor], level)
        while self.ready(node):
            self.sent[node.name] += 1
            # the skip side first: the deep side may need what is only just leaving the fork
            for output in reversed(node.output):
                self.push(output)

    def ready(self, node: Any) -> bool:
        """Whether the next output token of `node` can be made of what has arrived."""
        sent, needs = self.sent[node.name], self.needs[node.name]
        if sent == needs.shape[1]:
            return False
        counts = [self.arrived[node.name, name] for name in self.streams[node.name]]
        return bool((needs[:, sent] < counts).all())


CASES = [
    Case(widths=(2, 2)),
    Case(widths=(2, 2), height=2 * 4, width=4),
    Case(widths=(2, 2), kernel=2, center=False),
    Case(widths=(2, 2), kernel=3, height=12, width=20),
    Case(widths=(2, 2), kernel=6, height=16, width=12),
    Case(widths=(2, 2), kernel=7, stride=3, height=18, width=27),
    Case(widths=(2, 2), kernel=3, stride=3, height=27, width=18),
    Case(widths=(2, 2, 2), height=24, width=16),
    Case(widths=(2, 2, 2), height=16, width=40, sum_bits=4),
    Case(widths=(2, 2, 2), kernel=5, height=32, width=16),
    Case(widths=(2, 2, 2, 2), height=32, width=48),
    Case(widths=(2, 2, 2, 2, 2), height=64, width=32),
    Case(widths=(2, 2), mode="selective"),
    Case(widths=(2, 2), mode="filled", fill_levels=1),
    Case(widths=(2,), kernel=3, height=16, width=24, mode="filled", fill_levels=3),
    Case(widths=(2, 2, 2), height=64, width=32, mode="filled", fill_levels=5),
    Case(widths=(2, 2), height=8, width=24, mode="corrected", fill_levels=3),
    Case(widths=(2, 2), kernel=5, stride=3, height=36, width=18, mode="corrected", fill_levels=1),
    Case(widths=(2, 2), height=16, width=24, mode="filled", fill_levels=2, fill_sweeps=2),
    Case(widths=(2, 2), height=16, width=8, mode="corrected", fill_levels=1, fill_sweeps=1),
    Case(widths=(2, 2), height=16, width=16, middle=2),
]


def over_the_whole(kernel: int, stride: int, height: int, width: int, on_skip: bool) -> Network:
    """A skip from the image to the end of the network; with a layer of its own on it, if `on_skip`."""
    rng = np.random.default_rng(kernel)
    image = Tensor("image", height, width, 3, 8, 255, 1.0)
    small = Tensor("small", height // stride, width // stride, 2, 4, 15, 1.0)
    large = Tensor("large", height, width, 3, 8, 255, 1.0)
    other = Tensor("other", height, width, 3, 8, 255, 1.0)
    total = Tensor("total", height, width, 3, 9, 510, 1.0)
    result = Tensor("result", height, width, 3, 8, 255, 1.0)
    pad = (kernel - stride + 1) // 2
    last = pad - (height + 2 * pad - kernel) % stride, pad - (width + 2 * pad - kernel) % stride
    down, up = (rng.integers(-7, 8, shape) for shape in ((2, 3, kernel, kernel), (2, 3, kernel, kernel)))
    layers: list[Layer] = [
        Convolution(
            "conv1", image, small, down, 4, np.tile(np.arange(15), (2, 1)), stride, (pad, pad, *last)
        ),
        TransposedConvolution("deconv1", small, large, up, 4, np.tile(np.arange(255), (3, 1)), stride, pad),
    ]
    if on_skip:
        # 1 x 1: as many pixels, later
        flat = rng.integers(-7, 8, (3, 3, 1, 1))
        layers.append(
            Convolution("conv2", image, other, flat, 4, np.tile(np.arange(255), (3, 1)), 1, (0,) * 4)
        )
    layers += [
        add("add1", (large, other if on_skip else image), total),
        Requantization("requant1", total, result, np.tile(np.arange(255), (3, 1))),
    ]
    return Network(image, (result,), tuple(layers), 0.5)


def waiting(model: ModelWrapper) -> dict[tuple[str, int], int]:
    """Floors in pixels of all inputs of all joins, by node and index."""
    order = Order(model)
    return {
        (node.name, index): order.floor_pixels(node, index)
        for node in model.graph.node
        if sum(model.get_initializer(name) is None for name in node.input) > 1
        for index in range(len(node.input))
    }


def skips_of(case: Case) -> int:
    """Skips of the encoder, levels of the pyramid, and the image for what the network says of it."""
    image = case.mode != "direct"
    return len(case.widths) - 1 + image + case.generator.fill_levels * (case.mode in FILLED)


WHOLE = [(4, 2, 16, 12, False), (4, 2, 16, 12, True), (3, 3, 18, 27, False), (2, 2, 8, 20, True)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_floor_is_what_tokens_need(case: Case) -> None:
    check_floors(integer_network(case), skips_of(case))


@pytest.mark.parametrize("shape", WHOLE, ids=str)
def test_floor_of_a_skip_over_the_whole_network(shape: tuple[int, int, int, int, bool]) -> None:
    check_floors(over_the_whole(*shape), 1)


def check_floors(network: Network, skips: int) -> None:
    model = dataflow.build(network)
    tokens = Tokens(model)
    pixels = network.image_in.height * network.image_in.width
    for _ in range(pixels):
        tokens.push("image_in")
    last = model.find_producer("image_out")
    assert tokens.sent[last.name] == pixels, "the frame has not come out whole"
    floors = waiting(model)
    order = Order(model)
    wanted = {
        key: floor for key, floor in floors.items() if order.is_skip(model.get_node_from_name(key[0]), key[1])
    }
    assert len(wanted) == skips
    for name, index in wanted:
        tensor = model.get_node_from_name(name).input[index]
        assert floors[name, index] == tokens.highest[tensor]
    assert all(floor <= 1 for key, floor in floors.items() if key not in wanted), "the side that comes late"


def test_inputs_that_part_at_no_fork_need_no_fifo() -> None:
    model = dataflow.build(integer_network(CASES[0]))
    join = model.get_node_from_name("add1_add")
    assert Order(model).floor_pixels(join, 1) > 1
    join.input[1] = "image_in"  # of which there is no copy
    order = Order(model)
    assert order.floor_pixels(join, 1) == 0
    assert not order.is_skip(model.get_node_from_name("conv1_mvau"), 1), "weights are no stream"


def connected(network: Network, target: int, pixels_per_beat: int = 1) -> ModelWrapper:
    """Folded, connected, all FIFOs sized."""
    model = dataflow.build(network)
    fold.apply(model, fold.balanced(model, target))
    model = streams.connect(model, pixels_per_beat)
    size(model)
    return model


def depth(model: ModelWrapper, name: str) -> int:
    return int(getCustomOp(model.get_node_from_name(name)).get_nodeattr("depth"))


SIZED = [
    integer_network(CASES[0]),
    integer_network(CASES[3]),
    integer_network(CASES[8]),
    integer_network(Case(widths=(2, 2), height=16, width=24, mode="filled", fill_levels=3)),
    integer_network(Case(widths=(2, 2), height=16, width=24, mode="corrected", fill_levels=2)),
    over_the_whole(4, 2, 16, 12, False),
    over_the_whole(4, 2, 32, 24, True),
]


@pytest.mark.parametrize("target", [800, 4_000])
@pytest.mark.parametrize("network", SIZED, ids=range(len(SIZED)))
def test_skip_depths_are_the_least_for_full_pace(network: Network, target: int) -> None:
    """By the recurrence: at the depths the pace is that without limits, with a little less it is not."""
    model = connected(network, target)
    floors = skips(model)
    assert floors
    pipeline = Pipeline(model)
    free = pipeline.run(dict.fromkeys(floors, 10**6)).period
    assert pipeline.run().period <= free * (1 + PACE)
    for name, floor in floors.items():
        assert depth(model, name) >= floor
        less = min(depth(model, name) - 1, int(depth(model, name) * (1 - 1 / RESOLUTION)))
        assert less < floor or pipeline.run({name: less}).period > free * (1 + PACE)
        before = model.find_producer(model.get_node_from_name(name).input[0])
        if before.op_type == "StreamFork_rtl":  # else layers on the skip hold pixels too
            assert pipeline.run({name: floor * 3 // 4}).period == inf, "a deadlock"


ADDS = {"add1_add", "add2_add"}


@pytest.mark.parametrize(
    ("mode", "joins"),
    [
        ("direct", ADDS),
        ("filled", ADDS | {"mark1_pixels", "double1_pixels", "double2_pixels"}),
        ("corrected", ADDS | {"correct1_pixels", "double1_pixels", "double2_pixels"}),
    ],
)
def test_each_skip_gets_a_fifo(mode: Mode, joins: set[str]) -> None:
    case = Case(widths=(2, 2, 2), height=16, width=24, mode=mode, fill_levels=2)
    model = connected(integer_network(case), 10_000)
    assert set(skips(model)) == {f"{name}_in1_fifo" for name in joins}
    for name in skips(model):
        behind = model.find_consumer(model.get_node_from_name(name).output[0])
        while behind.op_type == "StreamingDataWidthConverter_rtl":
            behind = model.find_consumer(behind.output[0])
        assert behind.name == name.removesuffix("_in1_fifo")


def test_a_skip_from_the_image_is_as_wide_as_its_pixels() -> None:
    """Behind the fork of the image, in front of the converter to what the join takes."""
    model = connected(over_the_whole(4, 2, 16, 12, False), 4_000)
    (name,) = skips(model)
    fifo = model.get_node_from_name(name)
    assert model.find_producer(fifo.input[0]).op_type == "StreamFork_rtl"
    assert getCustomOp(fifo).get_instream_width() == 8 * getCustomOp(
        model.find_producer(fifo.input[0])
    ).get_nodeattr("SIMD")


def test_paddings_inside_the_network_get_a_row_and_three_quarters() -> None:
    case = Case(widths=(2, 2), height=16, width=24)
    model = dataflow.build(integer_network(case))
    fold.apply(model, fold.balanced(model, 10_000))
    connected = streams.connect(model, 1)
    depths = {}
    for node in connected.graph.node:
        if node.op_type == "FMPadding_rtl":
            before = connected.find_producer(node.input[0])
            fifo = before is not None and before.op_type == "StreamingFIFO_rtl"
            depths[node.name] = getCustomOp(before).get_nodeattr("depth") if fifo else 0
    # width 12, 6 and 12 px of 2 channels, SIMD 1; the image itself comes through no FIFO
    assert depths == {"conv1_pad": 0, "conv2_pad": 42, "deconv1_pad": 21, "deconv2_pad": 42}


def test_a_matrix_unit_fed_more_slowly_gets_a_fifo_of_one_window() -> None:
    case = Case(widths=(2, 2, 2), height=16, width=24)
    model = dataflow.build(integer_network(case))
    fold.apply(model, fold.balanced(model, 1_000))
    connected = streams.connect(model, 1)
    checked = Counter[bool]()
    for node in connected.graph.node:
        if node.op_type != "MVAU_rtl":
            continue
        before = connected.find_producer(node.input[0])
        unit = getCustomOp(node)
        beats = unit.get_nodeattr("MW") // unit.get_nodeattr("SIMD")
        fed = before
        while fed is not None and fed.op_type.startswith("Streaming"):
            fed = connected.find_producer(fed.input[0])
        narrow = getCustomOp(fed).get_outstream_width(0) < unit.get_instream_width(0)
        narrow |= fed.op_type != "SlidingWindow_rtl"  # a layer before gives a beat now and then
        repeats = unit.get_nodeattr("MH") > unit.get_nodeattr("PE")
        checked[narrow and repeats] += 1
        if narrow and repeats:
            assert before.op_type == "StreamingFIFO_rtl"
            assert getCustomOp(before).get_nodeattr("depth") == max(2, beats)
            assert getCustomOp(before).get_instream_width() == unit.get_instream_width(0)
        else:
            assert before.op_type != "StreamingFIFO_rtl"
    assert checked[True] and checked[False]


@pytest.mark.parametrize("mode", ["direct", "filled", "corrected"])
def test_depth_does_not_grow_with_the_height(mode: Mode) -> None:
    """A skip FIFO holds the rows by which the deep branch lags, not the frame."""
    floors = []
    for height in (64, 128):
        case = Case(widths=(2, 2, 2, 2), height=height, width=32, mode=mode, fill_levels=4)
        floors.append(waiting(dataflow.build(integer_network(case))))
    assert floors[0] == floors[1]


@pytest.mark.parametrize("levels", [1, 3, 5])
def test_a_level_holds_the_rows_of_the_levels_above(levels: int) -> None:
    """Its second row waits for two whole rows of the highest, n levels above, 2**n of its own each."""
    case = Case(widths=(2,), height=64, width=32, mode="filled", fill_levels=levels)
    model = dataflow.build(integer_network(case))
    for n in range(1, levels + 1):
        above, width = levels + 1 - n, 32 >> (n - 1)
        join = model.get_node_from_name(f"double{n}_pixels")
        assert Order(model).floor_pixels(join, 1) == (2 * 2**above - 1) * width


@pytest.mark.parametrize(
    ("depth", "width", "expected"),
    [
        (257, 24, [257]),
        (98755, 5, [98305, 450]),  # 64 Ki + 32 Ki words and the output register
        (52354, 8, [49153, 3201]),
        (98305, 5, [98305]),  # fifo.sv divides it so itself
        (1100, 8, [1100]),  # nothing to gain
    ],
)
def test_memories_of_a_deep_fifo(depth: int, width: int, expected: list[int]) -> None:
    assert memories(depth, width) == expected


def test_memories_hold_what_they_must() -> None:
    rng = np.random.default_rng(5)
    for depth, width in zip(rng.integers(2, 2**17, 300), rng.integers(1, 129, 300), strict=True):
        parts = memories(int(depth), int(width))
        assert min(parts) >= 2
        assert depth <= sum(parts) <= depth + 1
