"""Synthetic defects: what is drawn, and that it is drawn again from the same seed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.defects import Damage, DefectConfig, damage, synthesize
from model.metrics import clusters
from pixelmend.config import parse
from pixelmend.errors import UserError

ONE = DefectConfig(boxes=(1, 1), side=(8, 8))
GREY = 127 / 255


def drawn(config: DefectConfig, n: int = 64, side: int = 48, seed: int = 5) -> Damage:
    return synthesize(torch.full((n, 3, side, side), GREY), config, torch.Generator().manual_seed(seed))


def test_same_seed_same_defects() -> None:
    first, again, other = drawn(ONE), drawn(ONE), drawn(ONE, seed=6)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], other[1])


def test_mask_is_one_whole_box_anywhere_in_the_frame() -> None:
    _, masks, _ = drawn(ONE, n=400, side=16)
    corners = set()
    for mask in masks[:, 0].numpy():
        (box,) = clusters(mask)
        rows, columns = box
        assert (rows.stop - rows.start, columns.stop - columns.start) == (8, 8)
        assert mask.sum() == 64
        corners.add((rows.start, columns.start))
    assert {row for row, _ in corners} == set(range(9))  # both edges are reached
    assert {column for _, column in corners} == set(range(9))


def test_sides_and_counts_cover_their_ranges() -> None:
    _, masks, _ = drawn(DefectConfig(boxes=(1, 1), side=(7, 12)), n=300)
    assert {int(mask.sum()) for mask in masks} == {side**2 for side in range(7, 13)}
    _, masks, _ = drawn(DefectConfig(boxes=(0, 3), side=(2, 2)), n=300)
    assert {len(clusters(mask[0].numpy())) for mask in masks} == {0, 1, 2, 3}


def test_about_half_of_a_box_is_hit_and_nothing_outside() -> None:
    defective, mask, _ = drawn(ONE, n=300)
    changed = (defective != GREY).any(1, keepdim=True)
    assert not (changed & ~mask).any()
    share = float(changed.sum() / mask.sum())
    assert 0.48 < share < 0.52
    full, mask, _ = drawn(replace(ONE, fill=1.0))
    assert torch.equal((full != GREY).all(1, keepdim=True), mask)


def test_a_defect_is_the_same_in_red_green_and_blue() -> None:
    clean = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    clean = (clean * 255).round() / 255
    defective, _, broken = synthesize(clean, ONE, torch.Generator().manual_seed(1))
    changed = (defective != clean).any(1)
    assert not (changed & ~broken[:, 0]).any()
    assert float(changed.sum()) > 0.99 * float(broken.sum())  # some keep their value by chance
    hit = defective.permute(0, 2, 3, 1)[changed]
    assert len(hit) > 100
    assert (hit == hit[:, :1]).all()


def test_amplitudes_follow_the_clamped_normal() -> None:
    full = replace(ONE, fill=1.0)
    black, mask, _ = drawn(replace(full, colour="black"), n=200)
    values = black[mask.expand_as(black)]
    assert float(values.min()) == 0.0
    assert float(values.max()) == pytest.approx(51 / 255)
    # |n| * 0.2 is clamped at 0.2 where |n| > 1: 31.7 % of the draws
    assert float((values == values.max()).float().mean()) == pytest.approx(0.317 + 0.003, abs=0.02)
    white, mask, _ = drawn(replace(full, colour="white"), n=200)
    values = white[mask.expand_as(white)]
    assert (float(values.min()), float(values.max())) == (pytest.approx(204 / 255), 1.0)
    assert float((values == 1).float().mean()) == pytest.approx(0.317 + 0.003, abs=0.02)


def test_both_colours_are_drawn_box_by_box() -> None:
    defective, _, _ = drawn(replace(ONE, fill=1.0), n=200)
    white = (defective > 0.7).any(1).flatten(1).any(1)
    black = (defective < 0.3).any(1).flatten(1).any(1)
    assert not (white & black).any()  # a box has one colour
    assert 60 < int(white.sum()) < 140


def test_output_is_on_the_8_bit_grid() -> None:
    defective, _, _ = synthesize(torch.rand(4, 3, 32, 32), ONE, torch.Generator().manual_seed(2))
    assert torch.equal(defective, (defective * 255).round() / 255)


def test_a_frame_does_not_depend_on_the_pixels_of_its_neighbours() -> None:
    clean = torch.rand(4, 3, 32, 32)
    other = clean.clone()
    other[1:] = 0.25
    first, mask, _ = synthesize(clean, ONE, torch.Generator().manual_seed(3))
    again, same, _ = synthesize(other, ONE, torch.Generator().manual_seed(3))
    assert torch.equal(first[0], again[0])
    assert torch.equal(mask, same)
    assert not torch.equal(mask[0], mask[1])  # every frame has its own


def test_damage_of_one_image_is_the_same_thing_in_uint8() -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    before = image.copy()
    defective, mask, bad = damage(image, DefectConfig(), 9)
    frames = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    expected, region, broken = synthesize(frames, DefectConfig(), torch.Generator().manual_seed(9))
    assert (defective.dtype, defective.shape, mask.shape) == (np.uint8, (40, 56, 3), (40, 56))
    assert np.array_equal(image, before)
    assert np.array_equal(mask, region[0, 0].numpy())
    assert np.array_equal(bad, broken[0, 0].numpy())
    assert np.array_equal(defective, (expected[0].permute(1, 2, 0) * 255).round().numpy())
    assert np.array_equal(defective[~mask], image[~mask])


def test_boxes_larger_than_the_frame_are_refused() -> None:
    with pytest.raises(UserError, match="up to 12 px wide need a larger frame, got 64x8"):
        synthesize(torch.zeros(1, 3, 64, 8), DefectConfig(), torch.Generator())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"boxes": [2, 1]}, "boxes must be"),
        ({"boxes": [0, 0]}, "boxes must be"),
        ({"side": [0, 4]}, "side must be"),
        ({"side": [9, 4]}, "side must be"),
        ({"fill": 0}, "fill must be"),
        ({"black": [0.3, 0.1]}, "black and white must be"),
        ({"white": [0.8, 1.1]}, "black and white must be"),
        ({"colour": "red"}, "colour: Input should be 'black', 'white' or 'both'; got 'red'"),
    ],
)
def test_bad_settings_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(values, DefectConfig, "x.toml: [defects]")
