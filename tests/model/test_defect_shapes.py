"""Defects of every kind: where they lie, how many pixels, what these read, which colours they lose."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import label

from model.defects import Damage, DefectConfig, named_set, synthesize
from model.defects.detector import load_maps
from model.defects.kinds import KINDS, kind, seen_from
from model.defects.shapes import ORBIT_SHARE, ORBIT_SIZES
from pixelmend.errors import UserError

SIDES = (40, 56)
GREY = 100 / 255
EIGHT = np.ones((3, 3), dtype=int)


def drawn(config: DefectConfig, n: int = 60, seed: int = 3, sides: tuple[int, int] = SIDES) -> Damage:
    frames = torch.full((n, 3, *sides), GREY)
    return synthesize(frames, config, torch.Generator().manual_seed(seed))


def one(config: DefectConfig) -> DefectConfig:
    return replace(config, shape_count=(1, 1))


def boxes(damage: Damage) -> list[tuple[int, int, int, int]]:
    """Top, left, height, width of what is broken in each frame."""
    found = []
    for broken in damage.broken[:, 0].numpy():
        rows, columns = np.nonzero(broken.any(1))[0], np.nonzero(broken.any(0))[0]
        found.append((rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1))
    return found


@pytest.mark.parametrize(
    ("shape", "px", "count"), [("single", 1, 1), ("box", 5, 25), ("cluster", 9, 9), ("segment", 12, 12)]
)
def test_a_shape_has_its_pixels(shape: str, px: int, count: int) -> None:
    damage = drawn(one(kind(shape, px)))  # type: ignore[arg-type]
    sizes = damage.broken.flatten(1).sum(1)
    # a cluster that is reflected at an edge may lie on itself
    assert int(sizes.max()) == count
    assert float((sizes == count).float().mean()) > (0.7 if shape == "cluster" else 0.99)
    for broken in damage.broken[:, 0].numpy():
        assert label(broken, EIGHT)[1] == 1
    assert len({(top, left) for top, left, _, _ in boxes(damage)}) > 40


def test_rows_and_columns_are_whole() -> None:
    assert {box[2:] for box in boxes(drawn(one(kind("row"))))} == {(1, 56)}
    assert {box[2:] for box in boxes(drawn(one(kind("column"))))} == {(40, 1)}


def test_edges_and_corners_are_met() -> None:
    corners = {box[:2] for box in boxes(drawn(one(kind("box", 6, place="corner"))))}
    assert corners == {(0, 0), (0, 50), (34, 0), (34, 50)}
    for top, left, _, _ in boxes(drawn(one(kind("box", 6, place="edge")))):
        assert top in (0, 34) or left in (0, 50)


@pytest.mark.parametrize(
    ("value", "levels", "reads"),
    [("dead", 0, 0), ("saturated", 0, 255), ("warm", 40, 140), ("cold", 60, 40), ("warm", 200, 255)],
)
def test_what_a_broken_pixel_reads(value: str, levels: float, reads: int) -> None:
    damage = drawn(one(kind("box", 4, value, levels)))  # type: ignore[arg-type]
    values = (damage.defective.permute(0, 2, 3, 1)[damage.broken[:, 0]] * 255).round()
    assert values.unique().tolist() == [reads]


def test_a_warm_pixel_adds_to_its_scene() -> None:
    scene = torch.linspace(0, 0.5, 32).round(decimals=2).expand(1, 3, 32, 32)
    damage = synthesize(
        scene, replace(kind("row", 1, "warm", 51), shape_count=(1, 1)), torch.Generator().manual_seed(1)
    )
    added = (damage.defective - scene)[damage.broken.expand(-1, 3, -1, -1)]
    assert added.numpy() == pytest.approx(0.2, abs=0.003)


def test_one_colour_is_lost() -> None:
    damage = drawn(one(kind("box", 4, "saturated", tint="green")))
    changed = (damage.defective - GREY).abs().gt(1e-6).flatten(2).any(2)
    assert changed.tolist() == [[False, True, False]] * 60
    some = drawn(one(kind("box", 4, "dead", tint="one")))
    lost = (some.defective - GREY).abs().gt(1e-6).flatten(2).any(2)
    assert (lost.sum(1) == 1).all()
    assert lost.any(0).all()


def test_noisy_pixels_read_differently() -> None:
    damage = drawn(one(kind("box", 8, "noisy", tint="each")), n=1)
    values = damage.defective.permute(0, 2, 3, 1)[damage.broken[:, 0]]
    assert len(values.unique(dim=0)) > 55
    assert float(values.std()) > 0.2


def test_a_box_that_is_not_solid_has_sound_pixels() -> None:
    config = replace(one(kind("box", 12)), solid=0.0)
    shares = drawn(config).broken.flatten(1).sum(1) / 144
    assert 0.2 < float(shares.min()) < 0.45
    assert 0.85 < float(shares.max()) <= 1.0


def test_orbit_has_the_density_and_sizes_of_the_camera() -> None:
    damage = drawn(named_set("orbit"), n=12, sides=(256, 256))
    share = float(damage.broken.float().mean())
    assert share == pytest.approx(ORBIT_SHARE, rel=0.1)
    assert share == pytest.approx(0.00217, rel=0.1)
    sizes = [
        int(size)
        for broken in damage.broken[:, 0].numpy()
        for size in np.bincount(label(broken, EIGHT)[0].ravel())[1:]
    ]
    assert np.mean(np.array(sizes) == 1) == pytest.approx(23800 / 24845, abs=0.03)
    assert sum(ORBIT_SIZES.values()) == 24845
    assert sum(size * count for size, count in ORBIT_SIZES.items()) == 26484


def test_the_order_of_a_table_changes_nothing() -> None:
    config = named_set("shapes")
    turned = replace(
        config,
        shapes=dict(reversed(config.shapes.items())),
        values=dict(reversed(config.values.items())),
        tints=dict(reversed(config.tints.items())),
        places=dict(reversed(config.places.items())),
    )
    assert all(torch.equal(a, b) for a, b in zip(drawn(config), drawn(turned), strict=True))


def test_kinds_count_what_is_seen() -> None:
    assert seen_from(KINDS["warm 40 single"]) == 30
    assert seen_from(KINDS["box 8x8"]) == 80
    assert {"single", "corner box 12x12", "dead red single", "cold 80 cluster 8"} <= KINDS.keys()


PLACES = [(1, 2), (1, 3), (7, 9)]


@pytest.mark.parametrize("how", ["text", "gzip", "across first", "picture", "sized"])
def test_a_map_of_any_kind_is_a_set(tmp_path: Path, how: str) -> None:
    lines = "".join(f"{y} {x}\n" if how != "across first" else f"{x} {y}\n" for y, x in PLACES)
    if how == "sized":
        lines = "# a sensor of 12x14 px\n" + lines
    path = tmp_path / ("map.png" if how == "picture" else "map.txt")
    if how == "picture":
        picture = np.zeros((8, 10), np.uint8)
        for place in PLACES:
            picture[place] = 255
        Image.fromarray(picture).save(path)
    else:
        path.write_bytes(gzip.compress(lines.encode()) if how == "gzip" else lines.encode())
    name = f"map:{'xy:' if how == 'across first' else ''}{path}"
    maps = load_maps(named_set(name).detector_maps, "cpu")
    sides = (12, 14) if how == "sized" else (8, 10)
    assert (maps.height, maps.width) == ((sides[0],), (sides[1],))
    where = torch.nonzero(maps.labels.view(sides)).tolist()
    assert where == [list(place) for place in PLACES]
    assert maps.labels.max() == 2  # clusters
    damage = drawn(named_set(name), n=30, sides=(6, 6))
    assert damage.broken.flatten(1).any(1).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found none"),
        ("1 2 3\n", "lines of 'y x'"),
        ("1 -2\n", "a place of -2"),
        ("# 4x4\n5 1\n", "outside its 4x4 px"),
        ("a b\n", "lines of 'y x'"),
    ],
)
def test_text_that_is_no_map(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "map.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_maps(str(path), "cpu")
