"""Picture files: what is read, what is refused and how, what is kept."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, WebPImagePlugin

from board import pictures
from board.errors import BoardError

RNG = np.random.default_rng(2)
PIXELS = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def rgb() -> Image.Image:
    return Image.fromarray(PIXELS)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".ppm", ".npy"])
def test_lossless_formats_keep_every_pixel(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture{suffix}"
    pictures.write(path, PIXELS)
    picture = pictures.read(path)
    assert np.array_equal(picture.pixels, PIXELS) and not picture.notes
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_grey_palette_and_cmyk_are_converted_and_noted(tmp_path: Path) -> None:
    grey = saved(tmp_path / "grey.png", Image.fromarray(PIXELS[..., 0]))
    palette = saved(tmp_path / "palette.png", rgb().convert("P"))
    cmyk = saved(tmp_path / "cmyk.jpg", rgb().convert("CMYK"), quality=95)
    assert np.array_equal(pictures.read(grey).pixels, np.repeat(PIXELS[..., :1], 3, -1))
    assert pictures.read(grey).notes == ("grey converted to RGB",)
    assert np.array_equal(pictures.read(palette).pixels, np.array(rgb().convert("P").convert("RGB")))
    assert pictures.read(palette).notes == ("a palette converted to RGB",)
    assert pictures.read(cmyk).notes == ("CMYK converted to RGB",)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_orientation_is_kept_as_a_tag(suffix: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = saved(tmp_path / f"turned{suffix}", rgb(), exif=exif.tobytes())
    picture = pictures.read(source)
    assert picture.pixels.shape == (20, 30, 3) and "orientation tag is kept" in picture.notes[0]
    pictures.write(tmp_path / f"out{suffix}", picture.pixels, picture.keep)
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert image.getexif()[0x0112] == 6 and image.size == (30, 20)


def test_a_tiff_is_asked_for_its_tags_before_its_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Pillow 9.0 needs it, the one of PYNQ 3.0: it closes the file once the pixels are read."""
    path = saved(tmp_path / "picture.tif", rgb())
    asked: list[str] = []
    for name in ("load", "getexif"):
        method = getattr(TiffImagePlugin.TiffImageFile, name)

        def told(image: Image.Image, name: str = name, method: Callable[..., Any] = method) -> Any:
            asked.append(name)
            return method(image)

        monkeypatch.setattr(TiffImagePlugin.TiffImageFile, name, told)
    assert np.array_equal(pictures.read(path).pixels, PIXELS)
    assert asked[0] == "getexif"
    assert "load" in asked


@pytest.mark.parametrize("kind", [TypeError, struct.error, IndexError, KeyError, RuntimeError, OverflowError])
def test_whatever_a_decoder_raises_is_a_damaged_file(
    kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow's decoders of damaged files do not agree on one kind, and change with its version."""
    path = saved(tmp_path / "picture.webp", rgb())

    def fails(_image: Image.Image) -> None:
        raise kind("of a decoder")

    monkeypatch.setattr(Image.Image, "load", fails)
    monkeypatch.setattr(WebPImagePlugin.WebPImageFile, "load", fails)
    with pytest.raises(BoardError, match=r"picture\.webp: damaged or cut short \(.*of a decoder"):
        pictures.read(path)


def bad_files(folder: Path) -> dict[str, str]:
    """Name of each bad file, and what its error says."""
    whole = saved(folder / "whole.png", rgb()).read_bytes()
    jpeg = saved(folder / "whole.jpg", rgb()).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    flipped = bytearray(whole)
    flipped[60] ^= 0xFF
    (folder / "corrupt.png").write_bytes(flipped)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.png").write_text("not a picture")
    saved(folder / "deep.png", Image.fromarray(RNG.integers(0, 60000, (4, 4), dtype=np.uint16)))
    saved(folder / "float.tif", Image.fromarray(np.zeros((4, 4), np.float32)))
    saved(folder / "moving.webp", rgb(), save_all=True, append_images=[rgb().rotate(90)], lossless=True)
    exif = Image.Exif()
    exif[0x0112] = 3
    saved(folder / "turned.tif", rgb(), exif=exif)
    clear = rgb()
    clear.putalpha(128)
    saved(folder / "clear.png", clear)
    np.save(folder / "float.npy", np.zeros((4, 4, 3)))
    (folder / "cut.npy").write_bytes(b"\x93NUMPY\x01\x00")
    saved(folder / "huge.png", Image.new("L", (2000, 1100)))
    for name in ("whole.png", "whole.jpg"):
        (folder / name).unlink()
    return {
        "cut.png": "damaged or cut short", "cut.jpg": "damaged or cut short",
        "corrupt.png": "damaged or cut short", "empty.jpg": "the file is empty",
        "text.png": "not a picture that can be read here", "deep.png": "more than 8 bits a channel",
        "float.tif": "more than 8 bits a channel", "moving.webp": "2 frames; expected one picture",
        "clear.png": "partly transparent",
        "float.npy": "expected a uint8 array (H, W, 3), got float64 (4, 4, 3)",
        "cut.npy": "damaged or cut short", "huge.png": "2000x1100 px are 2 megapixels, at most 1 are taken",
        "turned.tif": "turns a TIFF with an orientation tag", "none.png": "no such file",
    }  # fmt: skip


def test_bad_files_are_refused_with_one_line_each(tmp_path: Path) -> None:
    for name, words in bad_files(tmp_path).items():
        with pytest.raises(BoardError) as caught:
            pictures.read(tmp_path / name, largest_mpx=1)
        message = str(caught.value)
        assert words in message and str(tmp_path / name) in message and "\n" not in message, message


def test_a_write_that_fails_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    pictures.write(path, PIXELS)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        pictures.write(path, PIXELS.astype(np.float64))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
