"""Make a sensor's defect map from frames of darkness (lens covered) and of an even light.

    python -m board.calibrate darks/ flats/ -o map.png

Beside the map: map.report.json (counts, thresholds, clusters, histograms), map.histogram.png (dark level and
response of all pixels, counts on a logarithmic scale) and map.clusters.png (the defects by kind).
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from board import defectmap, pictures
from board.calibration import Found, Mask, Thresholds, clusters, find, grown, moments
from board.console import Progress, note, run
from board.device import Pixels
from board.errors import BoardError
from board.files import replacing, write_json
from board.inputs import jobs

COLOURS = {
    "hot": (255, 64, 32), "dead": (64, 128, 255), "strong": (255, 200, 0), "stuck": (220, 0, 220),
    "flickering": (0, 220, 120),
}  # fmt: skip
BINS = 64
HELP = {
    "hot": "standard deviations of the dark level above the neighbourhood",
    "least": "dark level above the neighbourhood, share of the range, that is no defect yet",
    "response": "how far the response to light may be from the neighbourhood's, share",
    "still": "noise below this share of the usual: stuck",
    "flicker": "noise above so many times the usual: flickering",
    "window": "px, odd: side of the neighbourhood",
    "grow": "px around each defect that are marked too",
}


def calibrate(options: argparse.Namespace) -> int:
    """Do what the command line asks; the exit status."""
    limits = Thresholds(**{field.name: getattr(options, field.name) for field in fields(Thresholds)})
    limits.check()
    if options.out.suffix.lower() != ".png":
        raise BoardError(f"{options.out}: a map is a PNG")
    dark = moments(_frames(options.darks, "dark"), "dark")
    flat = moments(_frames(options.flats, "flat"), "flat")
    found = find(dark, flat, limits, Progress("colours").tell)
    broken = grown(found.broken, limits.grow) if limits.grow else found.broken
    share = float(broken.mean())
    if share > options.most:
        raise BoardError(
            f"{share:.1%} of all pixels would be broken, more than {options.most:.1%} (--most); are the "
            "frames dark and even, and the thresholds right?"
        )
    report = _report(found, broken, limits, dark.count, flat.count)
    defectmap.write(options.out, broken, {key: report[key] for key in ("size", "frames", "thresholds")})
    _image(_beside(options.out, "histogram.png"), _histograms(report))
    _image(_beside(options.out, "clusters.png"), _clusters(found))
    write_json(_beside(options.out, "report.json"), report)
    counts = ", ".join(f"{count:,} {name}" for name, count in report["pixels"].items())
    groups = report["clusters"]
    note(
        f"{options.out}: {report['broken']:,} of {broken.size:,} pixels ({share:.3%}) in {groups['count']:,} "
        f"clusters, the largest of {groups['largest']} px; {counts}"
    )
    return 0


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.stem}.{what}")


def _frames(place: Path, what: str) -> Iterator[tuple[str, Pixels]]:
    """All pictures of a folder, or the frames of an array (N, H, W, 3)."""
    if place.suffix.lower() == ".npy" and place.is_file():
        stack = pictures.read_array(place)
        if stack.dtype != np.uint8 or stack.ndim != 4 or stack.shape[3] != 3:
            raise BoardError(f"{place}: expected uint8 (N, H, W, 3), got {stack.dtype} {stack.shape}")
        for number, frame in enumerate(stack):
            yield f"{place}[{number}]", frame
        return
    todo, complaints = jobs([str(place)], Path("nowhere"))
    if complaints:
        raise BoardError(complaints[0])
    progress = Progress(f"{what} frames")
    for number, job in enumerate(todo, start=1):
        yield str(job.source), pictures.read(job.source).pixels
        progress.tell(number, len(todo))


def _report(found: Found, broken: Mask, limits: Thresholds, darks: int, flats: int) -> dict[str, Any]:
    sizes = clusters(broken)
    return {
        "size": {"height": broken.shape[0], "width": broken.shape[1]},
        "frames": {"dark": darks, "flat": flats},
        "thresholds": asdict(limits),
        "broken": int(broken.sum()),
        "pixels": {name: int(mask.sum()) for name, mask in found.kinds().items()},
        "clusters": {
            "count": len(sizes),
            "largest": sizes[0] if sizes else 0,
            "by_size": {str(size): sizes.count(size) for size in sorted(set(sizes))},
        },
        "histograms": {
            "dark_level": _histogram(found.dark, -32, 255),
            "response": _histogram(found.response, 0, 2),
        },
    }


def _histogram(values: NDArray[np.float32], low: float, high: float) -> dict[str, Any]:
    """Counts of `BINS` equal steps; what lies outside is counted in the first or last."""
    counts, _ = np.histogram(np.clip(values, low, high), BINS, (low, high))
    return {"from": low, "to": high, "counts": counts.tolist()}


def _histograms(report: dict[str, Any]) -> Image.Image:
    """Both histograms, one above the other."""
    step, height, margin = 9, 160, 24
    image = Image.new("RGB", (BINS * step + 2 * margin, 2 * (height + 2 * margin)), "white")
    draw = ImageDraw.Draw(image)
    for number, (name, data) in enumerate(report["histograms"].items()):
        bottom = (number + 1) * (height + 2 * margin) - margin
        highest = np.log1p(max(data["counts"]))
        for i, count in enumerate(data["counts"]):
            tall = int(np.log1p(count) / highest * height) if highest else 0
            draw.rectangle(
                (margin + i * step, bottom - tall, margin + i * step + step - 2, bottom), (60, 60, 60)
            )
        words = f"{name.replace('_', ' ')} less the neighbourhood's: {data['from']:g} to {data['to']:g}"
        if name == "response":
            words = f"response over the neighbourhood's: {data['from']:g} to {data['to']:g}"
        draw.text((margin, bottom - height - margin + 6), f"{words}, pixels (log)", "black")
    return image


def _clusters(found: Found) -> Image.Image:
    """The defects by colour, on black."""
    pixels = np.zeros((*found.broken.shape, 3), np.uint8)
    for name, mask in found.kinds().items():
        pixels[mask] = COLOURS[name]
    return Image.fromarray(pixels)


def _image(path: Path, image: Image.Image) -> None:
    with replacing(path) as temporary:
        image.save(temporary)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m board.calibrate", description=__doc__.splitlines()[0])
    made.add_argument("darks", type=Path, help="folder of frames taken in darkness, or .npy (N, H, W, 3)")
    made.add_argument("flats", type=Path, help="folder of frames of an even light, at half the range or so")
    made.add_argument("-o", "--out", type=Path, required=True, help="the map, a PNG")
    for field in fields(Thresholds):
        kind = type(field.default)
        made.add_argument(
            f"--{field.name}", type=kind, default=field.default, help=f"{HELP[field.name]} ({field.default})"
        )
    made.add_argument(
        "--most", type=float, default=0.05, help="share of broken pixels that is believed (0.05)"
    )
    return made


def main() -> int:
    """The command."""
    return calibrate(parser().parse_args())


if __name__ == "__main__":
    run(main)
