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
from hls.fifo import floor_pixels, skip_depth
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
def test_depth_is_a_row_above_the_floor(case: Case) -> None:
    """In beats of the fork's folding, and never more than the whole tensor."""
    model = dataflow.build(integer_network(case))
    for fork, add, tensor in skip_edges(model):
        height, width, channels = model.get_tensor_shape(tensor)[1:]
        assert channels == 2
        pixels = min(floor_pixels(model, fork, add) + width, height * width)
        for simd in (1, 2):
            getCustomOp(fork).set_nodeattr("SIMD", simd)
            assert skip_depth(model, fork, add) == pixels * channels // simd


def test_each_skip_gets_a_fifo_and_nothing_else_but_matrix_units() -> None:
    case = Case(widths=(2, 2, 2), height=16, width=24)
    model = dataflow.build(integer_network(case))
    fold.apply(model, fold.balanced(model, 10_000))
    want = {f"{add.name}_in1_fifo": skip_depth(model, fork, add) for fork, add, _ in skip_edges(model)}
    connected = streams.connect(model, 1)
    got = {
        node.name: getCustomOp(node).get_nodeattr("depth")
        for node in connected.graph.node
        if node.op_type == "StreamingFIFO_rtl"
        and connected.find_consumer(node.output[0]).op_type != "MVAU_rtl"
    }
    assert got == want
    assert len(got) == 2


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
