"""Hard sets: seeded, apart from those that train, and as hard as they say."""

import numpy as np
import pytest

from model.hard import HARD, hard_picture, hard_pictures
from model.hard.grain import noisy, stored
from model.hard.lights import LEAST_PSF, _add
from model.hard.scene import Pen, blend, flat, soft
from model.hard.strokes import FONTS, JUDGING, TRAINED
from pixelmend.errors import UserError

SIDE = 72


@pytest.mark.parametrize("name", HARD)
def test_a_set_repeats_and_differs(name: str) -> None:
    first, again = hard_picture(name, SIDE, 3), hard_picture(name, SIDE, 3)
    assert first.shape == (SIDE, SIDE, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    others = [hard_picture(name, SIDE, seed) for seed in range(4, 8)]
    assert len({picture.tobytes() for picture in (first, *others)}) > 2
    assert not np.array_equal(first, hard_picture(name, SIDE, 3, judge=True))
    assert max(float(picture.std()) for picture in others) > 2


def test_all_sets_train_and_other_seeds_give_others() -> None:
    pictures = hard_pictures(SIDE, 2, 0)
    assert len(pictures) == 2 * len(HARD)
    assert np.array_equal(pictures[2], hard_picture("fence", SIDE, 0))
    assert np.array_equal(hard_pictures(SIDE, 2, 1)[3], hard_picture("fence", SIDE, 3))


def test_fonts_are_there_and_apart() -> None:
    assert not set(TRAINED) & set(JUDGING)
    assert all((FONTS / f"{name}.ttf").is_file() for name in TRAINED + JUDGING)


def test_no_such_set() -> None:
    with pytest.raises(UserError, match="no hard set 'snow'; there are lattice, fence"):
        hard_picture("snow", SIDE, 0)
    with pytest.raises(UserError, match="sides of at least 64 px, got 32"):
        hard_picture("text", 32, 0)


def test_a_pen_covers_what_it_crosses() -> None:
    pen = Pen(16)
    pen.line([(0, 8), (16, 8)], 2.0)
    cover = pen.cover()
    assert cover.sum() == pytest.approx(32, rel=0.15)
    assert cover[:6].max() == 0
    image = blend(flat(16, (1, 0, 0)), (0, 0, 1), cover)
    assert image[0, 0].tolist() == [1, 0, 0]
    assert image[:, 3, 2].sum() == pytest.approx(2, rel=0.15)


def test_a_star_has_its_width_and_place() -> None:
    picture = np.zeros((21, 21, 3), np.float32)
    _add(picture, np.array([10.0, 8.0]), LEAST_PSF, np.ones(3))
    assert np.unravel_index(picture[..., 0].argmax(), (21, 21)) == (10, 8)
    assert picture[10, 9, 0] == pytest.approx(np.exp(-1 / (2 * LEAST_PSF**2)), rel=1e-4)
    _add(picture, np.array([-30.0, 50.0]), 1.0, np.ones(3))  # outside, nothing happens


def test_noise_has_its_size() -> None:
    grey = flat(200, (0.5, 0.5, 0.5))
    sizes = [float((noisy(grey, 15, np.random.default_rng(seed)) - grey).std()) * 255 for seed in range(4)]
    assert sizes == pytest.approx([15] * 4, rel=0.05)


def test_jpeg_leaves_blocks() -> None:
    picture = soft(64, np.random.default_rng(1), 20)
    rough, fine = stored(picture, 5), stored(picture, 95)
    assert np.abs(rough - picture).mean() > 3 * np.abs(fine - picture).mean()
