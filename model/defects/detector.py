"""Real bad pixels: windows of the maps that observatories keep of their detectors, or of any map.

Axis letters: N frames, H rows, W columns.
"""

import gzip
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import label
from torch import Tensor

from model.defects.config import DefectConfig
from model.defects.pattern import Pattern, Sides, hot
from pixelmend.errors import UserError
from pixelmend.provenance import ROOT

FITS = (".fits", ".fit")
ACROSS_FIRST = "xy:"  # before a text file's name: its lines are `x y`, not `y x`
MOST_PIXELS = 400_000_000  # of a map given as text
TINTS = 256  # colours drawn for a frame; cluster k takes number k % TINTS


@dataclass(frozen=True)
class Maps:
    """Bad-pixel maps one after the other; the fields after `labels` have an entry for each map."""

    labels: Tensor  # flat int32: 0 for a good pixel, else the number of its cluster
    begin: tuple[int, ...]  # place of the map's first pixel in `labels`
    height: tuple[int, ...]  # px
    width: tuple[int, ...]  # px
    first: tuple[Tensor, ...]  # (clusters, 2): row and column of each cluster's first pixel


def detector(sides: Sides, config: DefectConfig, generator: torch.Generator) -> Pattern:
    """A window of a real map, turned and mirrored by chance, round a cluster drawn from the map.

    So every frame has a defect. Maps smaller than the frame are passed over. The mask is the bad pixels and
    their 8 neighbours. Raises `UserError` where there are no maps, or none is as large as the frame.
    """
    n, height, width = sides
    device = generator.device
    maps = load_maps(config.detector_maps, str(device))
    u = torch.rand((7, n), generator=generator, device=device, dtype=torch.float64)
    large = [i for i in range(len(maps.begin)) if min(maps.height[i], maps.width[i]) >= max(height, width)]
    if not large:
        sizes = ", ".join(f"{h}x{w}" for h, w in zip(maps.height, maps.width, strict=True))
        raise UserError(
            f"{config.detector_maps}: frames of {height}x{width} px need a larger map, got {sizes}"
        )
    chosen = (u[0] * len(large)).long()
    base, row_step, column_step = (torch.zeros(n, dtype=torch.long, device=device) for _ in range(3))
    for number, which in enumerate(large):
        places = _windows(maps, which, sides, u[1:])
        for whole, part in zip((base, row_step, column_step), places, strict=True):
            torch.where(chosen == number, part, whole, out=whole)
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    place = (
        base[:, None, None]
        + (row_step[:, None] * rows)[:, :, None]
        + (column_step[:, None] * columns)[:, None]
    )
    cluster = maps.labels[place]  # N, H, W
    tints = hot(torch.rand((n, TINTS), generator=generator, device=device), config)
    tint = tints.gather(1, (cluster % TINTS).flatten(1).long()).view_as(cluster)
    return Pattern((2 + tint) * (cluster > 0), margin=True)


def _windows(maps: Maps, which: int, sides: Sides, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each frame the place of its first pixel in `labels`, and the steps to the next row and column."""
    _, height, width = sides
    tall, wide = maps.height[which], maps.width[which]
    turned = u[3] < 0.5  # rows of the frame are columns of the map
    high, broad = torch.where(turned, width, height), torch.where(turned, height, width)
    cluster = maps.first[which][(u[0] * len(maps.first[which])).long()]  # N, 2
    top = (cluster[:, 0] - (u[1] * high).long()).clamp(min=0).minimum(tall - high)
    left = (cluster[:, 1] - (u[2] * broad).long()).clamp(min=0).minimum(wide - broad)
    down, right = torch.where(u[4] < 0.5, 1, -1), torch.where(u[5] < 0.5, 1, -1)
    top = torch.where(down > 0, top, top + high - 1)
    left = torch.where(right > 0, left, left + broad - 1)
    steps = down * wide, right
    row_step = torch.where(turned, steps[1], steps[0])
    column_step = torch.where(turned, steps[0], steps[1])
    return maps.begin[which] + top * wide + left, row_step, column_step


@cache
def load_maps(folder: str, device: str) -> Maps:
    """All maps (`*.fits`, `*.fit`, 0 = bad) of a folder, or one of a file (`_labelled_file`); a relative path
    starts at the project's folder.

    Rows and columns at the edges that are bad from end to end are cut off: on an infrared detector these are
    its reference pixels. `UserError` where there is no such file, or one can't be read or has no bad pixel.
    """
    across_first = folder.startswith(ACROSS_FIRST)
    place = ROOT / folder.removeprefix(ACROSS_FIRST)
    single = place.is_file()
    paths = [place] if single else sorted(place.glob("*"))
    paths = [path for path in paths if single or path.suffix.lower() in FITS]
    if not paths:
        raise UserError(
            f"[defects] detector_maps: expected bad-pixel maps (*.fits) in {ROOT / folder}, found none; "
            "'make data' fetches two real ones"
        )
    labelled = [
        _labelled(path) if path.suffix.lower() in FITS else _labelled_file(path, across_first)
        for path in paths
    ]
    flat = np.concatenate([labels.ravel() for labels in labelled])
    sizes = np.cumsum([0] + [labels.size for labels in labelled])
    return Maps(
        torch.from_numpy(flat).to(device),
        tuple(int(size) for size in sizes[:-1]),
        tuple(labels.shape[0] for labels in labelled),
        tuple(labels.shape[1] for labels in labelled),
        tuple(torch.from_numpy(_first_pixels(labels)).to(device) for labels in labelled),
    )


def _labelled_file(path: Path, across_first: bool) -> NDArray[np.int32]:
    """A map of another kind: a picture, bright where a pixel is bad, or text, a line `y x` a bad pixel.

    Text may be gzipped; with `across_first` a line is `x y`. It says how large the sensor is in a comment
    `# 2844x4284` (rows x columns); else the sensor ends with the last bad row and column.
    """
    try:
        if path.suffix.lower() in (".png", ".bmp", ".tif", ".tiff"):
            with Image.open(path) as image:
                bad = np.asarray(image.convert("L")) >= 128
        else:
            data = path.read_bytes()
            if data.startswith(b"\x1f\x8b"):
                data = gzip.decompress(data)
            bad = _marked(data.decode(), across_first)
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"{path}: expected a bad-pixel map, a picture or lines of 'y x', got a file with: {error}"
        ) from error
    if not bad.any():
        raise UserError(f"{path}: expected bad pixels in it, found none")
    return np.asarray(label(bad, structure=np.ones((3, 3), dtype=int))[0], np.int32)


def _marked(text: str, across_first: bool) -> NDArray[np.bool_]:
    """Lines of two whole numbers -> (H, W) bool."""
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    places = np.array([[int(word) for word in words] for words in lines if words], np.int64).reshape(-1, 2)
    if across_first:
        places = places[:, ::-1]
    if places.size and places.min() < 0:
        raise ValueError(f"a place of {places.min()}")
    said = re.search(r"#.*?(\d+) *x *(\d+)", text)
    sides = (int(said[1]), int(said[2])) if said else tuple(places.max(0, initial=0) + 1)
    if places.size and (places.max(0) >= sides).any():
        raise ValueError(f"a place outside its {sides[0]}x{sides[1]} px")
    if sides[0] * sides[1] > MOST_PIXELS:
        raise ValueError(f"{sides[0]}x{sides[1]} px, more than {MOST_PIXELS}")
    bad = np.zeros(sides, np.bool_)
    bad[places[:, 0], places[:, 1]] = True
    return bad


def _labelled(path: Path) -> NDArray[np.int32]:
    """A map with its clusters (8-connected) numbered from 1; 0 where a pixel is good."""
    try:
        with Image.open(path, formats=("FITS",)) as image:
            values = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"{path}: expected a bad-pixel map as a FITS image, got a file with: {error}"
        ) from error
    bad = values == 0
    while bad.size and (edges := _bad_edges(bad)) != (0, 0, 0, 0):
        north, south, west, east = edges
        bad = bad[north : bad.shape[0] - south, west : bad.shape[1] - east]
    if not bad.any():
        raise UserError(
            f"{path}: expected 0 where a pixel is bad; between its edges the map has no 0, or no pixel"
        )
    labels, _ = label(bad, structure=np.ones((3, 3), dtype=int))
    return np.asarray(labels, np.int32)


def _bad_edges(bad: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """1 for each of the four edges (north, south, west, east) that is bad from end to end, else 0."""
    return int(bad[0].all()), int(bad[-1].all()), int(bad[:, 0].all()), int(bad[:, -1].all())


def _first_pixels(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """(clusters, 2): row and column of the first pixel of each cluster, in reading order."""
    _, first = np.unique(labels, return_index=True)
    return np.stack(np.divmod(first[1:] if (labels == 0).any() else first, labels.shape[1]), axis=1)
