"""Golden figures: what differs, what of it breaks a bound, and how it is said."""

import pytest

from sim.golden import FLOORS, Change, changes

STORED = {
    "network": "ab" * 32,
    "photos": {"coffee": {"pixels": "cd" * 32, "psnr_db": 30.0, "ssim": 0.9}},
    "cycles": {"per_frame": 1000},
    "cells": None,
}


def test_equal_figures() -> None:
    assert changes(STORED, STORED) == []
    assert changes({"cells": {}}, {}) == [], "a table without figures says nothing"


def test_changes_come_in_order_with_their_names() -> None:
    came = {**STORED, "cycles": {"per_frame": 1200, "first_pixel": 5}, "cells": {"total": {"lut": 3.5}}}
    del came["network"]
    assert [(change.name, change.stored, change.came) for change in changes(STORED, came)] == [
        ("cycles.per_frame", 1000, 1200),
        ("cycles.first_pixel", None, 5),
        ("cells.total.lut", None, 3.5),
        ("network", "ab" * 32, None),
    ]


@pytest.mark.parametrize(
    ("name", "stored", "came", "breaks"),
    [
        ("cycles.per_frame", 1000, 1001, True),
        ("cycles.per_frame", 1000, 999, True),  # faster is a change too
        ("photos.coffee.pixels", "ab", "cd", True),
        ("photos.coffee.psnr_db", 30.0, 31.0, False),
        ("photos.coffee.psnr_db", 30.0, 29.995, False),
        ("photos.coffee.psnr_db", 30.0, 29.98, True),
        ("photos.coffee.defect_ssim", 0.5, 0.49995, False),
        ("photos.coffee.defect_ssim", 0.5, 0.4998, True),
        ("photos.coffee.ssim", 0.5, None, True),
        ("photos.coffee.ssim", None, 0.5, True),
    ],
)
def test_bounds(name: str, stored: object, came: object, breaks: bool) -> None:
    assert Change(name, stored, came).breaks is breaks


@pytest.mark.parametrize(
    ("name", "stored", "came", "falls"),
    [
        ("photos.coffee.psnr_db", 30.0, 29.98, True),
        ("photos.coffee.psnr_db", 30.0, 29.995, False),
        ("photos.coffee.psnr_db", 30.0, None, False),
        ("cells.StreamingFIFO_rtl.bram36", 4.5, 4.0, False),
        ("cells.SlidingWindow_rtl.bram36", None, 8.5, False),
    ],
)
def test_only_quality_falls_below_a_floor(name: str, stored: object, came: object, falls: bool) -> None:
    assert Change(name, stored, came).falls is falls


def test_quality_has_floors_and_nothing_else() -> None:
    assert set(FLOORS) == {"psnr_db", "ssim", "defect_psnr_db", "defect_ssim"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change("cycles.per_frame", 499655, 500001), "cycles.per_frame: 499,655 -> 500,001 (+346)"),
        (Change("a.ssim", 0.9, 0.85), "a.ssim: 0.9000 -> 0.8500 (-0.0500)"),
        (Change("network", "0123456789abcdef", None), "network: 0123456789ab -> nothing"),
    ],
)
def test_in_words(change: Change, said: str) -> None:
    assert str(change) == said
