"""The footprint of shapes alone against the lowered network, which is what it stands for."""

import pytest

from hls import dataflow
from hls.order import Order
from hls.table import rows
from model.generator import Generator, GeneratorConfig
from pixelmend.config import Frame
from quant.bits import QuantConfig
from quant.footprint import float_bytes, footprint, lag_rows
from tests.networks import Case, integer_network

CASES = [
    Case(widths=(4, 6, 8), height=32, width=24, weight_bits=3),
    Case(widths=(5,), height=16, width=24, center=False, middle=2),
    Case(widths=(5, 7), height=27, width=18, kernel=5, stride=3, center=False),
    Case(widths=(4, 6, 8), height=32, width=32, kernel=3, skips=False),
    Case(widths=(4, 6, 8), height=64, width=32, kernel=6),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_products_and_weights_are_those_of_the_lowered_network(case: Case) -> None:
    table = rows(dataflow.build(integer_network(case)))
    size = footprint(case.generator, QuantConfig(case.weight_bits), Frame(case.height, case.width))
    assert size.products == sum(row["macs"] for row in table)
    if case.kernel % case.stride == 0:  # else zeros are stored that make the kernel's sides a multiple
        assert size.weight_bits == sum(row["weights"] for row in table) * case.weight_bits


@pytest.mark.parametrize("case", CASES, ids=str)
def test_skip_rows_are_the_deadlock_floor(case: Case) -> None:
    model = dataflow.build(integer_network(case))
    forks = [node for node in model.graph.node if node.op_type == "StreamFork_rtl"]
    adds = [node for node in model.graph.node if node.op_type == "SkipAdd_rtl"]
    lag, total = 0, 0
    for fork, add in zip(reversed(forks), adds, strict=True):
        _, height, width, channels = model.get_tensor_shape(fork.input[0])
        lag = lag_rows(case.generator, lag)
        (skip,) = [index for index, tensor in enumerate(add.input) if tensor in fork.output]
        floor = Order(model).floor_pixels(add, skip)
        assert min(lag, height - 1) * width <= floor <= min((lag + 1), height) * width
        total += lag * width * channels * 4
    assert footprint(case.generator, QuantConfig(), Frame(case.height, case.width)).skip_bits == total


def test_sizes_of_the_published_network() -> None:
    config = GeneratorConfig()
    size = footprint(config, QuantConfig(layer_weight_bits={"enc1": 8}), Frame(256, 256))
    network = Generator(GeneratorConfig(spectral_norm=False))
    counts = [parameter.numel() for parameter in network.parameters()]
    biases = 64 + 128 + 256 + 512 + 512 + 256 + 128 + 64 + 3
    assert float_bytes(config) == 4 * sum(counts) == 4 * 5_775_235
    assert size.weight_bits == 4 * (sum(counts) - biases) + 4 * 3 * 64 * 16
    assert size.bias_bits == 32 * biases
    assert size.bytes == -(-(size.weight_bits + size.bias_bits) // 8)
    assert lag_rows(config, 0) == 3
    assert lag_rows(config, 3) == 9
    assert lag_rows(config, 9) == 21
