"""Sample photographs for the board, and what the integer model makes of them."""

import io
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from board.overlay import Overlay
from board.selftest import FORMAT, pixel_digest
from board.tiles import Tiling
from model.defects import DefectConfig, damage
from model.photos import crop, held_out
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


def files(overlay: Overlay, model: IntegerModel) -> dict[str, bytes]:
    """The folder samples/: damaged crops, maps where the network takes one, samples.json with the digests."""
    photographs = held_out()
    made: dict[str, bytes] = {}
    results = {}
    for seed, name in enumerate(PHOTOGRAPHS):
        photo = photographs[name]
        sides = (min(round(SIZE * side), limit) for side, limit in
                 zip((overlay.height, overlay.width), photo.shape[:2], strict=True))  # fmt: skip
        damaged = damage(crop(photo, *sides), replace(DefectConfig(), boxes=(3, 6)), seed)
        defects = damaged.broken * np.uint8(255)
        made[f"{name}.png"] = _png(damaged.defective)
        if overlay.mapped:
            made[f"{name}.map.png"] = _png(defects)
        results[f"{name}.png"] = pixel_digest(repaired(overlay, model, damaged.defective, defects))
    about = {"format": FORMAT, "plan_digest": overlay.plan_digest, "results": results, "sources": PHOTOGRAPHS}
    return {**made, "samples.json": as_json(about).encode()}


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
