"""Co-simulation of a small build: the report, the pictures, and every way in which something is wrong."""

import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from PIL import Image

from hls import dataflow
from model.checkpoint import save
from model.defects import DefectConfig
from model.generator import Generator
from model.loop import config_json
from model.metrics import median3, psnr_db
from model.photos import crop, held_out
from model.sheet import absolute_error
from pixelmend.errors import UserError
from pixelmend.files import read_json
from sim import cosim as module
from sim.config import SimConfig
from sim.cosim import cosim
from sim.executors import Difference, compare_dataflow, compare_qonnx, first_pixel
from sim.integer import IntegerModel
from sim.scenes import make_scene
from tests.folders import contents
from tests.networks import SMALL, brevitas_pixels, equal, images, integer_network, twin

# One large black box with every pixel hit in a bright place: a random network does better than the median.
CONFIG = """
[sim]
frames = 2
photo = "coffee"
[defects]
boxes = [1, 1]
side = [10, 12]
fill = 1.0
colour = "black"
"""
CONTRACT = {"config", "seed", "commit", "versions", "image", "size", "mismatches", "cycles", "quality"}
FIGURES = {"psnr_db", "ssim", "defect_psnr_db", "defect_ssim"}


def picture(folder: Path, name: str) -> np.ndarray:
    return np.array(Image.open(folder / "cosim" / f"{name}.png"))


def test_the_report_and_the_pictures(
    build: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(1)
    floating = Generator(SMALL.generator)
    checkpoint = tmp_path / "float.safetensors"
    save(checkpoint, "generator", config_json(asdict(SMALL.generator)), floating.state_dict(), {})
    report = cosim(build, config=config, checkpoint=checkpoint, seed=5)

    assert report == read_json(build / "cosim.json")
    more = {"frames", "inputs", "busy", "fifo_high_water", "outputs", "float32_differs"}
    assert set(report) == CONTRACT | more
    assert (report["config"], report["seed"], report["image"], report["size"]) == (
        "small",
        5,
        "coffee",
        [16, 24],
    )
    assert report["mismatches"] == {"qonnx": 0, "dataflow": 0, "rtl": 0}
    assert list(report["quality"]) == ["defective", "median", "float", "integer", "rtl"]
    assert all(set(figures) == FIGURES for figures in report["quality"].values())
    assert report["quality"]["rtl"] == report["quality"]["integer"]
    cycles = report["cycles"]
    assert {"per_frame", "first_pixel", "slowest_node"} <= cycles.keys()
    assert 0 < cycles["first_pixel"] < cycles["per_frame"] < 2 * cycles["slowest_node_expected"]
    assert cycles["per_frame"] >= cycles["slowest_node_expected"]

    photo = crop(held_out()["coffee"], 16, 24)
    assert np.array_equal(picture(build, "clean"), photo)
    defective, hardware = picture(build, "defective"), picture(build, "hardware")
    assert (defective != photo).any()
    assert np.array_equal(picture(build, "median_3x3"), median3(defective))
    assert np.array_equal(hardware, IntegerModel.load(build / "dataflow.onnx").run(defective[None])[0])
    assert np.array_equal(hardware, brevitas_pixels(twin(SMALL), defective[None])[0])
    assert np.array_equal(picture(build, "absolute_error"), absolute_error(photo, hardware))
    assert picture(build, "float").shape == photo.shape
    assert {path.stem for path in (build / "cosim").iterdir()} == {
        "clean", "defective", "median_3x3", "float", "hardware", "absolute_error", "sheet",
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert all(
        word in printed for word in ("defective", "median", "float", "rtl", "qonnx", "dataflow", "cycles")
    )


def test_the_figures_are_of_the_frames_that_were_streamed(build: Path, config: Path) -> None:
    config.write_text(CONFIG.replace("frames = 2", "frames = 1"), encoding="utf-8")
    report = cosim(build, config=config)
    assert report["frames"] == 1
    clean, hardware = picture(build, "clean"), picture(build, "hardware")
    assert report["quality"]["rtl"]["psnr_db"] == pytest.approx(psnr_db(clean, hardware))
    assert "float" not in report["quality"]
    assert not (build / "cosim" / "float.png").exists()


def test_a_mapped_network_is_streamed_the_map_as_a_fourth_byte() -> None:
    case = replace(SMALL, mode="mapped")
    settings = SimConfig(frames=2, photo="coffee")
    defects = DefectConfig(boxes=(1, 1), side=(6, 8), fill=0.5)
    model = IntegerModel(dataflow.build(integer_network(case)), case.height, case.width)
    scene = make_scene(model.ports.input, defects, settings, None, None, seed=3)
    frames = scene.frames(model.channels)
    assert (frames.dtype, frames.shape) == (np.uint8, (2, 16, 24, 4))
    equal("colours", frames[..., :3], scene.defective)
    assert set(np.unique(frames[..., 3])) == {0, 255}
    equal("map", frames[..., 3] == 255, scene.broken)
    equal("without a map", scene.frames(3), scene.defective)


def test_the_seed_draws_the_defects_and_stalls_change_no_pixel(build: Path, config: Path) -> None:
    cosim(build, config=config, seed=1)
    free = {name: picture(build, name) for name in ("defective", "hardware")}
    cycles = cosim(build, config=config, seed=1, stalls="random")["cycles"]["per_frame"]
    assert all(np.array_equal(picture(build, name), free[name]) for name in free)
    assert cycles > 0
    cosim(build, config=config, seed=2)
    assert not np.array_equal(picture(build, "defective"), free["defective"])


def test_a_wrong_weight_in_hardware_is_found(build: Path, config: Path) -> None:
    """Every weight word of the first layer changed, in the memory image alone."""
    memory = build / "rtl" / "memory" / "conv1_mvau_weights.dat"
    lines = memory.read_text().split()
    memory.write_text("".join(f"{'0' * len(line)}\n" for line in lines))
    with pytest.raises(UserError) as caught:
        cosim(build, config=config)
    report = read_json(build / "cosim.json")
    wrong = report["mismatches"]["rtl"]
    assert report["mismatches"] == {"qonnx": 0, "dataflow": 0, "rtl": wrong}
    assert wrong > 0

    defective, hardware = picture(build, "defective"), picture(build, "hardware")
    right = IntegerModel.load(build / "dataflow.onnx").run(defective[None])[0]
    row, column, channel = np.argwhere(right != hardware)[0]
    assert str(caught.value) == (
        f"rtl differs from the integer model: {wrong} values differ; first at frame 0, row {row}, "
        f"column {column}, channel {channel}: {hardware[row, column, channel]} for "
        f"{right[row, column, channel]}; first wrong node conv1_mvau"
    )


def test_a_wrong_file_is_found(build: Path, config: Path) -> None:
    """The build carries the QONNX file of another network: one bias differs."""
    path = build / "generator.onnx"
    network = onnx.load(str(path))
    last = next(node for node in network.graph.node if node.op_type == "ConvTranspose")
    bias = next(value for value in network.graph.initializer if value.name == last.input[2])
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.1), bias.name))
    onnx.save(network, str(path))
    with pytest.raises(
        UserError, match=r"^qonnx differs from the integer model: \d+ values differ; first at "
    ) as caught:
        cosim(build, config=config)
    assert re.search(r"; first wrong node deconv1 \(\S+ in generator\.onnx\)$", str(caught.value))
    mismatches = read_json(build / "cosim.json")["mismatches"]
    assert (mismatches["dataflow"], mismatches["rtl"]) == (0, 0)
    assert 0 < mismatches["qonnx"] <= 2 * 16 * 24 * 3


def test_worse_than_the_median_is_said_after_writing(build: Path, config: Path) -> None:
    config.write_text("[sim]\nframes = 1\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        cosim(build, config=config)
    report = read_json(build / "cosim.json")
    rtl, median = (report["quality"][name]["defect_psnr_db"] for name in ("rtl", "median"))
    assert rtl < median
    assert str(caught.value) == (
        f"the hardware repairs defects to {rtl:.2f} dB, the 3x3 median to {median:.2f} dB"
    )
    assert report["mismatches"]["rtl"] == 0
    assert (build / "cosim" / "sheet.png").is_file()


def test_a_build_may_ask_for_more_than_the_median(build: Path, config: Path) -> None:
    config.write_text("[sim]\nframes = 1\nleast_gain_db = 3\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"dB; \[sim\] least_gain_db asks for 3 dB more$"):
        cosim(build, config=config)


def converted(mode: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        photo = Image.fromarray(crop(held_out()["coffee"], 40, 48))
        if mode == "I;16":
            Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257).save(path)
        else:
            photo.convert(mode).save(path)

    return write


@pytest.mark.parametrize(
    ("mode", "note"),
    [
        ("RGB", None),
        ("L", "grey, replicated to R, G and B"),
        ("RGBA", "an opaque alpha channel, dropped"),
        ("I;16", "16-bit grey scaled to 8 bits and replicated to R, G and B"),
    ],
)
def test_images_that_are_converted(
    build: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str, note: str | None
) -> None:
    path = tmp_path / "photo.png"
    converted(mode)(path)
    report = cosim(build, path, config, at=(11, 13))
    assert report["image"] == "photo.png"
    assert report["mismatches"]["rtl"] == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert (f"photo.png: {note}" in printed) if note else ("photo.png:" not in printed.split("rtl:")[0])
    colours = Image.fromarray(crop(held_out()["coffee"], 40, 48))
    wanted = np.asarray(colours if mode in ("RGB", "RGBA") else colours.convert("L").convert("RGB"))
    assert np.array_equal(picture(build, "clean"), wanted[11:27, 13:37])


def a_text(path: Path) -> None:
    path.write_text("no image")


def small(path: Path) -> None:
    Image.new("RGB", (23, 200)).save(path)


def floating_point(path: Path) -> None:
    Image.new("F", (40, 40)).save(path, format="TIFF")


@pytest.mark.parametrize(
    ("make", "at", "message"),
    [
        (None, None, "photo.png: expected a photograph, found no such file"),
        (Path.mkdir, None, "photo.png: expected a photograph, found a folder"),
        (
            a_text,
            None,
            r"photo.png: expected a photograph \(JPEG, PNG, ...\), got a file with: cannot identify",
        ),
        (small, None, "photo.png: the frame needs 16x24 px, the photograph has only 200x23"),
        (floating_point, None, "photo.png: floating-point pixels have no fixed range; expected 8 or 16 bits"),
        (converted("RGB"), (25, 0), "photo.png: a frame of 16x24 px at row 25, column 0 leaves .* of 40x48"),
        (converted("RGB"), (0, 25), "photo.png: a frame of 16x24 px at row 0, column 25 leaves .* of 40x48"),
    ],
)
def test_images_that_cannot_be_used(
    build: Path,
    tmp_path: Path,
    make: Callable[[Path], None] | None,
    at: tuple[int, int] | None,
    message: str,
) -> None:
    before = contents(build)
    if make:
        make(tmp_path / "photo.png")
    with pytest.raises(UserError, match=message):
        cosim(build, tmp_path / "photo.png", at=at)
    assert contents(build) == before


@pytest.mark.parametrize("text", ["3", "3,4,5", "a,b", "-1,4", "1.5,2", "²,1", "", ","])
def test_places_that_are_none(build: Path, text: str) -> None:
    with pytest.raises(UserError) as caught:
        module.main(build, place=text)
    expected = f"--crop: expected row,column of the top left pixel, such as 100,40; got {text!r}"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[sim]\nphoto = "nobody"',
            r"\[sim\] photo: no held-out photograph 'nobody'; there are astronaut, chel",
        ),
        ("[sim]\nframes = 0", r"\[sim\] frames: Input should be greater than or equal to 1; got 0"),
        ("[defects]\nfill = 2", r"\[defects\] .*fill must be greater than 0 and at most 1"),
        ("[defects]\nside = [20, 30]", "need a larger frame, got 16x24"),
    ],
)
def test_settings_that_cannot_be_used(build: Path, config: Path, text: str, message: str) -> None:
    before = contents(build)
    config.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        cosim(build, config=config)
    assert contents(build) == before


def test_a_pattern_of_stalls_that_is_none(build: Path, config: Path) -> None:
    before = contents(build)
    with pytest.raises(UserError, match=r"stall pattern: expected one of none, .*, got 'wild'"):
        cosim(build, config=config, stalls="wild")
    assert contents(build) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dataflow.onnx", "dataflow.onnx: no such file; expected a lowered build, as hls.lower writes"),
        ("generator.onnx", "generator.onnx: no such file; expected a QONNX model, as quant.export writes"),
        ("io.json", "io.json: expected a JSON file, found nothing there"),
        ("dataflow.csv", "dataflow.csv: expected the table of a lowered build; run hls.lower"),
        ("rtl", "rtl: expected generated RTL with a sources.f; run hls.lower"),
    ],
)
def test_builds_that_lack_a_file(build: Path, config: Path, name: str, message: str) -> None:
    path = build / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = contents(build)
    with pytest.raises(UserError, match=message):
        cosim(build, config=config)
    assert contents(build) == before


@pytest.mark.parametrize("name", ["dataflow.onnx", "generator.onnx", "io.json"])
def test_builds_with_a_damaged_file(build: Path, config: Path, name: str) -> None:
    (build / name).write_bytes(b"\xff damaged")
    with pytest.raises(UserError, match=rf"{name}: not (a readable|valid)"):
        cosim(build, config=config)
    assert not (build / "cosim.json").exists()


def test_a_full_disk_keeps_the_earlier_report(
    build: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cosim(build, config=config, seed=1)
    before = contents(build)

    def full(*_arguments: Any, **_options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space left"):
        cosim(build, config=config, seed=2)
    assert contents(build) == before


@pytest.fixture(scope="module")
def tensors(lowered_once: Path) -> dict[str, np.ndarray]:
    return IntegerModel.load(lowered_once / "dataflow.onnx").tensors(images(SMALL, 2))


def spoilt(tensors: dict[str, Any], name: str, at: tuple[int, int, int, int]) -> dict[str, Any]:
    changed = dict(tensors) | {name: tensors[name].copy()}
    changed[name][at] += 1
    return changed


def test_finn_and_qonnx_are_compared_node_by_node(lowered_once: Path, tensors: dict[str, Any]) -> None:
    model, frames = IntegerModel.load(lowered_once / "dataflow.onnx"), images(SMALL, 2)
    file = lowered_once / "generator.onnx"
    assert compare_dataflow(model, frames, tensors) == compare_qonnx(file, frames, tensors) == Difference(0)

    last = spoilt(tensors, "image_out", (1, 2, 3, 1))
    for found in (compare_dataflow(model, frames, last), compare_qonnx(file, frames, last)):
        assert found.values == 1
        assert (
            found.where.startswith("first at frame 1, row 2, column 3, channel 1: ")
            or "frame 0" in found.where
        )
    inside = next(name for name in tensors if name.startswith("conv1") and tensors[name].ndim == 4)
    with pytest.raises(UserError, match=r"^node conv1.*: FINN's execution differs .* inside the network$"):
        compare_dataflow(model, frames, spoilt(tensors, inside, (0, 0, 0, 0)))


def test_the_first_pixel_in_words() -> None:
    expected = np.zeros((2, 3, 4, 3))
    came = expected.copy()
    came[1, 2, 0, 1], came[1, 1, 3, 2] = 7, 9
    assert first_pixel(expected, came) == "first at frame 1, row 1, column 3, channel 2: 9 for 0"
    assert str(Difference(2, "there")) == "2 values differ; there"
    assert str(Difference(0)) == "equal"
