"""Vivado's reports as numbers: `report_utilization` and `report_timing_summary`, from 2020.1 on.

A table or column that is absent is a `UserError`, never a zero.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelmend.errors import UserError

RESOURCES = {
    "lut": ("Slice LUTs", "CLB LUTs"),
    "ff": ("Slice Registers", "CLB Registers"),
    "bram36": ("Block RAM Tile",),
    "dsp": ("DSPs",),
}
"""What a resource is called in the reports of Zynq-7000 and Zynq UltraScale+."""

SUMMARY = "| Design Timing Summary"
COLUMNS = {
    "wns_ns": "WNS(ns)", "tns_ns": "TNS(ns)", "setup_failing": "TNS Failing Endpoints",
    "whs_ns": "WHS(ns)", "ths_ns": "THS(ns)", "hold_failing": "THS Failing Endpoints",
    "wpws_ns": "WPWS(ns)", "pulse_failing": "TPWS Failing Endpoints",
}  # fmt: skip
SLACK = re.compile(r"^Slack(?: \((?:MET|VIOLATED)\))?\s*:\s*(-?[\d.]+|inf)ns?", re.MULTILINE)


@dataclass(frozen=True)
class TimingPath:
    """A path of the timing report, slack and delay in ns; `kind` is setup or hold."""

    kind: str
    slack_ns: float
    source: str
    destination: str
    group: str
    requirement_ns: float
    delay_ns: float
    levels: int

    def __str__(self) -> str:
        return (
            f"{self.kind} slack {self.slack_ns:.3f} ns from {self.source} to {self.destination} "
            f"(clock {self.group}, {self.delay_ns:.3f} ns over {self.levels} levels of logic, "
            f"{self.requirement_ns:.3f} ns allowed)"
        )


@dataclass(frozen=True)
class Timing:
    """The summary, in ns and failing endpoints, and the paths that the report lists."""

    summary: dict[str, float]
    paths: list[TimingPath]

    @property
    def met(self) -> bool:
        """No slack is negative: setup, hold, pulse width."""
        return all(self.summary[key] >= 0 for key in ("wns_ns", "whs_ns", "wpws_ns"))

    @property
    def worst(self) -> TimingPath:
        """The path of the least slack."""
        return min(self.paths, key=lambda path: path.slack_ns)

    @property
    def failing(self) -> int:
        """Endpoints with a negative slack."""
        return int(sum(self.summary[f"{kind}_failing"] for kind in ("setup", "hold", "pulse")))


def utilization(path: Path) -> dict[str, dict[str, float]]:
    """Used and available LUT, FF, BRAM36 and DSP of a `report_utilization`."""
    text = _read(path)
    rows: dict[str, dict[str, float]] = {}
    columns: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0] == "Site Type":
            columns = cells
        elif columns and len(cells) == len(columns):
            values = dict(zip(columns, cells, strict=True))
            name = values["Site Type"].rstrip("*")
            if name not in rows and values.get("Used") and values.get("Available"):
                rows[name] = {key: float(values[key.capitalize()]) for key in ("used", "available")}
    result = {}
    for key, names in RESOURCES.items():
        found = next((rows[name] for name in names if name in rows), None)
        if found is None:
            raise UserError(f"{path}: expected a utilization report with a row {' or '.join(names)}")
        result[key] = found
    return result


def timing(path: Path) -> Timing:
    """Summary and paths of a `report_timing_summary`."""
    text = _read(path)
    return Timing(_summary(text, path), _paths(text, path))


def _summary(text: str, path: Path) -> dict[str, float]:
    lines = text.partition(SUMMARY)[2].splitlines()
    header = next((index for index, line in enumerate(lines) if "WNS(ns)" in line), None)
    if header is None or len(lines) < header + 3:
        raise UserError(f"{path}: expected a timing report with a Design Timing Summary")
    names, values = (re.split(r"\s{2,}", lines[at].strip()) for at in (header, header + 2))
    if len(names) != len(values):
        raise UserError(f"{path}: expected {len(names)} values in the Design Timing Summary, got {values}")
    row = dict(zip(names, values, strict=True))
    missing = [name for name in COLUMNS.values() if name not in row]
    if missing:
        raise UserError(f"{path}: the Design Timing Summary has no {', '.join(missing)}")
    if "NA" in row.values():
        raise UserError(f"{path}: nothing is timed: no clock reaches the design")
    return {key: float(row[name]) for key, name in COLUMNS.items()}


def _paths(text: str, path: Path) -> list[TimingPath]:
    starts = [match.start() for match in SLACK.finditer(text)]
    blocks = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    result = [_path(block) for block in blocks if "Path Type:" in block]
    if not result:
        raise UserError(f"{path}: expected a timing report that lists paths")
    return result


def _path(block: str) -> TimingPath:
    def field(name: str, pattern: str = r"(\S+)") -> str:
        match = re.search(rf"^\s*{re.escape(name)}:\s+{pattern}", block, re.MULTILINE)
        return match[1] if match else ""

    slack = SLACK.match(block)
    assert slack is not None
    return TimingPath(
        kind=field("Path Type").lower(),
        slack_ns=float(slack[1]),
        source=field("Source"),
        destination=field("Destination"),
        group=field("Path Group"),
        requirement_ns=float(field("Requirement", r"(-?[\d.]+)ns") or "nan"),
        delay_ns=float(field("Data Path Delay", r"(-?[\d.]+)ns") or "nan"),
        levels=int(field("Logic Levels") or 0),
    )


def _read(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"{path}: expected a report of Vivado, found nothing there")
    return path.read_text(encoding="utf-8", errors="replace")


def as_dict(report: Timing) -> dict[str, Any]:
    """For JSON."""
    return {**report.summary, "met": report.met, "worst_path": vars(report.worst)}
