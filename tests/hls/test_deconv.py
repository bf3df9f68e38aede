"""Transposed convolution by phases against torch's, in integers; and what it costs."""

import numpy as np
import pytest
import torch

from hls import dataflow, table
from hls.layers.transposed import TransposedConvolution, phases
from hls.network import Tensor
from tests.networks import Case, equal, integer_network


def layer(
    k: int, s: int, pad: int, rows: int, columns: int, inputs: int, outputs: int, seed: int
) -> TransposedConvolution:
    rng = np.random.default_rng(seed)
    source = Tensor("x", rows, columns, inputs, 4, 15, 1.0)
    result = Tensor("y", rows * s, columns * s, outputs, 4, 15, 1.0)
    weights = rng.integers(-7, 8, (inputs, outputs, k, k))
    return TransposedConvolution("deconv1", source, result, weights, 4, np.zeros((outputs, 15), int), s, pad)


def paddings(k: int, s: int) -> list[int]:
    """Those for which some output padding, less than the stride, gives sides of exactly s times the input."""
    return [p for p in range(k) if 0 <= 2 * p + s - k < s]


SHAPES = [(k, s, p) for k in range(2, 8) for s in range(2, 5) if k >= s for p in paddings(k, s)]


@pytest.mark.parametrize(("k", "s", "p"), SHAPES)
@pytest.mark.parametrize(("rows", "columns"), [(3, 5), (4, 2), (1, 1)])
def test_phases_equal_torch(k: int, s: int, p: int, rows: int, columns: int) -> None:
    inputs, outputs = 3, 2
    whole = layer(k, s, p, rows, columns, inputs, outputs, seed=100 * k + 10 * s + p)
    x = np.random.default_rng(rows).integers(0, 16, (inputs, rows, columns))
    want = torch.nn.functional.conv_transpose2d(
        torch.from_numpy(x)[None].double(), torch.from_numpy(whole.weights).double(),
        stride=s, padding=p, output_padding=2 * p + s - k,
    )[0].numpy().astype(int)  # fmt: skip
    assert want.shape == (outputs, rows * s, columns * s)

    lowered = phases(whole)
    top, left, bottom, right = lowered.pads
    assert min(lowered.pads) >= 0, f"pads {lowered.pads}"
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right)))
    taps = lowered.weights.shape[-1]
    sums = np.zeros((s * s * outputs, *lowered.windows), int)
    assert lowered.windows == (padded.shape[1] - taps + 1, padded.shape[2] - taps + 1)
    for y in range(lowered.windows[0]):
        for column in range(lowered.windows[1]):
            window = padded[:, y : y + taps, column : column + taps]
            sums[:, y, column] = (lowered.weights * window).sum((1, 2, 3))
    shuffled = np.zeros((outputs, lowered.windows[0] * s, lowered.windows[1] * s), int)
    for r in range(s):
        for c in range(s):
            for channel in range(outputs):
                shuffled[channel, r::s, c::s] = sums[(r * s + c) * outputs + channel]
    assert max(lowered.crop) < s, "windows of which nothing is kept"
    north, west, south, east = lowered.crop
    got = shuffled[:, north : shuffled.shape[1] - south, west : shuffled.shape[2] - east]
    equal(f"k{k} s{s} p{p}", got, want)


def test_the_published_kernel_needs_no_zeros() -> None:
    """k = 4, s = 2, p = 1: a pixel of border, 2x2 windows, rows [[2, 0], [3, 1]] (hls.layers.transposed)."""
    whole = layer(4, 2, 1, 5, 7, 2, 3, seed=0)
    lowered = phases(whole)
    assert (lowered.pads, lowered.windows, lowered.crop) == ((1, 1, 1, 1), (6, 8), (1, 1, 1, 1))
    rows = [[2, 0], [3, 1]]
    for r in range(2):
        for c in range(2):
            filters = lowered.weights[(2 * r + c) * 3 : (2 * r + c + 1) * 3]
            want = whole.weights[:, :, rows[r]][:, :, :, rows[c]].transpose(1, 0, 2, 3)
            equal(f"phase {r}, {c}", filters, want)


@pytest.mark.parametrize("skips", [True, False])
def test_macs_of_a_lowered_network(skips: bool) -> None:
    """16 Cin Cout MACs per input pixel and one pixel of border, from the table that a build shows."""
    case = Case(widths=(4, 6, 10), height=32, width=48, skips=skips)
    network = integer_network(case)
    rows = {row["node"]: row for row in table.rows(dataflow.build(network))}
    deconvolutions = [item for item in network.layers if isinstance(item, TransposedConvolution)]
    assert len(deconvolutions) == 3
    for item in deconvolutions:
        inputs, outputs = item.weights.shape[:2]
        windows = (item.source.height + 1) * (item.source.width + 1)
        row = rows[f"{item.name}_mvau"]
        assert row["macs"] == windows * 16 * inputs * outputs
        assert row["weights"] == 16 * inputs * outputs == item.weights.size
        assert row["output"] == f"{item.source.height + 1}x{item.source.width + 1}x{4 * outputs}"
