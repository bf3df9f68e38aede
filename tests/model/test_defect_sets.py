"""Defect sets beyond boxes: what each draws, how they are mixed; and the published set is what it was."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation, label

from model.defects import Damage, DefectConfig, damage, named_set, synthesize
from model.defects.detector import load_maps
from model.defects.synthesize import SETS
from pixelmend.config import parse
from pixelmend.errors import UserError

GREY = 127 / 255
READ = ("shapes", "orbit")  # sets of which pixels read otherwise than dead or hot
EIGHT = np.ones((3, 3), dtype=int)


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """Two made-up detectors, the larger with reference pixels round it, and something that is no map."""
    folder = tmp_path / "maps"
    folder.mkdir()
    large = np.ones((60, 80), np.uint8)
    large[:3], large[-1:], large[:, :2], large[:, -4:] = 0, 0, 0, 0
    large[20, 30], large[40:42, 50:60] = 0, 0
    fits(folder / "large.fits", large)
    small = np.ones((40, 40), np.uint8)
    small[5, 6] = 0
    fits(folder / "small.FITS", small)
    (folder / "notes.txt").write_text("not a map")
    return folder


def fits(path: Path, values: np.ndarray) -> None:
    """Write uint8 (H, W) as FITS; its first row is the lowest one."""
    cards = ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", f"NAXIS1  = {values.shape[1]}"]
    cards += [f"NAXIS2  = {values.shape[0]}", "END"]
    header = "".join(f"{card:80}" for card in cards).ljust(2880)
    body = values[::-1].tobytes()
    path.write_bytes(header.encode() + body + bytes(-len(body) % 2880))


def drawn(config: DefectConfig, n: int = 64, height: int = 32, width: int = 48, seed: int = 5) -> Damage:
    frames = torch.full((n, 3, height, width), GREY)
    return synthesize(frames, config, torch.Generator().manual_seed(seed))


def only(name: str, **changes: object) -> DefectConfig:
    return DefectConfig(mix={name: 1.0}, **changes)  # type: ignore[arg-type, dict-item]


def test_the_published_set_is_drawn_as_ever() -> None:
    """The digest was taken when there was no other set: figures of then and now are on the same frames."""
    image = np.random.default_rng(1).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    digest = hashlib.sha256()
    for seed in range(5):
        for part in damage(image, DefectConfig(), seed):
            digest.update(part.tobytes())
    assert digest.hexdigest() == "81bbed08dc06eda7b70fceecca455eb2d81583e6fbab3142a4ef75e522ae57f9"


@pytest.mark.parametrize("name", SETS)
def test_each_set_alone(name: str, maps: Path) -> None:
    """Same seed, same defects; every frame has one; nothing else changes; the map lists just what changed."""
    config = only(name, detector_maps=str(maps))
    clean = (torch.rand(20, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    first, again, other = (
        synthesize(clean, config, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.mask, other.mask)
    assert first.mask.flatten(1).any(1).all()
    assert not (first.broken & ~first.mask).any()
    changed = (first.defective != clean).any(1, keepdim=True)
    assert not (changed & ~first.broken).any()
    least = 0.9 if name in READ else 0.97
    assert float(changed.sum()) > least * float(first.broken.sum())  # some keep their value by chance
    assert torch.equal(first.defective, (first.defective * 255).round() / 255)
    lost = first.defective.permute(0, 2, 3, 1)[first.broken[:, 0]]
    if name not in ("channels", *READ):
        assert (lost == lost[:, :1]).all()
        assert ((lost <= 0.2 + 1e-6) | (lost >= 0.8 - 1e-6)).all()


@pytest.mark.parametrize("name", [name for name in SETS if name not in READ])
@pytest.mark.parametrize("colour", ["black", "white"])
def test_one_colour_only(name: str, colour: str, maps: Path) -> None:
    damaged = drawn(only(name, colour=colour, detector_maps=str(maps)))
    values = damaged.defective[(damaged.defective - GREY).abs() > 1e-6]
    assert len(values)
    assert (values < 0.3).all() if colour == "black" else (values > 0.7).all()


def test_irregular_clusters_are_connected_and_not_boxes() -> None:
    _, masks, broken = drawn(only("irregular", clusters=(1, 1)), n=200)
    sizes = []
    for mask, cluster in zip(masks[:, 0].numpy(), broken[:, 0].numpy(), strict=True):
        assert label(cluster)[1] == 1  # 4-connected
        assert np.array_equal(mask, binary_dilation(cluster, EIGHT))
        sizes.append(int(cluster.sum()))
    assert min(sizes) < 10
    assert 40 < max(sizes) <= 150
    edges = broken[:, 0].any(0)
    assert all(bool(edge.any()) for edge in (edges[0], edges[-1], edges[:, 0], edges[:, -1]))


def test_a_walk_of_one_step_is_one_pixel() -> None:
    _, _, broken = drawn(only("irregular", clusters=(3, 3), cluster_steps=(1, 1)), n=50)
    counts = broken.flatten(1).sum(1)
    assert int(counts.max()) == 3
    assert float(counts.float().mean()) > 2.9  # two rarely meet


@pytest.mark.parametrize("width", [1, 2])
def test_lines_run_to_an_edge_in_one_direction(width: int) -> None:
    _, masks, broken = drawn(only("lines", lines=(1, 1), line_width=(width, width)), n=300)
    assert torch.equal(masks, broken)  # the mask is the line
    seen = set()
    for mask in masks[:, 0].numpy():
        rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
        assert mask.sum() == len(rows) * len(columns)  # a rectangle
        upright = len(columns) == width
        along, length = (rows, 32) if upright else (columns, 48)
        assert len(columns if upright else rows) == width
        assert len(along) >= length / 4
        ends = (int(along[0]) == 0, int(along[-1]) == length - 1)
        assert any(ends)
        seen.add((upright, ends))
    assert seen == {(u, e) for u in (True, False) for e in ((True, True), (True, False), (False, True))}


def test_lines_of_a_frame_do_not_cross() -> None:
    _, masks, _ = drawn(only("lines", lines=(3, 3), line_width=(1, 1)), n=100)
    for mask in masks[:, 0].numpy():
        assert min(len(np.nonzero(mask.any(axis))[0]) for axis in (0, 1)) <= 3


def test_single_pixels_by_their_share() -> None:
    damaged = drawn(only("single", single_share=(0.01, 0.03)), n=300)
    share = damaged.broken.float().flatten(1).mean(1)
    assert float(share.mean()) == pytest.approx(0.02, abs=0.001)
    assert 0.002 < float(share.min()) < 0.01
    assert 0.03 < float(share.max()) < 0.05
    tints = damaged.defective.expand(-1, 3, -1, -1)[damaged.broken.expand(-1, 3, -1, -1)] > 0.5
    assert float(tints.float().mean()) == pytest.approx(0.5, abs=0.03)  # each pixel by itself
    for mask, broken in zip(damaged.mask[:5, 0].numpy(), damaged.broken[:5, 0].numpy(), strict=True):
        assert np.array_equal(mask, binary_dilation(broken, EIGHT))


def test_a_frame_never_lacks_a_single_pixel() -> None:
    _, _, broken = drawn(only("single", single_share=(0.0, 0.0)), n=400, height=5, width=6)
    assert (broken.flatten(1).sum(1) == 1).all()
    assert broken.any(0).all()  # anywhere


def test_channels_follow_a_bayer_filter() -> None:
    clean = torch.full((40, 3, 32, 32), GREY)
    config = only("channels", fill=1.0, boxes=(1, 1))
    defective, mask, broken = synthesize(clean, config, torch.Generator().manual_seed(1))
    lost = defective != GREY
    assert torch.equal(mask, broken)
    assert torch.equal(lost.sum(1, keepdim=True), broken.long())  # exactly one colour
    phases = set()
    for one in lost.numpy():
        rows, columns = np.nonzero(one[0])  # red pixels are two apart
        phase = (int(rows[0]) % 2, int(columns[0]) % 2)
        phases.add(phase)
        assert (rows % 2 == phase[0]).all()
        assert (columns % 2 == phase[1]).all()
        rows, columns = np.nonzero(one[2])  # blue ones in the other rows and columns
        assert (rows % 2 != phase[0]).all()
        assert (columns % 2 != phase[1]).all()
    assert phases == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_detector_windows_are_of_the_maps(maps: Path) -> None:
    """Only these clusters are in the maps: one pixel, or two rows of ten, turned and mirrored."""
    _, masks, broken = drawn(only("detector", detector_maps=str(maps)), n=1500, height=12, width=12)
    shapes = set()
    for mask, bad in zip(masks[:, 0].numpy(), broken[:, 0].numpy(), strict=True):
        assert np.array_equal(mask, binary_dilation(bad, EIGHT))
        labels, count = label(bad, EIGHT)
        for k in range(1, count + 1):
            rows, columns = np.nonzero(labels == k)
            shapes.add((int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1))
    assert {(1, 1), (2, 10), (10, 2)} <= shapes
    assert all((h <= 2 and w <= 10) or (h <= 10 and w <= 2) for h, w in shapes)  # cut at the window's edge
    assert broken.any(0).all()  # anywhere in the frame


def test_reference_pixels_are_cut_off_and_rows_keep_their_order(maps: Path) -> None:
    read = load_maps(str(maps), "cpu")
    assert (read.height, read.width) == ((56, 40), (74, 40))
    first = read.labels[: 56 * 74].view(56, 74).numpy()
    assert (int((first > 0).sum()), int(first.max())) == (21, 2)
    assert first[17, 28]
    assert first[37:39, 48:58].all()
    assert [tuple(map(int, place)) for place in read.first[0]] == [(17, 28), (37, 48)]


def test_maps_smaller_than_the_frame_are_passed_over(maps: Path) -> None:
    _, _, broken = drawn(only("detector", detector_maps=str(maps)), n=100, height=50, width=56)
    counts = {int(frame.sum()) for frame in broken}
    assert max(counts) > 10  # the ten by two cluster is of the larger map
    with pytest.raises(UserError, match=r"frames of 64x70 px need a larger map, got 56x74, 40x40"):
        drawn(only("detector", detector_maps=str(maps)), height=64, width=70)


def test_maps_are_needed_only_where_they_are_asked_for(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none")
    assert drawn(DefectConfig(mix={"dynamic": 1.0, "detector": 0.0}, detector_maps=nowhere)).mask.any()
    with pytest.raises(UserError, match=r"expected bad-pixel maps .* in .*none, found none; 'make data'"):
        drawn(DefectConfig(mix={"dynamic": 0.5, "detector": 0.5}, detector_maps=nowhere))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((20, 20), np.uint8), "expected 0 where a pixel is bad"),
        (np.zeros((20, 20), np.uint8), "expected 0 where a pixel is bad"),
        (None, "expected a bad-pixel map as a FITS image, got a file with"),
    ],
)
def test_files_that_are_no_maps(tmp_path: Path, values: np.ndarray | None, message: str) -> None:
    if values is None:
        (tmp_path / "x.fits").write_bytes(b"\x89PNG and so on")
    else:
        fits(tmp_path / "x.fits", values)
    with pytest.raises(UserError, match=rf"x\.fits: {message}"):
        load_maps(str(tmp_path), "cpu")


def test_a_mix_gives_each_frame_one_set_by_its_chance() -> None:
    config = DefectConfig(mix={"lines": 1.0, "channels": 1.0, "dynamic": 2.0}, boxes=(1, 1), fill=1.0)
    n = 800
    damaged = drawn(config, n=n)
    thickness = torch.minimum(damaged.mask[:, 0].any(1).sum(1), damaged.mask[:, 0].any(2).sum(1))
    line = thickness <= 4  # two lines of two pixels
    colours = (damaged.defective - GREY).abs().gt(1e-6).sum(1)  # colours lost by each pixel
    bayer = ((colours == 1) == (colours > 0)).flatten(1).all(1)
    assert float(line.float().mean()) == pytest.approx(0.25, abs=0.05)
    assert float(bayer.float().mean()) == pytest.approx(0.25, abs=0.05)
    assert not (line & bayer).any()
    boxes = ~line & ~bayer
    assert (damaged.mask[boxes].flatten(1).sum(1) >= 49).all()
    assert torch.equal(damaged.mask[boxes], damaged.broken[boxes])  # fill = 1


def test_a_mix_repeats_and_does_not_depend_on_the_order_of_the_table(maps: Path) -> None:
    shares = dict.fromkeys(SETS, 1.0)
    config = DefectConfig(mix=shares, detector_maps=str(maps))
    turned = replace(config, mix=dict(reversed(shares.items())))
    first, again = drawn(config, width=32), drawn(turned, width=32)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first.mask.flatten(1).any(1).all()


def test_named_sets() -> None:
    assert named_set("dynamic") == DefectConfig()
    damaged = drawn(named_set("fixed8"), n=20)
    assert (damaged.mask.flatten(1).sum(1) == 64).all()
    assert (damaged.defective < 0.5).all()
    with pytest.raises(UserError, match="no defect set 'boxes'; there are fixed8, dynamic, irregular, lines"):
        named_set("boxes")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mix": {"dynamic": 0.0}}, "mix must give at least one a chance"),
        ({"mix": {}}, "mix must give at least one a chance"),
        ({"mix": {"dynamic": -1.0}}, "mix.dynamic: Input should be greater than or equal to 0"),
        ({"mix": {"rows": 1.0}}, r"mix.rows.*: Input should be 'dynamic', 'irregular', .*; got 'rows'"),
        ({"clusters": [0, 1]}, "clusters must be"),
        ({"cluster_steps": [5, 4]}, "cluster_steps must be"),
        ({"lines": [2, 1]}, "lines must be"),
        ({"line_width": [0, 1]}, "line_width must be"),
        ({"single_share": [0.1, 1.2]}, "single_share must be"),
        ({"tints": {"red": 0.0}}, "tints must give at least one a chance"),
        ({"shape_side": [0, 3]}, "shape_side must be"),
        ({"shape_count": [2, 1]}, "shape_count must be"),
        ({"cluster_px": [2, 41]}, "cluster_px must be at most 40"),
        ({"amplitude": [-1.0, 10.0]}, "amplitude must be"),
        ({"solid": 1.5}, "solid and square must be"),
    ],
)
def test_bad_settings_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(values, DefectConfig, "x.toml: [defects]")


def test_lines_wider_than_the_frame_are_refused() -> None:
    with pytest.raises(UserError, match="lines up to 9 px wide need a larger frame, got 8x64"):
        drawn(only("lines", line_width=(1, 9)), height=8, width=64)
