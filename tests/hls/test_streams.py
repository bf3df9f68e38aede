"""What stands between folded nodes: converters that keep the pace, rows in front of tall windows."""

from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from hls import budget, dataflow, fold, streams
from hls.config import HlsConfig
from hls.fifo import PACE, size
from hls.layers import Convolution
from hls.lower import lower_network
from hls.network import Network, Tensor
from hls.ops import facets
from hls.ops.width_converter.op import converter_luts, steps_between, turn
from hls.timing import ROWS, Pipeline
from pixelmend.config import Frame
from sim.integer import IntegerModel
from sim.rtl import RtlModel

WAIT = "nodes wait for each other"


@pytest.mark.parametrize(
    ("have", "wanted", "cycles"),
    [(8, 32, 4), (32, 8, 4), (24, 16, 4), (16, 24, 4), (24, 18, 6), (24, 9, 10), (18, 24, 6)],
)
def test_cycles_of_a_turn(have: int, wanted: int, cycles: int) -> None:
    """By hand, of FINN's `vpc.sv`: it holds a beat of each side and takes one in where no more than one is held."""
    assert turn(have, wanted) == cycles


def test_a_converter_becomes_two_only_where_it_is_too_slow() -> None:
    assert steps_between(24, 24, 7200, 1) == [24]
    assert steps_between(24, 18, 7200, 600) == [24, 18]
    assert steps_between(24, 18, 7200, 599) == [24, 72, 18]
    assert steps_between(24, 8, 7200, 1) == [24, 8], "one width divides the other: nothing is gained"


def pointwise(rng: np.random.Generator, name: str, source: Tensor, channels: int, bits: int) -> Convolution:
    """A 1x1 convolution with random weights and thresholds."""
    return square(rng, name, source, channels, bits, 1, 1)


def square(
    rng: np.random.Generator, name: str, source: Tensor, channels: int, bits: int, kernel: int, apart: int
) -> Convolution:
    """A convolution that keeps the frame's size; `apart`: its dilation."""
    most = 2**bits - 1
    result = Tensor(f"{name}_result", source.height, source.width, channels, bits, most, 1.0)
    weights = rng.integers(-7, 8, (channels, source.channels, kernel, kernel))
    reach = source.maximum * 4 * kernel
    thresholds = np.sort(rng.integers(-reach, reach, (channels, most)), axis=1)
    pads = ((kernel - 1) * apart // 2,) * 4
    return Convolution(name, source, result, weights, 4, thresholds, 1, pads, apart)


def network(image: Tensor, *layers: Convolution) -> Network:
    return Network(image, (layers[-1].outputs[0],), layers, 0.5)


def lanes_four_to_three(rng: np.random.Generator, height: int, width: int) -> tuple[Network, fold.Folding]:
    """From 4 lanes to 3 FINN's converter takes 6 cycles for 12 values, the units around it 3 and 4."""
    image = Tensor("image", height, width, 4, 8, 255, 1.0)
    first = pointwise(rng, "first", image, 12, 4)
    last = pointwise(rng, "last", first.outputs[0], 1, 8)
    folding = {
        "first_mvau": {"PE": 12, "SIMD": 2}, "first_thresholds": {"PE": 4},
        "last_mvau": {"PE": 1, "SIMD": 3}, "last_thresholds": {"PE": 1},
    }  # fmt: skip
    return network(image, first, last), folding


def test_no_converter_is_slower_than_the_slowest_node(
    tmp_path: Path, simulations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In RTL, to the bit."""
    rng = np.random.default_rng(3)
    made, folding = lanes_four_to_three(rng, 6, 10)
    lower_network(made, Frame(6, 10), HlsConfig(), tmp_path, folding=folding)
    assert WAIT not in capsys.readouterr().out
    graph = ModelWrapper(str(tmp_path / "dataflow.onnx"))
    converters = [node.name for node in graph.graph.node if "inWidth" in facets(node).get_nodeattr_types()]
    assert "last_mvau_in0_width_common" in converters
    pace = 4 * 6 * 10
    assert streams.slowest(graph) == pace
    model = IntegerModel.load(tmp_path / "dataflow.onnx")
    frames = rng.integers(0, 256, (5, 6, 10, 4)).astype(np.uint8)
    run = RtlModel.load(tmp_path, simulations, optimize="-O0").run(frames)
    (due,) = model.results(model.tensors(frames))
    assert np.array_equal(run.results[0], due)
    assert run.per_frame <= 1.02 * pace
    assert run.per_frame == pytest.approx(Pipeline(graph).run().period, rel=0.01)


def test_two_converters_are_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands beside the matrix units counts the beats in between: 16 to 48 to 12 bits, not 16 to 12."""
    made, folding = lanes_four_to_three(np.random.default_rng(3), 6, 10)
    beside = budget.Beside(dataflow.build(made))
    luts, _ = beside.cells(folding)
    monkeypatch.setattr(
        budget, "steps_between", lambda have, wanted, bits, pace: list(dict.fromkeys([have, wanted]))
    )
    fewer, _ = beside.cells(folding)
    more = converter_luts(16, 48) + converter_luts(48, 12) - converter_luts(16, 12)
    assert luts - fewer == pytest.approx(more)


def test_the_cycles_are_those_of_the_whole_frame() -> None:
    """Of a frame taller than what the recurrence evaluates."""
    made, folding = lanes_four_to_three(np.random.default_rng(3), 3 * ROWS, 2)
    graph = dataflow.build(made)
    fold.apply(graph, folding)
    graph = streams.connect(graph, 1)
    assert (
        size(graph)
        == pytest.approx(streams.slowest(graph), rel=0.01)
        == pytest.approx(4 * 3 * ROWS * 2, rel=0.01)
    )


def test_nodes_that_wait_for_each_other_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(5)
    image = Tensor("image", 6, 6, 2, 8, 255, 1.0)
    first = square(rng, "first", image, 2, 4, 3, 1)
    lower_network(
        network(image, first, square(rng, "tall", first.outputs[0], 1, 8, 5, 2)), Frame(6, 6),
        HlsConfig(target_fps=90_000.0), tmp_path,
    )  # fmt: skip
    assert WAIT in capsys.readouterr().out


@pytest.mark.parametrize(("apart", "rows"), [(1, 1.75), (2, 4.75)])
def test_rows_in_front_of_a_tall_window(apart: int, rows: float) -> None:
    """No row is taken while zeros at the bottom are handed on: as many rows more, where that keeps the pace."""
    rng = np.random.default_rng(5)
    image = Tensor("image", 24, 16, 2, 4, 15, 1.0)
    first = square(rng, "first", image, 2, 4, 3, 1)
    graph = dataflow.build(network(image, first, square(rng, "tall", first.outputs[0], 2, 4, 5, apart)))
    folding = fold.balanced(graph, 20_000)
    folding["first_mvau"] = {"PE": 1, "SIMD": 1}  # nearly as slow as the layer behind it, which must not wait
    fold.apply(graph, folding)
    graph = streams.connect(graph, 1)
    period = size(graph)
    name, beats = "tall_pad_in0_fifo", image.width * 2
    assert facets(graph.get_node_from_name(name)).number("depth") == rows * beats
    pipeline = Pipeline(graph)
    assert pipeline.run().period == period
    assert period <= pipeline.run({name: 10**6}).period * (1 + PACE)
    less = pipeline.run({name: int(1.75 * beats)}).period
    assert less == period if rows == 1.75 else less > 1.05 * period
