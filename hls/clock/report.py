"""The clock of a build: of each node, of the whole, its worst paths, and whether it is the one asked for.

"inside" counts paths between a node's own registers; a node's clock counts those across its ports as well.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from rich.table import Table

from hls.clock import netlist
from hls.clock.compose import Part, compose
from hls.clock.delays import Delays, find
from hls.clock.sta import Steps, analyse, total
from hls.config import HlsConfig
from hls.synthesis.jobs import Synthesized
from hls.synthesis.units import Unit
from pixelmend.console import console, note
from pixelmend.errors import UserError

WORST = 12
"""Paths that are told of."""

Report = dict[str, Any]


def clock(pieces: list[Unit], results: Mapping[str, Synthesized], hls: HlsConfig, family: str) -> Report:
    """fit.json's "clock" of a build whose units are `pieces`."""
    delays = find(hls.part, family)
    parts = [_part(unit, results[unit.name], delays) for unit in pieces]
    return of_parts(parts, {unit.name: unit.op for unit in pieces}, delays, hls)


def _part(unit: Unit, result: Synthesized, delays: Delays) -> Part:
    if result.netlist is None:
        raise UserError(f"{unit.name}: synthesized without a netlist, so without a clock")
    return Part(unit.name, analyse(netlist.read(result.netlist), delays, unit.name), unit.nets)


def of_parts(parts: list[Part], ops: Mapping[str, str], delays: Delays, hls: HlsConfig) -> Report:
    """The same, of nodes with their timing; `ops`: their operators."""
    whole = compose(parts, delays)
    inside = {part.name: part.timing.ns for part in parts}
    longest = dict(inside)
    for path in whole.paths:
        for node in {step.node for step in path} & longest.keys():
            longest[node] = max(longest[node], total(path))
    kinds = frozenset().union(*(part.timing.kinds for part in parts))
    paths = sorted((path for part in parts for path in part.timing.paths), key=total, reverse=True)
    paths = sorted([*paths[: 4 * WORST], *whole.paths[: 4 * WORST]], key=total, reverse=True)
    return {
        "configured_mhz": hls.clock_mhz,
        "margin": hls.clock_margin,
        "needed_mhz": round(hls.clock_mhz * (1 + hls.clock_margin), 1),
        "mhz": _mhz(max(map(total, paths), default=0.0), delays, kinds),
        "delays": delays.name,
        "uncertainty_ns": delays.uncertainty,
        "loops": sorted(
            {f"{part.name}: {name}" for part in parts for name in part.timing.loops} | set(whole.loops)
        ),
        "nodes": [
            {
                "name": part.name,
                "op": ops[part.name],
                "inside_mhz": _mhz(inside[part.name], delays, part.timing.kinds),
                "mhz": _mhz(longest[part.name], delays, part.timing.kinds),
            }
            for part in parts
        ],
        "paths": [_told(path, delays) for path in _different(paths)],
    }


def _mhz(ns: float, delays: Delays, kinds: frozenset[str]) -> float:
    """The clock of a path, at most what the clock tree and the memories and DSP slices among `kinds` take."""
    limits = delays.values["clock"]
    most = limits["tree_mhz"]
    if any(kind.startswith("RAMB") for kind in kinds):
        most = min(most, limits["bram_mhz"])
    if any(kind.startswith("DSP48") for kind in kinds):
        most = min(most, limits["dsp_mhz"])
    return round(float(min(most, 1e3 / (ns + delays.uncertainty))), 1)


def _different(paths: Iterable[Steps]) -> list[Steps]:
    """The worst of those that start and end in the same node and take the same nodes between."""
    found: dict[tuple[str, ...], Steps] = {}
    for path in paths:
        found.setdefault(tuple(name for name, _ in groupby(step.node for step in path)), path)
    return list(found.values())[:WORST]


def _told(path: Steps, delays: Delays) -> Report:
    ends = [{"node": step.node, "name": step.name, "at": step.place} for step in (path[0], path[-1])]
    return {
        "ns": round(total(path), 3),
        "mhz": round(1e3 / (total(path) + delays.uncertainty), 1),
        "from": ends[0],
        "to": ends[1],
        "nodes": [name for name, _ in groupby(step.node for step in path)],
        "cells": [
            {
                "kind": step.kind, "name": step.name, "at": step.place, "node": step.node,
                "net_ns": round(step.net, 3), "cell_ns": round(step.cell, 3),
            }
            for step in path
        ],
    }  # fmt: skip


def missed(report: Report) -> Iterator[str]:
    """Why the clock asked for is not met, if it is not."""
    if report["loops"]:
        yield f"clock: combinational loop through {', '.join(report['loops'][:4])}, so no clock is known"
    if report["mhz"] < report["needed_mhz"]:
        worst = report["paths"][0] if report["paths"] else None
        yield (
            f"clock: the model supports {report['mhz']:g} MHz, {report['needed_mhz']:g} needed "
            f"(clock_mhz {report['configured_mhz']:g} and a margin of {report['margin']:.0%})"
            + (f"; the worst path takes {described(worst)}" if worst else "")
        )


def described(path: Report) -> str:
    """A path in a line: where from, where to, through which nodes and how many of which cells."""
    kinds = [(kind, len(list(same))) for kind, same in groupby(cell["kind"] for cell in path["cells"][1:-1])]
    cells = " ".join(kind if number == 1 else f"{number}x{kind}" for kind, number in kinds)
    between = path["nodes"][1:-1]
    through = f" through {', '.join(between)}" if between else ""
    return (
        f"{path['ns']:.2f} ns from {_end(path['from'])} to {_end(path['to'])}{through}: {cells or 'no logic'}"
    )


def _end(end: Report) -> str:
    name = end["name"].rsplit(".", 1)[-1] or "a register"
    return f"{end['node']} {name}" + (f" ({end['at']})" if end["at"] else "")


def by_op(report: Report) -> dict[str, dict[str, float]]:
    """The lowest clock among the nodes of an operator."""
    result: dict[str, dict[str, float]] = {}
    for node in report["nodes"]:
        row = result.setdefault(node["op"], {"inside_mhz": node["inside_mhz"], "mhz": node["mhz"]})
        for key in row:
            row[key] = min(row[key], node[key])
    return result


def show(report: Report) -> None:
    """Print the worst paths and the clock of the whole."""
    table = Table(
        title=f"longest paths, {report['delays']}, uncertainty of {report['uncertainty_ns']:g} ns apart"
    )
    for name, justify in (
        ("ns", "right"),
        ("MHz", "right"),
        ("from", "left"),
        ("to", "left"),
        ("cells", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for path in report["paths"]:
        cells = described(path).split(": ", 1)[1]
        between = "".join(f"through {node}: " for node in path["nodes"][1:-1])
        table.add_row(
            f"{path['ns']:.2f}", f"{path['mhz']:.1f}", _end(path["from"]), _end(path["to"]), between + cells
        )
    console.print(table)
    for loop in report["loops"]:
        note(f"combinational loop: {loop}")
    note(
        f"clock: {report['mhz']:g} MHz by the model ({report['configured_mhz']:g} configured); "
        "bench.clock says how far it can be trusted"
    )
