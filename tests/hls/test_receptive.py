"""The reach of a pixel: known values, and frames cut out of larger ones."""

from dataclasses import replace

import numpy as np
import pytest

from hls import dataflow
from hls.receptive import reach
from sim.integer import IntegerModel
from tests.networks import Case, equal, integer_network

CASES = (
    Case((4,), kernel=4, height=32, width=32),
    Case((4, 6), kernel=4, height=64, width=64),
    Case((4, 6), kernel=3, height=64, width=64),
    Case((4, 6), kernel=2, height=64, width=64, skips=False),
    Case((4, 6), kernel=5, height=128, width=128, sum_bits=4),
    Case((4, 6), kernel=6, stride=3, height=144, width=144),
    Case((4, 6), kernel=4, height=64, width=64, mode="mapped"),
)


def model(case: Case) -> IntegerModel:
    network = integer_network(case)
    return IntegerModel(dataflow.build(network), case.height, case.width)


def test_one_level_by_hand() -> None:
    """k4 s2 p1: row 0 of a pair adds stamps of latent rows -1 and 0, which see rows -3..2."""
    found = reach(integer_network(CASES[0]))
    assert (found.before, found.after, found.field, found.multiple) == (3, 3, 6, 2)


@pytest.mark.parametrize("mode", ["direct", "selective"])
def test_the_published_shape(mode: str) -> None:
    case = Case((2, 2, 2, 2), height=16, width=16, mode=mode)  # type: ignore[arg-type]
    found = reach(integer_network(case))
    assert (found.before, found.after, found.field, found.multiple) == (
        45,
        45,
        78,
        16,
    )  # three latents of 46 px, 16 px apart


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_frame_cut_out_of_a_larger_one(case: Case) -> None:
    """What lies further from the cut than the reach is as in the larger frame; borders need none."""
    found = reach(integer_network(case))
    large = replace(case, height=2 * case.height, width=2 * case.width)
    picture = np.random.default_rng(1).integers(
        0, 256, (1, large.height, large.width, case.generator.inputs), dtype=np.uint8
    )
    whole = model(large).run(picture)
    small = model(case)
    for at in (0, found.multiple, large.height - case.height):
        rows = slice(at, at + case.height)
        part = small.run(picture[:, rows, rows])
        first = found.before if at else 0
        last = case.height - (found.after if at + case.height < large.height else 0)
        inner = slice(first, last)
        assert first < last
        equal(f"cut at {at}", part[:, inner, inner], whole[:, rows, rows][:, inner, inner])


def test_no_pixel_sees_more(case: Case = CASES[1]) -> None:
    """One changed pixel of the input changes nothing out of reach, and something at both ends of it."""
    found = reach(integer_network(case))
    small = model(case)
    frame = np.full((1, case.height, case.width, 3), 128, np.uint8)
    before = small.run(frame)
    changed = set()
    for row in range(24, 24 + found.multiple):
        for value in (0, 255):
            other = frame.copy()
            other[0, row] = value
            rows = np.flatnonzero((small.run(other) != before).any(axis=(0, 2, 3)))
            changed |= {int(r) - row for r in rows}
    assert -found.after <= min(changed) and max(changed) <= found.before
    assert len(changed) > found.field // 2
