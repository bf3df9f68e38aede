"""C simulation of a small build: the report, how it joins the co-simulation's, and what can be wrong."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from pixelmend.archives import Advance, Archive
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from sim.ap_types import WHEEL, headers
from sim.csim import csim
from sim.hls import HlsModel
from sim.integer import IntegerModel
from tests.networks import SMALL, equal, images

CONFIG = '[sim]\nframes = 2\nphoto = "coffee"\n'


def test_the_report_joins_the_co_simulation_of_the_same_frames(build: Path, config: Path) -> None:
    report = csim(build, config=config, seed=3)
    assert report == read_json(build / "csim.json")
    assert report["mismatches"] == {"hls": 0}
    assert (report["config"], report["seed"], report["image"], report["frames"]) == ("small", 3, "coffee", 2)
    assert report["size"] == [16, 24]
    assert report["seconds"]["per_frame"] > 0
    assert not (build / "cosim.json").exists(), "nothing to join"

    cosim = {"inputs": report["inputs"], "mismatches": {"qonnx": 0, "rtl": 0}, "image": "coffee"}
    write_json(build / "cosim.json", cosim)
    csim(build, config=config, seed=4)
    assert read_json(build / "cosim.json") == cosim, "other defects are other frames"
    csim(build, config=config, seed=3)
    assert read_json(build / "cosim.json") == cosim | {"mismatches": {"qonnx": 0, "rtl": 0, "hls": 0}}


def test_a_wrong_weight_is_found(build: Path, config: Path) -> None:
    report = csim(build, config=config)
    write_json(build / "cosim.json", {"inputs": report["inputs"], "mismatches": {"rtl": 0}})
    params = build / "hls" / "params" / "conv1.hpp"
    text = params.read_text()
    first = re.search(r"conv1_mvau_weights\S+ = \{\n\s*\{(0x[0-9a-f]+)ull", text)
    assert first
    at = first.start(1)
    params.write_text(text[:at] + hex(int(first[1], 16) ^ 4) + text[first.end(1) :])
    with pytest.raises(UserError, match=r"hls differs from the integer model: \d+ values differ; first at"):
        csim(build, config=config)
    wrong = read_json(build / "csim.json")["mismatches"]["hls"]
    assert wrong > 0
    assert read_json(build / "cosim.json")["mismatches"] == {"rtl": 0, "hls": wrong}


def test_frames_follow_each_other(build: Path, simulations: Path) -> None:
    frames = images(SMALL, 3)
    hls = HlsModel.load(build, simulations)
    want = IntegerModel.load(build / "dataflow.onnx").run(frames)
    equal("three frames", hls.run(frames), want)
    equal("the last one alone", hls.run(frames[2:]), want[2:])
    with pytest.raises(UserError, match=r"expected uint8 frames of shape \(N, 16, 24, 3\), got uint8 \(1, 8"):
        hls.run(np.zeros((1, 8, 24, 3), np.uint8))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("int BEATS = 384;", "int BEATS = 383;", "s_axis: the frame was not taken as a whole"),
        ("beat.last = i == Node::BEATS - 1", "beat.last = i == 0", "m_axis: TLAST is not at the frame's end"),
        ("if (k == RATIO - 1) out.write(wide);", "", "is read while empty"),
    ],
)
def test_a_broken_stream_is_told(old: str, new: str, complaint: str, build: Path, simulations: Path) -> None:
    changed = 0
    for path in (build / "hls").rglob("*.hpp"):
        text = path.read_text()
        changed += text.count(old)
        path.write_text(text.replace(old, new, 1))
    assert changed
    with pytest.raises(UserError, match=re.escape(complaint)):
        HlsModel.load(build, simulations, optimize="-O0").run(images(SMALL, 2))


def test_a_build_that_is_not_lowered(build: Path, config: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataflow\.onnx: no such file; expected a lowered build"):
        csim(tmp_path / "nowhere", config=config)
    shutil.rmtree(build / "hls")
    with pytest.raises(UserError, match=r"top\.cpp: expected the HLS project of a build; run hls\.lower"):
        csim(build, config=config)
    assert not (build / "csim.json").exists()


def test_missing_compiler(build: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"'no-such-compiler' not found on PATH; install g\+\+ or set CXX"):
        csim(build, config=config)


def test_missing_headers(build: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XILINX_HLS", str(tmp_path / "no-tool"))
    with pytest.raises(UserError, match=r"no-tool/include \(XILINX_HLS\): expected the header ap_int\.h"):
        csim(build, config=config)
    (tmp_path / "no-tool" / "include").mkdir(parents=True)
    (tmp_path / "no-tool" / "include" / "ap_int.h").touch()
    with pytest.raises(UserError, match=r"expected the header hls_stream\.h, found nothing there"):
        headers(tmp_path)


def test_headers_of_the_vendor_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    include = tmp_path / "Vitis_HLS" / "include"
    include.mkdir(parents=True)
    for name in ("ap_int.h", "hls_stream.h"):
        (include / name).touch()
    monkeypatch.setenv("XILINX_HLS", str(tmp_path / "Vitis_HLS"))
    assert headers(tmp_path / "cache") == include
    assert not (tmp_path / "cache").exists(), "nothing is fetched"


def test_a_wheel_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XILINX_HLS", raising=False)

    def other(wanted: Archive, folder: Path, advance: Advance) -> None:
        (folder / wanted.file).write_bytes(b"something else")

    with pytest.raises(UserError, match=f"expected an archive with SHA-256 {WHEEL.sha256}, got "):
        headers(tmp_path, other)
    with pytest.raises(UserError, match=r"hls4ml 1\.3\.0: expected the download to give hls4ml-1\.3\.0-py3"):
        headers(tmp_path, lambda *_: None)
    assert not list(tmp_path.glob("ap_types*"))
