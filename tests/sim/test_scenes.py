"""What builds of any ports are shown, and how what they answer is compared and reported."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from board.formats import PixelFormat, Port, Ports
from hls import dataflow
from hls.lower import lower
from hls.ports import output_name
from model.defects import DefectConfig
from model.photos import crop, held_out
from pixelmend.errors import UserError
from pixelmend.files import read_json
from sim import cosim as cosim_module
from sim import csim as csim_module
from sim import executors, regress
from sim.config import SimConfig
from sim.cosim import cosim
from sim.csim import csim
from sim.executors import Difference, compare_dataflow, compare_qonnx
from sim.fifo_check import measure
from sim.integer import IntegerModel
from sim.rtl import RtlModel
from sim.scenes import RANDOM, Stimulus, stimulus
from tests.hls.frontend.files import PIXEL, File, kernel
from tests.networks import equal
from tests.ports import built, of_features, three_outputs

COFFEE = SimConfig(frames=2, photo="coffee")


def ports_of(channels: int, height: int = 16, width: int = 24, bits: int = 8) -> Ports:
    """A larger picture of as many channels comes out."""
    form = PixelFormat(channels, bits, scale=1 / (2**bits - 1))
    return Ports(Port("s_axis", form, height, width), (Port("m_axis", form, 2 * height, 2 * width),))


def shown(ports: Ports, **given: Any) -> Stimulus:
    return stimulus(ports, DefectConfig().at_least_one, COFFEE, **given)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_photographs_in_the_channels_of_the_input(channels: int) -> None:
    """The centre of the first frame, as it is; grey by BT.601."""
    found = shown(ports_of(channels))
    middle = crop(held_out()["coffee"], 16, 24)
    grey = np.rint(middle @ [0.299, 0.587, 0.114]).astype(np.uint8)
    wanted = {1: grey[..., None], 2: middle[..., :2], 3: middle, 4: np.dstack([middle, grey])}[channels]
    equal("first frame", found.frames[0], wanted)
    assert found.scene is None and found.name == "coffee"
    assert found.frames.shape == (2, 16, 24, channels)
    assert (found.frames[0] != found.frames[1]).any(), "another place"
    equal("again", shown(ports_of(channels)).frames, found.frames)
    assert shown(ports_of(channels), seed=1).digest != found.digest


def test_a_small_photograph_is_enlarged() -> None:
    rows, columns = held_out()["coffee"].shape[:2]
    found = shown(ports_of(3, rows + 20, columns // 2))
    assert found.frames.shape == (2, rows + 20, columns // 2, 3)
    assert len(np.unique(found.frames)) > 100


def test_a_build_that_repairs_is_shown_damage() -> None:
    ports = ports_of(3)
    same = Ports(ports.input, (replace(ports.output, height=16, width=24),))
    found = shown(same)
    assert found.scene is not None and (found.frames != found.scene.clean).any()
    assert found.digest == found.scene.digest


def test_a_feature_map_is_random_over_its_range() -> None:
    taken = Port("s_axis", PixelFormat(5, 6, True, 0.125), 16, 24)
    found = shown(Ports(taken, (taken,)))
    assert (found.name, found.frames.dtype) == (RANDOM, np.int8)
    assert (found.frames.min(), found.frames.max()) == (-32, 31)
    with pytest.raises(UserError, match="takes no picture, but 16x24 px of 5 x int6: --image and --crop"):
        shown(Ports(taken, (taken,)), image=Path("coffee"))


def fake_reader(
    monkeypatch: pytest.MonkeyPatch, spoilt: tuple[str, int] | None = None, precise: bool = False
) -> None:
    """As if a file of the three outputs had been read: executed by the integer model, with one value off.

    In float64 too, unless `precise`.
    """
    network = three_outputs()
    model = IntegerModel(dataflow.build(network), 4, 6)
    outputs = [SimpleNamespace(name=f"end{n}") for n in range(3)]
    graph = SimpleNamespace(graph=SimpleNamespace(input=[SimpleNamespace(name="in")], output=outputs))

    def execute(
        _: Any, feed: dict[str, np.ndarray], spoilt: tuple[str, int] | None = spoilt, **__: Any
    ) -> dict[str, np.ndarray]:
        frames = np.round(feed["in"] * 255).transpose(0, 2, 3, 1).astype(np.uint8)
        tensors = model.tensors(frames)
        context = {"features": tensors["conv1_out"] * 0.25}
        for n, (tensor, name) in enumerate(
            zip(network.images_out, dataflow.output_names(network), strict=True)
        ):
            context[f"end{n}"] = tensors[name] * tensor.scale
        if spoilt is not None:
            name, steps = spoilt
            context[name][0, 1, 2, 0] += 0.25 * steps
        return {name: values.transpose(0, 3, 1, 2).astype(np.float32) for name, values in context.items()}

    monkeypatch.setattr(executors, "read", lambda _: network)
    monkeypatch.setattr(executors, "prepared", lambda _: graph)
    monkeypatch.setattr(executors, "execute_onnx", execute)
    monkeypatch.setattr(executors, "execute", partial(execute, spoilt=None) if precise else execute)


def test_qonnx_of_several_outputs_with_signs_and_scales(monkeypatch: pytest.MonkeyPatch) -> None:
    model = IntegerModel(dataflow.build(three_outputs()), 4, 6)
    frames = model.ports.input.random(2, seed=0)
    tensors = model.tensors(frames)
    assert tensors["image_out_1"].min() < 0 < tensors["image_out_1"].max()
    fake_reader(monkeypatch)
    assert compare_qonnx(Path("x.onnx"), frames, tensors) == Difference(0)
    fake_reader(monkeypatch, ("end1", 1))
    found = compare_qonnx(Path("x.onnx"), frames, tensors)
    assert found.values == 2, "one a frame"
    assert found.where.startswith("m_axis_1 first at frame 0, row 1, column 2, channel 0: ")
    fake_reader(monkeypatch, ("features", 1))
    assert not compare_qonnx(Path("x.onnx"), frames, tensors).values, "no output differs"
    fake_reader(monkeypatch, ("end1", 1), precise=True)
    found = compare_qonnx(Path("x.onnx"), frames, tensors)
    assert found == Difference(0, rounded=2) and str(found) == "equal in float64 (2 in float32 not)"


def test_the_second_output_of_the_dataflow_is_compared() -> None:
    model = IntegerModel(dataflow.build(three_outputs()), 4, 6)
    frames = model.ports.input.random(1, seed=0)
    tensors = model.tensors(frames)
    assert compare_dataflow(model, frames, tensors) == Difference(0)
    tensors["image_out_1"] = tensors["image_out_1"].copy()
    tensors["image_out_1"][0, 3, 1, 1] += 1
    found = compare_dataflow(model, frames, tensors)
    assert found.values == 1
    assert found.where.startswith("m_axis_1 first at frame 0, row 3, column 1, channel 1: ")
    assert found.where.endswith("first wrong node conv1_fork")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lowered from a QONNX file: a picture twice as large, and the signed feature map it is made of."""
    folder = tmp_path_factory.mktemp("several")
    file = File(shape=(1, 3, 4, 6))
    image = file.quant("in", "image", PIXEL, 8)
    sums = file.node("Conv", "c", [image, file.weights("cw", kernel(2, 3, 3, 3))], pads=[1, 1, 1, 1])
    features = file.quant("f", sums, 0.29, 5, signed=1)
    sums = file.node("ConvTranspose", "d", [features, file.weights("dw", kernel(2, 3, 2, 2))], strides=[2, 2])
    path = file.save(folder / "several.onnx", file.quant("out", sums, PIXEL, 8), features)
    config = folder / "several.toml"
    config.write_text("[frame]\nheight = 4\nwidth = 6\n[hls]\ntarget_fps = 2000\n")
    lower(path, config, folder / "several")
    return folder / "several"


def test_cosim_and_csim_report_each_output(
    several: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photographs, no figures of quality, no pictures; the C simulation joins the same frames."""
    for module in (cosim_module, csim_module):
        monkeypatch.setattr(module, "CACHE", simulations)
    report = cosim(several, stalls="random")
    assert report["mismatches"] == {"qonnx": 0, "dataflow": 0, "rtl": 0}
    assert "quality" not in report and not (several / "cosim").exists()
    outputs = [(one["port"], one["height"], one["width"], one["mismatches"]) for one in report["outputs"]]
    assert outputs == [("m_axis", 8, 12, 0), ("m_axis_1", 4, 6, 0)]
    form = report["outputs"][1]["format"]
    assert (form["channels"], form["bits"], form["signed"]) == (2, 5, True)
    assert form["scale"] == pytest.approx(0.29)
    csim(several)
    assert read_json(several / "cosim.json")["mismatches"]["hls"] == 0
    with pytest.raises(UserError, match="repairs no pictures, so there is no quality to compare"):
        cosim(several, checkpoint=Path("any.safetensors"))


def test_a_wrong_second_output_of_the_rtl_is_blamed(
    several: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosim_module, "CACHE", simulations)
    run = RtlModel.run

    def wrong(self: RtlModel, *given: Any, **named: Any) -> Any:
        came = run(self, *given, **named)
        results = [one.copy() for one in came.results]
        results[1][0, 2, 1, 1] ^= 1
        return replace(came, results=tuple(results))

    monkeypatch.setattr(RtlModel, "run", wrong)
    with pytest.raises(
        UserError, match="rtl differs from the integer model: 1 values differ; m_axis_1 first at frame 0"
    ):
        cosim(several)
    assert [one["mismatches"] for one in read_json(several / "cosim.json")["outputs"]] == [0, 1]


def test_figures_of_regression_without_pictures(
    tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feature map: random values, digests and cycles, no quality."""
    build = built(of_features(), tmp_path / "build")
    monkeypatch.setattr(regress, "CACHE", simulations)
    config, network = tmp_path / "some.toml", tmp_path / "some.onnx"
    config.write_text("[frame]\nheight = 4\nwidth = 4\n")
    network.write_bytes(b"")
    found = regress.measure(build, network, config)
    assert set(regress.BUNDLED) <= set(found["photos"])
    for figures in found["photos"].values():
        assert set(figures) == {"frame", "pixels"}
    assert len({figures["pixels"] for figures in found["photos"].values()}) > 1
    assert found["cycles"]["per_frame"] > 0


def test_fifo_check_of_several_outputs(several: Path, simulations: Path) -> None:
    """Frames of the input's format; every output is compared under every cap."""
    model = RtlModel.load(several, simulations, optimize="-O0")
    report = measure(model, SimConfig(frames=1), 0.1, 1)
    assert report["cycles_per_frame"]["at_depth"] is not None
    assert report["others"], "a FIFO before each padding"


def test_names_of_the_outputs() -> None:
    assert [output_name(n) for n in range(3)] == ["m_axis", "m_axis_1", "m_axis_2"]
