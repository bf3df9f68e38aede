"""The Tcl of the plan, executed against a recording stand-in of the Vivado commands; its calls are checked.

The stand-in itself refuses pins that do not exist, two drivers, and an input left open.
"""

import json
import os
import re
from pathlib import Path

import pytest

from board.formats import PixelFormat, Port
from hls.vivado import boards
from hls.vivado.plan import Plan, make
from tests.hls.vivado.conftest import make_build, make_hls
from tests.hls.vivado.tcl import WITH_PYTHON, calls, with_standin

Calls = list[list[str]]


def execute(plan: Plan, folder: Path, **environment: str) -> tuple[int, str, Calls]:
    """Unpack into a folder with a blank in its name and run build.tcl: status, what was said, calls."""
    place, record = folder / "un packed", folder / "record"
    record.unlink(missing_ok=True)
    plan.write(place)
    done = with_standin(place / "build.tcl", record, environment)
    return done.returncode, done.stdout + done.stderr, calls(record)


def named(all_calls: Calls, name: str) -> Calls:
    return [call[1:] for call in all_calls if call[0] == name]


FURTHER = (
    Port("m_axis_1", PixelFormat(2, 5, True, 0.25), 16, 32, 2),  # 20 bits of 3 bytes
    Port("m_axis_2", PixelFormat(4, 16), 32, 64),  # larger than the input
)


def test_further_outputs(tmp_path: Path) -> None:
    """Each with a packer, a DMA that only writes, its registers and its interrupt; the stand-in validates."""
    build, config = make_build(tmp_path, further=FURTHER)
    plan = make(build, config, "pynq-z2", "rtl")
    status, said, seen = execute(plan, tmp_path)
    assert status == 0, said
    buses = dict(named(seen, "connect_bd_intf_net"))  # type: ignore[arg-type]
    nets = {sink: source for source, sink in named(seen, "connect_bd_net")}
    for n, slave in ((1, "S02"), (2, "S03")):
        assert buses[f"pixelmend_0/m_axis_{n}"] == f"pack_{n}/s_axis"
        assert buses[f"pack_{n}/m_axis"] == f"axi_dma_{n}/S_AXIS_S2MM"
        assert buses[f"axi_dma_{n}/M_AXI_S2MM"] == f"memory_0/{slave}_AXI"
        assert nets[f"interrupts_0/In{n + 1}"] == f"axi_dma_{n}/s2mm_introut"
    assert nets["interrupts_0/In4"] == "pixelmend_0/frame_error"
    addresses = {call[-1]: call[1] for call in named(seen, "assign_bd_address") if call[0] == "-offset"}
    assert addresses["axi_dma_1/S_AXI_LITE/Reg"] == "0x40500000"
    assert addresses["axi_dma_2/S_AXI_LITE/Reg"] == "0x40600000"
    reached = [call[1] for call in named(seen, "assign_bd_address") if call[0] == "-target_address_space"]
    assert reached[2:] == ["axi_dma_1/Data_S2MM", "axi_dma_2/Data_S2MM"]
    design = plan.files["design.tcl"].decode()
    assert "further_outputs {\n  1\n  2\n}" in design
    words = [line for line in design.splitlines() if "s_axis_s2mm_tdata_width" in line]
    assert words == [f"  c_s_axis_s2mm_tdata_width {bits}" for bits in (32, 32, 64)]
    assert "S_BYTES(3)" in plan.files["shell/pixelmend_pack_1.v"].decode()
    io = json.loads(plan.files["io.json"])
    assert io["ip"]["more_dmas"] == ["axi_dma_1", "axi_dma_2"]
    assert "input" not in io, "drivers that know one output of pictures refuse it"


def small_plan(folder: Path, board: str, backend: str = "rtl") -> Plan:
    build, config = make_build(folder, part=boards.find(board).part)
    make_hls(build)
    return make(build, config, board, "hls" if backend == "hls" else "rtl")


@pytest.mark.parametrize("release", ["old", "new"])
@pytest.mark.parametrize("board", ["pynq-z2", "pynq-z1", "kv260"])
def test_block_design(board: str, release: str, tmp_path: Path) -> None:
    """With the oldest release's catalogue and with one in which versions and names have moved on."""
    target = boards.find(board)
    installed = f"{target.board_part}:1.0 {target.board_part}:1.2"
    status, said, seen = execute(
        small_plan(tmp_path, board),
        tmp_path,
        VIVADO_RELEASE=release,
        VIVADO_BOARDS=installed,
        VIVADO_CARRIER="1",
    )
    assert status == 0, said
    cells = {call[4]: call[3] for call in named(seen, "create_bd_cell")}
    newest = {"old": ("axi_dma:7.1", "ip:xlconcat:2.1"), "new": ("axi_dma:7.2", "inline_hdl:ilconcat:1.0")}[
        release
    ]
    assert cells["axi_dma_0"] == f"xilinx.com:ip:{newest[0]}"
    assert cells["interrupts_0"] == f"xilinx.com:{newest[1]}"
    assert cells["control_0"].split(":")[-1] == {"old": "2.1", "new": "2.2"}[release], "1.7 is an older one"
    if release == "new" and target.ps.ip == "processing_system7":
        assert cells["ps_0"].endswith(":5.10"), "5.10 is newer than 5.9"
    assert ["board_part", f"{target.board_part}:1.2", "project"] in named(seen, "set_property")
    clock = [call for call in named(seen, "set_property") if call[0] == target.ps.clock_property]
    assert clock == [[target.ps.clock_property, "100", "ps_0"]]
    assert named(seen, "apply_bd_automation") == [
        ["-rule", f"xilinx.com:bd_rule:{target.ps.ip}", "-config", tcl_dict(target.ps.automation), "ps_0"]
    ]


def tcl_dict(values: dict[str, str]) -> str:
    words = [word for pair in values.items() for word in pair]
    return " ".join(word if re.fullmatch(r"\w+", word) else f"{{{word}}}" for word in words)


def test_connections(tmp_path: Path) -> None:
    status, said, seen = execute(small_plan(tmp_path, "pynq-z2"), tmp_path)
    assert status == 0, said
    nets = {sink: source for source, sink in named(seen, "connect_bd_net")}
    clocks = [sink for sink in nets if re.search(r"clk|ACLK", sink)]
    assert {nets[sink] for sink in clocks} == {"ps_0/FCLK_CLK0"}, "one clock"
    resets = [sink for sink in nets if re.search(r"rst_n|resetn|ARESETN", sink)]
    assert {nets[sink].split("/")[0] for sink in resets} == {"reset_0"}, "synchronous to the clock"
    assert nets["reset_0/ext_reset_in"] == "ps_0/FCLK_RESET0_N"
    assert nets["ps_0/IRQ_F2P"] == "axi_intc_0/irq"
    assert [nets[f"interrupts_0/In{n}"] for n in range(3)] == [
        "axi_dma_0/mm2s_introut", "axi_dma_0/s2mm_introut", "pixelmend_0/frame_error",
    ]  # fmt: skip
    buses = dict(named(seen, "connect_bd_intf_net"))  # type: ignore[arg-type]
    path = ["axi_dma_0/M_AXIS_MM2S"]
    while buses.get(path[-1]):
        path += [buses[path[-1]], buses[path[-1]].replace("s_axis", "m_axis")]
    assert path[1::2] == ["unpack_0/s_axis", "pixelmend_0/s_axis", "pack_0/s_axis", "axi_dma_0/S_AXIS_S2MM"]
    assert buses["memory_0/M00_AXI"] == "ps_0/S_AXI_HP0"
    assert named(seen, "validate_bd_design") == [[]]
    assert ["synth_checkpoint_mode", "None", "pixelmend_shell.bd"] in named(seen, "set_property")


@pytest.mark.parametrize(
    ("board", "registers", "memory", "excluded"),
    [
        ("pynq-z2", ("0x40400000", "0x41800000"), ["S_AXI_HP0/HP0_DDR_LOWOCM"], []),
        (
            "kv260", ("0xA0000000", "0xA0010000"),
            ["SAXIGP2/HP0_DDR_LOW", "SAXIGP2/HP0_DDR_HIGH"], ["SAXIGP2/HP0_LPS_OCM", "SAXIGP2/HP0_QSPI"],
        ),
    ],
)  # fmt: skip
def test_addresses(
    board: str, registers: tuple[str, str], memory: list[str], excluded: list[str], tmp_path: Path
) -> None:
    status, said, seen = execute(small_plan(tmp_path, board), tmp_path)
    assert status == 0, said
    given = named(seen, "assign_bd_address")
    slaves = ["axi_dma_0/S_AXI_LITE/Reg", "axi_intc_0/S_AXI/Reg"]
    assert given[:2] == [
        ["-offset", offset, "-range", "64K", "-target_address_space", "ps_0/Data", slave]
        for offset, slave in zip(registers, slaves, strict=True)
    ]
    spaces = ["axi_dma_0/Data_MM2S", "axi_dma_0/Data_S2MM"]
    assert given[2:] == [
        ["-target_address_space", space, f"ps_0/{name}"] for space in spaces for name in memory
    ]
    assert named(seen, "exclude_bd_addr_seg") == [
        ["-target_address_space", space, f"ps_0/{name}"] for space in spaces for name in excluded
    ]


@pytest.mark.parametrize(
    ("bytes_in", "bytes_out", "pixels", "words"),
    [(3, 3, 1, (4, 4)), (4, 3, 1, (4, 4)), (3, 3, 2, (8, 8)), (4, 3, 8, (32, 32)), (1, 1, 1, (4, 4))],
)
def test_stream_widths(
    bytes_in: int, bytes_out: int, pixels: int, words: tuple[int, int], tmp_path: Path
) -> None:
    """The DMA's words are legal and no narrower than a beat; both converters fit between."""
    build, config = make_build(tmp_path, bytes_in=bytes_in, bytes_out=bytes_out, pixels=pixels)
    plan = make(build, config, "pynq-z2", "rtl")
    status, said, seen = execute(plan, tmp_path)
    assert status == 0, said
    dma = next(
        call[1] for call in named(seen, "set_property") if call[0] == "-dict" and call[2] == "axi_dma_0"
    )
    values = dict(zip(dma.split()[::2], dma.split()[1::2], strict=True))
    for channel, word in zip(("m_axis_mm2s", "s_axis_s2mm"), words, strict=True):
        assert values[f"CONFIG.c_{channel}_tdata_width"] == str(8 * word)
        memory = channel.replace("axis", "axi").replace("s_axi", "m_axi")
        assert values[f"CONFIG.c_{memory}_data_width"] == str(8 * word)
    assert values["CONFIG.c_include_sg"] == "0"
    assert int(values["CONFIG.c_sg_length_width"]) >= (16 * 32 * max(bytes_in, bytes_out)).bit_length()
    unpack, pack = (plan.files[f"shell/pixelmend_{name}.v"].decode() for name in ("unpack", "pack"))
    assert f".S_BYTES({words[0]}),\n    .M_BYTES({bytes_in * pixels})" in unpack
    assert f".S_BYTES({bytes_out * pixels}),\n    .M_BYTES({words[1]})" in pack
    assert f"[{8 * bytes_in * pixels}-1:0] s_axis_tdata" in plan.files["shell/pixelmend.v"].decode()


def test_nothing_outside_the_package(tmp_path: Path) -> None:
    """Every path that Vivado is given lies in the unpacked folder, and every file it is given exists."""
    plan = small_plan(tmp_path, "pynq-z2")
    status, said, seen = execute(plan, tmp_path)
    assert status == 0, said
    root = f"{tmp_path}/un packed/"
    for call in seen:
        for word in call:
            if word != "/UserIP":  # not a path: the packager's word for where an IP is listed
                assert not re.search(r"(^|[\s{])/", word.replace(root, "")), call
    assert not [name for name, data in plan.files.items() if os.fsencode(tmp_path) in data]
    copied = (Path(root) / "work" / "rtl" / "top.sv").read_text()
    assert f'.INIT_FILE("{root}rtl/memory/weights.dat")' in copied
    assert 'INIT_FILE("memory/weights.dat")' in plan.files["rtl/top.sv"].decode()


def test_packaging(tmp_path: Path) -> None:
    status, said, seen = execute(small_plan(tmp_path, "pynq-z2"), tmp_path)
    assert status == 0, said
    tops = [call[1] for call in named(seen, "set_property") if call[0] == "top"]
    assert tops == ["pixelmend_unpack", "pixelmend_pack", "pixelmend", "pixelmend_shell_wrapper"]
    clocked = [call[1] for call in named(seen, "ipx::associate_bus_interfaces") if "-busif" in call]
    assert clocked == 3 * ["s_axis", "m_axis"]
    assert (
        named(seen, "ipx::associate_bus_interfaces").count(["-clock", "ap_clk", "-reset", "ap_rst_n", "core"])
        == 3
    )
    files = [
        name for call in named(seen, "add_files") for name in re.findall(r"[\w.]+\.(?:sv|v)\b", call[-1])
    ]
    assert files == [
        "stream_width.sv", "pixelmend_unpack.v", "stream_width.sv", "pixelmend_pack.v",
        "stream_register.sv", "conv1.v", "top.sv", "pixelmend.v",
    ]  # fmt: skip


@pytest.mark.parametrize("board", ["pynq-z2", "kv260"])
def test_without_board_files(board: str, tmp_path: Path) -> None:
    status, said, seen = execute(small_plan(tmp_path, board), tmp_path)
    assert status == 0, said
    assert f"no board files for {boards.find(board).board_part}: fallback of {board}" in said
    assert not [call for call in named(seen, "set_property") if call[0] == "board_part"]
    automation = named(seen, "apply_bd_automation")[0]
    assert "apply_board_preset 0" in automation[3]
    given = " ".join(
        call[1] for call in named(seen, "set_property") if call[0] == "-dict" and call[2] == "ps_0"
    )
    for name, value in boards.find(board).ps.fallback.items():
        assert f"CONFIG.{name} {value}" in given.replace("{", "").replace("}", "")


def test_carrier_that_is_not_installed(tmp_path: Path) -> None:
    part = boards.find("kv260").board_part
    status, said, _ = execute(small_plan(tmp_path, "kv260"), tmp_path, VIVADO_BOARDS=f"{part}:1.4")
    assert status == 0, said
    assert "NOTE the carrier's preset is left out" in said


@pytest.mark.parametrize(
    ("slacks", "strategies"),
    [("0.2", 1), ("-0.3 0.0", 2), ("-0.3 -0.4 0.1", 3)],
)
def test_second_attempts(slacks: str, strategies: int, tmp_path: Path) -> None:
    status, said, seen = execute(small_plan(tmp_path, "pynq-z2"), tmp_path, VIVADO_SLACKS=slacks)
    assert status == 0, said
    tried = [call[1] for call in named(seen, "set_property") if call[0] == "strategy" and call[2] == "impl_1"]
    names = ["Performance_Explore", "Performance_ExtraTimingOpt", "Performance_NetDelay_high"]
    assert tried == names[:strategies]
    assert len([call for call in named(seen, "launch_runs") if call[0] == "synth_1"]) == 1
    out = tmp_path / "un packed" / "out"
    assert (out / "pixelmend.bit").read_text() == f"bits of the stand-in, attempt {strategies}\n"
    assert (out / "timing.rpt").read_text() == f"attempt {strategies}\n"
    assert (out / "strategy.txt").read_text() == f"{tried[-1]}\n"
    assert '"pixelmend.bit": null' not in (out / "io.json").read_text()


def test_timing_missed(tmp_path: Path) -> None:
    """No bitstream, and the reports are of the attempt that came closest."""
    status, said, _ = execute(small_plan(tmp_path, "pynq-z2"), tmp_path, VIVADO_SLACKS="-0.5 -0.2 -0.3")
    assert status == 2
    assert "PIXELMEND TIMING MISSED" in said
    out = tmp_path / "un packed" / "out"
    assert not (out / "pixelmend.bit").exists()
    assert (out / "timing.rpt").read_text() == "attempt 2\n"


@pytest.mark.parametrize("run", ["synth_1", "impl_1"])
def test_a_run_that_fails(run: str, tmp_path: Path) -> None:
    status, said, _ = execute(small_plan(tmp_path, "pynq-z2"), tmp_path, VIVADO_FAIL=run)
    assert status == 1
    assert f"PIXELMEND FAILED {run} stopped: place_design ERROR" in said
    assert "[Place 30-640] more RAMB36 than there are" in said, "the run's own log"


def test_builds_again_over_what_is_left(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, "pynq-z2")
    assert execute(plan, tmp_path, VIVADO_FAIL="impl_1")[0] == 1
    record = tmp_path / "record"
    record.unlink()
    done = with_standin(tmp_path / "un packed" / "build.tcl", record)
    assert done.returncode == 0, done.stdout


def hls_tool(folder: Path, name: str, body: str) -> None:
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> "{folder}/hls.log"\n{body}\n')
    program.chmod(0o755)


EXPORTS = "mkdir -p project/solution/impl/ip && touch project/solution/impl/ip/component.xml"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vitis_hls", "-f csynth.tcl"),
        ("vivado_hls", "-f csynth.tcl"),
        ("vitis-run", "--mode hls --tcl csynth.tcl"),
    ],
)
def test_hls_backend(name: str, arguments: str, no_tools: Path, tmp_path: Path) -> None:
    hls_tool(no_tools, name, EXPORTS)
    status, said, seen = execute(small_plan(tmp_path, "pynq-z2", "hls"), tmp_path)
    assert status == 0, said
    assert (no_tools / "hls.log").read_text().strip().endswith(f"{name} {arguments}")
    cells = {call[4]: call[3] for call in named(seen, "create_bd_cell")}
    assert cells["pixelmend_0"] == "pixelmend:hls:pixelmend:1.0"
    nets = [source for source, _ in named(seen, "connect_bd_net")]
    assert "pixelmend_0/frame_error" not in nets, "the HLS kernel has none"
    assert "pixelmend" not in [call[1] for call in named(seen, "set_property") if call[0] == "top"]


def test_hls_program_by_variable(no_tools: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    hls_tool(tmp_path / "elsewhere", "vitis-run", EXPORTS)
    program = tmp_path / "elsewhere" / "vitis-run"
    status, said, _ = execute(small_plan(tmp_path, "pynq-z2", "hls"), tmp_path, VITIS_HLS=str(program))
    assert status == 0, said
    assert "--mode hls --tcl csynth.tcl" in (tmp_path / "elsewhere" / "hls.log").read_text()


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("vitis_hls", "exit 0", "exported no IP: no component.xml in"),
        ("vitis_hls", "echo out of memory; exit 1", "failed: "),
        (
            "other",
            "",
            "none of vitis_hls, vivado_hls, vitis-run is on the PATH; VITIS_HLS can name the program",
        ),
    ],
)
def test_hls_that_fails(name: str, body: str, message: str, no_tools: Path, tmp_path: Path) -> None:
    hls_tool(no_tools, name, body)
    status, said, _ = execute(small_plan(tmp_path, "pynq-z2", "hls"), tmp_path)
    assert status == 1
    assert "PIXELMEND FAILED" in said
    assert message in said


def test_the_other_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python's own Tcl records the same calls as tclsh, where this machine has both."""
    pytest.importorskip("_tkinter", reason="this Python was built without tkinter; tclsh is used alone")
    assert "tkinter.Tcl()" in WITH_PYTHON
    plan = small_plan(tmp_path, "pynq-z2")
    first = execute(plan, tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: None)
    second = execute(plan, tmp_path)
    assert (first[0], first[2]) == (second[0], second[2])
