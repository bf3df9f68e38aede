"""Does the accelerator fit, and at which clock? Every node after Yosys synthesis, against part and caps.

    python -m hls.fit build/z2-256 --config configs/z2-256.toml [--whole]

writes build/z2-256/fit.json and a table. What is *measured*: LUT, FF, CARRY4, block RAM and DSP of each node
as it stands in the stitched top, its weight memory included, after `synth_xilinx`; DSPs are instantiated, so
their count is exact. What is *modelled*: the clock, from the netlists' cells and an allowance for each net
(hls.clock). What is an *allowance*: the shell (see parts.toml). What needs the vendor: placement, which
shares and duplicates some LUTs. Ends with an error where a cap of [hls] is exceeded or its clock not met.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import psutil  # type: ignore[import-untyped]
import typer
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
from qonnx.core.modelwrapper import ModelWrapper
from rich.table import Table

from hls import dataflow, parts
from hls.clock.report import by_op, clock, missed, show
from hls.config import HlsConfig
from hls.finn_setup import finn_workspace
from hls.ops import facets
from hls.ops.option import Operators
from hls.parts import CAPPED, Part
from hls.synthesis.cells import BRAM36_BITS, Cells, block_rams, count
from hls.synthesis.jobs import Synthesis, Synthesized
from hls.synthesis.sources import Library
from hls.synthesis.units import Unit, units, whole
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import console, note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import read_fields, write_json
from pixelmend.provenance import commit

CACHE = Path("build/.cache/fit")
WHOLE_LIMIT_S = 3600.0
Numbers = dict[str, float]


def fit(
    build: Path, config: Path, cache: Path = CACHE, jobs: int = 2, top: bool = False, check: bool = True
) -> dict[str, Any]:
    """Synthesize the lowered `build` node by node and write its fit.json, which is also returned.

    `top`: the stitched top as well, in one piece. `UserError` for a build that is not of `config`, for a
    synthesis that fails and, once fit.json is written and unless `check` is off, where a cap is exceeded or
    the clock is not met.
    """
    hls = configuration.load(config, "hls", HlsConfig)
    part = parts.find(hls.part)
    model = _lowered(build, configuration.load(config, "frame", Frame), hls)
    synthesis = Synthesis(Library(build / "rtl"), part.family, cache)
    with finn_workspace():
        pieces = list(units(model, hls))
        results = _synthesize(synthesis, pieces, jobs)
        report = _report(model, pieces, results, part, hls, config.stem)
    report["clock"] = clock(pieces, results, hls, part.family)
    report["whole"] = _whole(synthesis, report) if top else {"skipped": "not asked for (--whole)"}
    write_json(build / "fit.json", report)
    _print(report)
    if check:
        _check(report, build)
    return report


def _lowered(build: Path, frame: Frame, hls: HlsConfig) -> ModelWrapper:
    io = read_fields(build / "io.json", {"frame.height": int, "frame.width": int, "part": str})
    was = (io["frame"]["height"], io["frame"]["width"], io["part"])
    if was != (frame.height, frame.width, hls.part):
        raise UserError(
            f"{build}: lowered for frames of {was[0]}x{was[1]} on {was[2]}, the configuration says "
            f"{frame.height}x{frame.width} on {hls.part}; run hls.lower"
        )
    return dataflow.read(build / "dataflow.onnx")


def _synthesize(synthesis: Synthesis, pieces: list[Unit], jobs: int) -> dict[str, Synthesized]:
    """All units, those that take longest first: the remaining time is rather over- than underestimated."""
    ordered = sorted(pieces, key=lambda unit: unit.rank)
    with progress() as bar:
        task = bar.add_task("synthesis", total=len(ordered), note="")

        def done(unit: Unit, result: Synthesized) -> None:
            bar.update(task, advance=1, note=f"{unit.name}{' (kept)' if result.cached else ''}")

        return synthesis.run_all(ordered, jobs, done)


def _report(
    model: ModelWrapper,
    pieces: list[Unit],
    results: Mapping[str, Synthesized],
    part: Part,
    hls: HlsConfig,
    name: str,
) -> dict[str, Any]:
    operators = {node.name: facets(node) for node in model.graph.node}
    measured = {unit.name: count(results[unit.name].cells) for unit in pieces}
    nodes = [
        {
            "name": unit.name,
            "op": unit.op,
            "measured": measured[unit.name].values(),
            "finn_estimate": estimate(operators[unit.name], hls.part) if unit.name in operators else {},
        }
        for unit in pieces
    ]
    shell = Cells(**part.shell.cells())  # type: ignore[arg-type]
    total = sum(measured.values(), shell).values()
    has = part.cells()
    return {
        "config": name,
        "part": hls.part,
        "commit": commit(),
        "nodes": nodes,
        "shell_allowance": shell.values() | {"why": part.shell.why},
        "total": total,
        "part_has": has,
        "share": {key: round(total[key] / has[key], 4) for key in CAPPED},
        "cap": {"lut": hls.max_lut, "ff": hls.max_ff, "bram36": hls.max_bram, "dsp": hls.max_dsp},
        "weights": _weights(operators, results),
        "by_op": _by_op(nodes),
        "seconds": round(sum(result.seconds for result in results.values()), 1),
    }


def estimate(operator: HWCustomOp, part: str) -> Numbers:
    """What FINN's own models say of a node, where it has one: LUT, block RAM in BRAM36, DSP."""
    models = {"lut": ("lut_estimation", 1), "bram36": ("bram_estimation", 0.5), "dsp": ("dsp_estimation", 1)}
    result = {}
    for key, (name, unit) in models.items():
        method = getattr(type(operator), name)
        if method is not getattr(HWCustomOp, name) and method.__module__.startswith("finn."):
            result[key] = round(float(getattr(operator, name)(part)) * unit, 1)
    return result


def _weights(operators: Mapping[str, Any], results: Mapping[str, Synthesized]) -> Numbers:
    """How well the weights fill the block RAMs they are in; weights in LUTs are counted apart."""
    stored = elsewhere = 0
    rams = 0.0
    for name, operator in operators.items():
        work = operator.work()
        if not work.weights:
            continue
        bits = work.weights * work.weight_bits
        taken = block_rams(results[name].block_rams_of(f"i_{name}_weights"))
        rams += taken
        stored, elsewhere = (stored + bits, elsewhere) if taken else (stored, elsewhere + bits)
    bram_bits = int(rams * BRAM36_BITS)
    share = round(stored / bram_bits, 4) if bram_bits else 0.0
    return {"bits_stored": stored, "bits_of_bram": bram_bits, "share": share, "bits_in_lut": elsewhere}


def _by_op(nodes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Sums per operator; of FINN's estimates only those that every node of the operator has."""
    result: dict[str, dict[str, Any]] = {}
    for op in dict.fromkeys(node["op"] for node in nodes):
        same = [node for node in nodes if node["op"] == op]
        common = set.intersection(*(set(node["finn_estimate"]) for node in same))
        result[op] = {
            "nodes": len(same),
            "measured": {key: sum(node["measured"][key] for node in same) for key in Cells().values()},
            "finn_estimate": {
                key: sum(node["finn_estimate"][key] for node in same) for key in CAPPED if key in common
            },
        }
    return result


def _whole(synthesis: Synthesis, report: dict[str, Any]) -> dict[str, Any]:
    """The stitched top in one synthesis, or why not; `difference`: sum of the nodes over it, less one."""
    note(f"the stitched top in one piece: at most {WHOLE_LIMIT_S / 60:.0f} minutes")
    memory = int(psutil.virtual_memory().available * 0.9)
    try:
        result = synthesis.run(whole(), WHOLE_LIMIT_S, memory)
    except UserError as error:
        return {"skipped": f"{error}; {memory / 2**30:.1f} GiB were free"}
    measured = count(result.cells).values()
    parts_sum = {key: sum(node["measured"][key] for node in report["nodes"]) for key in measured}
    return {
        "measured": measured,
        "nodes_sum": parts_sum,
        "difference": {key: round(parts_sum[key] / value - 1, 4) for key, value in measured.items() if value},
        "seconds": result.seconds,
    }


def over(report: dict[str, Any]) -> Iterator[str]:
    """For each exceeded cap: which resource, by how much, and which nodes take the most."""
    for key, name in CAPPED.items():
        total, allowed = report["total"][key], report["part_has"][key] * report["cap"][key]
        if total > allowed:
            most = sorted(report["nodes"], key=lambda node: -node["measured"][key])[:4]
            takers = ", ".join(f"{node['name']} {_number(node['measured'][key])}" for node in most)
            yield (
                f"{name}: {_number(total)} of {_number(report['part_has'][key])}, "
                f"{_number(total - allowed)} over the cap of {report['cap'][key]:.0%}; most take {takers}"
            )


def _check(report: dict[str, Any], build: Path) -> None:
    exceeded, slow = list(over(report)), list(missed(report["clock"]))
    if exceeded:
        raise UserError(f"{build}: does not fit {report['part']}. " + ". ".join([*exceeded, *slow]))
    if slow:
        raise UserError(f"{build}: does not hold its clock on {report['part']}. " + ". ".join(slow))


def _number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def _print(report: dict[str, Any]) -> None:
    table = Table(title=f"{report['config']} on {report['part']}: measured after synthesis (FINN's estimate)")
    table.add_column("operator")
    for name in ("nodes", "LUT", "FF", "CARRY4", "BRAM36", "DSP", "MHz", "MHz inside"):
        table.add_column(name, justify="right")
    keys = tuple(Cells().values())
    clocks = by_op(report["clock"])
    for op, row in report["by_op"].items():
        said = row["finn_estimate"]
        shown = [
            _number(row["measured"][key]) + (f" ({_number(said[key])})" if key in said else "")
            for key in keys
        ]
        table.add_row(
            op, str(row["nodes"]), *shown, *(f"{clocks[op][key]:.1f}" for key in ("mhz", "inside_mhz"))
        )
    table.add_row("shell (allowance)", "", *(_number(report["shell_allowance"][key]) for key in keys))
    total = (_number(report["total"][key]) for key in keys)
    table.add_row("total", "", *total, f"{report['clock']['mhz']:.1f}", style="bold")
    table.add_row(
        "of the part", "", *(f"{report['share'][key]:.1%}" if key in CAPPED else "" for key in keys)
    )
    console.print(table)
    show(report["clock"])
    weights = report["weights"]
    note(
        f"weights fill {weights['share']:.1%} of their {weights['bits_of_bram'] / BRAM36_BITS:g} BRAM36; "
        f"{weights['bits_in_lut']:,} weight bits in LUTs"
    )
    top = report["whole"]
    if "difference" in top:
        apart = ", ".join(f"{key} {value:+.1%}" for key, value in top["difference"].items())
        note(f"sum of the nodes against the stitched top in one piece: {apart}")


def main(
    build: Annotated[Path, typer.Argument(help="folder of a lowered build, e.g. build/tiny")],
    config: Annotated[Path, typer.Option(help="configuration it was lowered for")],
    cache: Annotated[Path, typer.Option(help="results kept by content")] = CACHE,
    jobs: Annotated[int, typer.Option(min=1, help="Yosys processes at once")] = min(2, os.cpu_count() or 1),
    whole_top: Annotated[
        bool, typer.Option("--whole", help="also the stitched top in one piece: minutes to an hour")
    ] = False,
    operators: Operators = None,
) -> None:
    """Count the cells of a lowered build and check them against the part."""
    fit(build, config, cache, jobs, whole_top)


if __name__ == "__main__":
    run(main)
