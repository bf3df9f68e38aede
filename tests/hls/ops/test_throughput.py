"""Cycles: one beat a cycle where promised, the pixel shuffle's FIFO depths, and its deadlock below them."""

from pathlib import Path

import numpy as np
import pytest

from hls.ops.pixel_shuffle import op as pixel_shuffle
from pixelmend.errors import UserError
from sim.verilator import Deadlock, Ports, Stall, Stream, build

NONE = Stall()
CORE = Path(pixel_shuffle.__file__).parent / "pixel_shuffle.sv"


def frames(op, count=3):
    rng = np.random.default_rng(5)
    return [
        rng.integers(0, int(op.get_input_datatype(i).max()) + 1, (count, *op.get_normal_input_shape(i)[1:]))
        for i in range(op.n_inputs)
    ]


def test_fork_moves_a_beat_a_cycle(make, compiled, simulate):
    shape = {"ImgDim": [4, 4], "NumChannels": 4, "SIMD": 2, "inputDataType": "UINT4"}
    op = make("StreamFork_rtl", 1, 3, NumOutputs=3, **shape)
    _, result = simulate(op, compiled(op), frames(op), NONE, NONE)
    for i in range(3):
        assert result.out_cycles[f"out{i}_V"].tolist() == list(range(3 * op.get_exp_cycles()))


def test_fork_output_does_not_wait_for_another(make, compiled):
    """Output 1 never stalls; it sees the first beat at once although output 0 takes it 19 cycles later."""
    shape = {"ImgDim": [1, 4], "NumChannels": 2, "SIMD": 2, "inputDataType": "UINT4"}
    op = make("StreamFork_rtl", 1, 2, NumOutputs=2, **shape)
    beats = np.arange(4, dtype=np.uint8)[:, None]
    stalls = {"out0_V": Stall("periodic", 19)}
    result = compiled(op).run({"in0_V": beats}, {"out0_V": 4, "out1_V": 4}, stalls).check()
    assert result.out_cycles["out0_V"].tolist() == [0, 19, 38, 57]
    assert result.out_cycles["out1_V"].tolist() == [0, 1, 20, 39]


def test_skip_add_moves_a_beat_a_cycle_after_one(make, compiled, simulate):
    types = {"inputDataType": "UINT4", "inputDataType1": "UINT3"}
    op = make("SkipAdd_rtl", 2, 1, ImgDim=[4, 4], NumChannels=4, SIMD=2, **types)
    _, result = simulate(op, compiled(op), frames(op), NONE, NONE)
    assert result.out_cycles["out0_V"].tolist() == list(range(1, 1 + 3 * op.get_exp_cycles()))


@pytest.mark.parametrize("name", ["PixelSelect_rtl", "PixelMark_rtl", "PixelCorrect_rtl"])
def test_a_join_of_pixels_moves_one_a_cycle_after_one(make, compiled, simulate, name):
    flag = {"FlagInput": 1} if name == "PixelSelect_rtl" else {}
    op = make(name, 2, 1, ImgDim=[4, 4], inputDataType="UINT8", **flag)
    _, result = simulate(op, compiled(op), frames(op), NONE, NONE)
    assert op.get_exp_cycles() == 16
    assert result.out_cycles["out0_V"].tolist() == list(range(1, 1 + 3 * 16))


def halve(make, height, width):
    return make("PyramidHalve_rtl", 1, 1, ImgDim=[height, width], inputDataType="UINT8")


def lower_right(height, width, count):
    """Which of the pixels of so many frames complete a cell."""
    places = np.arange(count * height * width).reshape(count * height, width)
    return places[1::2, 1::2].ravel()


@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 6), (6, 4)])
def test_halve_takes_a_pixel_a_cycle_and_gives_a_cell_three_after_its_last(
    make, compiled, simulate, height, width
):
    op = halve(make, height, width)
    _, result = simulate(op, compiled(op), frames(op), NONE, NONE)
    assert op.get_exp_cycles() == height * width
    assert result.in_cycles["in0_V"].tolist() == list(range(3 * height * width))
    assert (result.out_cycles["out0_V"] == lower_right(height, width, 3) + 3).all()


def test_every_mean_of_a_cell_is_right(make, compiled, simulate, equal):
    """Every sum that one to four sound pixels can have, which the proofs have of narrower colours only."""
    cells = [(n, total) for n in range(1, 5) for total in range(255 * n + 1)]
    pixels = np.full((1, 2 * len(cells), 2, 4), 255)
    for row, (n, total) in enumerate(cells):
        colours = [total // n + (k < total % n) for k in range(n)]
        for k, colour in enumerate(colours):
            pixels[0, 2 * row + k // 2, k % 2] = (colour, colour, colour, 0)
    op = halve(make, 2 * len(cells), 2)
    got, _ = simulate(op, compiled(op), [pixels], NONE, NONE)
    equal("means", got[0], op.evaluate([pixels])[0])


def test_halve_waits_for_its_output_only_where_a_third_cell_is_complete(make, compiled, simulate):
    """Cells leave every 20 cycles, two are on their way; the pixels after one that waits come at once."""
    op = halve(make, 2, 4)
    _, result = simulate(op, compiled(op), frames(op), NONE, Stall("periodic", 20))
    given, taken = result.out_cycles["out0_V"], result.in_cycles["in0_V"]
    assert (np.diff(given) == 20).all()
    complete = lower_right(2, 4, 3)
    earliest = 0
    for pixel, cycle in enumerate(taken):
        if pixel in complete[2:]:
            earliest = max(earliest, given[np.searchsorted(complete, pixel) - 2] + 1)
        assert cycle == earliest, pixel
        earliest = cycle + 1


def relax(make, height, width):
    return make("PyramidRelax_rtl", 1, 1, ImgDim=[height, width], KeepFlag=1, inputDataType="UINT8")


@pytest.mark.parametrize(("height", "width"), [(1, 6), (4, 6), (2, 7), (5, 12), (3, 130)])
def test_a_sweep_moves_a_pixel_a_cycle_and_then_two_rows_and_three_more(
    make, compiled, simulate, height, width
):
    """The narrowest rows, in which what has left is read soonest, and rows in block RAM."""
    op = relax(make, height, width)
    came = frames(op)
    (left,), result = simulate(op, compiled(op), came, NONE, NONE)
    assert np.array_equal(left, op.evaluate(came)[0])
    pixels, lag = height * width, 2 * width + 3
    assert op.get_exp_cycles() == pixels + lag
    begin = [frame * (pixels + lag) + pixel for frame in range(3) for pixel in range(pixels)]
    assert result.in_cycles["in0_V"].tolist() == begin
    assert result.out_cycles["out0_V"].tolist() == [cycle + lag + 1 for cycle in begin]


def test_a_sweep_takes_its_first_rows_while_its_output_waits(make, compiled):
    """Two rows and three pixels, and one that waits in the output; of the next frame, too, while the last one of the
    frame before still waits there.
    """
    op = relax(make, 6, 8)
    beats = np.zeros((96, 4), np.uint8)
    result = compiled(op).run({"in0_V": beats}, {"out0_V": 96}, {"out0_V": Stall("periodic", 100)}).check()
    taken, given = result.in_cycles["in0_V"], result.out_cycles["out0_V"]
    assert taken[:20].tolist() == list(range(20))
    # from then on a pixel comes in the cycle in which one leaves
    assert set(taken[20:48]) <= set(given)
    assert np.unique(np.diff(taken[48:67])).tolist() == [1]


def double(make, height, width, keep=0):
    return make("PyramidDouble_rtl", 2, 1, ImgDim=[height, width], KeepFlag=keep, inputDataType="UINT8")


@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 6), (12, 4)])
def test_double_moves_a_pixel_a_cycle_after_the_first_row_above(make, compiled, simulate, height, width):
    op = double(make, height, width)
    _, result = simulate(op, compiled(op), frames(op), NONE, NONE)
    pixels, row = height * width, width // 2
    want = [(pixels + row) * frame + row + 4 + pixel for frame in range(3) for pixel in range(pixels)]
    assert result.out_cycles["out0_V"].tolist() == want


def test_double_takes_four_pixels_while_its_output_waits(make, compiled):
    """Those that its steps hold; from then on one comes in the cycle in which one leaves."""
    op = double(make, 2, 12)
    beats = {"in0_V": np.zeros((6, 4), np.uint8), "in1_V": np.zeros((24, 4), np.uint8)}
    result = compiled(op).run(beats, {"out0_V": 24}, {"out0_V": Stall("periodic", 100)}).check()
    taken, given = result.in_cycles["in1_V"], result.out_cycles["out0_V"]
    assert len(taken[taken <= given[1]]) == 6
    assert set(taken[6:]) <= set(given)


@pytest.mark.parametrize("kind", ["none", "random", "bursty", "one_in_four"])
@pytest.mark.parametrize("late", ["above", "level"])
@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 4), (14, 6)])
def test_double_takes_both_levels_when_it_says(make, compiled, height, width, late, kind):
    """README.md's rules, cycle by cycle, where one input is late and the other one always there."""
    op = double(make, height, width)
    pixels, cells, count = height * width, height * width // 4, 3
    rng = np.random.default_rng(5)
    beats = {
        name: rng.integers(0, 256, (count * size, 4), dtype=np.uint8)
        for name, size in (("in0_V", cells), ("in1_V", pixels))
    }
    stall = {"in0_V" if late == "above" else "in1_V": Stall(kind, seed=3)}
    result = compiled(op).run(beats, {"out0_V": count * pixels}, stall).check()
    above, level = (result.in_cycles[name].reshape(count, -1) for name in beats)
    rows = range(height)
    # when a row's first pixel may come, and when a row above has come in whole
    begin = np.concatenate([[0], 1 + level[:, width - 1 :: width].ravel()])[:-1].reshape(count, height)
    whole = above[:, width // 2 - 1 :: width // 2] + 1
    first = [max(0, (y - 1) // 2) for y in rows]
    last = [min((y + 1) // 2, height // 2 - 1) for y in rows]
    for frame in range(count):
        for y in rows:
            earliest = max(begin[frame, y], whole[frame, last[y]])
            came = level[frame, y * width]
            assert came >= earliest
            assert came == earliest or late == "level", (frame, y)
        for row in range(height // 2):
            room = begin[frame, next(y for y in rows if row < first[y] + 4)]
            came = above[frame, row * width // 2]
            before = above[frame, row * width // 2 - 1] + 1 if row else 0
            assert came >= max(room, before)
            assert came == max(room, before) or late == "above", (frame, row)


def shuffle(make, stride, first, row=0, **crops):
    size = {"ImgDim": [4, 8], "NumChannels": 4, "Stride": stride, "SIMD": 2, "inputDataType": "UINT4"}
    return make("PixelShuffle_rtl", 1, 1, FirstDepth=first, RowDepth=row, **size, **crops)


@pytest.mark.parametrize("period", [1, 2, 5], ids=lambda period: f"SF{period}")
@pytest.mark.parametrize("stride", [2, 3], ids=lambda stride: f"stride{stride}")
@pytest.mark.parametrize("crop", [0, 1], ids=lambda crop: f"crop{crop}")
def test_shuffle_never_waits_at_the_depths_for_that(make, compiled, simulate, stride, period, crop):
    crops = {f"Crop{side}": crop for side in ("North", "East", "South", "West")}
    probe = shuffle(make, stride, 2, **crops)
    depths = probe.first_depth_without_stalls(period), probe.row_depth_without_stalls(period)
    op = shuffle(make, stride, *depths, **crops)
    _, result = simulate(op, compiled(op), frames(op), Stall("periodic", period), NONE)
    assert np.unique(np.diff(result.in_cycles["in0_V"])).tolist() == [period]


@pytest.mark.parametrize("stride", [2, 3], ids=lambda stride: f"stride{stride}")
@pytest.mark.parametrize("period", [1, 4], ids=lambda period: f"SF{period}")
def test_shuffle_with_a_shallow_first_fifo_waits_for_the_replay(make, compiled, simulate, stride, period):
    """One row period is S*T*SF cycles of input and (S-1)*T of replay, less what FIFO 0 covers."""
    op = shuffle(make, stride, 2)
    row = op.row_beats()
    _, result = simulate(op, compiled(op), frames(op, 6), Stall("periodic", period), NONE)
    cycles = result.out_cycles["out0_V"][-1] + 1
    most = 24 * (stride * row * period + (stride - 1) * row)
    assert 0.6 * most < cycles <= most + 16


@pytest.mark.parametrize("period", [1, 3], ids=lambda period: f"SF{period}")
def test_shuffle_replays_a_beat_a_cycle(make, compiled, simulate, period):
    """Rows of r >= 1 leave without a gap, whatever the input's pace."""
    op = shuffle(make, 2, 2)
    _, result = simulate(op, compiled(op), frames(op), Stall("periodic", period), NONE)
    rows = result.out_cycles["out0_V"].reshape(-1, op.row_beats())[1::2]
    assert (np.diff(rows, axis=1) == 1).all()


@pytest.mark.parametrize("style", ["distributed", "block"])
def test_shuffle_in_memories_deeper_than_shift_registers(make, compiled, simulate, equal, style):
    size = {
        "ImgDim": [3, 24],
        "NumChannels": 4,
        "Stride": 2,
        "SIMD": 2,
        "inputDataType": "UINT4",
        "CropEast": 1,
    }
    op = make("PixelShuffle_rtl", 1, 1, FirstDepth=60, RamStyle=style, **size)
    data = frames(op)
    want = np.concatenate([op.evaluate([frame[None]])[0] for frame in data[0]])
    simulation = compiled(op)
    for kind in ("none", "random", "bursty"):
        got, _ = simulate(op, simulation, data, Stall(kind, seed=1), Stall(kind, seed=2))
        equal(f"{style}, {kind}", got[0], want)


@pytest.mark.parametrize(
    ("stride", "east", "west"), [(2, 0, 0), (2, 1, 1), (2, 3, 0), (3, 0, 2), (3, 4, 1)], ids=str
)
def test_shuffle_deadlocks_one_below_the_least_row_depth(make, cache, fifo, stride, east, west):
    op = shuffle(make, stride, 2, CropEast=east, CropWest=west)
    ports = Ports((Stream("s_axis", 8),), (Stream("m_axis", 8),))
    sizes = {"WIDTH": 8, "IMG_H": 4, "IMG_W": 8, "CF": 2, "STRIDE": stride, "CROP_E": east, "CROP_W": west}
    beats = np.arange(4 * 8 * stride * stride * 2, dtype=np.uint8)[:, None]
    expected = {"m_axis": int(op.get_number_output_values())}
    for missing in (0, 1):
        parameters = {**sizes, "ROW_DEPTH": op.least_row_depth() - missing}
        simulation = build("pixel_shuffle", [fifo, CORE], ports, cache, parameters=parameters, optimize="-O0")
        if not missing:
            simulation.run({"s_axis": beats}, expected, idle_limit=500).check()
            continue
        with pytest.raises(Deadlock, match="deadlock: nothing moved for 500 cycles") as caught:
            simulation.run({"s_axis": beats}, expected, idle_limit=500)
        assert caught.value.report.inputs["s_axis"][2], "the input should be blocked"
        with pytest.raises(UserError, match=f"RowDepth must be {op.least_row_depth()} or more, or 0, got"):
            shuffle(make, stride, 2, parameters["ROW_DEPTH"], CropEast=east, CropWest=west).depths()
