"""The engine of evaluations: every method on every sample, whatever the number of processes."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model.baselines import Map
from model.cases import ZOOM, largest_defect, write_sheets
from model.defects import DefectConfig
from model.evaluate import BASELINES, Figures, Repair, figures_of, measure
from model.metrics import CAP_DB
from model.photos import Photo
from model.samples import Sample, Samples
from pixelmend.config import Frame
from pixelmend.errors import UserError

RNG = np.random.default_rng(8)
PHOTOS = [RNG.integers(60, 190, (40, 90, 3), dtype=np.uint8) for _ in range(2)]
SAMPLES = Samples(PHOTOS, Frame(height=32, width=80), DefectConfig(boxes=(1, 2), side=(4, 6)), 3)


def brighter(by: int, frame: Photo, broken: Map) -> Photo:
    return frame + np.uint8(by)


METHODS: dict[str, Repair] = BASELINES | {"brighter": partial(brighter, 20)}


def refuse(frame: Photo, broken: Map) -> Photo:
    raise UserError("no frame is good enough")


def test_every_method_on_every_sample_in_order() -> None:
    ticks: list[int] = []
    rows = measure(SAMPLES, 5, METHODS, tick=lambda: ticks.append(1))
    assert list(rows) == ["defective", "median3", "median5", "median3_in_map", "inpaint", "brighter"]
    assert len(ticks) == 5
    for index in range(5):
        sample = SAMPLES[index]
        assert rows["defective"][index] == figures_of(sample, sample.defective)
        assert rows["brighter"][index] == figures_of(sample, sample.defective + np.uint8(20))
        assert rows["brighter"][index]["false_over_8_per_mpx"] == pytest.approx(1e6)
        assert rows["defective"][index]["recall"] == 0
        known, everywhere = rows["median3_in_map"][index], rows["median3"][index]
        assert known["psnr_db"] > everywhere["psnr_db"]  # noise is lost to a median, but not outside the map


def test_a_perfect_repair_has_the_highest_figures() -> None:
    sample = SAMPLES[0]
    figures = figures_of(sample, sample.clean)
    assert figures["false_per_mpx"] == figures["left"] == 0
    assert figures["psnr_db"] == figures["defect_psnr_db"] == CAP_DB


def test_processes_change_nothing() -> None:
    threads = torch.get_num_threads()
    alone, together = measure(SAMPLES, 7, METHODS), measure(SAMPLES, 7, METHODS, jobs=2)
    assert alone == together
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_goes_wrong_in_a_process_is_said(jobs: int) -> None:
    with pytest.raises(UserError, match="no frame is good enough"):
        measure(SAMPLES, 3, {"refused": refuse}, jobs=jobs)


def test_sheets_show_the_typical_the_best_and_the_worst(tmp_path: Path) -> None:
    """Ranked by the last method; each row is 80 px of frame or 64 px of defect, enlarged to at least 256."""
    methods = {"defective": BASELINES["defective"], "median5": BASELINES["median5"], "net": brighten}
    rows: dict[str, list[Figures]] = {
        name: [{"defect_psnr_db": value} for value in (20.0, 11.0, 30.0, 19.0, 21.0)] for name in methods
    }
    write_sheets(tmp_path / "x", SAMPLES, rows, methods)
    frames, parts = (np.asarray(Image.open(tmp_path / name)) for name in ("x.png", "x-enlarged.png"))
    shown = ("clean", "defective", "net", "signed", "absolute")
    height, width = 32 * 4, 80 * 4
    assert frames.shape == (3 * (height + 30), len(shown) * (width + 8) + 8, 3)
    assert parts.shape == (3 * (height + 30), len(shown) * (256 + 8) + 8, 3)
    for row, index in enumerate((0, 2, 1)):
        sample, top = SAMPLES[index], row * (height + 30) + 22
        for column, expected in {0: sample.clean, 1: sample.defective, 2: sample.defective + 9}.items():
            left = 8 + column * (width + 8)
            assert np.array_equal(frames[top : top + height : 4, left : left + width : 4], expected)
        part = largest_defect(sample)
        assert np.array_equal(parts[top : top + height : 4, 8 : 8 + 256 : 4], sample.clean[part])


def brighten(frame: Photo, broken: Map) -> Photo:
    return brighter(9, frame, broken)


@pytest.mark.parametrize("left", [0, 30, 190])
def test_the_largest_defect_is_in_the_window(left: int) -> None:
    mask = np.zeros((48, 200), bool)
    mask[40:42, left : left + 5] = True
    mask[3, 100] = True
    frame = np.zeros((48, 200, 3), np.uint8)
    rows, columns = largest_defect(Sample(frame, frame, mask, mask))
    assert (rows.start, rows.stop) == (0, 48)
    assert columns.stop - columns.start == ZOOM
    assert 0 <= columns.start <= left
    assert left + 5 <= columns.stop <= 200
