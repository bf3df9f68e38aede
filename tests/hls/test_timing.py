"""The max-plus recurrence: single nodes against what their RTL takes, and graphs among themselves."""

from dataclasses import replace
from math import inf

import pytest
from onnx import helper

from hls import dataflow, fifo, fold, streams
from hls.ops import DOMAIN, facets
from hls.ops.operator import Frame
from hls.timing import Pipeline, _program
from model.generator import Mode
from pixelmend.errors import UserError
from pixelmend.native import call
from tests.networks import Case, integer_network

DIRECT = "stream 1 1 0"


def ends(*lines: str) -> list[int]:
    """Cycles at which frames end, of a pipeline written in the program's own words."""
    return told(*lines)[0]


def told(*lines: str) -> list[list[int]]:
    """Both lines that the program writes: ends of frames, most beats held by each stream."""
    text = call([str(_program())], "timing", text="\n".join(lines))
    return [[int(word) for word in line.split()] for line in text.splitlines()]


def joined(*streams: int) -> str:
    """A node that takes a beat of each stream but the last and gives one there."""
    *taken, given = streams
    return f"steps {len(taken)} {' '.join(map(str, taken))} 1 {given} {2 ** len(streams) - 1} 1"


def of(kind: str, rows: int, columns: int, taken: int, given: int, **attributes: int) -> str:
    """The line of an operator on 8-bit pixels, from stream `taken` to stream `given`."""
    node = helper.make_node(
        kind,
        ["x"],
        ["y"],
        name="dut",
        domain=DOMAIN,
        ImgDim=[rows, columns],
        inputDataType="UINT8",
        **attributes,
    )
    operator = facets(node)
    frame = Frame((rows,), (operator.get_normal_output_shape()[1],), (False,))
    name, numbers = operator.schedule(frame)
    return f"{name} 1 {taken} 1 {given} {' '.join(map(str, numbers))}"


def one(
    node: str, beats_in: int, beats_out: int, frames: int = 3, before: str = DIRECT, behind: str = DIRECT
) -> list[int]:
    """Ends of frames through a single node between an eager source and an eager sink."""
    return ends(before, behind, f"source 0 1 0 {beats_in}", node, f"sink 1 1 0 {beats_out}", f"run {frames}")


@pytest.mark.parametrize(
    ("node", "beats_in", "beats_out", "period"),
    [
        (joined(0, 1), 100, 100, 100),
        ("convert 1 0 1 1 8 32 1", 100, 25, 100),  # narrow to wide: one in a cycle
        ("convert 1 0 1 1 32 8 1", 25, 100, 100),  # wide to narrow: one out a cycle
        ("convert 1 0 1 1 24 16 1", 100, 150, 200),  # FINN's vpc.sv: three beats out in four cycles
        ("pad 1 0 1 1 2 6 4 1 1 1 1", 48, 96, 96),  # 4 x 6 pixels of 2 beats in a frame of zeros
        ("matrix 1 0 1 1 8 1 3", 800, 100, 800),  # one pass
        ("matrix 1 0 1 1 8 5 3", 800, 500, 4000),  # five passes, windows replayed
        ("shuffle 1 0 1 1 1 4 6 2 0 0 0 0 12 12", 96, 96, 96),
        (of("PyramidHalve_rtl", 4, 6, 0, 1), 24, 6, 24),  # 4 x 6 pixels
        (
            of("PyramidRelax_rtl", 4, 6, 0, 1, KeepFlag=1),
            24,
            24,
            39,
        ),  # 4 x 6 pixels, and the last 15 leave before the next come
    ],
)
def test_pace_of_a_node(node: str, beats_in: int, beats_out: int, period: int) -> None:
    first, second, third = one(node, beats_in, beats_out)
    assert third - second == period
    assert second - first == period


def test_a_window_waits_for_its_last_element_and_not_for_the_frame_before() -> None:
    """4 x 4 pixels, kernel 2, stride 1: 9 windows of 4, the fourth beat of the first once 6 elements have come."""
    first, second, third = one("window 1 0 1 1 1 4 4 3 3 2 2 1 1 1 1 6", 16, 36)
    # one element for the first beat, four more for the lower row; registers at both ends
    assert first >= 36 + 4
    # a frame's first elements are taken while the last windows are handed on
    assert second - first == third - second == 36


def test_a_window_with_a_larger_buffer_reads_ahead() -> None:
    tight = one("window 1 0 1 1 1 8 8 4 4 2 2 2 2 1 1 10", 64, 64)
    ample = one("window 1 0 1 1 1 8 8 4 4 2 2 2 2 1 1 64", 64, 64)
    assert ample[-1] < tight[-1]


def join_with_skip(depth: int) -> list[int]:
    """A skip of `depth` beats beside a branch that gives nothing before 10 beats have come, then one each."""
    return ends(
        DIRECT, "stream 4 1 0", f"stream {depth} 3 1", "stream 1 1 0", "stream 8 1 1", DIRECT, DIRECT,
        "source 0 1 0 100", "fork 1 0 2 1 2", "convert 1 1 1 3 1 10 1", "convert 1 3 1 4 10 1 1",
        joined(2, 4, 5), joined(5, 6), "sink 1 6 0 100", "run 3",
    )  # fmt: skip


def test_a_skip_too_shallow_is_a_deadlock_and_deeper_is_never_slower() -> None:
    times = [join_with_skip(depth) for depth in range(2, 40)]
    assert [] in times, "a deadlock in the first frame"
    assert len(times[-1]) == 3
    assert times[-1][2] - times[-1][1] == 100, "a beat in every cycle"
    totals = [found[-1] if len(found) == 3 else inf for found in times]
    assert totals == sorted(totals, reverse=True)


def converter_behind(depth: int) -> list[int]:
    """A skip of `depth` beats, then a converter of 1 to 4, beside a branch that needs 40 beats."""
    return ends(
        DIRECT, DIRECT, f"stream {depth} 3 1", DIRECT, DIRECT, DIRECT, DIRECT, "source 0 1 0 40",
        "fork 1 0 2 1 2", "convert 1 1 1 3 1 40 1", "convert 1 3 1 4 40 4 1", "convert 1 2 1 5 1 4 1",
        joined(4, 5, 6), "sink 1 6 0 10", "run 1",
    )  # fmt: skip


def test_a_converter_holds_a_beat_of_each_side_and_no_more() -> None:
    """FINN's vpc.sv has no register behind its buffer: 4 + 1 beats of the 39 before the one at the fork."""
    assert [len(converter_behind(depth)) for depth in (33, 34)] == [0, 1]


def level_filled(depth: int) -> list[int]:
    """Frames of 8 x 4 pixels filled from one level above; `depth` beats of the skip beside it."""
    return ends(
        DIRECT, "stream 1 0 0", f"stream {depth} 3 1", DIRECT, DIRECT, "source 0 1 0 32",
        "fork 1 0 2 1 2", of("PyramidHalve_rtl", 8, 4, 1, 3), "double 2 3 2 1 4 4 8", "sink 1 4 0 32",
        "run 3",
    )  # fmt: skip


def test_a_level_waits_for_whole_rows_of_the_level_above() -> None:
    """Its second row needs two, of which the last cell comes with the twelfth pixel from that row on."""
    times = [level_filled(depth) for depth in range(8, 17)]
    assert [len(found) for found in times] == [0, 0, 0, 3, 3, 3, 3, 3, 3], "one more waits at the fork"
    first, second, third = times[-1]
    # the 16th pixel is halved at 16, loaded at 17, and there for the second row's first of 28 pixels at 18
    assert first == 18 + 28
    # a frame's first cells are loaded once the last frame has left; 8 more pixels, and the second row begins
    assert third - second == second - first == 10 + 28


def test_the_level_above_is_loaded_four_rows_ahead() -> None:
    """16 x 4 pixels, of which one is taken in 64 cycles: of 8 rows of cells the others wait, 2 cells each."""
    _, levels = told(
        DIRECT, "stream 1 0 0", "stream 64 3 1", "stream 99 1 1", DIRECT, DIRECT, "source 0 1 0 64",
        "fork 1 0 2 1 2", of("PyramidHalve_rtl", 16, 4, 1, 3), "double 2 3 2 1 4 4 16",
        "convert 1 4 1 5 64 1 1", "sink 1 5 0 4096", "run 1",
    )  # fmt: skip
    assert levels[3] == 2 * (8 - 4)


@pytest.mark.parametrize(
    ("line", "message"),
    [("sieve 0 0", "unknown kind of node: sieve"), ("fork 1", "fork: a number is missing")],
)
def test_a_bad_line_is_refused(line: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        one(line, 1, 1)


@pytest.mark.parametrize("mode", ["direct", "filled", "corrected"])
def test_a_taller_frame_is_evaluated_as_a_shorter_one(mode: Mode) -> None:
    """Cut to the same rows, graphs of any height are the same, but for the depths they were given."""

    def pipeline(height: int, rows: int) -> Pipeline:
        case = Case(widths=(2, 2, 2), height=height, width=16, mode=mode, fill_levels=3)
        model = dataflow.build(integer_network(case))
        fold.apply(model, fold.balanced(model, 100 * height))
        model = streams.connect(model, 1)
        skips.update(dict.fromkeys(fifo.skips(model), 2000))
        return Pipeline(model, rows)

    skips: dict[str, int] = {}
    assert pipeline(64, 32).run(skips) == pipeline(32, 32).run(skips)
    assert pipeline(64, 39).run(skips) == pipeline(40, 40).run(skips), "the strides divide the rows left out"
    assert pipeline(64, 64).run(skips).period > 1.5 * pipeline(64, 32).run(skips).period


def test_rows_are_left_out_by_the_strides_of_the_deepest_level() -> None:
    """Of 4 halvings beside 2 strides of 2, not of all of them in a row: 16 rows, not 64."""
    case = Case(widths=(2, 2), height=96, width=16, mode="filled", fill_levels=4)

    def pipeline(height: int) -> Pipeline:
        model = dataflow.build(integer_network(replace(case, height=height)))
        fold.apply(model, fold.balanced(model, 100 * height))
        return Pipeline(streams.connect(model, 1), 50)

    plenty = dict.fromkeys((f"double{n}_pixels_in1_fifo" for n in range(1, 5)), 2000)
    plenty |= {"add1_add_in1_fifo": 2000, "mark1_pixels_in1_fifo": 2000}
    assert pipeline(96).run(plenty) == pipeline(64).run(plenty)
