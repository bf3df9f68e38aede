"""Photographs: every kind of file, every bad input, cropping, the held-out set, training crops."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.crops import CELL, CropPool
from model.photos import crop, decode, find_photos, held_out, load_folder, load_photos, read_photo
from pixelmend.errors import UserError

RNG = np.random.default_rng(8)
COLOUR = RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)


def written(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def test_rgb_comes_back_as_it_is(tmp_path: Path) -> None:
    photo, notes = decode(written(tmp_path / "a.png", COLOUR))
    assert np.array_equal(photo, COLOUR)
    assert photo.dtype == np.uint8
    assert notes == []


def test_grey_is_replicated(tmp_path: Path) -> None:
    photo, notes = decode(written(tmp_path / "a.png", COLOUR[..., 0]))
    assert np.array_equal(photo, np.repeat(COLOUR[..., :1], 3, 2))
    assert notes == ["grey, replicated to R, G and B"]


def test_opaque_alpha_is_dropped(tmp_path: Path) -> None:
    alpha = np.full((12, 17, 1), 255, np.uint8)
    photo, notes = decode(written(tmp_path / "a.png", np.concatenate([COLOUR, alpha], 2)))
    assert np.array_equal(photo, COLOUR)
    assert notes == ["an opaque alpha channel, dropped"]


def test_transparent_pixels_lie_over_white(tmp_path: Path) -> None:
    alpha = np.full((12, 17, 1), 255, np.uint8)
    alpha[0, 0], alpha[0, 1] = 0, 51
    pixels = np.concatenate([COLOUR, alpha], 2)
    pixels[0, 1, :3] = 100
    photo, notes = decode(written(tmp_path / "a.png", pixels))
    assert photo[0, 0].tolist() == [255, 255, 255]
    assert photo[0, 1].tolist() == [224, 224, 224]  # 0.2 * 100 + 0.8 * 255
    assert np.array_equal(photo[1:], COLOUR[1:])
    assert notes == ["transparent pixels, laid over white"]


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    indices = Image.fromarray(RNG.integers(0, 3, (5, 4), dtype=np.uint8))
    indices.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    indices.save(tmp_path / "a.png")
    photo, notes = decode(tmp_path / "a.png")
    table = np.arange(10, 100, 10).reshape(3, 3)
    assert np.array_equal(photo, table[np.asarray(indices)])
    assert notes == ["a palette, looked up"]


def test_16_bit_grey_is_scaled(tmp_path: Path) -> None:
    values = np.array([[0, 128, 129, 257], [32896, 65535, 65406, 65407]], np.uint16)
    photo, notes = decode(written(tmp_path / "a.png", values))
    assert photo[..., 0].tolist() == [[0, 0, 1, 1], [128, 255, 254, 255]]
    assert (photo == photo[..., :1]).all()
    assert notes == ["16-bit grey scaled to 8 bits and replicated to R, G and B"]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_16_bit_colour_keeps_the_upper_byte(tmp_path: Path) -> None:
    """Pillow reads such a PNG but writes none, so it is put together here."""
    values = RNG.integers(0, 65536, (3, 5, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)  # filter type 0
    header = struct.pack(">IIBBBBB", 5, 3, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    photo, notes = decode(tmp_path / "a.png")
    assert np.array_equal(photo, values >> 8)
    assert notes == ["16 bits a colour, the upper 8 are taken"]


def test_other_colours_are_converted(tmp_path: Path) -> None:
    photo, notes = decode(written(tmp_path / "a.tif", COLOUR, "CMYK"))
    assert np.array_equal(photo, COLOUR)
    assert notes == ["colours converted from CMYK to RGB"]


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR)
    exif = image.getexif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to view
    image.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(decode(tmp_path / "a.png")[0], np.rot90(COLOUR, -1))


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    photo, notes = decode(tmp_path / "a.tif")
    assert np.array_equal(photo, COLOUR)
    assert notes == ["several frames, the first is taken"]


def test_conversions_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "a.png", COLOUR[..., 0])
    read_photo(path)
    assert "a.png: grey, replicated" in capsys.readouterr().out.replace("\n", "")


def test_jpegs_are_shrunk_while_decoding(tmp_path: Path) -> None:
    flat = np.full((64, 48, 3), 77, np.uint8)
    photo, _ = decode(written(tmp_path / "a.jpg", flat), reduce=2)
    assert photo.shape == (32, 24, 3)
    assert np.abs(photo.astype(int) - 77).max() <= 2
    assert decode(written(tmp_path / "a.png", flat), reduce=2)[0].shape == (64, 48, 3)


def test_what_is_no_photograph(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.png: expected a photograph, found no such file"):
        read_photo(tmp_path / "none.png")
    with pytest.raises(UserError, match=r"expected a photograph, found a folder"):
        read_photo(tmp_path)
    text = tmp_path / "text.jpg"
    text.write_text("not a photograph", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"text.jpg: expected a photograph \(JPEG, PNG, ...\), got .*cannot ident"
    ):
        read_photo(text)
    (tmp_path / "empty.png").touch()
    with pytest.raises(UserError, match=r"empty.png: expected a photograph"):
        read_photo(tmp_path / "empty.png")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_truncated_files(tmp_path: Path, suffix: str) -> None:
    whole = written(tmp_path / f"a.{suffix}", RNG.integers(0, 256, (99, 99, 3), dtype=np.uint8))
    cut = tmp_path / f"cut.{suffix}"
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=rf"cut.{suffix}: expected a photograph"):
        read_photo(cut)


def test_pixels_without_a_range(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match="floating-point pixels have no fixed range"):
        read_photo(tmp_path / "a.tif")
    Image.fromarray(np.full((4, 4), 70000, np.int32)).save(tmp_path / "b.tif")
    with pytest.raises(UserError, match=r"expected 8 or 16 bits a pixel, got values 70000..70000"):
        read_photo(tmp_path / "b.tif")


def test_crop_is_from_the_centre_or_where_it_is_told() -> None:
    assert np.array_equal(crop(COLOUR, 4, 5), COLOUR[4:8, 6:11])
    assert np.array_equal(crop(COLOUR, 4, 5, (0, 12)), COLOUR[:4, 12:])
    assert np.array_equal(crop(COLOUR, 12, 17), COLOUR)


def test_crops_outside_are_refused() -> None:
    with pytest.raises(UserError, match="needs 16x16 px, the photograph has only 12x17"):
        crop(COLOUR, 16, 16)
    for at in ((-1, 0), (0, 13)):
        with pytest.raises(UserError, match=rf"row {at[0]}, column {at[1]} leaves the photograph of 12x17"):
            crop(COLOUR, 4, 5, at)


def test_a_folder_is_searched_with_its_subfolders(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.PNG", "sub/b.jpg", "sub/c.webp"):
        written(tmp_path / name, COLOUR)
    (tmp_path / "readme.txt").touch()
    (tmp_path / ".a-1234.png").touch()
    found = find_photos(tmp_path)
    assert {path.name for path in found} == {"a.PNG", "b.jpg", "c.webp"}
    written(tmp_path / "d.png", COLOUR)
    assert [path for path in find_photos(tmp_path) if path.name != "d.png"] == found  # order is stable
    assert len(load_folder(tmp_path)) == 4


def test_folders_without_photographs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no photograph in it; expected files ending in \.jpg"):
        find_photos(tmp_path)
    with pytest.raises(UserError, match="expected a folder of photographs"):
        find_photos(tmp_path / "none")


def test_small_broken_and_too_many_photographs_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = RNG.integers(0, 256, (600, 600, 3), dtype=np.uint8)  # 1.08 MB
    paths = [written(tmp_path / f"{i}.png", large) for i in range(3)]
    paths.insert(0, written(tmp_path / "small.png", COLOUR))
    (tmp_path / "broken.png").write_bytes(b"broken")
    paths.insert(0, tmp_path / "broken.png")
    assert len(load_photos(paths, 64, cap_mb=2)) == 1
    out = capsys.readouterr().out.replace("\n", "")
    assert "broken.png: expected a photograph" in out
    assert "1 photograph: left out, a side is shorter than 64 px" in out
    assert "2 photographs: left out, 2 MB of photographs are loaded" in out
    with pytest.raises(UserError, match="no photograph of at least 700x700 px"):
        load_photos(paths, 700, cap_mb=2)


def test_held_out_needs_no_network(tmp_path: Path) -> None:
    written(tmp_path / "kodim23.png", COLOUR)
    photos = held_out(tmp_path)
    names = ["astronaut", "chelsea", "china", "coffee", "flower", "kodim23", "motorcycle_left", "rocket"]
    assert list(photos) == names
    assert photos["motorcycle_left"].shape == (500, 741, 3)
    assert all(photo.dtype == np.uint8 and photo.shape[2] == 3 for photo in photos.values())
    assert "kodim23" not in held_out(tmp_path / "none")


def test_crops_prefer_detail_but_do_not_leave_out_the_flat() -> None:
    photo = np.full((128, 256, 3), 90, np.uint8)
    photo[:, 128:] = RNG.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    crops = CropPool([photo], 32).draw(300, np.random.default_rng(1))
    assert crops.shape == (300, 32, 32, 3)
    flat = sum(bool((one == 90).all()) for one in crops)
    assert 10 < flat < 75  # 4 of 15 cells of a row are flat when drawn alike, and a quarter is


def test_crops_are_cut_from_the_photographs_and_repeat_with_the_seed() -> None:
    grid = np.stack(np.meshgrid(np.arange(90), np.arange(70), [5], indexing="ij"), -1)[:, :, 0].astype(
        np.uint8
    )
    pool = CropPool([grid, grid + 1], 24)
    crops = pool.draw(200, np.random.default_rng(3))
    assert np.array_equal(crops, pool.draw(200, np.random.default_rng(3)))
    for one in crops:
        which = int(one[0, 0, 2]) - 5
        top, left = int(one[0, 0, 0]) - which, int(one[0, :, 1].min()) - which
        cut = (grid, grid + 1)[which][top : top + 24, left : left + 24]
        assert np.array_equal(one, cut) or np.array_equal(one, cut[:, ::-1])
    assert {int(one[0, 0, 2]) for one in crops} == {5, 6}
    assert max(int(one[0, 0, 0]) for one in crops) > 90 - 24 - CELL


def test_crops_larger_than_a_photograph_are_refused() -> None:
    with pytest.raises(UserError, match=r"crops of 32x32 px need larger photographs, got \(12, 17\)"):
        CropPool([COLOUR], 32)
