"""How far the timing model can be trusted: against modules that were placed and routed.

    python -m bench.clock [--markdown]

prints model and routed clock of each row of bench/routed/routed.csv, on the netlists that lie beside it, so
that later RTL changes nothing. Clock uncertainty is left out, as it is of the routed figures. Ends with an
error where the model is off by more than `LARGEST`, or over the routed clock by more than `OPTIMISTIC`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hls.clock import netlist
from hls.clock.compose import Part, compose
from hls.clock.delays import Delays, delays
from hls.clock.sta import analyse, total
from pixelmend.console import console, run
from pixelmend.errors import UserError

FOLDER = Path(__file__).parent / "routed"
GRADE = "xc7-1"
LARGEST = 0.25
OPTIMISTIC = 0.10
COLUMNS = ("module", "routed MHz", "model MHz", "error", "how")


@dataclass(frozen=True)
class Compared:
    """A row: `routed` is routed or, where `kind` says so, estimated."""

    module: str
    routed: float
    model: float
    kind: str

    @property
    def error(self) -> float:
        """The model's clock over the routed one, less one."""
        return self.model / self.routed - 1

    @property
    def cells(self) -> tuple[str, ...]:
        """As `COLUMNS`."""
        return self.module, f"{self.routed:g}", f"{self.model:.1f}", f"{self.error:+.1%}", self.kind


def compare(with_delays: Delays | None = None) -> Iterator[Compared]:
    """All rows of the table."""
    chosen = with_delays or delays()[GRADE]
    lines = [
        line for line in (FOLDER / "routed.csv").read_text(encoding="utf-8").splitlines() if line[:1] != "#"
    ]
    for row in csv.DictReader(lines):
        ns = longest(row["netlists"].split(), row["paths"] == "ports", chosen)
        yield Compared(
            f"{row['module']} {row['parameters']}".strip(), float(row["mhz"]), 1e3 / ns, row["kind"]
        )


def longest(names: list[str], ports_only: bool, chosen: Delays) -> float:
    """Ns of the longest path of the netlists of those names, each stream given to the next."""
    parts = _row([name for word in names for name in _copies(word)], chosen)
    paths = compose(parts, chosen).paths
    if ports_only:
        joined = [path for path in paths if not {"outside"} & {path[0].node, path[-1].node}]
        return max(map(total, joined))
    return max([*map(total, paths), *(part.timing.ns for part in parts)])


def _copies(word: str) -> list[str]:
    name, _, number = word.partition("*")
    return [name] * int(number or 1)


def _row(names: list[str], chosen: Delays) -> list[Part]:
    """The last output stream of each is the first input stream of the next."""
    parts = []
    for place, name in enumerate(names):
        timing = analyse(netlist.read(FOLDER / f"{name}.netlist.gz"), chosen, f"{place}")
        inputs = dict.fromkeys(port for port, _ in timing.inputs)
        outputs = dict.fromkeys(port for port, _ in timing.outputs)
        streams = [port.removesuffix("_tvalid") for port in inputs if port.endswith("_tvalid")]
        given = [port.removesuffix("_tvalid") for port in outputs if port.endswith("_tvalid")]
        nets = {port: f"{place}.{port}" for port in [*inputs, *outputs]}
        for signal in ("port", "tvalid", "tready"):
            if place:
                nets[f"{streams[0]}_{signal}"] = f"{place - 1} to {place} {signal}"
            if place < len(names) - 1:
                nets[f"{given[-1]}_{signal}"] = f"{place} to {place + 1} {signal}"
        parts.append(Part(f"{place}", timing, nets))
    return parts


def check(rows: list[Compared]) -> None:
    """`UserError` for rows that are off by more than the model promises."""
    off = [row for row in rows if not -LARGEST <= row.error <= OPTIMISTIC]
    if off:
        told = ", ".join(f"{row.module} {row.error:+.0%}" for row in off)
        raise UserError(
            f"clock model: expected -{LARGEST:.0%} to +{OPTIMISTIC:.0%} of the routed clock, got {told}"
        )


def main(markdown: Annotated[bool, typer.Option(help="the table as in docs/log.md")] = False) -> None:
    """Compare the timing model with routed modules."""
    rows = list(compare())
    if markdown:
        lines = [COLUMNS, ("---",) * len(COLUMNS), *(row.cells for row in rows)]
        console.print("\n".join(f"| {' | '.join(line)} |" for line in lines), soft_wrap=True)
    else:
        table = Table(title=f"clock of modules: nextpnr's, and the model's ({GRADE})")
        for index, column in enumerate(COLUMNS):
            table.add_column(column, justify="right" if 0 < index < len(COLUMNS) - 1 else "left")
        for row in rows:
            table.add_row(*row.cells)
        console.print(table)
    check(rows)


if __name__ == "__main__":
    run(main)
