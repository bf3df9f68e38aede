"""Samples for the board, and the digests of what the integer model makes of them.

Of a network that gives a picture of the size that it takes, photographs of any size, tile by tile: damaged, or as the
task gives them. Of any other, frames of the input's format, which `numpy.load` reads: of a task photographs again, else
random values.
"""

import io
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from board.overlay import Overlay
from board.selftest import FORMAT, frame_digest, pixel_digest
from board.tiles import Tiling
from model.defects import DefectConfig, damage
from model.photos import crop, held_out
from model.tasks import Task
from model.tasks.evaluate import sample_of
from pixelmend.files import as_json
from sim.integer import IntegerModel

Pixels = NDArray[np.uint8]

PHOTOGRAPHS = {
    "astronaut": "NASA, public domain",
    "coffee": "Rachel Michetti, no copyright",
    "rocket": "SpaceX, CC0",
}
"""Never trained on; from scikit-image, with what it says of their licences."""

SIZE = 5 / 4  # of a frame: more than one tile each way


def files(overlay: Overlay, model: IntegerModel, task: Task | None = None) -> dict[str, bytes]:
    """The folder samples/: what goes in, maps where the network takes one, samples.json with the digests."""
    made = _pictures(overlay, model, task) if overlay.ports.repairs else _frames(overlay, model, task)
    data = {name: content for name, (content, _) in made.items()}
    results = {name: digest for name, (_, digest) in made.items() if digest is not None}
    about = {"format": FORMAT, "plan_digest": overlay.plan_digest, "results": results, "sources": PHOTOGRAPHS}
    return {**data, "samples.json": as_json(about).encode()}


def _pictures(
    overlay: Overlay, model: IntegerModel, task: Task | None
) -> dict[str, tuple[bytes, str | None]]:
    """Crops larger than a frame; by file, its bytes and the digest of the result, none of a map."""
    made: dict[str, tuple[bytes, str | None]] = {}
    for seed, (name, photo) in enumerate(_photographs()):
        sides = (min(round(SIZE * side), limit) for side, limit in
                 zip((overlay.height, overlay.width), photo.shape[:2], strict=True))  # fmt: skip
        clean = crop(photo, *sides)
        if task is not None:
            picture = sample_of(task, clean, np.random.default_rng(seed)).given
            defects = np.zeros(picture.shape[:2], np.uint8)
        else:
            damaged = damage(clean, replace(DefectConfig(), boxes=(3, 6)), seed)
            picture, defects = damaged.defective, damaged.broken * np.uint8(255)
        made[f"{name}.png"] = _png(picture), pixel_digest(repaired(overlay, model, picture, defects))
        if overlay.mapped:
            made[f"{name}.map.png"] = _png(defects), None
    return made


def _frames(overlay: Overlay, model: IntegerModel, task: Task | None) -> dict[str, tuple[bytes, str | None]]:
    """One frame a photograph, with the digest of all outputs together."""
    made: dict[str, tuple[bytes, str | None]] = {}
    port = overlay.ports.input
    for seed, (name, photo) in enumerate(_photographs()):
        if task is not None:
            largest = max(task.factors)
            clean = crop(photo, port.height * largest, port.width * largest)
            frame = sample_of(task, clean, np.random.default_rng(seed)).given
        else:
            frame = port.random(1, seed)[0]
        frame = np.ascontiguousarray(frame, port.format.dtype)
        results = model.results(model.tensors(frame[None]))
        given = [
            one[0].astype(out.format.dtype) for one, out in zip(results, overlay.ports.outputs, strict=True)
        ]
        stream = io.BytesIO()
        np.save(stream, frame)
        made[f"{name}.npy"] = stream.getvalue(), frame_digest(given)
    return made


def _photographs() -> list[tuple[str, Pixels]]:
    found = held_out()
    return [(name, found[name]) for name in PHOTOGRAPHS]


def repaired(overlay: Overlay, model: IntegerModel, picture: Pixels, defects: Pixels) -> Pixels:
    """What the integer model makes of a picture (H, W, 3) and its map (H, W), tile by tile."""
    tiling = Tiling(overlay, *picture.shape[:2])
    result = np.empty_like(picture)
    frame = np.empty((overlay.height, overlay.width, overlay.channels), np.uint8)
    for tile in tiling:
        tiling.cut(tile, picture, frame[..., :3])
        if overlay.mapped:
            tiling.cut(tile, defects, frame[..., 3])
        rows, columns = tile.rows, tile.columns
        inside = (
            slice(rows.first - rows.at, rows.last - rows.at),
            slice(columns.first - columns.at, columns.last - columns.at),
        )
        result[rows.first : rows.last, columns.first : columns.last] = model.run(frame[None])[0][inside]
    return result


def _png(pixels: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()
