"""The build folder: it moves, repeats to the byte, is redone only where needed and survives a failure."""

import csv
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from brevitas.export import export_qonnx

from hls.lower import lower
from pixelmend.errors import UserError
from quant.bits import QuantConfig
from quant.export import export
from quant.generator import QuantGenerator
from sim.integer import IntegerModel
from sim.rtl import RtlModel
from tests.folders import contents
from tests.networks import Case, configuration, equal, images, twin

CASE = Case(widths=(4,), center=False, kernel=2, seed=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "generator.onnx"
    export(twin(CASE), CASE.height, CASE.width, path)
    return path


@pytest.fixture(scope="module")
def skipping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator with a skip, so that its build has a FIFO."""
    path = tmp_path_factory.mktemp("skipping") / "generator.onnx"
    case = Case(seed=4)
    export(twin(case), case.height, case.width, path)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configuration(CASE, tmp_path / "config.toml")


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_the_build_folder_can_be_moved(
    model: Path, config: Path, tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, elsewhere = tmp_path / "a" / "build", tmp_path / "b" / "moved", tmp_path / "elsewhere"
    lower(model, config, first)
    shutil.copytree(first, second)
    shutil.rmtree(tmp_path / "a")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    frames = images(CASE)
    rtl = RtlModel.load(second, simulations, optimize="-O0")
    equal("RTL", rtl.run(frames).frames, IntegerModel.load(second / "dataflow.onnx").run(frames))
    assert not list(elsewhere.iterdir())


def test_no_file_names_a_place_outside(skipping: Path, config: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    lower(skipping, config, build)
    root = Path(__file__).parents[2]
    places = [str(tmp_path), str(root), "/tmp/", "/usr/", "/home/", "site-packages", "pixelmend-finn-"]
    texts = contents(build)
    assert len(texts) > 30
    for name, text in texts.items():
        for place in places:
            assert place.encode() not in text, f"{name} names {place}"
        if name.startswith("rtl/nodes/"):
            for line in text.decode().splitlines():
                assert ".dat" not in line or '"/' not in line, f"{name}: {line}"


def test_sources_are_all_there_and_memories_are_read_by_relative_names(
    skipping: Path, config: Path, tmp_path: Path
) -> None:
    build = tmp_path / "build"
    lower(skipping, config, build)
    rtl = build / "rtl"
    listed = (rtl / "sources.f").read_text().split()
    assert len(listed) == len(set(listed))
    present = {name for name in contents(rtl) if name.endswith((".sv", ".v"))}
    assert set(listed) == present
    assert listed[-1] == "top.sv"
    packages = [name.endswith("_pkg.sv") for name in listed]
    assert packages == sorted(packages, reverse=True), "packages come first"
    for line in (rtl / "top.sv").read_text().splitlines():
        if ".INIT_FILE(" in line:
            name = line.split('.INIT_FILE("')[1].split('"')[0]
            assert (rtl / name).is_file(), name


def test_unchanged_inputs_are_skipped_and_changed_ones_redone(
    model: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = tmp_path / "build"
    lower(model, config, build)
    before = stamps(build)
    capsys.readouterr()
    lower(model, config, build)
    assert stamps(build) == before
    assert "lowered before from the same inputs" in " ".join(capsys.readouterr().out.split())

    copied = shutil.copy(model, tmp_path / "other.onnx")
    lower(copied, config, build)
    assert stamps(build) == before, "the name of the model does not count"

    config.write_text(config.read_text() + "clock_mhz = 125.0\n")
    lower(model, config, build)
    assert json.loads((build / "io.json").read_text())["clock_mhz"] == 125.0
    assert stamps(build) != before


def test_a_changed_folding_is_used(model: Path, config: Path, tmp_path: Path) -> None:
    build, edited = tmp_path / "build", tmp_path / "folding.json"
    lower(model, config, build)
    folding = json.loads((build / "folding.json").read_text())
    assert folding["conv1_mvau"] == {"PE": 1, "SIMD": 1}
    folding["conv1_mvau"] = {"PE": 2, "SIMD": 3}
    edited.write_text(json.dumps(folding))
    cycles = json.loads((build / "io.json").read_text())["expected_cycles"]
    lower(model, config, build, edited)
    assert json.loads((build / "folding.json").read_text()) == folding
    table = (build / "dataflow.csv").read_text().splitlines()
    assert next(line for line in table if line.startswith("conv1_mvau,")).split(",")[6:8] == ["2", "3"]
    assert json.loads((build / "io.json").read_text())["expected_cycles"] <= cycles


def test_a_lost_file_is_made_again(model: Path, config: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    lower(model, config, build)
    before = contents(build)
    for name in ("dataflow.onnx", "io.json", "dataflow.csv"):
        (build / name).unlink()
        lower(model, config, build)
        assert contents(build) == before, name
    shutil.rmtree(build / "rtl")
    lower(model, config, build)
    assert contents(build) == before


def bad_inputs(model: Path, tmp_path: Path) -> Iterator[tuple[str, Path, str, str | None]]:
    """(what the error says, model, configuration, folding)."""
    good = (tmp_path / "config.toml").read_text()
    yield "unknown key", model, good + "clock_ghz = 1\n", None
    yield "made for frames of 8x16", model, good.replace("width = 16", "width = 32"), None
    yield "pixels_per_beat must divide the width 16", model, good.replace("beat = 1", "beat = 3"), None
    yield "must name exactly the nodes", model, good, '{"conv1_mvau": {"PE": 1}}'
    yield "not valid JSON", model, good, "{"
    yield "no such file", tmp_path / "none.onnx", good, None
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(model.read_bytes()[:500])
    yield "damaged.onnx", damaged, good, None


def test_a_failure_leaves_the_earlier_build(model: Path, config: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    lower(model, config, build)
    before = contents(build)
    for n, (message, network, text, folding) in enumerate(bad_inputs(model, tmp_path)):
        bad = tmp_path / f"bad{n}.toml"
        bad.write_text(text)
        edited = None
        if folding is not None:
            edited = tmp_path / "bad.json"
            edited.write_text(folding)
        with pytest.raises(UserError) as error:
            lower(network, bad, build, edited)
        if message != "no such file":  # either the digest or the reader may notice first
            assert message in str(error.value)
        assert contents(build) == before, message
        assert not [path for path in build.iterdir() if path.name.startswith(".")], message
    lower(model, config, build)
    assert contents(build) == before


def test_equal_inputs_give_equal_bytes(skipping: Path, config: Path, tmp_path: Path) -> None:
    builds = []
    for name in ("a", "b"):
        lower(skipping, config, tmp_path / name)
        builds.append(contents(tmp_path / name))
    for build in builds:
        io = json.loads(build.pop("io.json"))
        del io["made_by"]["commit"]
        build["io.json"] = json.dumps(io).encode()
    assert builds[0].keys() == builds[1].keys()
    differ = [name for name in builds[0] if builds[0][name] != builds[1][name]]
    assert not differ, f"{len(differ)} of {len(builds[0])} files differ: {differ[:5]}"


def test_fifo_table_is_what_the_top_level_has(skipping: Path, config: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    lower(skipping, config, build)
    fifos = json.loads((build / "fifo.json").read_text())
    text = (build / "rtl" / "top.sv").read_text()
    assert "add1_add_in1_fifo" in [fifo["name"] for fifo in fifos]
    for fifo in fifos:
        assert fifo["bits"] == fifo["depth"] * fifo["width_bits"]
        assert re.search(rf"\.DEPTH\({fifo['depth']}\)[^;]*i_{fifo['name']}_0 ", text)  # none is divided
    assert text.count("  fifo #(") == len(fifos)


def test_frames_of_another_size_are_refused_by_the_models(model: Path, config: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    lower(model, config, build)
    with pytest.raises(UserError, match=r"expected uint8 frames of shape \(N, 8, 16, 3\), got uint8"):
        IntegerModel.load(build / "dataflow.onnx").run(np.zeros((1, 16, 8, 3), np.uint8))
    with pytest.raises(UserError, match=r"none\.onnx: no such file"):
        IntegerModel.load(build / "none.onnx")
    (build / "dataflow.onnx").write_bytes(b"\x08\x09\x12\xff\xff")
    with pytest.raises(UserError, match="not a readable dataflow graph; lower again"):
        IntegerModel.load(build / "dataflow.onnx")


def cpu_seconds() -> float:
    """Of this process and those it has waited for."""
    return sum(os.times()[:4])


def test_published_size_is_lowered_in_minutes(tmp_path: Path) -> None:
    """5.8 million weights, for a frame of a 16th; random, and exported unchecked, for time's sake."""
    case = Case(widths=(64, 128, 256, 512), height=64, width=64, target_fps=160)
    network = QuantGenerator(case.generator, QuantConfig())
    with torch.no_grad():
        for _ in range(2):
            network.train()(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    network.eval()
    path = tmp_path / "generator.onnx"
    export_qonnx(network, torch.zeros(1, 3, 64, 64), str(path), external_data=False)
    config = configuration(case, tmp_path / "config.toml")
    with pytest.raises(UserError, match=r"bram36 binds: matrix units need 62\d or more"):
        lower(path, config, tmp_path / "build")  # at 4 bits a weight; no XC7Z020 holds them
    config.write_text(config.read_text() + "max_bram = 10\nmax_lut = 10\n")
    start = cpu_seconds()
    lower(path, config, tmp_path / "build")
    # a bound against what grows with the weights squared, not a measurement: docs/log.md has those, at 256x256
    assert cpu_seconds() - start < 120
    rows = list(csv.DictReader((tmp_path / "build" / "dataflow.csv").open()))
    weights = sum(int(row["weights"]) for row in rows)
    assert weights == 5_773_312  # the parameters without biases
    # 0.212 GMAC by phases (3.39 at 256x256), and the windows of the borders
    assert 3.39e9 / 16 < sum(int(row["macs"]) for row in rows) < 3.52e9 / 14


def test_where_thresholds_lie(model: Path, config: Path, tmp_path: Path, simulations: Path) -> None:
    """FINN's unit is told so, and the network computes the same."""
    plain, luts = tmp_path / "plain", tmp_path / "luts"
    lower(model, config, plain)
    config.write_text(config.read_text().replace("[hls]", "[hls]\nthreshold_block_words = 24"))
    lower(model, config, luts)
    told = re.compile(r"DEPTH_TRIGGER_BRAM\s*=\s*(\d+)")
    for build, expected in ((plain, {"0"}), (luts, {"24"})):
        wrappers = [path.read_text() for path in build.rglob("*_thresholds.v")]
        assert wrappers and {found for text in wrappers for found in told.findall(text)} == expected
    frames = images(CASE)
    equal(
        "RTL",
        RtlModel.load(luts, simulations).run(frames).frames,
        IntegerModel.load(luts / "dataflow.onnx").run(frames),
    )
