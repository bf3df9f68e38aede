"""Paths over several nodes: what leaves one at a port goes on in the next."""

import pytest

from hls.clock.compose import Part, compose
from hls.clock.delays import delays
from hls.clock.report import described, missed, of_parts
from hls.clock.sta import analyse, total
from hls.config import HlsConfig
from tests.hls.clock.netlists import Made

XC7 = delays()["xc7-1"]
LUT, FF = XC7.values["lut"]["o6"], XC7.values["ff"]


def part(name: str, made: Made) -> Part:
    return Part(name, analyse(made.netlist(), XC7, name))


def stage(before: str, behind: str, beats: int = 4) -> Made:
    """A register of `beats` bits that is not cut: ready of the stream behind -> ready of the one before."""
    made = Made()
    made.port("input", f"{before}_tvalid", f"{behind}_tready", "ap_rst_n")
    made.port("output", f"{before}_tready", f"{behind}_tvalid")
    made.lut(f"{before}_tready", f"{behind}_tready", f"{behind}_tvalid")
    pins = {"CE": f"{before}_tready", "D": f"{before}_tvalid", "Q": f"{behind}_tvalid", "R": "ap_rst_n"}
    made.cell("FDRE", f"{before}.sv:9", C="ap_clk", **pins)
    for bit in range(beats):
        made.ff(f"{before}_data_{bit}", "0", ce=f"{before}_tready", place=f"{before}.sv:{bit}")
    return made


def sink(before: str) -> Made:
    made = Made()
    made.port("input", f"{before}_tvalid")
    made.port("output", f"{before}_tready")
    made.ff("go_q", f"{before}_tvalid", place="sink.sv:3")
    made.lut(f"{before}_tready", "go_q")
    return made


def test_ready_through_three_nodes_is_one_path() -> None:
    made = {"first": stage("a", "b"), "second": stage("b", "c"), "last": sink("c")}
    whole = compose([part(name, one) for name, one in made.items()], XC7)
    assert not whole.loops
    worst = next(path for path in whole.paths if path[0].node == "last" and path[-1].node == "first")
    assert [step.node for step in worst] == ["last", "last", "second", "first", "first"]
    assert [step.kind for step in worst] == ["FDRE", "LUT1", "LUT2", "LUT2", "FDRE.CE"]
    assert worst[0].place == "sink.sv:3"
    # a's and b's ready enable five registers of their driver's node, and go on to a port or one more LUT
    nets = 2 * XC7.net(1, 1) + 2 * XC7.net(6, 1)
    assert total(worst) == pytest.approx(FF["q"] + 3 * LUT + nets + FF["ce"])


def test_a_net_has_the_sinks_of_all_nodes() -> None:
    """A register that enables registers of two other nodes: its net is as slow as if all were in one."""

    def taker(name: str, number: int) -> Made:
        made = Made()
        made.port("input", "enable")
        for bit in range(number):
            made.ff(f"{name}_{bit}", "0", ce="enable")
        return made

    giver = Made()
    giver.port("output", "enable")
    giver.ff("enable", "0")
    parts = [part("giver", giver), part("one", taker("one", 3)), part("other", taker("other", 5))]
    paths = {path[-1].node: total(path) for path in compose(parts, XC7).paths}
    for name in ("one", "other"):
        assert paths[name] == pytest.approx(FF["q"] + XC7.net(8, 0) + FF["ce"])


def test_a_wire_through_a_node_is_the_same_net() -> None:
    giver, wire, taker = Made(), Made(), Made()
    giver.port("output", "given")
    giver.ff("given", "0")
    wire.port("input", "given")
    wire.port("output", "y=given")
    taker.port("input", "y")
    taker.ff("q", "y")
    paths = compose([part("giver", giver), part("wire", wire), part("taker", taker)], XC7).paths
    assert [total(path) for path in paths] == [pytest.approx(FF["q"] + XC7.net(1, 0) + FF["d"])]
    assert [step.node for step in paths[0]] == ["giver", "taker"]


def test_a_loop_over_two_nodes_is_told() -> None:
    """Valid waits for ready in one node, ready for valid in the other."""
    giver, taker = Made(), Made()
    giver.port("input", "s_tready")
    giver.port("output", "s_tvalid")
    giver.ff("have_q", "0")
    giver.lut("s_tvalid", "s_tready", "have_q")
    taker.port("input", "s_tvalid")
    taker.port("output", "s_tready")
    taker.lut("s_tready", "s_tvalid")
    parts = [part("giver", giver), part("taker", taker)]
    assert compose(parts, XC7).loops == ["s_tready[0]", "s_tvalid[0]"]
    report = of_parts(parts, {"giver": "A", "taker": "B"}, XC7, HlsConfig())
    assert "combinational loop through s_tready[0], s_tvalid[0]" in next(missed(report))


def test_report_and_margin() -> None:
    made = {"first": stage("a", "b"), "second": stage("b", "c"), "last": sink("c")}
    parts = [part(name, one) for name, one in made.items()]
    ops = {"first": "Stage", "second": "Stage", "last": "Sink"}
    report = of_parts(parts, ops, XC7, HlsConfig(clock_mhz=100))
    assert not list(missed(report))
    worst = report["paths"][0]
    assert report["mhz"] == worst["mhz"] == pytest.approx(1e3 / (worst["ns"] + XC7.uncertainty), abs=0.1)
    assert {node["name"] for node in report["nodes"]} == set(made)
    assert all(node["mhz"] <= node["inside_mhz"] for node in report["nodes"])
    assert "last go_q (sink.sv:3)" in " ".join(described(path) for path in report["paths"])
    just = report["mhz"] / 1.1
    assert not list(missed(of_parts(parts, ops, XC7, HlsConfig(clock_mhz=just - 0.2))))
    said = list(missed(of_parts(parts, ops, XC7, HlsConfig(clock_mhz=just + 0.2))))
    assert len(said) == 1
    assert "needed (clock_mhz" in said[0]
    assert "and a margin of 10%" in said[0]
    assert not list(missed(of_parts(parts, ops, XC7, HlsConfig(clock_mhz=just + 0.2, clock_margin=0))))
