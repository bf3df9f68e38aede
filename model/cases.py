"""Single samples of an evaluation to look at: a typical one, the best and the worst."""

from pathlib import Path

import numpy as np

from model.evaluate import BASELINES, Figures, Repair
from model.metrics import clusters
from model.samples import Sample, Samples
from model.sheet import absolute_error, sheet, signed_error, stack, write_png

SHOWN = ("defective", "median3", "inpaint")  # of the baselines; networks and what goes with them always
ZOOM = 64  # px, side of the part of a frame that is shown enlarged


def write_sheets(
    stem: Path, samples: Samples, rows: dict[str, list[Figures]], methods: dict[str, Repair]
) -> None:
    """Sheets of a typical, the best and the worst sample: whole frames, and their largest defect enlarged.

    They are ranked by the PSNR in the defects of the last method, which is also the one whose errors are
    shown: signed (mid grey is none, four times the contrast) and absolute.
    """
    subject = list(methods)[-1]
    order = np.argsort([row["defect_psnr_db"] for row in rows[subject]], kind="stable")
    cases = {"typical": order[len(order) // 2], "best": order[-1], "worst": order[0]}
    whole, enlarged = [], []
    for case, index in cases.items():
        sample = samples[int(index)]
        pictures = {f"{case} (sample {index})": sample.clean}
        for name, method in methods.items():
            if name in SHOWN or name not in BASELINES:
                result = method(sample.defective, sample.broken)
                pictures[f"{name}, {rows[name][index]['defect_psnr_db']:.1f} dB"] = result
        pictures["signed error x4"] = signed_error(sample.clean, result)
        pictures["absolute error"] = absolute_error(sample.clean, result)
        part = largest_defect(sample)
        whole.append(sheet(pictures))
        enlarged.append(sheet({name: pixels[part] for name, pixels in pictures.items()}))
    write_png(stem.with_suffix(".png"), stack(whole))
    write_png(stem.with_name(f"{stem.name}-enlarged.png"), stack(enlarged))


def largest_defect(sample: Sample) -> tuple[slice, slice]:
    """A window of `ZOOM` px, or as large as the frame allows, round the middle of the largest cluster."""
    box = max(clusters(sample.mask), key=lambda sides: int(sample.mask[sides].sum()))
    window = []
    for side, length in zip(box, sample.mask.shape, strict=True):
        size = min(ZOOM, length)
        start = min(max(0, (side.start + side.stop - size) // 2), length - size)
        window.append(slice(start, start + size))
    return window[0], window[1]
