"""Parsers of Vivado's reports: stored ones of both families, met and missed, and damaged ones."""

from pathlib import Path

import pytest

from hls.vivado import reports
from pixelmend.errors import UserError

STORED = Path(__file__).parent / "reports"


@pytest.mark.parametrize(
    ("name", "used", "available"),
    [
        ("utilization_zynq7.rpt", (39604, 44218, 104.5, 220), (53200, 106400, 140, 220)),
        ("utilization_zynqmp.rpt", (41377, 48890, 106, 220), (117120, 234240, 144, 1248)),
    ],
)
def test_utilization(name: str, used: tuple[float, ...], available: tuple[float, ...]) -> None:
    found = reports.utilization(STORED / name)
    assert list(found) == ["lut", "ff", "bram36", "dsp"]
    assert tuple(row["used"] for row in found.values()) == used
    assert tuple(row["available"] for row in found.values()) == available


def test_timing_met() -> None:
    timing = reports.timing(STORED / "timing_met.rpt")
    assert timing.met
    assert timing.failing == 0
    assert timing.summary["wns_ns"] == 0.214
    assert timing.summary["whs_ns"] == 0.019
    assert timing.summary["wpws_ns"] == 3.75
    assert [path.kind for path in timing.paths] == ["setup", "setup", "hold"]
    assert timing.worst.slack_ns == 0.019, "of hold, here"


def test_timing_missed() -> None:
    timing = reports.timing(STORED / "timing_missed.rpt")
    assert not timing.met
    assert timing.failing == 131
    assert timing.summary["tns_ns"] == -21.604
    worst = timing.worst
    inside = "pixelmend_shell_i/pixelmend_0/inst/i_top/"
    assert worst.source == f"{inside}i_conv2_mvau/inst/core/genStages[3].dsp/CLK"
    assert worst.destination == f"{inside}i_conv2_thresholds_in0_width/core/genGear.ADat_reg[17]/D"
    assert (worst.slack_ns, worst.delay_ns, worst.requirement_ns, worst.levels) == (-0.387, 9.949, 10.0, 9)
    assert str(worst) == (
        f"setup slack -0.387 ns from {worst.source} to {worst.destination} "
        "(clock clk_fpga_0, 9.949 ns over 9 levels of logic, 10.000 ns allowed)"
    )


@pytest.mark.parametrize("key", ["wns_ns", "whs_ns", "wpws_ns"])
def test_each_kind_of_slack_counts(key: str) -> None:
    met = reports.timing(STORED / "timing_met.rpt")
    assert not reports.Timing({**met.summary, key: -0.001}, met.paths).met


@pytest.mark.parametrize(
    ("parse", "stored", "old", "new", "message"),
    [
        (reports.utilization, "utilization_zynq7.rpt", "| DSPs ", "| MACs ", "with a row DSPs"),
        (reports.utilization, "utilization_zynq7.rpt", "Slice LUTs", "Slice", "a row Slice LUTs or CLB LUTs"),
        (reports.utilization, "failed.log", "", "", "expected a utilization report with a row Slice LUTs"),
        (reports.timing, "failed.log", "", "", "expected a timing report with a Design Timing Summary"),
        (reports.timing, "timing_met.rpt", "WPWS(ns)", "wpws", "the Design Timing Summary has no WPWS"),
        (reports.timing, "timing_met.rpt", "      0.214", "         NA", "no clock reaches the design"),
        (reports.timing, "timing_met.rpt", "  118406", "        ", "expected 12 values in the Design Timing"),
        (reports.timing, "timing_met.rpt", "Path Type:", "Type:", "a timing report that lists paths"),
    ],
)  # fmt: skip
def test_damaged(parse, stored: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    text = (STORED / stored).read_text()
    assert old in text
    (tmp_path / "some.rpt").write_text(text.replace(old, new))
    with pytest.raises(UserError, match=r"some\.rpt: ") as caught:
        parse(tmp_path / "some.rpt")
    assert message in str(caught.value)


def test_no_report(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.rpt: expected a report of Vivado, found nothing there"):
        reports.timing(tmp_path / "none.rpt")
