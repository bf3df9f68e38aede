"""The plan as data: the same inputs give the same bytes, and what can't be built is refused.

`PIXELMEND_REFRESH=1 pytest tests/hls/vivado/test_plan.py` writes the golden files anew.
"""

import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from hls.vivado import boards
from hls.vivado.plan import Plan, make
from pixelmend.errors import UserError
from pixelmend.files import write_json, write_text
from sim.verilator import Ports, Stall, Stream, build
from tests.hls.vivado.conftest import make_build, make_hls

GOLDEN = Path(__file__).parent / "golden"
REFRESH = bool(os.environ.get("PIXELMEND_REFRESH"))

GENERATED = ("design.tcl", "io.json", "README", "shell/pixelmend_unpack.v", "shell/pixelmend.v")
"""What differs from design to design; the other files are copies."""


def plan_for(folder: Path, board: str = "pynq-z2", backend: str = "rtl") -> Plan:
    made, config = make_build(folder, part=boards.find(board).part)
    make_hls(made)
    return make(made, config, board, "hls" if backend == "hls" else "rtl")


@pytest.mark.parametrize(("board", "backend"), [("pynq-z2", "rtl"), ("kv260", "rtl"), ("pynq-z1", "hls")])
def test_golden(board: str, backend: str, tmp_path: Path) -> None:
    plan = plan_for(tmp_path, board, backend)
    golden = GOLDEN / f"{board}-{backend}"
    for name in [name for name in GENERATED if name in plan.files]:
        path = golden / name.replace("/", "-")
        text = plan.files[name].decode()
        if name == "io.json":  # the digest is of all files, the copies among them
            text = text.replace(plan.digest, "0" * 64)
        if REFRESH:
            write_text(path, text)
        assert text == path.read_text(encoding="utf-8"), f"{path}: PIXELMEND_REFRESH=1 writes it anew"


def test_all_files(tmp_path: Path) -> None:
    scripts = {f"tcl/{name}.tcl" for name in ("block_design", "common", "hls_ip", "implement", "package_ip")}
    shell = {"shell/stream_width.sv", "shell/pixelmend_unpack.v", "shell/pixelmend_pack.v"}
    common = {"README", "build.tcl", "constraints/pixelmend.xdc", "design.tcl", "io.json"} | scripts | shell
    rtl = {"nodes/conv1.v", "memory/weights.dat", "ops/stream/stream_register.sv", "top.sv"}
    made = {f"rtl/{name}" for name in rtl}
    assert set(plan_for(tmp_path).files) == common | {"shell/pixelmend.v"} | made
    hls = {"hls/csynth.tcl", "hls/params/conv1.hpp", "hls/top.cpp"}
    assert set(plan_for(tmp_path, backend="hls").files) == common | hls


def test_same_inputs_same_bytes(tmp_path: Path) -> None:
    """From two folders, at two times: equal packages."""
    packages = []
    for name in ("one", "another"):
        plan = plan_for(tmp_path / name)
        plan.pack(tmp_path / name / "package.tar.gz")
        packages.append((tmp_path / name / "package.tar.gz").read_bytes())
        os.utime(tmp_path / name, (1, 1))
    assert packages[0] == packages[1]


def test_one_weight_changes_the_digest(tmp_path: Path) -> None:
    made, config = make_build(tmp_path)
    first = make(made, config, "pynq-z2", "rtl")
    assert make(made, config, "pynq-z2", "rtl").digest == first.digest
    weights = made / "rtl" / "memory" / "weights.dat"
    write_text(weights, weights.read_text().replace("17", "18"))
    second = make(made, config, "pynq-z2", "rtl")
    assert second.digest != first.digest
    digests = [json.loads(plan.files["io.json"])["plan_digest"] for plan in (first, second)]
    assert digests == [first.digest, second.digest]


@pytest.mark.parametrize("what", ["board", "backend", "clock"])
def test_other_designs_have_other_digests(what: str, tmp_path: Path) -> None:
    first = plan_for(tmp_path / "first")
    made, config = make_build(tmp_path / "second", clock=125.0 if what == "clock" else 100.0)
    make_hls(made)
    board = "pynq-z1" if what == "board" else "pynq-z2"
    second = make(made, config, board, "hls" if what == "backend" else "rtl")
    assert first.digest != second.digest


def test_package(tmp_path: Path) -> None:
    plan = plan_for(tmp_path)
    plan.pack(tmp_path / "package.tar.gz")
    with tarfile.open(tmp_path / "package.tar.gz") as archive:
        members = archive.getmembers()
        assert [member.name for member in members] == [
            f"pixelmend-small-pynq-z2/{n}" for n in sorted(plan.files)
        ]
        assert {(member.mtime, member.uid, member.gid, member.mode) for member in members} == {
            (0, 0, 0, 0o644)
        }
        archive.extractall(tmp_path / "unpacked", filter="data")
    place = tmp_path / "unpacked" / "pixelmend-small-pynq-z2"
    assert (place / "README").read_text().count("\n") == 2
    assert "vivado -mode batch -source build.tcl" in (place / "README").read_text()
    assert {
        p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*") if p.is_file()
    } == plan.files


def test_a_build_of_an_older_version_is_refused(tmp_path: Path) -> None:
    made, config = make_build(tmp_path)
    io = json.loads((made / "io.json").read_text())
    del io["halo"]
    write_text(made / "io.json", json.dumps(io))
    with pytest.raises(UserError, match=r"older version; run hls\.lower"):
        make(made, config, "pynq-z2", "rtl")


def test_io(tmp_path: Path) -> None:
    made, config = make_build(tmp_path, bytes_in=4)
    plan = make(made, config, "pynq-z2", "rtl")
    assert json.loads(plan.files["io.json"]) == {
        "format": "pixelmend io 1",
        "config": "small", "board": "pynq-z2", "part": "xc7z020clg400-1", "clock_mhz": 100.0,
        "frame": {"height": 16, "width": 32},
        "receptive_field": 1, "halo": {"before": 0, "after": 0}, "multiple": 1,
        "inputs": [{
            "port": "s_axis", "format": {"channels": 4, "bits": 8, "signed": False, "scale": 1 / 255},
            "height": 16, "width": 32, "pixels_per_beat": 1,
        }],
        "outputs": [{
            "port": "m_axis", "format": {"channels": 3, "bits": 8, "signed": False, "scale": 1 / 255},
            "height": 16, "width": 32, "pixels_per_beat": 1,
        }],
        "input": {"bytes_per_pixel": 4, "channels": 4},
        "output": {"bytes_per_pixel": 3, "channels": 3},
        "ip": {"dma": "axi_dma_0", "accelerator": "pixelmend_0"},
        "rtl_digest": "5" * 64,
        "plan_digest": plan.digest,
        "files": {"pixelmend.bit": None, "pixelmend.hwh": None},
    }  # fmt: skip


CHAIN = """
module chain (
  input wire ap_clk, ap_rst_n,
  input wire [31:0] s_axis_tdata, input wire s_axis_tvalid, s_axis_tlast, output wire s_axis_tready,
  output wire [31:0] m_axis_tdata, output wire m_axis_tvalid, m_axis_tlast, input wire m_axis_tready,
  output wire half_empty
);
  wire [23:0] a_tdata, b_tdata;
  wire [3:0] keep;
  wire a_tvalid, a_tready, a_tlast, b_tvalid, b_tready, b_tlast;
  assign half_empty = m_axis_tvalid && keep != '1;
  pixelmend_unpack i_unpack (.*, .m_axis_tdata(a_tdata), .m_axis_tvalid(a_tvalid), .m_axis_tready(a_tready),
    .m_axis_tlast(a_tlast), .m_axis_tkeep());
  pixelmend i_pixelmend (.ap_clk, .ap_rst_n, .frame_error(),
    .s_axis_tdata(a_tdata), .s_axis_tvalid(a_tvalid), .s_axis_tready(a_tready), .s_axis_tlast(a_tlast),
    .m_axis_tdata(b_tdata), .m_axis_tvalid(b_tvalid), .m_axis_tready(b_tready), .m_axis_tlast(b_tlast));
  pixelmend_pack i_pack (.*, .s_axis_tdata(b_tdata), .s_axis_tvalid(b_tvalid), .s_axis_tready(b_tready),
    .s_axis_tlast(b_tlast), .m_axis_tkeep(keep));
endmodule
"""


def test_what_is_between_the_dma_channels(simulations: Path, tmp_path: Path) -> None:
    """Packed RGB in, the same out of a network that changes nothing, TLAST on the last word of a frame."""
    plan = plan_for(tmp_path)
    plan.write(tmp_path / "package")
    shell, rtl = tmp_path / "package" / "shell", tmp_path / "package" / "rtl"
    write_text(tmp_path / "chain.sv", CHAIN)
    modules = [shell / f"{name}.v" for name in ("pixelmend_unpack", "pixelmend", "pixelmend_pack")]
    sources = [shell / "stream_width.sv", rtl / "top.sv", *modules, tmp_path / "chain.sv"]
    ports = Ports((Stream("s_axis", 32, True),), (Stream("m_axis", 32, True),), flags=("half_empty",))
    simulation = build("chain", sources, ports, simulations, optimize="-O0")
    frame, frames = 16 * 32 * 3 // 4, 2  # words
    words = np.random.default_rng(5).integers(0, 256, (frame * frames, 4), dtype=np.uint8)
    lasts = np.arange(len(words)) % frame == frame - 1
    stalls = {"s_axis": Stall("random", seed=1), "m_axis": Stall("bursty", seed=2)}
    result = simulation.run(
        {"s_axis": words}, {"m_axis": len(words)}, stalls, lasts={"s_axis": lasts}
    ).check()
    assert (result.outputs["m_axis"] == words).all()
    assert (result.lasts["m_axis"] == lasts).all()
    assert not result.flags["half_empty"].value


def refused(folder: tuple[Path, Path], board: str = "pynq-z2", backend: str = "rtl") -> str:
    with pytest.raises(UserError) as caught:
        make(*folder, board, "hls" if backend == "hls" else "rtl")
    assert caught.value.exit_code == 1
    return str(caught.value)


def test_unknown_board(small: tuple[Path, Path]) -> None:
    assert refused(small, "zcu104") == (
        "board 'zcu104': expected one of kv260, pynq-z1, pynq-z2; see hls/vivado/boards"
    )


def test_another_part(small: tuple[Path, Path]) -> None:
    message = refused(small, "kv260")
    assert "lowered for xc7z020clg400-1, but kv260 has xck26-sfvc784-2LV-c" in message
    assert 'set part = "xck26-sfvc784-2LV-c" in [hls]' in message


def test_does_not_fit(small: tuple[Path, Path]) -> None:
    total = {"lut": 60000, "ff": 1000, "bram36": 151.5, "dsp": 220}
    write_json(small[0] / "fit.json", {"total": total})
    assert refused(small).endswith(
        "does not fit pynq-z2 (xc7z020clg400-1): LUT 60,000 of 53,200, 6,800 too many; "
        "BRAM36 151.5 of 140, 11.5 too many"
    )
    write_json(small[0] / "fit.json", {"total": total | {"lut": 53200, "bram36": 140}})
    make(*small, "pynq-z2", "rtl")


def test_another_configuration(small: tuple[Path, Path]) -> None:
    write_text(small[1], small[1].read_text().replace("100.0", "125.0"))
    assert "the configuration says 16x32 on xc7z020clg400-1 at 125 MHz; run hls.lower" in refused(small)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("io.json", "io.json: expected a JSON file, found nothing there"),
        ("rtl/top.sv", "top.sv: expected the top level of a lowered build; run hls.lower"),
        ("rtl/sources.f", "expected generated RTL with a sources.f; run hls.lower"),
    ],
)
def test_no_lowered_build(file: str, message: str, small: tuple[Path, Path]) -> None:
    (small[0] / file).unlink()
    assert message in refused(small)


def test_no_hls_project(small: tuple[Path, Path]) -> None:
    assert "expected the generated HLS project with its csynth.tcl, found none" in refused(
        small, backend="hls"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[23:0] s_axis", "[22:0] s_axis"), "s_axis has 23 bits, expected 24 for 1 pixels of 3 x uint8"),
        (("s_axis_tdata", "s_axis_data"), "expected ports s_axis_tdata and m_axis_tdata, found ['m_axis']"),
    ],
)  # fmt: skip
def test_other_ports(change: tuple[str, str], message: str, small: tuple[Path, Path]) -> None:
    top = small[0] / "rtl" / "top.sv"
    write_text(top, top.read_text().replace(*change))
    assert message in refused(small)


def test_frames_of_no_whole_words(tmp_path: Path) -> None:
    folder = make_build(tmp_path)
    for path in (folder[0] / "io.json", folder[1]):
        write_text(path, path.read_text().replace("16", "3").replace("32", "3"))
    assert "a frame of 27 bytes on s_axis is not whole words of the DMA of 4 bytes" in refused(folder)


@pytest.mark.parametrize("name", ["pynq-z1", "pynq-z2", "kv260"])
def test_boards(name: str) -> None:
    """Each board's part is one that the rest of the project knows."""
    from hls import parts

    board = boards.find(name)
    assert board.name == name
    assert parts.find(board.part).lut > 50000
    assert board.addresses.axi_dma_0 != board.addresses.axi_intc_0
