"""Counting of cells, synthesis of small modules, the cache, the report, the caps and the clock.

The sum of all nodes against one synthesis of the whole top takes minutes and is a command:
`python -m hls.fit build/tiny --config configs/tiny.toml --whole`.
"""

import gzip
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hls import dataflow, fit
from hls.clock import netlist as clock_netlist
from hls.clock.delays import delays
from hls.clock.sta import analyse
from hls.config import HlsConfig
from hls.finn_setup import finn_workspace
from hls.ops.fifo.source import fifo_source, mend_fifo
from hls.rtl.generate import OPS, mend_add_multi, mend_mvu_queue
from hls.synthesis import jobs
from hls.synthesis.cells import Cells, count
from hls.synthesis.jobs import Synthesis, Synthesized
from hls.synthesis.sources import Library
from hls.synthesis.units import PORTS, Unit, units
from pixelmend.console import run
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_text
from tests.networks import Case, configuration, lowered

MATRIX_UNIT = ["mvu_pkg", "mvu_vvu_axi", "replay_buffer", "mvu", "mvu_vvu_8sx9_dsp58", "add_multi"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Some of FINN's modules and ours, as a build has them."""
    rtl = tmp_path_factory.mktemp("build") / "rtl"
    sources = {"fifo.sv": mend_fifo(fifo_source().read_text())}
    finn = [f"mvu/{name}.sv" for name in MATRIX_UNIT] + ["memstream/hdl/memstream.sv"]
    for path in [*(fifo_source().parents[2] / name for name in finn), OPS / "skip_add" / "skip_add.sv"]:
        sources[path.name] = path.read_text()
    sources["add_multi.sv"] = mend_add_multi(sources["add_multi.sv"])
    sources["mvu_vvu_axi.sv"] = mend_mvu_queue(sources["mvu_vvu_axi.sv"])
    for name, text in sources.items():
        write_text(rtl / name, text)
    write_text(rtl / "sources.f", "\n".join(sorted(sources, key=lambda name: "_pkg" not in name)) + "\n")
    return Library(rtl)


@pytest.fixture
def synthesis(library: Library, tmp_path: Path) -> Synthesis:
    return Synthesis(library, "xc7", tmp_path / "cache")


def memory_unit(library: Library, depth: int, width: int, style: str, seed: int = 0) -> Unit:
    """A weight memory of random words."""
    rng = np.random.default_rng(seed)
    words = ["".join(f"{digit:x}" for digit in row) for row in rng.integers(0, 16, (depth, width // 4))]
    write_text(library.rtl / "memory" / "words.dat", "\n".join(words) + "\n")
    text = f"""
module fit_memory (input wire clk, rst, ordy, output wire ovld, output wire [{width - 1}:0] odat);
  memstream #(.SETS(1), .DEPTH({depth}), .WIDTH({width}),
    .INIT_FILE("memory/words.dat"), .RAM_STYLE("{style}")) i_words (
    .clk, .rst, .config_ce('0), .config_we('0), .config_address('0), .config_d0('0),
    .config_rack(), .config_q0(), .sidx('0), .svld('0), .srdy(), .ordy, .ovld, .odat
  );
endmodule
"""
    return Unit("memory", "memstream", "fit_memory", text, memory="*.dat")


def test_count() -> None:
    cells = {
        "LUT2": 3, "LUT6": 4, "LUT6_2": 5, "SRL16E": 6, "SRLC32E": 1, "RAM32M": 2, "RAM64M": 1, "INV": 9,
        "RAM128X1D": 1, "MUXF7": 7, "FDRE": 10, "FDSE": 2, "CARRY4": 8, "RAMB36E1": 3, "RAMB18E1": 1,
        "DSP48E1": 11,
    }  # fmt: skip
    assert count(cells) == Cells(lut=12 + 7 + 12 + 4, ff=12, carry4=8, bram36=3.5, dsp=11)
    assert count({"CARRY8": 2, "RAMB18E2": 3, "DSP48E2": 1}) == Cells(carry4=4, bram36=1.5, dsp=1)
    assert count({}) == Cells()


@pytest.mark.parametrize("kind", ["$add", "URAM288", "SB_LUT4"])
def test_unknown_cell_is_an_error(kind: str) -> None:
    with pytest.raises(UserError, match="expected cells of a Xilinx part only, got also"):
        count({"LUT1": 1, kind: 1})


@pytest.mark.parametrize(
    ("depth", "width", "style", "bram36"),
    [(512, 72, "block", 1), (512, 36, "block", 0.5), (800, 144, "block", 4), (96, 32, "distributed", 0)],
)
def test_weight_memory(
    library: Library, synthesis: Synthesis, depth: int, width: int, style: str, bram36: float
) -> None:
    result = synthesis.run(memory_unit(library, depth, width, style))
    cells = count(result.cells)
    assert cells.bram36 == bram36, "contents are neither lost nor in the wrong place"
    assert count(result.block_rams_of("i_words")).bram36 == bram36
    assert count(result.block_rams_of("i_word")) == Cells()
    assert cells.lut >= width, "a shift register a bit, and the words where they are in LUTs"
    assert cells.lut < 1.5 * width + 40 if style == "block" else cells.lut > 2 * width
    assert result.cells["SRL16E"] == width


@pytest.mark.parametrize(
    ("depth", "width", "style", "cells"),
    [
        (1025, 36, "block", {"RAMB36E1": 1}),
        (60, 40, "block", {"RAMB36E1": 1}),
        (60, 12, "distributed", {"RAM64M": 4}),
        (20, 12, "shift", {"SRLC32E": 12}),
    ],
)
def test_fifo_style_is_kept(
    synthesis: Synthesis, depth: int, width: int, style: str, cells: dict[str, int]
) -> None:
    text = f"""
module fit_fifo (
  input wire clk, rst, ivld, ordy, output wire irdy, ovld,
  input wire [{width - 1}:0] idat, output wire [{width - 1}:0] odat
);
  fifo #(.DEPTH({depth}), .DATA_WIDTH({width}), .RAM_STYLE("{style}")) i_fifo (
    .clk, .rst, .ivld, .irdy, .idat, .ovld, .ordy, .odat, .count(), .maxcount()
  );
endmodule
"""
    result = synthesis.run(Unit("fifo", "fifo", "fit_fifo", text))
    memories = {kind: n for kind, n in result.cells.items() if kind.startswith(("RAM", "SRL"))}
    assert memories == cells
    assert result.netlist is not None
    for cell in clock_netlist.read(result.netlist).cells:
        if cell.kind.startswith("RAM"):
            assert re.fullmatch(r"i_fifo\..*Mem\w*", cell.name)
            assert cell.place.startswith("fifo.sv:"), "where RTL declares it"


def test_skip_add(synthesis: Synthesis) -> None:
    unit = Unit("add", "SkipAdd_rtl", "skip_add", parameters={"SIMD": 2})
    cells = count(synthesis.run(unit).cells)
    assert (cells.dsp, cells.bram36) == (0, 0)
    assert cells.ff == 2 * 5 + 1
    assert 10 <= cells.lut <= 24


def test_netlist_is_kept_with_file_and_line(synthesis: Synthesis) -> None:
    result = synthesis.run(Unit("add", "SkipAdd_rtl", "skip_add", parameters={"SIMD": 2}))
    assert result.netlist is not None
    netlist = clock_netlist.read(result.netlist)
    assert netlist.ports["s_axis_a_tdata"][0] == "input"
    assert len(netlist.ports["m_axis_tdata"][1]) == 10
    assert Counter(cell.kind for cell in netlist.cells) == result.cells
    registers = [cell for cell in netlist.cells if cell.kind == "FDRE"]
    source = (OPS / "skip_add" / "skip_add.sv").read_text().splitlines()
    for cell in registers:
        file, line = cell.place.split(":")
        assert file == "skip_add.sv"
        assert "always_ff" in source[int(line) - 1]
    result.netlist.unlink()
    assert not synthesis.run(Unit("add", "SkipAdd_rtl", "skip_add", parameters={"SIMD": 2})).cached


@pytest.mark.parametrize(
    ("pe", "simd", "dsp", "family"), [(4, 4, 4, "xc7"), (5, 4, 8, "xc7"), (4, 4, 4, "xcup")]
)
def test_matrix_unit_dsps_are_exact(
    library: Library, tmp_path: Path, pe: int, simd: int, dsp: int, family: str
) -> None:
    """Four 4-bit weights a DSP, of four rows: the fifth row takes a DSP for each lane of SIMD."""
    version = {"xc7": 1, "xcup": 2}[family]
    parameters = {
        "IS_MVU": 1, "VERSION": version, "PUMPED_COMPUTE": 0, "MW": 16, "MH": 4 * pe, "PE": pe, "SIMD": simd,
        "ACTIVATION_WIDTH": 4, "WEIGHT_WIDTH": 4, "ACCU_WIDTH": 12, "NARROW_WEIGHTS": 1,
        "SIGNED_ACTIVATIONS": 0,
    }  # fmt: skip
    synthesis = Synthesis(library, family, tmp_path)
    result = synthesis.run(Unit("mvau", "MVAU_rtl", "mvu_vvu_axi", parameters=parameters))
    assert result.cells[f"DSP48E{version}"] == dsp
    assert count(result.cells).dsp == dsp
    assert result.netlist is not None
    timing = analyse(clock_netlist.read(result.netlist), delays()[f"{family}-1"])
    assert not timing.loops
    assert 1.5 < timing.ns < 6, "there are delays for all cells of either family"


def test_cache(library: Library, synthesis: Synthesis) -> None:
    unit = memory_unit(library, 16, 8, "distributed")
    first, second = synthesis.run(unit), synthesis.run(unit)
    assert (first.cached, second.cached) == (False, True)
    assert (first.cells, first.seconds) == (second.cells, second.seconds)
    assert not synthesis.run(memory_unit(library, 16, 8, "distributed", seed=1)).cached, "other contents"


def test_failed_synthesis_is_named_and_not_kept(synthesis: Synthesis) -> None:
    unit = Unit("bad", "none", "fit_bad", "module fit_bad; nowhere x(); endmodule\n")
    for _ in range(2):
        with pytest.raises(UserError, match=r"bad: Yosys did not end well: .*unknown module 'nowhere'"):
            synthesis.run(unit)


def test_too_slow_is_named(library: Library, synthesis: Synthesis) -> None:
    with pytest.raises(UserError, match="memory: not synthesized within 0 s"):
        synthesis.run(memory_unit(library, 512, 72, "block"), limit_s=0.05)


def test_needed_sources(library: Library) -> None:
    assert library.needed(["skip_add"]) == ["skip_add.sv"]
    assert set(library.needed(["mvu_vvu_axi"])) == {f"{name}.sv" for name in MATRIX_UNIT}
    assert library.needed(["nothing"]) == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lowered network: config.toml and build/."""
    folder = tmp_path_factory.mktemp("small")
    lowered(Case(), folder)
    return folder


@pytest.fixture
def netlist(tmp_path: Path) -> Path:
    """Five LUTs between two registers, to which no port leads."""
    luts = [["LUT1", {"I0": [bit], "O": [bit + 1]}, {}, ""] for bit in range(10, 15)]
    pins = {"C": [2], "CE": ["1"], "R": ["0"]}
    registers = [
        ["FDRE", pins | {"D": ["0"], "Q": [10]}, {}, "slow.sv:1"],
        ["FDRE", pins | {"D": [15], "Q": [16]}, {}, "slow.sv:2"],
    ]
    content = {"ports": {"ap_clk": ["input", [2]]}, "cells": luts + registers, "nets": {"16": ["end_q", ""]}}
    path = tmp_path / "made.netlist.gz"
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    return path


@pytest.fixture
def synthesized(monkeypatch: pytest.MonkeyPatch, netlist: Path) -> None:
    """Synthesis that takes no time: 10 LUT, 20 FF and a block RAM a unit, DSPs in the matrix units."""

    def run(self: Synthesis, unit: Unit, limit_s: float | None = None, memory_bytes: int = 0) -> Synthesized:
        assert self.library.needed(unit.words()), "every unit is of sources of the build"
        matrix = unit.op == "MVAU_rtl"
        rams = {"RAMB36E1": [rf"\i_{unit.name}_weights.blkMem.Mem.0.0"]} if matrix else {}
        cells = {"LUT2": 10, "FDRE": 20, "RAMB36E1": 1, "DSP48E1": 3 * matrix}
        return Synthesized(cells, rams, 0.0, False, netlist)

    monkeypatch.setattr(jobs.Synthesis, "run", run)


def test_report(small: Path, synthesized: None, tmp_path: Path) -> None:
    report = fit.fit(small / "build", small / "config.toml", tmp_path)
    assert report == read_json(small / "build" / "fit.json")
    nodes = report["nodes"]
    assert [nodes[0]["name"], nodes[-1]["name"]] == ["pixel_in", "pixel_out"]
    assert {nodes[0]["op"], nodes[-1]["op"]} == {PORTS}
    matrices = sum(node["op"] == "MVAU_rtl" for node in nodes)
    assert report["total"] == {
        "lut": 10 * len(nodes) + 6000, "ff": 20 * len(nodes) + 8000, "carry4": 0,
        "bram36": len(nodes) + 4, "dsp": 3 * matrices,
    }  # fmt: skip
    assert report["share"]["dsp"] == round(3 * matrices / 220, 4)
    assert report["cap"] == {"lut": 0.85, "ff": 0.85, "bram36": 0.9, "dsp": 1.0}
    assert report["weights"]["bits_of_bram"] == matrices * 36 * 1024
    assert sum(row["nodes"] for row in report["by_op"].values()) == len(nodes)
    assert report["by_op"]["MVAU_rtl"]["finn_estimate"]["dsp"] > 0
    assert report["by_op"]["SkipAdd_rtl"]["finn_estimate"] == {}
    assert report["whole"] == {"skipped": "not asked for (--whole)"}
    top = fit.fit(small / "build", small / "config.toml", tmp_path, top=True)["whole"]
    assert top["measured"]["lut"] == 10
    assert top["difference"]["lut"] == len(nodes) - 1


def test_over_a_cap(small: Path, synthesized: None, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    write_text(config, (small / "config.toml").read_text() + "max_bram = 0.05\n")
    with pytest.raises(
        UserError, match=r"does not fit xc7z020clg400-1. BRAM36: \d+ of 140, \d+ over the cap"
    ):
        fit.fit(small / "build", config, tmp_path)
    assert read_json(small / "build" / "fit.json")["cap"]["bram36"] == 0.05


def test_ports_of_the_image_have_the_names_of_its_streams(small: Path) -> None:
    """So that paths go on from them into the first and the last node."""
    with finn_workspace():
        pieces = list(units(dataflow.read(small / "build" / "dataflow.onnx"), HlsConfig()))
    entrance, inner, exit_ = pieces[0], pieces[1:-1], pieces[-1]
    declared = " ".join(unit.text for unit in inner)
    for unit, side, outer in ((entrance, "m_axis", "s_axis"), (exit_, "s_axis", "m_axis")):
        for signal in ("tdata", "tvalid", "tready"):
            wire = unit.nets[f"{side}_{signal}"]
            assert declared.count(f" {wire}") >= 1, wire
            assert unit.nets[f"{outer}_{signal}"] == f"{unit.name}.{outer}_{signal}"
    assert all(unit.nets == {} for unit in inner)


def test_a_clock_that_is_missed(
    small: Path,
    synthesized: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Five LUTs of about 3 ns: 100 MHz are met, 450 are not; fit.json is written in either case."""
    config = tmp_path / "config.toml"
    written = small / "build" / "fit.json"
    clock = fit.fit(small / "build", small / "config.toml", tmp_path)["clock"]
    assert (clock["configured_mhz"], clock["margin"]) == (100.0, 0.1)
    assert 250 < clock["mhz"] < 400
    assert clock["loops"] == []
    assert {node["name"] for node in clock["nodes"]} == {node["name"] for node in read_json(written)["nodes"]}
    worst = clock["paths"][0]
    assert (worst["from"]["at"], worst["to"]["at"], worst["to"]["name"]) == (
        "slow.sv:1",
        "slow.sv:2",
        "end_q",
    )
    assert [cell["kind"] for cell in worst["cells"]] == ["FDRE", *["LUT1"] * 5, "FDRE.D"]
    written.unlink()
    write_text(config, (small / "config.toml").read_text() + "clock_mhz = 450\n")
    with pytest.raises(UserError, match=r"does not hold its clock .*model supports .* MHz, 495 needed"):
        fit.fit(small / "build", config, tmp_path)
    assert read_json(written)["clock"]["mhz"] == clock["mhz"]
    assert fit.fit(small / "build", config, tmp_path, check=False)["clock"]["configured_mhz"] == 450
    monkeypatch.setattr(sys, "argv", ["fit", str(small / "build"), "--config", str(config)])
    with pytest.raises(SystemExit) as ended:
        run(fit.main)
    assert ended.value.code not in (0, None)
    said = capsys.readouterr()
    assert "longest paths" in said.out
    assert "does not hold its clock" in said.err


def test_over_names_the_largest() -> None:
    nodes: list[dict[str, Any]] = [
        {"name": name, "measured": {"lut": lut, "ff": 0, "bram36": 0, "dsp": 0}}
        for name, lut in (("a", 10), ("b", 500), ("c", 40), ("d", 30), ("e", 20))
    ]
    report = {
        "nodes": nodes,
        "total": {"lut": 600, "ff": 85, "bram36": 0, "dsp": 10},
        "part_has": {"lut": 500, "ff": 100, "bram36": 1, "dsp": 10},
        "cap": {"lut": 0.85, "ff": 0.85, "bram36": 0.9, "dsp": 1.0},
    }
    assert list(fit.over(report)) == [
        "LUT: 600 of 500, 175 over the cap of 85%; most take b 500, c 40, d 30, e 20"
    ]


def test_build_of_another_configuration(small: Path, tmp_path: Path) -> None:
    config = configuration(Case(height=16), tmp_path / "config.toml")
    with pytest.raises(UserError, match=r"lowered for frames of 8x16 on .*the configuration says 16x16"):
        fit.fit(small / "build", config, tmp_path)
    with pytest.raises(UserError, match=r"io\.json: expected a JSON file, found nothing there"):
        fit.fit(tmp_path / "none", config, tmp_path)
    assert json.loads((small / "build" / "io.json").read_text())["frame"]["height"] == 8
