"""The reach of a pixel: known values, and frames cut out of larger ones."""

from dataclasses import replace

import numpy as np
import pytest

from hls import dataflow
from hls.layers.restoration import filling, select
from hls.network import Network, Tensor
from hls.ops.relax.op import CLUSTER
from hls.receptive import Reach
from hls.receptive import reach as reach_of
from model.generator import FILLED
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
    Case((4, 6), kernel=4, height=64, width=64, mode="filled", fill_levels=3, seed=1),
    Case((4,), kernel=5, stride=3, height=72, width=72, mode="filled", fill_levels=2),
    Case((4, 6), kernel=3, height=64, width=64, mode="corrected", fill_levels=2),
)


def reach(network: Network) -> Reach:
    return reach_of(dataflow.build(network))


def model(case: Case) -> IntegerModel:
    return executed(integer_network(case))


def executed(network: Network) -> IntegerModel:
    return IntegerModel(dataflow.build(network), network.image_in.height, network.image_in.width)


def pyramid(side: int, levels: int, sweeps: int = 0) -> Network:
    """Nothing but the filling of an image with its map."""
    image = Tensor("image", side, side, 4, 8, 255, 1.0)
    layers, filled = filling(image, levels, False, "filled", sweeps)
    return Network(image, (filled,), tuple(layers), 0.5)


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
    if case.mode != "direct":
        assert 0.1 < (whole != picture[..., :3]).any(-1).mean() < 0.9, "few pixels are broken, or all"
    small = model(case)
    for at in (0, found.multiple, large.height - case.height):
        rows = slice(at, at + case.height)
        part = small.run(picture[:, rows, rows])
        first = found.before if at else 0
        last = case.height - (found.after if at + case.height < large.height else 0)
        inner = slice(first, last)
        assert first < last
        equal(f"cut at {at}", part[:, inner, inner], whole[:, rows, rows][:, inner, inner])


@pytest.mark.parametrize("sweeps", [1, 3])
def test_a_frame_cut_out_where_clusters_are_swept(sweeps: int) -> None:
    """However often, what lies further from the cut than the reach is the same, with such clusters."""
    side = 128
    network, large = pyramid(side, 1, sweeps), pyramid(2 * side, 1, sweeps)
    found = reach(network)
    assert (
        found.before == found.after == 2 + CLUSTER + 1
    )  # of the pyramid, of a cluster and what is beside it
    rng = np.random.default_rng(4)
    picture = rng.integers(0, 256, (1, 2 * side, 2 * side, 4), dtype=np.uint8)
    picture[..., 3] = 0
    for row in range(3, 2 * side - CLUSTER, CLUSTER + 4):
        for column in range(3, 2 * side - CLUSTER, CLUSTER + 4):
            sides = rng.choice([1, 4, 10, CLUSTER], 2)
            picture[0, row : row + sides[0], column : column + sides[1], 3] = 255
    whole = executed(large).run(picture)
    for at in (0, 62, side):
        rows = slice(at, at + side)
        inner = slice(found.before if at else 0, side - (found.after if at < side else 0))
        part = executed(network).run(picture[:, rows, rows])
        equal(f"cut at {at}", part[:, inner, inner], whole[:, rows, rows][:, inner, inner])


def test_either_input_of_a_join_may_see_further() -> None:
    """In networks of the family it is always the first; here an image and the same, filled."""
    filled = pyramid(64, 2)
    result = replace(filled.image_out, name="chosen")
    found = []
    for order in ((filled.image_in, filled.image_out), (filled.image_out, filled.image_in)):
        layers = (*filled.layers, select("select", order, result))
        found.append(reach(replace(filled, images_out=(result,), layers=layers)))
    assert found == [reach(filled)] * 2


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


@pytest.mark.parametrize("axis", [1, 2], ids=["rows", "columns"])
@pytest.mark.parametrize(("levels", "ends"), [(1, 2), (2, 6), (3, 14)])
def test_the_reach_of_a_pyramid_is_exact(levels: int, ends: int, axis: int) -> None:
    """One sound pixel in a broken image is seen as far as the reach says, from every place of a cell."""
    side = 8 * 2**levels
    network = pyramid(side, levels)
    found = reach(network)
    assert (found.before, found.after, found.multiple) == (ends, ends, 2**levels)
    filler = executed(network)
    broken = np.full((1, side, side, 4), 255, np.uint8)
    before = filler.run(broken)
    sees: dict[int, list[int]] = {place: [] for place in range(side)}  # of the input, by that of the result
    for place in range(side):
        frame = broken.copy()
        at = (place, side // 2) if axis == 1 else (side // 2, place)
        frame[0, *at, 3] = 0
        for changed in np.flatnonzero((filler.run(frame) != before).any(axis=(0, 3 - axis, 3))):
            sees[int(changed)].append(place)
    middle = range(side // 2, side // 2 + found.multiple)
    assert max(place - min(sees[place]) for place in middle) == found.before
    assert max(max(sees[place]) - place for place in middle) == found.after
    assert max(max(sees[place]) - min(sees[place]) + 1 for place in middle) == found.field


@pytest.mark.parametrize("case", [case for case in CASES if case.mode in FILLED], ids=str)
def test_no_pixel_sees_more_through_a_pyramid(case: Case) -> None:
    """Single pixels, sound and broken: nothing out of reach changes, and most of what is within."""
    network = integer_network(case)
    found = reach(network)
    small = executed(network)
    rng = np.random.default_rng(2)
    frame = rng.integers(0, 256, (1, case.height, case.width, case.generator.inputs), dtype=np.uint8)
    before = small.run(frame)
    changed: set[int] = set()
    for at in np.ndindex(found.multiple, 3):
        row, column = at[0] + case.height // 2, at[1] + case.width // 2
        for value in (0, 255):
            other = frame.copy()
            other[0, row, column] = value
            rows, columns = np.nonzero((small.run(other) != before).any(axis=(0, 3)))
            changed |= {int(shift) for shift in np.concatenate([rows - row, columns - column])}
    assert -found.after <= min(changed) and max(changed) <= found.before
    assert len(changed) > found.field // 2
