"""The command line, on the simulated board and on the strict one."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from board import defectmap, infer, pictures
from board.device import Device
from board.errors import BoardError
from board.overlay import BITSTREAM, HANDOFF, Overlay
from pixelmend.files import file_digest, write_json
from tests.board.conftest import Simulated
from tests.board.mock import StrictBoard
from tests.board.test_pictures import bad_files
from tests.networks import equal

RNG = np.random.default_rng(8)


def strict(overlay: Overlay, argument: str) -> Device:
    """Opened by name: --device tests.board.test_infer:strict."""
    return StrictBoard(overlay)


def make_overlay(folder: Path, channels: int = 3) -> Path:
    """The folder of an overlay whose network sees no neighbours."""
    folder.mkdir()
    for name in (BITSTREAM, HANDOFF):
        (folder / name).write_text(name)
    io = {
        "format": "pixelmend io 1", "config": "mock", "board": "pynq-z2", "clock_mhz": 100.0,
        "frame": {"height": 8, "width": 12}, "receptive_field": 1, "halo": {"before": 0, "after": 0},
        "multiple": 4, "input": {"bytes_per_pixel": channels, "channels": channels},
        "output": {"bytes_per_pixel": 3, "channels": 3}, "ip": {"dma": "axi_dma_0"},
        "rtl_digest": "2" * 64, "plan_digest": "1" * 64,
        "files": {name: file_digest(folder / name) for name in (BITSTREAM, HANDOFF)},
    }  # fmt: skip
    write_json(folder / "io.json", io)
    return folder


def picture(path: Path, height: int = 20, width: int = 30) -> np.ndarray:
    pixels = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    pictures.write(path, pixels)
    return pixels


def call(tmp_path: Path, *words: object, device: str = "tests.board.test_infer:strict") -> int:
    """The exit status; results lie in `out`."""
    if not (tmp_path / "overlay").exists():
        make_overlay(tmp_path / "overlay")
    fixed = ["--overlay", str(tmp_path / "overlay"), "--out", str(tmp_path / "out"), "--device", device]
    return infer.infer(infer.parser().parse_args([*map(str, words), *fixed]))


@pytest.mark.usefixtures("sim_cache")
def test_bit_exact_on_the_simulated_board(simulated: Simulated, tmp_path: Path) -> None:
    pixels = picture(tmp_path / "a.png")
    words = [
        str(tmp_path / "a.png"),
        "--overlay",
        str(simulated.overlay.folder),
        "--out",
        str(tmp_path / "out"),
    ]
    assert infer.infer(infer.parser().parse_args([*words, "--device", f"sim:{simulated.build}"])) == 0
    equal("a.png", pictures.read(tmp_path / "out" / "a.png").pixels, simulated.whole(pixels))


def test_files_folders_globs_and_arrays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("album/deep", "more"):
        (tmp_path / place).mkdir(parents=True)
    given = {
        name: picture(tmp_path / name)
        for name in (
            "one.png",
            "album/two.bmp",
            "album/deep/three.png",
            "more/x1.png",
            "more/y.png",
            "four.npy",
        )
    }
    (tmp_path / "album" / "notes.txt").write_text("not a picture, and not named as one")
    (tmp_path / "album" / ".hidden.png").write_text("")
    names = [tmp_path / name for name in ("one.png", "album", "more/x*.png", "four.npy", "one.png")]
    assert call(tmp_path, *names) == 0
    results = {"one.png": "one.png", "two.bmp": "album/two.bmp", "deep/three.png": "album/deep/three.png",
               "x1.png": "more/x1.png", "four.npy": "four.npy"}  # fmt: skip
    out = tmp_path / "out"
    assert {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} == set(results)
    for result, source in results.items():
        equal(result, pictures.read(out / result).pixels, 255 - given[source])
    said = capsys.readouterr().out
    assert "5 pictures, 45 frames in" in said
    assert all(part in said for part in ("decode", "transfer", "accelerator", "encode", "frames/s"))


def test_bad_files_are_told_and_the_rest_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "album"
    folder.mkdir()
    bad = bad_files(folder)
    good = {name: picture(folder / name) for name in ("a.png", "m.png", "z.png")}
    assert call(tmp_path, folder, tmp_path / "nothing*.png", tmp_path / "none.png", "--largest", 1) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == len(bad) + 1, errors  # every bad file but none.png, which is no part of the folder
    for name, words in bad.items():
        assert any(name in line and words in line for line in errors), name
    assert any("nothing*.png: nothing matches" in line for line in errors)
    for name, pixels in good.items():
        equal(name, pictures.read(tmp_path / "out" / name).pixels, 255 - pixels)
    assert len(list((tmp_path / "out").iterdir())) == len(good)


def test_a_result_never_replaces_an_input_or_another_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    first, second = picture(out / "a.png"), picture(tmp_path / "b.png")
    picture(tmp_path / "b.bmp")
    assert call(tmp_path, out / "a.png", tmp_path / "b.png", tmp_path / "b.bmp", "--suffix", ".png") == 1
    errors = capsys.readouterr().err
    assert "its result would replace the picture" in errors and "its result would replace that of" in errors
    equal("input", pictures.read(out / "a.png").pixels, first)
    equal("first of two", pictures.read(out / "b.png").pixels, 255 - second)


def test_compare_with_clean_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clean").mkdir()
    pixels = picture(tmp_path / "a.png")
    pictures.write(tmp_path / "clean" / "a.bmp", 255 - pixels)
    assert call(tmp_path, tmp_path / "a.png", "--compare", "--clean", tmp_path / "clean") == 0
    assert "after 100.00 dB, SSIM 1.0000" in capsys.readouterr().out
    sheet = pictures.read(tmp_path / "out" / "a.compare.png").pixels
    assert sheet.shape == (20, 3 * 30 + 2 * 8, 3)
    equal("before", sheet[:, :30], pixels)
    equal("after", sheet[:, 38:68], 255 - pixels)
    picture(tmp_path / "other.png")
    assert call(tmp_path, tmp_path / "other.png", "--clean", tmp_path / "clean") == 1
    assert "no picture named other in" in capsys.readouterr().err


def test_maps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_overlay(tmp_path / "overlay", channels=4)
    pixels = picture(tmp_path / "a.png")
    picture(tmp_path / "b.png", 21, 30)
    broken = RNG.random((20, 30)) < 0.1
    defectmap.write(tmp_path / "map.png", broken, {})
    equal("map", defectmap.read(tmp_path / "map.png"), broken * np.uint8(255))
    assert call(tmp_path, tmp_path / "a.png", tmp_path / "b.png", "--map", tmp_path / "map.png") == 1
    assert "b.png: the defect map is of 30x20 px, the picture of 30x21" in capsys.readouterr().err
    equal("with a map", pictures.read(tmp_path / "out" / "a.png").pixels, 255 - pixels)
    assert call(tmp_path, tmp_path / "a.png") == 1
    assert "needs the sensor's defect map (--map)" in capsys.readouterr().err
    Image.fromarray(RNG.integers(0, 256, (20, 30), dtype=np.uint8)).save(tmp_path / "grey.png")
    with pytest.raises(BoardError, match=r"expected 0 \(sound\) and 255 \(broken\) only"):
        call(tmp_path, tmp_path / "a.png", "--map", tmp_path / "grey.png")
    with pytest.raises(BoardError, match="expected a grey picture of 8 bits, found RGB"):
        call(tmp_path, tmp_path / "a.png", "--map", tmp_path / "a.png")


def test_an_unwritable_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "album").mkdir()
    picture(tmp_path / "album" / "a.png")
    picture(tmp_path / "album" / "b.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").mkdir()  # a folder in the way of a result
    assert call(tmp_path, tmp_path / "album") == 1
    assert "can't be written" in capsys.readouterr().err
    assert (tmp_path / "out" / "b.png").is_file()
    with pytest.raises(NotADirectoryError):
        infer.infer(
            infer.parser().parse_args(
                [str(tmp_path / "album"), "--overlay", str(tmp_path / "overlay"),
                 "--out", str(tmp_path / "album" / "a.png" / "out")]
            )
        )  # fmt: skip


def test_overlays_that_do_not_fit(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    with pytest.raises(BoardError, match="device 'fpga': expected one of pynq, sim, or"):
        call(tmp_path, tmp_path / "a.png", device="fpga")
    with pytest.raises(BoardError, match="can't be imported here"):
        call(tmp_path, tmp_path / "a.png", device="board.none:such")
    (tmp_path / "overlay" / BITSTREAM).write_text("another build's")
    with pytest.raises(BoardError, match=r"pixelmend\.bit: does not belong to the io\.json beside it"):
        call(tmp_path, tmp_path / "a.png")
