"""The longest paths of small netlists, of which they are known."""

import numpy as np
import pytest

from hls.clock.delays import delays, find
from hls.clock.netlist import Cell, parse
from hls.clock.sta import Timing, analyse, total
from hls.synthesis.cells import BLOCK_RAMS, CARRIES, DSPS, FLIPFLOPS, FREE, LUTS
from pixelmend.errors import UserError
from tests.hls.clock.netlists import Made

XC7 = delays()["xc7-1"]
LUT, FF = XC7.values["lut"]["o6"], XC7.values["ff"]


def timed(made: Made) -> Timing:
    return analyse(made.netlist(), XC7, "node")


def net(made: Made, sinks: int, column: bool = False) -> float:
    return XC7.net(sinks, made.netlist().luts, column)


def test_registers_with_two_luts_between() -> None:
    made = Made()
    made.ff("a", "b", place="two.sv:7")
    made.lut("w", "a", "c")
    made.lut("y", "w")
    made.lut("z", "w")
    made.ff("b", "y", place="two.sv:8")
    made.ff("c", "z", place="two.sv:9")
    timing = timed(made)
    assert not timing.loops
    way = FF["q"] + net(made, 1) + LUT + net(made, 2) + LUT + FF["d"]
    assert total(timing.paths[0]) == pytest.approx(way), "the flip-flop is in the slice of the LUT before it"
    assert [step.kind for step in timing.paths[0]] == ["FDRE", "LUT2", "LUT1", "FDRE.D"]
    ends = {(path[0].name, path[-1].name) for path in timing.paths}
    assert ("c", "b") in ends or ("a", "b") in ends
    assert timing.paths[0][0].place.startswith("two.sv:")


def test_a_net_of_more_sinks_is_slower() -> None:
    results = []
    for sinks in (1, 16, 10_000):
        made = Made()
        made.ff("a", "0")
        for index in range(sinks):
            made.ff(f"q{index}", "0", ce="a")
        results.append(total(timed(made).paths[0]))
    values = XC7.values["net"]
    assert results[1] - results[0] == pytest.approx(4 * values["per_doubling"])
    assert results[2] == pytest.approx(results[0] + 9 * values["per_doubling"]), "drivers are copied"


def test_clock_enable_and_reset_have_their_set_up() -> None:
    for pin in ("CE", "R"):
        made = Made()
        made.ff("a", "0")
        pins = {"C": "ap_clk", "CE": "1", "D": "0", "Q": "q", "R": "0"} | {pin: "a"}
        made.cell("FDRE", **pins)
        set_up = {"CE": FF["ce"], "R": FF["sr"]}[pin]
        assert total(timed(made).paths[0]) == pytest.approx(FF["q"] + net(made, 1) + set_up)


def test_carry_chain() -> None:
    """Eight bits: in by a LUT at the lowest one, from one CARRY4 to the next, out at the highest."""
    made = Made()
    made.ff("a", "0")
    made.lut("s", "a")
    first, second = "o0 o1 o2 o3", "p0 p1 p2 p3"
    made.cell("CARRY4", CI="0", CYINIT="0", DI="0 0 0 0", S="s 0 0 0", O=first, CO="c0 c1 c2 c3")
    made.cell("CARRY4", CI="c3", CYINIT="0", DI="0 0 0 0", S="0 0 0 0", O=second, CO="d0 d1 d2 d3")
    made.ff("q", "p3")
    carry = XC7.values["carry"]
    chain = carry["s_co"][0][3] + XC7.values["net"]["carry_chain"] + carry["ci_o"][3]
    assert total(timed(made).paths[0]) == pytest.approx(FF["q"] + net(made, 1) + LUT + chain + FF["d"])
    made.lut("y", "c1")
    made.lut("z", "y", "p3")
    made.ff("r", "z")
    out = net(made, 2) + XC7.values["net"]["carry_out"]
    assert total(timed(made).paths[0]) == pytest.approx(
        FF["q"] + net(made, 1) + LUT + chain + out + LUT + FF["d"]
    ), "out of a chain a net is slower"


def test_memories() -> None:
    made = Made()
    ram = XC7.values["lutram"]
    made.ff("address", "0")
    made.cell(
        "RAM64M", WCLK="ap_clk", WE="we", ADDRA="address 0 0 0 0 0", ADDRD="w 0 0 0 0 0", DIA="0", DOA="word"
    )
    made.ff("we", "0")
    made.ff("w", "0")
    made.ff("q", "word")
    by_end = {path[-1].kind: total(path) for path in timed(made).paths}
    assert by_end["RAM64M.WE"] == pytest.approx(FF["q"] + net(made, 1) + ram["we"])
    assert by_end["RAM64M.ADDRD"] == pytest.approx(FF["q"] + net(made, 1) + ram["address"])
    assert by_end["FDRE.D"] == pytest.approx(
        max(FF["q"] + net(made, 1) + ram["read"], ram["out"]) + net(made, 1) + FF["d"]
    )


@pytest.mark.parametrize(("mode", "key"), [("0" * 32, "out"), ("0" * 31 + "1", "out_register")])
def test_block_ram_with_and_without_its_register(mode: str, key: str) -> None:
    made = Made()
    made.cell(
        "RAMB36E1",
        parameters={"DOA_REG": mode, "DOB_REG": "0"},
        CLKARDCLK="ap_clk",
        DOADO="word",
        ENARDEN="1",
    )
    made.ff("q", "word")
    expected = XC7.values["bram"][key] + net(made, 1, column=True) + FF["d"]
    assert total(timed(made).paths[0]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("modes", "start", "end"),
    [
        ({}, ("out", "P"), ("setup_in", "A")),
        ({"PREG": "0", "CREG": "0"}, ("out", "M"), ("setup_in", "A")),
        ({"AREG": "0"}, ("out", "P"), ("setup_m", "A")),
        ({"AREG": "0", "MREG": "0"}, ("out", "P"), ("setup_p", "A")),
        ({"USE_DPORT": "TRUE", "AREG": "0"}, ("out", "P"), ("setup_ad", "A")),
        ({"USE_DPORT": "TRUE", "AREG": "0", "ADREG": "0"}, ("out", "P"), ("setup_m", "A_pre")),
        ({"USE_MULT": "NONE", "AREG": "0"}, ("out", "P"), ("setup_p", "A_add")),
    ],
)
def test_dsp_by_the_registers_in_use(
    modes: dict[str, str], start: tuple[str, str], end: tuple[str, str]
) -> None:
    made = Made()
    made.ff("a", "0")
    registers = dict.fromkeys(("BREG", "CREG", "DREG"), "1")
    made.cell("DSP48E1", parameters=registers | modes, CLK="ap_clk", A="a", P="p")
    made.lut("y", "p")
    made.ff("q", "y")
    dsp = XC7.values["dsp"]
    paths = {path[-1].kind: total(path) for path in timed(made).paths if len(path) > 1}
    assert paths["DSP48E1.A"] == pytest.approx(FF["q"] + net(made, 1, column=True) + dsp[end[0]][end[1]])
    assert paths["FDRE.D"] == pytest.approx(
        dsp[start[0]][start[1]] + net(made, 1, column=True) + LUT + FF["d"]
    )


def test_dsp_without_registers_is_a_part_of_the_path() -> None:
    made = Made()
    made.ff("a", "0")
    made.cell(
        "DSP48E1",
        parameters=dict.fromkeys(("AREG", "BREG", "CREG", "MREG", "PREG"), "0"),
        CLK="ap_clk",
        A="a",
        P="p",
    )
    made.ff("q", "p")
    through = XC7.values["dsp"]["through"]["A"]
    assert total(timed(made).paths[0]) == pytest.approx(
        FF["q"] + 2 * net(made, 1, column=True) + through + FF["d"]
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_slow_path_is_found(seed: int) -> None:
    """Among 300 random ones of up to four LUTs, one of seven, somewhere."""
    rng = np.random.default_rng(seed)
    made = Made()
    registers = [f"r{index}" for index in range(40)]
    planted = int(rng.integers(300))
    for index in range(300):
        at = str(rng.choice(registers))
        for level in range(7 if index == planted else int(rng.integers(5))):
            made.lut(f"n{index}_{level}", at, str(rng.choice(registers)))
            at = f"n{index}_{level}"
        made.ff(f"q{index}", at, place=f"planted.sv:{index}")
    for name in registers:
        made.ff(name, "0")
    worst = timed(made).paths[0]
    assert worst[-1].place == f"planted.sv:{planted}"
    assert worst[-1].name == f"q{planted}"
    assert sum(step.kind == "LUT2" for step in worst) == 7


def test_a_loop_is_told_and_the_rest_is_timed() -> None:
    made = Made()
    made.ff("a", "0")
    made.lut("in_loop", "also_in_loop", "a")
    made.lut("also_in_loop", "in_loop")
    made.lut("behind", "also_in_loop", "a")
    made.ff("q", "behind")
    timing = timed(made)
    assert timing.loops == ["also_in_loop", "in_loop"]
    assert timing.paths[0][-1].name == "q"


def test_what_is_open_at_ports() -> None:
    made = Made()
    made.port("input", "data", "ready")
    made.port("output", "up", "out", "wired=data")
    made.ff("q", "data")
    made.lut("up", "ready", "q")
    made.lut("out", "q")
    timing = timed(made)
    assert not timing.paths
    assert total(timing.arrivals["out", 0]) == pytest.approx(FF["q"] + net(made, 2) + LUT)
    assert total(timing.tails["data", 0]) == pytest.approx(net(made, 2) + FF["d"]), (
        "the register and the port"
    )
    assert {pins: len(steps) for pins, steps in timing.arcs.items()} == {
        (("ready", 0), ("up", 0)): 1,
        (("data", 0), ("wired", 0)): 0,
    }


def test_every_cell_that_is_counted_has_delays() -> None:
    for table in delays().values():
        absent = {"CARRY8"} if table.name.startswith("xc7") else set()
        for kind in {*LUTS, *FLIPFLOPS, *CARRIES, *BLOCK_RAMS, *DSPS, *FREE} - absent:
            table.of(Cell(kind, {}, {}, ""))
    with pytest.raises(UserError, match="no delays for a cell SB_LUT4"):
        XC7.of(Cell("SB_LUT4", {}, {}, ""))


def test_grades() -> None:
    assert find("xc7z020clg400-1", "xc7").name == "xc7-1"
    assert find("xczu7ev-ffvc1156-2-e", "xcup").name == "xcup-2"
    assert find("xck26-sfvc784-2LV-c", "xcup").name == "xcup-2"
    faster = find("xc7z020clg400-2", "xc7")
    assert faster.net(4, 100) == pytest.approx(0.85 * XC7.net(4, 100))
    assert faster.values["clock"]["tree_mhz"] > XC7.values["clock"]["tree_mhz"]
    with pytest.raises(UserError, match=r"no delays for xc7-9"):
        find("xc7z020clg400-9", "xc7")


def test_netlist_from_json() -> None:
    content = {
        "ports": {"a": ["input", [2]]},
        "cells": [["LUT1", {"I0": [2], "O": [3]}, {}, "x.sv:3"]],
        "nets": {"2": ["a", "x.sv:1"]},
    }
    netlist = parse(content)
    assert (netlist.luts, netlist.cells[0].place, netlist.names[2]) == (1, "x.sv:3", ("a", "x.sv:1"))
