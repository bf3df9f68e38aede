"""Show in RTL simulation that every FIFO is deep enough, and what less would cost.

    python -m sim.fifo_check build/tiny [--config configs/tiny.toml]

A block RAM holds more words than a FIFO was given, so the simulation caps every FIFO at its depth, to the
beat. With these caps the network must run at full pace: at most `TOLERANCE` slower than without. Then

- every skip FIFO is cut, the others left as they are, to find the smallest capacity that keeps the pace and
  the smallest that does not deadlock;
- every other FIFO is cut to `SHALLOW` beats, to show what its memory earns.

Timing does not depend on the data; every run's pixels must equal those without caps. Written into the build
folder: `fifo_check.json`. Exit status is not 0 where a skip FIFO is too shallow for full pace, or more than
`SURPLUS` times as deep as that takes.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from rich.table import Table

from hls.fifo import skips
from hls.ops import facets
from pixelmend import config as configuration
from pixelmend.console import console, note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import read_fields, write_json
from pixelmend.provenance import commit, versions
from sim.config import SimConfig
from sim.rtl import CACHE, RtlModel
from sim.verilator import Deadlock

TOLERANCE = 0.005  # of the cycles per frame
SURPLUS = 1.15
SHALLOW = 2  # beats; the least that FINN builds
LEAST_FRAMES = 3  # the last two give the rate


@dataclass(frozen=True)
class Fifo:
    """A FIFO of the build; capacities are beats."""

    name: str
    width_bits: int
    depth: int
    floor: int | None  # for a skip: with less it must deadlock, by `hls.order`


@dataclass(frozen=True)
class Limits:
    """What cutting one skip FIFO showed; the true limits lie above the first and at most at the second."""

    deadlocks_at: int
    alive_at: int
    slow_at: int
    full_at: int


@dataclass
class Bench:
    """Runs the compiled build with FIFOs capped; `context` are the caps where a trial does not name one."""

    model: RtlModel
    frames: NDArray[Any]
    idle_limit: int
    expected: tuple[NDArray[Any], ...]  # of each output
    on_run: Callable[[], None] = lambda: None
    context: dict[str, int] = field(default_factory=dict)

    def cycles(self, caps: Mapping[str, int]) -> float:
        """Cycles per frame in the steady state; infinite where it deadlocks."""
        try:
            result = self.model.run(self.frames, caps={**self.context, **caps}, idle_limit=self.idle_limit)
        except Deadlock as error:
            if not error.report.reason.startswith("deadlock"):
                raise
            return math.inf
        finally:
            self.on_run()
        if not all(map(np.array_equal, result.results, self.expected)):
            raise UserError(f"the pixels differ with FIFOs capped at {dict(caps) or self.context}")
        return result.per_frame


def fifo_check(
    folder: Path, config: Path | None = None, resolution: float = 0.01, jobs: int | None = None
) -> dict[str, Any]:
    """Check the FIFOs of the build `folder`; returns what it writes to `fifo_check.json`.

    Limits are found to within the share `resolution`. Raises `UserError` after writing where a depth is
    wrong.
    """
    settings = configuration.load(config, "sim", SimConfig) if config else SimConfig()
    note("rtl: compiling the simulation, unless it is in the cache")
    io = read_fields(folder / "io.json", {"expected_cycles": int})
    model = RtlModel.load(folder, CACHE, settings.threads)
    report = measure(model, settings, resolution, jobs or os.cpu_count() or 1)
    slowest = io["expected_cycles"]
    report = {
        "config": folder.name,
        "commit": commit(),
        "versions": versions(),
        "slowest_node_expected": slowest,
        **report,
    }
    write_json(folder / "fifo_check.json", report)
    _show(report)
    judge(report)
    return report


def measure(model: RtlModel, settings: SimConfig, resolution: float, jobs: int) -> dict[str, Any]:
    """All figures of the report that come from the simulation."""
    found = fifos(model.graph)
    depths = {fifo.name: fifo.depth for fifo in found}
    skips = [fifo for fifo in found if fifo.floor is not None]
    others = [fifo for fifo in found if fifo.floor is None]
    count = max(LEAST_FRAMES, settings.frames)
    frames = model.ports.input.random(count, seed=0)
    runs = 2 + len(others) + sum(2 + _steps(fifo, resolution) for fifo in skips)
    with _progress(runs) as on_run, ThreadPoolExecutor(jobs) as pool:
        free = model.run(frames, idle_limit=settings.idle_limit)
        on_run()
        bench = Bench(model, frames, settings.idle_limit, free.results, on_run)
        given = bench.cycles(depths)
        enough = math.floor(free.per_frame * (1 + TOLERANCE))
        tops = depths
        if given <= enough:
            bench.context = depths
        else:  # something is too shallow: leave the others their real sizes, and look above the depths too
            tops = {name: max(depth, free.fills[name]) + 1 for name, depth in depths.items()}
        cut = [pool.submit(limits, bench, fifo, tops[fifo.name], enough, resolution) for fifo in skips]
        shallow = [pool.submit(bench.cycles, {fifo.name: SHALLOW}) for fifo in others]
        skip_rows = [_skip_row(fifo, future.result()) for fifo, future in zip(skips, cut, strict=True)]
        other_rows = [
            _other_row(fifo, future.result(), free.per_frame)
            for fifo, future in zip(others, shallow, strict=True)
        ]
    return {
        "frames": count,
        "tolerance": TOLERANCE,
        "resolution": resolution,
        "cycles_per_frame": {"uncapped": free.per_frame, "at_depth": _finite(given)},
        "skips": skip_rows,
        "skip_bits": _sums(skip_rows),
        "others": other_rows,
    }


def fifos(graph: ModelWrapper) -> list[Fifo]:
    """The FIFOs of a connected graph, in its order."""
    floors = skips(graph)
    result = []
    for node in graph.graph.node:
        operator = facets(node)
        if operator.buffers:
            width, depth = operator.get_instream_width(), operator.number("depth")
            result.append(Fifo(node.name, width, depth, floors.get(node.name)))
    return result


def limits(bench: Bench, fifo: Fifo, top: int, enough: int, resolution: float) -> Limits:
    """Cut one skip FIFO from `top`, at which it keeps the pace of at most `enough` cycles per frame."""
    paces: dict[int, float] = {0: math.inf, top: enough}

    def search(target: float, probes: tuple[int, ...] = ()) -> tuple[int, int]:
        low = max(capacity for capacity, pace in paces.items() if pace > target)
        high = min(capacity for capacity, pace in paces.items() if pace <= target)
        queue = list(probes)
        while high - low > max(1, int(resolution * high)):
            capacity = queue.pop(0) if queue else (low + high) // 2
            if not low < capacity < high:
                continue
            paces[capacity] = bench.cycles({fifo.name: capacity})
            if paces[capacity] <= target:
                high = capacity
            else:
                low = capacity
        return low, high

    floor = fifo.floor or 0
    margin = max(1, int(resolution * floor / 2))
    deadlocks_at, alive_at = search(1e18, (floor - margin, floor + margin))
    slow_at, full_at = search(enough)
    return Limits(deadlocks_at, alive_at, slow_at, full_at)


def judge(report: dict[str, Any]) -> None:
    """Raise `UserError` where a skip FIFO is too shallow for full pace, or deeper than it need be."""
    problems = []
    for row in report["skips"]:
        if row["depth"] <= row["slow_at"]:
            problems.append(f"{row['name']} holds {row['depth']} beats, full pace needs {row['full_at']}")
        elif row["depth_to_minimum"] > SURPLUS:
            problems.append(
                f"{row['name']} holds {row['depth']} beats, {row['depth_to_minimum']:.2f} times the "
                f"{row['full_at']} of full pace; at most {SURPLUS} times is wanted"
            )
    cycles = report["cycles_per_frame"]
    given, free = cycles["at_depth"], cycles["uncapped"]
    if not problems and (given is None or given > free * (1 + TOLERANCE)):
        pace = "it deadlocks" if given is None else f"{given:,} cycles a frame, {free:,} without caps"
        problems.append(f"a FIFO other than the skips' is too shallow at its depth: {pace}")
    if problems:
        raise UserError("; ".join(problems))


def _skip_row(fifo: Fifo, found: Limits) -> dict[str, Any]:
    return {
        **asdict(fifo),
        **asdict(found),
        "bits": fifo.depth * fifo.width_bits,
        "minimum_bits": found.full_at * fifo.width_bits,
        "depth_to_floor": round(fifo.depth / (fifo.floor or 1), 4),
        "depth_to_minimum": round(fifo.depth / found.full_at, 4),
    }


def _other_row(fifo: Fifo, cycles: float, free: int) -> dict[str, Any]:
    return {
        "name": fifo.name,
        "width_bits": fifo.width_bits,
        "depth": fifo.depth,
        "capped_at": SHALLOW,
        "cycles_per_frame": _finite(cycles),
        "slowdown": round(cycles / free, 4) if math.isfinite(cycles) else None,
    }


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    given, minimum = sum(row["bits"] for row in rows), sum(row["minimum_bits"] for row in rows)
    floor = sum(row["floor"] * row["width_bits"] for row in rows)
    ratio = round(given / minimum, 4) if minimum else None
    return {"given": given, "minimum": minimum, "floor": floor, "given_to_minimum": ratio}


def _finite(cycles: float) -> int | None:
    return int(cycles) if math.isfinite(cycles) else None


def _steps(fifo: Fifo, resolution: float) -> int:
    """About how many bisections there are between the floor and the depth."""
    width = max(1, fifo.depth - (fifo.floor or 0))
    return math.ceil(math.log2(max(1.0, width / max(1.0, resolution * fifo.depth))))


@contextmanager
def _progress(runs: int) -> Iterator[Callable[[], None]]:
    """A bar of the runs with the remaining time; bisection may take a few more or less than `runs`."""
    with progress() as bar:
        task = bar.add_task("fifo-check: simulating", total=runs, note="runs")
        yield lambda: bar.advance(task)
        bar.update(task, total=bar.tasks[task].completed)


def _show(report: dict[str, Any]) -> None:
    table = Table(title=f"{report['config']}: skip FIFOs, in beats")
    for heading in ("", "bits", "depth", "full pace", "no deadlock", "floor", "depth / full pace"):
        table.add_column(heading, justify="right" if heading else "left")
    for row in report["skips"]:
        cells = (row["width_bits"], row["depth"], row["full_at"], row["alive_at"], row["floor"])
        table.add_row(row["name"], *(f"{cell:,}" for cell in cells), f"{row['depth_to_minimum']:.3f}")
    console.print(table)
    table = Table(title=f"{report['config']}: the other FIFOs, each cut to {SHALLOW} beats")
    for heading in ("", "bits", "depth", "cycles a frame", "times as slow"):
        table.add_column(heading, justify="right" if heading else "left")
    for row in report["others"]:
        alive = row["cycles_per_frame"] is not None
        pace = [f"{row['cycles_per_frame']:,}", f"{row['slowdown']:.3f}"] if alive else ["deadlock", ""]
        table.add_row(row["name"], f"{row['width_bits']:,}", f"{row['depth']:,}", *pace)
    console.print(table)
    cycles, bits = report["cycles_per_frame"], report["skip_bits"]
    given = "deadlock" if cycles["at_depth"] is None else f"{cycles['at_depth']:,}"
    note(
        f"cycles a frame: {given} with every FIFO at its depth, {cycles['uncapped']:,} without caps, "
        f"{report['slowest_node_expected']:,} of the slowest node"
    )
    if report["skips"]:
        note(
            f"skip FIFOs: {bits['given']:,} bits, {bits['given_to_minimum']:.3f} times the "
            f"{bits['minimum']:,} that full pace takes (found to {report['resolution']:.1%})"
        )


def main(
    folder: Annotated[Path, typer.Argument(help="build folder, as hls.lower writes")],
    config: Annotated[Path | None, typer.Option(help="configuration, for [sim]")] = None,
    resolution: Annotated[
        float, typer.Option(help="share of a capacity to which its limit is found", min=0.0, max=0.2)
    ] = 0.01,
    jobs: Annotated[int | None, typer.Option(help="simulations at once; all cores by default", min=1)] = None,
) -> None:
    """Show that every FIFO is deep enough and every skip FIFO no deeper than it need be."""
    fifo_check(folder, config, resolution, jobs)


if __name__ == "__main__":
    run(main)
