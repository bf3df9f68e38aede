"""The driver with networks of any ports on the simulated board: several outputs, packed beats, signs."""

import tarfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from board import overlay as overlays
from board import selftest
from board.driver import Driver
from board.errors import BoardError, DmaError
from board.formats import Ports
from board.overlay import Overlay
from board.repair import repair
from hls.network import Network
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from release.overlay import find_or_make
from release.package import package
from sim.device import SimDevice
from sim.integer import IntegerModel
from sim.rtl import RtlModel
from tests.board import mock
from tests.networks import equal
from tests.ports import built, of_features, three_outputs

pytestmark = pytest.mark.usefixtures("sim_cache")


class Opened:
    """A driver on the simulated board, and the model that defines its results."""

    def __init__(self, network: Network, folder: Path, cache: Path) -> None:
        build = built(network, folder / "build")
        self.model = IntegerModel.load(build / "dataflow.onnx")
        rtl = RtlModel.load(build, cache, optimize="-O0")
        more = tuple(f"axi_dma_{n}" for n in range(1, len(rtl.ports.outputs)))
        self.overlay: Overlay = mock.overlay(ports=rtl.ports, more_dmas=more)
        self.device = SimDevice(rtl)
        self.driver = Driver(self.overlay, self.device)

    def want(self, frame: np.ndarray) -> list[np.ndarray]:
        return [one[0] for one in self.model.results(self.model.tensors(frame[None]))]


@pytest.fixture
def several(tmp_path: Path, simulations: Path) -> Iterator[Opened]:
    opened = Opened(three_outputs(), tmp_path, simulations)
    yield opened
    opened.driver.close()


def test_several_outputs(several: Opened) -> None:
    """Each in its own size and type, in the order of the ports, for frames back to back."""
    frames = several.overlay.ports.input.random(3, seed=1)
    shapes = [((8, 12, 3), "uint8"), ((4, 6, 2), "int8"), ((2, 3, 4), "uint8")]
    for frame, came in zip(frames, several.driver.stream(frames), strict=True):
        assert [(one.shape, one.dtype.name) for one in came] == shapes
        for one, wanted in zip(came, several.want(frame), strict=True):
            equal("output", one, wanted)
            assert not one.flags.writeable
    again = several.driver.repair(frames[0])
    for one, wanted in zip(again, several.want(frames[0]), strict=True):
        equal("copy", one, wanted)


def test_after_a_lost_frame_all_outputs_go_on(several: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = several.overlay.ports.input.random(2, seed=2)

    def broken(*_: Any, **__: Any) -> Any:
        monkeypatch.undo()
        raise UserError("lost")

    monkeypatch.setattr(RtlModel, "run", broken)
    first, second = several.driver.stream(frames)
    assert isinstance(first, DmaError)
    for one, wanted in zip(second, several.want(frames[1]), strict=True):
        equal("output", one, wanted)


def test_a_feature_map_in_packed_beats(tmp_path: Path, simulations: Path) -> None:
    opened = Opened(of_features(), tmp_path, simulations)
    with opened.driver as driver:
        frames = opened.overlay.ports.input.random(2, seed=3)
        for frame, came in zip(frames, driver.stream(frames), strict=True):
            equal("grey", came, opened.want(frame)[0])
        with pytest.raises(BoardError, match=r"expected a int8 frame \(4, 4, 5\), got uint8"):
            driver.submit(frames[0].view(np.uint8))
        frames[0, 0, 0, 0] = 32
        with pytest.raises(BoardError, match=r"expected 6-bit values in -32\.\.31, got"):
            driver.submit(frames[0])
        assert driver.in_flight == 0 and driver.ready


def test_only_what_repairs_pictures_is_given_pictures(several: Opened) -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    with pytest.raises(
        BoardError, match=r"'mock' repairs no pictures: it makes 8x12 px of 3 x uint8, 4x6 px of 2 x"
    ):
        repair(several.driver, picture, picture.copy())


def test_the_overlay_of_a_build_with_several_outputs(tmp_path: Path) -> None:
    """From the lowered build by plan and io.json to what the driver reads; and one that lacks a DMA."""
    build = built(three_outputs(), tmp_path / "build", 2)
    config = tmp_path / "several.toml"
    config.write_text("[frame]\nheight = 4\nwidth = 6\n[hls]\npixels_per_beat = 2\n")
    overlay = find_or_make(build, config, "pynq-z2")
    assert overlay.ports == Ports.from_dict(read_json(build / "io.json"))
    assert (overlay.dma, overlay.more_dmas) == ("axi_dma_0", ("axi_dma_1", "axi_dma_2"))
    assert (overlay.height, overlay.width, overlay.mapped) == (4, 6, False)
    io = read_json(overlay.folder / "io.json")
    io["ip"]["more_dmas"].pop()
    write_json(overlay.folder / "io.json", io)
    with pytest.raises(BoardError, match="expected a DMA for each of 3 outputs, found 2"):
        overlays.read(overlay.folder)


def test_the_package_of_a_network_with_several_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its samples are frames; self-test and notebook run on the simulated board."""
    build = built(three_outputs(), tmp_path / "build", 2)
    config = tmp_path / "several.toml"
    config.write_text("[frame]\nheight = 4\nwidth = 6\n[hls]\npixels_per_beat = 2\n")
    with tarfile.open(package(build, config, "pynq-z2")) as archive:
        archive.extractall(tmp_path, filter="data")
    inside = tmp_path / "pixelmend-board-several-pynq-z2"
    options = Namespace(package=inside, device=f"sim:{build}", frames=2, report=None)
    assert selftest.selftest(options) == 0
    assert "coffee.npy: bit-exact" in capsys.readouterr().out
    monkeypatch.chdir(inside)
    monkeypatch.setenv("PIXELMEND_DEVICE", f"sim:{build}")
    monkeypatch.setenv("PIXELMEND_FRAMES", "1")
    shown: list[Any] = []
    names: dict[str, Any] = {"display": shown.append}
    for cell in read_json(inside / "pixelmend.ipynb")["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert [image.size for image in shown] == [(6, 4), (12, 8)] * 3, "in, and the output that is a picture"
    sample = inside / "samples" / "coffee.npy"
    np.save(sample, np.zeros((4, 6, 3), np.uint8))
    assert selftest.selftest(options) == 1
    assert "coffee.npy: WRONG" in capsys.readouterr().err
    sample.write_text("no array")
    with pytest.raises(BoardError, match=r"coffee.npy: expected an array of numpy.save"):
        selftest.selftest(options)
