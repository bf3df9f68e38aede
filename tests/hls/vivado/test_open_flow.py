"""The open flow up to the tools' doorstep: netlist by Yosys, the rest by stand-ins that log arguments."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from board.formats import PixelFormat, Port
from hls.vivado import open_flow
from hls.vivado.open_flow import OPEN, synthesize
from hls.vivado.plan import Plan, make
from hls.vivado.run import bitstream
from pixelmend.errors import MissingTool, UserError
from pixelmend.files import file_digest, read_json, write_json, write_text
from tests.hls.vivado.conftest import make_build, make_hls

PART = "xc7z020clg400-1"
PROGRAMS = ("nextpnr-himbaechel", "fasm2frames", "xc7frames2bit")

TWO_OUTPUTS = """
module {name} (input I0, I1, I2, I3, I4, I5, output O5, O6);
  LUT6_2 #(.INIT(64'h{init:016x})) lut (
    .O5(O5), .O6(O6), .I0(I0), .I1(I1), .I2(I2), .I3(I3), .I4(I4), .I5(I5));
endmodule
"""


def prove(wanted: list[int], mapped: list[int]) -> int:
    """Status of Yosys proving LUT6_2 with contents `wanted`, from its library, equal to the mapped ones."""
    text = "".join(
        TWO_OUTPUTS.format(name=f"{name}{n}", init=init)
        for name, inits in (("wanted", wanted), ("mapped", mapped))
        for n, init in enumerate(inits)
    )
    passes = ["read_verilog +/xilinx/cells_sim.v", f"techmap -map {OPEN / 'lut6_2.v'} mapped*/t:LUT6_2"]
    passes += [
        "select -assert-count 0 mapped*/t:LUT6_2",
        f"select -assert-count {len(mapped)} mapped*/t:LUT5",
    ]
    passes += ["hierarchy", "proc"]  # the library's LUTs with their contents, not its defaults
    for n in range(len(wanted)):
        passes += [f"miter -equiv -flatten -make_outputs wanted{n} mapped{n} m{n}"]
        passes += [f"sat -verify -prove trigger 0 m{n}"]
    program = (
        "import sys\nfrom pyosys import libyosys as ys\ndesign = ys.Design()\n"
        "open('luts.v', 'w').write(sys.argv[1])\nys.run_pass('read_verilog luts.v', design)\n"
        "for command in sys.argv[2:]:\n    ys.run_pass(command, design)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, text, *passes], capture_output=True, text=True, check=False
    )
    return done.returncode


def test_lut6_2_as_two_luts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all inputs, by proof, with random contents; and a wrong one is found out."""
    monkeypatch.chdir(tmp_path)
    inits = [int(word) for word in np.random.default_rng(0).integers(0, 2**64, 6, dtype=np.uint64)]
    assert prove(inits, inits) == 0
    assert prove(inits[:1], [inits[0] ^ (1 << 17)]) != 0


@pytest.fixture
def plan(small: tuple[Path, Path]) -> Plan:
    """A network with a LUT of two outputs among it."""
    top = small[0] / "rtl" / "top.sv"
    lut = (
        "LUT6_2 #(.INIT(64'h8000_7fff_0123_4567)) i_lut (.O5(low), .O6(high), .I0(s_axis_tdata[0]), "
        ".I1(s_axis_tdata[1]), .I2(s_axis_tdata[2]), .I3(s_axis_tdata[3]), .I4(s_axis_tdata[4]), "
        ".I5(s_axis_tdata[5]));"
    )
    text = top.read_text().replace(
        "assign m_axis_tdata = s_axis_tdata[23:0];",
        f"wire low, high;\n{lut}\nassign m_axis_tdata = {{s_axis_tdata[23:2], low, high}};",
    )
    assert lut in text
    write_text(top, text)
    return make(*small, "pynq-z2", "rtl")


def test_netlist(plan: Plan, small: tuple[Path, Path], tmp_path: Path) -> None:
    """One module, primitives only, the processing system kept though nothing leaves the part."""
    (tmp_path / "work").mkdir()
    synthesize(plan.accelerator, small[0] / "rtl", tmp_path / "work")
    modules = json.loads((tmp_path / "work" / "netlist.json").read_text())["modules"]
    assert list(modules) == ["open_shell"]
    cells = Counter(cell["type"] for cell in modules["open_shell"]["cells"].values())
    assert cells["PS7"] == cells["BUFG"] == 1
    assert cells["LUT6_2"] == 0
    inits = [
        c["parameters"].get("INIT") for c in modules["open_shell"]["cells"].values() if c["type"] == "LUT5"
    ]
    assert f"{0x01234567:032b}" in inits, "the lower half of the LUT of two outputs"
    assert cells["FDRE"] > 300
    assert modules["open_shell"]["ports"] == {}


FAKE = """#!{python}
import json, os, sys
from pathlib import Path
with open("{log}", "a") as log:
    log.write(json.dumps([Path(sys.argv[0]).name, *sys.argv[1:]]) + "\\n")
print("this is", Path(sys.argv[0]).name)
if os.environ.get("FAIL") == Path(sys.argv[0]).name:
    print("ERROR: cannot route"); sys.exit(1)
for name, text in {outputs!r}.items():
    Path(name).write_text(text)
"""

OUTPUTS: dict[str, dict[str, str]] = {
    "nextpnr-himbaechel": {
        "pixelmend.fasm": "fasm\n",
        "report.json": json.dumps({"fmax": {"clk": {"achieved": 117.5, "constraint": 100.0}}}),
    },
    "fasm2frames": {"pixelmend.frames": "frames\n"},
    "xc7frames2bit": {"pixelmend.bit": "bits\n"},
}


def put_fake(place: Path, name: str, outputs: dict[str, str]) -> None:
    text = FAKE.format(python=sys.executable, log=place.parent / "calls.log", outputs=outputs)
    (place / name).write_text(text)
    (place / name).chmod(0o755)


@pytest.fixture
def open_tools(no_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins of the programs on the PATH, a database, and a Yosys that takes no time."""
    for name, outputs in OUTPUTS.items():
        put_fake(no_tools, name, outputs)
    database = tmp_path / "database"
    write_text(database / "zynq7" / PART / "part.yaml", "part\n")
    monkeypatch.setenv("PRJXRAY_DB", str(database))

    def synthesized(accelerator: object, rtl: Path, work: Path) -> None:
        write_text(work / "netlist.json", "netlist")
        write_json(work / "cells.json", {"cells": {"LUT6": 3}})

    monkeypatch.setattr(open_flow, "synthesize", synthesized)
    return no_tools


def calls(tmp_path: Path) -> list[list[str]]:
    log = tmp_path / "calls.log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_several_outputs_are_refused(tmp_path: Path, open_tools: Path) -> None:
    form = PixelFormat(3, 8)
    small = make_build(tmp_path, further=(Port("m_axis_1", form, 16, 32),))
    plan = make(*small, "pynq-z2", "rtl")
    with pytest.raises(UserError, match="the open flow's DMA receives one stream, the network has 2 outputs"):
        open_flow.shell(plan.accelerator)


def test_commands(small: tuple[Path, Path], open_tools: Path, tmp_path: Path) -> None:
    bitstream(*small, "pynq-z2", "rtl", "open")
    database = f"{tmp_path}/database/zynq7"
    assert calls(tmp_path) == [
        [
            "nextpnr-himbaechel", "--device", PART, "--json", "netlist.json", "-o", "fasm=pixelmend.fasm",
            "--freq", "100", "--timing-allow-fail", "--report", "report.json", "--seed", "1",
        ],
        ["fasm2frames", "--part", PART, "--db-root", database, "pixelmend.fasm", "pixelmend.frames"],
        [
            "xc7frames2bit", "--part_file", f"{database}/{PART}/part.yaml", "--part_name", PART,
            "--frm_file", "pixelmend.frames", "--output_file", "pixelmend.bit",
        ],
    ]  # fmt: skip
    bit = small[0] / "open-pynq-z2" / "pixelmend.bit"
    assert bit.read_text() == "bits\n"
    report = read_json(small[0] / "open.json")
    assert (report["routed_mhz"], report["clock_mhz"], report["cells"]) == (117.5, 100.0, {"LUT6": 3})
    assert report["bit"] == file_digest(bit)


def earlier(small: tuple[Path, Path]) -> dict[str, bytes]:
    paths = [small[0] / "open.json", *(small[0] / "open-pynq-z2").iterdir()]
    return {str(path): path.read_bytes() for path in paths}


def failing(small: tuple[Path, Path], tmp_path: Path) -> UserError:
    """The error of a second run, which leaves the first one's results as they were."""
    before = earlier(small)
    (tmp_path / "calls.log").unlink()
    with pytest.raises(UserError) as caught:
        bitstream(*small, "pynq-z2", "rtl", "open")
    assert earlier(small) == before
    return caught.value


def test_clock_that_is_not_reached(small: tuple[Path, Path], open_tools: Path, tmp_path: Path) -> None:
    bitstream(*small, "pynq-z2", "rtl", "open")
    slow: dict[str, Any] = {"fmax": {"a": {"achieved": 140.0}, "b": {"achieved": 96.25}}}
    put_fake(open_tools, PROGRAMS[0], {"pixelmend.fasm": "", "report.json": json.dumps(slow)})
    message = str(failing(small, tmp_path))
    assert "routed for 96.2 MHz, expected 100; no bitstream is made" in message
    assert [call[0] for call in calls(tmp_path)] == [PROGRAMS[0]]


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_that_fails(
    program: str, small: tuple[Path, Path], open_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bitstream(*small, "pynq-z2", "rtl", "open")
    monkeypatch.setenv("FAIL", program)
    message = str(failing(small, tmp_path))
    assert f"{program}: ended with status 1" in message
    assert message.endswith(f"{program}.log ends with:\nthis is {program}\nERROR: cannot route")


def test_program_that_leaves_nothing(small: tuple[Path, Path], open_tools: Path, tmp_path: Path) -> None:
    bitstream(*small, "pynq-z2", "rtl", "open")
    put_fake(open_tools, "xc7frames2bit", {})
    assert "ended with status 0 and left no pixelmend.bit" in str(failing(small, tmp_path))


def test_report_without_a_clock(small: tuple[Path, Path], open_tools: Path, tmp_path: Path) -> None:
    bitstream(*small, "pynq-z2", "rtl", "open")
    put_fake(open_tools, PROGRAMS[0], {"pixelmend.fasm": "", "report.json": "{}"})
    assert "expected nextpnr's report with the clock reached, found no fmax" in str(failing(small, tmp_path))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "nextpnr-himbaechel",
            "nextpnr-himbaechel-xilinx or nextpnr-himbaechel: not found; looked for in NEXTPNR_XILINX (not "
            "set) and on the PATH; set NEXTPNR_XILINX to the program",
        ),
        ("fasm2frames", "fasm2frames or fasm2frames.py: not found; looked for in FASM2FRAMES (not set)"),
        ("xc7frames2bit", "xc7frames2bit: not found; looked for in XC7FRAMES2BIT (not set)"),
    ],
)
def test_missing_program(program: str, message: str, small: tuple[Path, Path], open_tools: Path) -> None:
    (open_tools / program).unlink()
    with pytest.raises(MissingTool) as caught:
        bitstream(*small, "pynq-z2", "rtl", "open")
    assert caught.value.exit_code == 3
    assert message in str(caught.value)
    assert f"for Vivado is made all the same: {small[0]}/pixelmend-small-pynq-z2.tar.gz" in str(caught.value)
    assert (small[0] / "pixelmend-small-pynq-z2.tar.gz").is_file()


@pytest.mark.parametrize("given", [None, "nowhere"])
def test_missing_database(
    given: str | None, small: tuple[Path, Path], open_tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is None:
        monkeypatch.delenv("PRJXRAY_DB")
    else:
        monkeypatch.setenv("PRJXRAY_DB", given)
    with pytest.raises(MissingTool, match=rf"PRJXRAY_DB names \({given or 'not set'}\), found none"):
        bitstream(*small, "pynq-z2", "rtl", "open")


def test_what_it_does_not_build(tmp_path: Path, open_tools: Path) -> None:
    made, config = make_build(tmp_path)
    make_hls(made)
    with pytest.raises(UserError, match="backend hls: the open flow builds the rtl backend for Zynq-7000"):
        bitstream(made, config, "pynq-z2", "hls", "open")
    made, config = make_build(tmp_path, part="xck26-sfvc784-2LV-c")
    with pytest.raises(UserError, match="kv260, backend rtl: the open flow"):
        bitstream(made, config, "kv260", "rtl", "open")
