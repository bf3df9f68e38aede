"""From a lowered build to a bitstream with a fake Vivado on the PATH, and what happens without one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hls.vivado import tools
from hls.vivado.run import bitstream, main
from pixelmend.console import run
from pixelmend.errors import MissingTool, UserError
from pixelmend.files import file_digest, read_json, write_text
from tests.hls.vivado.conftest import ROOT, make_build, make_hls, put

RESULTS = ("pixelmend.bit", "pixelmend.hwh", "io.json", "timing.rpt", "utilization.rpt")


def calls(log: Path) -> list[dict[str, Any]]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [call for call in map(json.loads, lines) if "-version" not in call["arguments"]]


def contents(build: Path) -> dict[str, bytes]:
    """Results in the build folder; work in progress is none."""
    paths = [path for path in build.rglob("*") if path.is_file()]
    names = {path.relative_to(build).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith("vivado-")}


def test_bitstream(small: tuple[Path, Path], vivado: Path) -> None:
    build, config = small
    bitstream(build, config, "pynq-z2", "rtl")
    work = build / "vivado-pynq-z2-rtl"
    assert calls(vivado) == [
        {
            "arguments": ["-mode", "batch", "-nojournal", "-nolog", "-notrace", "-source", "build.tcl"],
            "folder": str(work),
        }
    ]
    out = build / "bitstream-pynq-z2"
    io = read_json(out / "io.json")
    assert io["files"] == {name: file_digest(out / name) for name in RESULTS[:2]}
    assert {name for name in RESULTS if (out / name).is_file()} == set(RESULTS)
    report = read_json(build / "vivado.json")
    assert report["plan_digest"] == io["plan_digest"]
    assert report["vivado"] == "2020.2"
    assert (report["clock_mhz"], report["clock_actual_mhz"]) == (100.0, 99.999985)
    assert report["strategy"] == "Performance_Explore"
    assert report["utilization"]["bram36"] == {"used": 104.5, "available": 140.0}
    assert (report["timing"]["wns_ns"], report["timing"]["met"]) == (0.214, True)
    assert report["timing"]["worst_path"]["kind"] == "hold"
    assert "PIXELMEND STEP 8/8" in (work / "build.log").read_text()


def test_built_before(small: tuple[Path, Path], vivado: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same plan is not built again; another weight, another board's output that is gone, are."""
    build, config = small
    bitstream(build, config, "pynq-z2", "rtl")
    bitstream(build, config, "pynq-z2", "rtl")
    assert "built before from the same plan" in capsys.readouterr().out
    assert len(calls(vivado)) == 1
    write_text(build / "rtl" / "memory" / "weights.dat", "0f\n18\n")
    bitstream(build, config, "pynq-z2", "rtl")
    assert len(calls(vivado)) == 2
    (build / "bitstream-pynq-z2" / "pixelmend.bit").unlink()
    bitstream(build, config, "pynq-z2", "rtl")
    assert len(calls(vivado)) == 3


def test_second_strategy(small: tuple[Path, Path], vivado: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIVADO_SLACKS", "-0.1 0.1")
    bitstream(*small, "pynq-z2", "rtl")
    assert read_json(small[0] / "vivado.json")["strategy"] == "Performance_ExtraTimingOpt"


def failing(small: tuple[Path, Path], board: str = "pynq-z2", backend: str = "rtl") -> UserError:
    """The error of a run that must fail, with all results but the package as they were."""
    build, config = small
    before = contents(build)
    with pytest.raises(UserError) as caught:
        bitstream(build, config, board, backend)
    after = contents(build)
    packages = {name for name in after if name.endswith(".tar.gz")}
    assert {n: d for n, d in after.items() if n not in packages} == {
        n: d for n, d in before.items() if n not in packages
    }
    return caught.value


def test_timing_missed(small: tuple[Path, Path], vivado: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bitstream(*small, "pynq-z2", "rtl")
    write_text(small[0] / "rtl" / "memory" / "weights.dat", "0f\n18\n")
    monkeypatch.setenv("VIVADO_SLACKS", "-0.387 -0.4 -0.5")
    error = failing(small)
    assert error.exit_code == 1
    assert "timing is missed at 131 endpoints after every strategy, no bitstream is made" in str(error)
    assert "the worst path has setup slack -0.387 ns from pixelmend_shell_i/pixelmend_0/inst/i_top" in str(
        error
    )
    assert "Lower clock_mhz in [hls], or see timing.rpt" in str(error)


def test_failed_run(small: tuple[Path, Path], vivado: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Halfway: the step, the end of the log, earlier outputs kept; then again, and well."""
    bitstream(*small, "pynq-z2", "rtl")
    write_text(small[0] / "rtl" / "memory" / "weights.dat", "0f\n18\n")
    monkeypatch.setenv("FAKE_MODE", "crash")
    error = failing(small)
    assert "ended with status 1 at the step 'place and route, Performance_Explore'" in str(error)
    assert "This design requires 151 of such cell types but only 140" in str(error)
    assert "build.log ends with:\n" in str(error)
    monkeypatch.setenv("FAKE_MODE", "")
    bitstream(*small, "pynq-z2", "rtl")


def test_a_run_that_fails_inside(
    small: tuple[Path, Path], vivado: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIVADO_FAIL", "impl_1")
    assert "[Place 30-640] more RAMB36 than there are" in str(failing(small))


def test_nothing_left(small: tuple[Path, Path], vivado: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MODE", "empty")
    assert "Vivado ended well, but left no pixelmend.bit, pixelmend.hwh, utilization.rpt" in str(
        failing(small)
    )


def test_broken_tool(small: tuple[Path, Path], vivado: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MODE", "silent")
    error = failing(small)
    assert isinstance(error, MissingTool)
    assert "expected it to tell a version of Vivado, it said: ''" in str(error)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("echo Vivado v2018.3", "expected Vivado 2020.1 or newer, it is 2018.3"),
        ("echo libtinfo.so.5: cannot open; exit 127", "it said: 'libtinfo.so.5: cannot open'"),
    ],
)
def test_a_vivado_of_no_use(said: str, message: str, no_tools: Path, small: tuple[Path, Path]) -> None:
    program = no_tools / "vivado"
    program.write_text(f"#!/bin/sh\n{said}\n")
    program.chmod(0o755)
    assert message in str(failing(small))


@pytest.mark.parametrize(
    ("said", "version"), [("vivado v2023.2 (64-bit)", "2023.2"), ("Vivado v2020.1.1 (64-bit)", "2020.1.1")]
)
def test_version(said: str, version: str, no_tools: Path) -> None:
    program = no_tools / "vivado"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    assert tools.vivado() == (program, version)


def test_no_vivado(
    small: tuple[Path, Path],
    no_tools: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the Makefile calls it: the package is made, one message, exit status 3."""
    build, config = small
    monkeypatch.setattr(sys, "argv", ["run", str(build), "--config", str(config), "--board", "pynq-z2"])
    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 3
    package = build / "pixelmend-small-pynq-z2.tar.gz"
    assert package.is_file()
    said = capfd.readouterr().err
    assert said == (
        "error: vivado: not found; looked for in VIVADO (not set), XILINX_VIVADO (not set) and on the PATH; "
        "set VIVADO to the program or XILINX_VIVADO to its installation. The plan is made and packed: unpack "
        f"{package} where the tools are and run `vivado -mode batch -source build.tcl` in it; it needs "
        "nothing else\n"
    )


def test_variables(no_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VIVADO before XILINX_VIVADO before the PATH; one that is set and names nothing is an error."""
    home = tmp_path / "Vivado" / "2020.2"
    (home / "bin").mkdir(parents=True)
    on_path, by_home, named = no_tools / "vivado", home / "bin" / "vivado", tmp_path / "my-vivado"
    for program in (on_path, by_home, named):
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    found = lambda: tools.find(["vivado"], "VIVADO", ["XILINX_VIVADO"])  # noqa: E731
    assert found() == on_path
    monkeypatch.setenv("XILINX_VIVADO", str(home))
    assert found() == by_home
    monkeypatch.setenv("VIVADO", str(named))
    assert found() == named
    monkeypatch.setenv("VIVADO", str(tmp_path / "nothing"))
    with pytest.raises(MissingTool, match=r"VIVADO=.*nothing: expected the program vivado, found none there"):
        found()


def test_hls_backend(small: tuple[Path, Path], vivado: Path, no_tools: Path) -> None:
    """Without the HLS program nothing of Vivado is started."""
    make_hls(small[0])
    error = failing(small, backend="hls")
    assert isinstance(error, MissingTool)
    assert "vitis_hls or vivado_hls or vitis-run: not found; looked for in VITIS_HLS (not set)" in str(error)
    assert (small[0] / "pixelmend-small-pynq-z2-hls.tar.gz").is_file()
    assert calls(vivado) == []
    program = no_tools / "vitis_hls"
    program.write_text("#!/bin/sh\nmkdir -p p/s/impl/ip && touch p/s/impl/ip/component.xml\n")
    program.chmod(0o755)
    bitstream(*small, "pynq-z2", "hls")
    assert read_json(small[0] / "vivado.json")["backend"] == "hls"


def test_interrupted(tmp_path: Path, no_tools: Path) -> None:
    """Ctrl-C: one line, status 130, Vivado is gone; the next run starts anew and ends well."""
    build, config = make_build(tmp_path)
    put(no_tools, "vivado", "tests.hls.vivado.fake_vivado")
    log = tmp_path / "calls.log"
    command = [sys.executable, "-m", "hls.vivado.run", str(build), "--config", str(config)]
    environment = {**os.environ, "FAKE_LOG": str(log), "FAKE_MODE": "hang"}
    started = subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True,
        # tests started in the background have Ctrl-C ignored, and so would the command
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 200
    while not log.with_suffix(".hanging").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=100)
    assert started.returncode == 130
    assert said == "error: interrupted; what was finished is kept, run the same command to go on\n"
    assert not (build / "vivado.json").exists()
    again = subprocess.run(command, cwd=ROOT, env={**environment, "FAKE_MODE": ""}, check=False)
    assert again.returncode == 0
    assert read_json(build / "vivado.json")["timing"]["met"]
