"""Samples: the same for the same seed, taken from every photograph, and of the right size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.defects import DefectConfig, damage, named_set
from model.photos import held_out
from model.samples import Samples, photographs
from pixelmend.config import Frame
from pixelmend.errors import UserError

RNG = np.random.default_rng(8)
PHOTOS = [RNG.integers(0, 256, (20 + i, 40, 3), dtype=np.uint8) for i in range(3)]
FRAME = Frame(height=16, width=24)
DEFECTS = DefectConfig(boxes=(1, 1), side=(4, 6))


def equal(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_sample_depends_on_its_number_and_the_seed_only() -> None:
    samples, again = Samples(PHOTOS, FRAME, DEFECTS, 1), Samples(PHOTOS, FRAME, DEFECTS, 1)
    kept = [samples[i] for i in range(6)]
    assert equal(again[5], kept[5])
    assert equal(again[2], kept[2])
    assert not equal(kept[0], kept[3])  # of the same photograph
    assert not equal(Samples(PHOTOS, FRAME, DEFECTS, 2)[5], kept[5])


def test_frames_come_from_the_photographs_in_turn_and_from_anywhere() -> None:
    samples = Samples(PHOTOS, FRAME, DEFECTS, 1)
    corners = set()
    for i in range(150):
        clean, defective, mask, broken = samples[i]
        assert clean.shape == defective.shape == (16, 24, 3)
        assert mask.shape == broken.shape == (16, 24)
        windows = np.lib.stride_tricks.sliding_window_view(PHOTOS[i % 3], (16, 24, 3))[:, :, 0]
        ((top, left),) = np.argwhere((windows == clean).all((2, 3, 4)))
        corners.add((i % 3, int(top), int(left)))
        assert np.array_equal(defective[~broken], clean[~broken])
        assert 16 <= mask.sum() <= 36
    for photo, tall in enumerate((5, 6, 7)):
        assert {top for which, top, _ in corners if which == photo} == set(range(tall))
    assert {left for _, _, left in corners} == set(range(17))


def test_defects_are_those_of_the_set() -> None:
    clean, defective, mask, _ = Samples(PHOTOS, FRAME, named_set("fixed8"), 1)[0]
    assert mask.sum() == 64
    changed = (defective != clean).any(2)
    assert (defective[changed] <= 51).all()
    assert not np.array_equal(damage(clean, named_set("fixed8"), 0).mask, mask)


def test_photographs_smaller_than_the_frame_are_refused() -> None:
    with pytest.raises(UserError, match="needs 21x24 px, the photograph has only 20x40"):
        Samples(PHOTOS, Frame(height=21, width=24), DEFECTS, 1)
    with pytest.raises(UserError, match="at least one photograph"):
        Samples([], FRAME, DEFECTS, 1)


def test_held_out_photographs_or_those_of_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(photographs(None, FRAME)) >= len(held_out())
    for i, photo in enumerate(PHOTOS):
        Image.fromarray(photo).save(tmp_path / f"{i}.png")
    Image.new("RGB", (200, 15)).save(tmp_path / "flat.png")
    found = photographs(tmp_path, Frame(height=16, width=16))
    assert sorted(photo.tobytes() for photo in found) == sorted(photo.tobytes() for photo in PHOTOS)
    assert "a side is shorter than 16 px" in capsys.readouterr().out
    with pytest.raises(UserError, match="no photograph of at least 64x64 px"):
        photographs(tmp_path, Frame(height=64, width=32))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: no photograph in it"):
        photographs(tmp_path / "empty", FRAME)
