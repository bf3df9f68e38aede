"""Depths of skip FIFOs against a simulation of the graph that moves one token at a time.

The simulation knows nothing of formulas: every node holds the tokens that came in a list and passes on, in
raster order and as soon as it can, what they suffice for. Queues are unlimited; the highest level that the
skip side of an add reaches is what its FIFO must hold.
"""

from collections import Counter, defaultdict
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls import dataflow, fold, streams
from hls.fifo import skip_depth
from hls.order import floor_pixels, last_input
from hls.timing import FRAMES, interval, level, timing
from tests.networks import Case, integer_network


class Tokens:
    """The graph as nodes that push tokens (pixels) to each other."""

    def __init__(self, model: ModelWrapper) -> None:
        self.shapes = {node.name: model.get_tensor_shape(node.output[0]) for node in model.graph.node}
        self.operators = {node.name: getCustomOp(node) for node in model.graph.node}
        self.streams = {
            node.name: [name for name in node.input if model.get_initializer(name) is None]
            for node in model.graph.node
        }
        self.readers = {name: node for node in model.graph.node for name in self.streams[node.name]}
        self.arrived: dict[tuple[str, str], int] = defaultdict(int)  # (node, tensor) -> tokens
        self.sent: dict[str, int] = defaultdict(int)
        self.highest: dict[str, int] = defaultdict(int)  # skip tensor -> level

    def push(self, tensor: str) -> None:
        """One more token on `tensor`; everything that it lets happen happens."""
        node = self.readers.get(tensor)
        if node is None:
            return
        self.arrived[node.name, tensor] += 1
        if node.op_type == "SkipAdd_rtl":
            level = self.arrived[node.name, tensor] - self.sent[node.name]
            self.highest[tensor] = max(self.highest[tensor], level)
        while self.ready(node):
            self.sent[node.name] += 1
            # the skip side first: the deep side may need what is only just leaving the fork
            for output in reversed(node.output):
                self.push(output)

    def ready(self, node: Any) -> bool:
        """Whether the next output token of `node` can be made of what has arrived."""
        sent = self.sent[node.name]
        height, width = self.shapes[node.name][1:3]
        if sent == height * width:
            return False
        y, x = divmod(sent, width)
        counts = [self.arrived[node.name, name] for name in self.streams[node.name]]
        operator = self.operators[node.name]
        match node.op_type:
            case "FMPadding_rtl":
                top, left, _, _ = operator.get_nodeattr("Padding")
                rows, columns = operator.get_nodeattr("ImgDim")
                inside = 0 <= y - top < rows and 0 <= x - left < columns
                return not inside or counts[0] > (y - top) * columns + x - left
            case "ConvolutionInputGenerator_rtl":
                columns = operator.get_nodeattr("IFMDim")[1]
                (k, _), (s, _) = operator.get_nodeattr("ConvKernelDim"), operator.get_nodeattr("Stride")
                window = [(y * s + v) * columns + x * s + u for v in range(k) for u in range(k)]
                return all(pixel < counts[0] for pixel in window)
            case "PixelShuffle_rtl":
                columns, s = operator.get_nodeattr("ImgDim")[1], operator.get_nodeattr("Stride")
                row = (y + operator.get_nodeattr("CropNorth")) // s
                return counts[0] > row * columns + (x + operator.get_nodeattr("CropWest")) // s
            case _:
                return all(count > sent for count in counts)


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
]


def skip_edges(model: ModelWrapper) -> list[tuple[Any, Any, str]]:
    """(fork, add, tensor) of every skip connection."""
    found = []
    for node in model.graph.node:
        if node.op_type == "SkipAdd_rtl":
            for tensor in node.input:
                producer = model.find_producer(tensor)
                if producer.op_type == "StreamFork_rtl":
                    found.append((producer, node, tensor))
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_floor_is_what_tokens_need(case: Case) -> None:
    model = dataflow.build(integer_network(case))
    tokens = Tokens(model)
    for _ in range(case.height * case.width):
        tokens.push("image_in")
    last = model.find_producer("image_out")
    assert tokens.sent[last.name] == case.height * case.width, "the frame has not come out whole"
    edges = skip_edges(model)
    assert len(edges) == len(case.widths) - 1
    want = {add.name: tokens.highest[tensor] for _, add, tensor in edges}
    got = {add.name: floor_pixels(model, fork, add) for fork, add, _ in edges}
    assert got == want


@pytest.mark.parametrize("case", CASES, ids=str)
def test_skip_depth_is_what_full_pace_needs(case: Case) -> None:
    """Above the floor that only avoids deadlock; in beats of the fork's folding."""
    model = dataflow.build(integer_network(case))
    fold.apply(model, fold.balanced(model, 10_000))
    times = timing(model)
    for fork, add, tensor in skip_edges(model):
        channels = model.get_tensor_shape(tensor)[3]
        simd = getCustomOp(fork).get_nodeattr("SIMD")
        beats = skip_depth(model, times, fork, add)
        needed = level(times.leaves[tensor], times.leaves[add.output[0]])
        assert beats >= needed * channels // simd
        assert needed >= floor_pixels(model, fork, add)


def test_each_skip_gets_a_fifo() -> None:
    case = Case(widths=(2, 2, 2), height=16, width=24)
    model = dataflow.build(integer_network(case))
    fold.apply(model, fold.balanced(model, 10_000))
    times = timing(model)
    want = {add.name: skip_depth(model, times, fork, add) for fork, add, _ in skip_edges(model)}
    connected = streams.connect(model, 1)
    got = {}
    for node in connected.graph.node:
        consumer = connected.find_consumer(node.output[0])
        if node.op_type == "StreamingFIFO_rtl" and consumer.op_type == "SkipAdd_rtl":
            got[consumer.name] = getCustomOp(node).get_nodeattr("depth")
    assert got == want
    assert len(got) == 2


def test_paddings_inside_the_network_get_a_row_and_a_half() -> None:
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
    assert depths == {"conv1_pad": 0, "conv2_pad": 36, "deconv1_pad": 18, "deconv2_pad": 36}


@pytest.mark.parametrize("case", CASES[:3], ids=str)
def test_times_are_those_of_a_pixel_by_pixel_schedule(case: Case) -> None:
    """The recurrence, one pixel after the other in plain Python."""
    model = dataflow.build(integer_network(case))
    fold.apply(model, fold.balanced(model, 2_000))
    times = timing(model)
    for node in model.graph.node:
        arrived = [times.leaves[name] for name in node.input if name in times.leaves]
        needed = last_input(node)
        for tensor in node.output:
            left = times.leaves[tensor]
            per_frame = len(left) // FRAMES
            before = -1e9
            for n in range(len(left)):
                frame, pixel = divmod(n, per_frame)
                source = pixel if needed is None else int(needed[pixel])
                ready = max(stream[frame * (len(stream) // FRAMES) + source] for stream in arrived)
                assert left[n] == pytest.approx(max(ready, before) + interval(node), abs=1e-6)
                before = left[n]


def test_a_matrix_unit_fed_more_narrowly_gets_a_fifo_of_one_window() -> None:
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
        repeats = unit.get_nodeattr("MH") > unit.get_nodeattr("PE")
        checked[narrow and repeats] += 1
        if narrow and repeats:
            assert before.op_type == "StreamingFIFO_rtl"
            assert getCustomOp(before).get_nodeattr("depth") == max(2, beats)
            assert getCustomOp(before).get_instream_width() == unit.get_instream_width(0)
        else:
            assert before.op_type != "StreamingFIFO_rtl"
    assert checked[True] and checked[False]


def test_depth_does_not_grow_with_the_height() -> None:
    """A skip FIFO holds the rows by which the deep branch lags, not the frame."""
    floors = []
    for height in (64, 128):
        model = dataflow.build(integer_network(Case(widths=(2, 2, 2, 2), height=height, width=32)))
        floors.append([floor_pixels(model, fork, add) for fork, add, _ in skip_edges(model)])
    assert floors[0] == floors[1]
