"""One QONNX network, lowered by FINN's own path and by ours, under equal budgets of DSP and block RAM.

    python -m bench.versus_finn --config configs/z2-256.toml --model build/z2-256/generator.onnx

Cycles of both are those of the slowest node by FINN's cycle model, since FINN's pixel padding has no RTL to
simulate; both are folded by the same integer program (`bench.folding`). Times are taken one after the other
in one run. Without a model, a network of the configuration with random weights is taken: shapes and bits are
what counts here. Exit status is not 0 where FINN's graph does not compute what the QONNX file does.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import torch
import typer
from qonnx.core.modelwrapper import ModelWrapper
from rich.table import Table

from bench import finn_path, folding, skips
from bench.folding import Use
from bench.painted import painted
from bench.skips import SkipFifo
from bench.streamline_plus import Outcome, bounded
from hls import budget, dataflow, fifo, fold, frontend, streams, table
from hls.config import HlsConfig
from hls.cost import lanes
from hls.finn_setup import finn_workspace
from hls.lower import lower as lower_to_rtl
from hls.parts import Part, find
from model.generator import GeneratorConfig
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import console, note, progress, run
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from pixelmend.provenance import ROOT, commit, versions
from quant.bits import QuantConfig
from quant.calibrate import calibrate
from quant.export import export
from quant.generator import QuantGenerator
from quant.settle import settle

SEED = 0
REPEATS = 3  # of each lowering that is timed; the shortest counts
CYCLE_SOURCE = "finn-model"
NOTES = (
    "cycles: those of the slowest node by get_exp_cycles, FINN's cycle model, for both; FINN has pixel "
    "padding as HLS only, so its graph can't be simulated without the vendor's tools; for our own operators "
    "(fork, skip add, pixel shuffle) the model is ours",
    "macs: products that matrix units compute in a frame, those with inserted zeros and cropped borders too",
    "budget: equal DSP slices, block RAM and LUTs for the matrix units of both sides; FINN's skip FIFOs come "
    "on top, and 'with_skip_fifos' says what is left of its speed when those over ours count too",
    "folding: FINN's graph is folded by our integer program; 'set_folding' is its own SetFolding with its "
    "defaults, at the smallest target within the budget",
    "cycles_ratio may exceed mac_ratio: PE and SIMD divide channel counts, and the widths of a configuration "
    "may have been chosen for our folding, which then leaves fewer DSP slices unused",
    "skip FIFOs: FINN's hold whole tensors, the depth that is safe with no simulation; its automatic sizing, "
    "which simulates, was not run and would find less. Ours follow from the folding, for full throughput. "
    "Block RAM of both by one formula (hls.cost), FINN's depths not rounded up to a power of two",
    "lowering time: QONNX file to folded graph, with FIFO depths on our side only; RTL generation apart "
    "('lowering_with_rtl_s'), which FINN's HLS nodes need the vendor's tools for",
    "FINN's ends: the image's quantizer, the last scale and the channel order are left to the host",
)


@dataclass(frozen=True)
class Side:
    """What is known of one lowering."""

    use: Use
    macs: int
    nodes: int
    fifos: list[SkipFifo]

    def report(self, part: Part, per_slice: int, macs: int, clock_mhz: float) -> dict[str, Any]:
        """As it stands in the JSON file; `macs` are those of the leaner lowering."""
        return {
            "cycles": self.use.cycles,
            "frames_per_s": round(clock_mhz * 1e6 / self.use.cycles, 1),
            "slowest": self.use.slowest,
            "macs": self.macs,
            "dsp": self.use.dsp,
            "dsp_share": round(self.use.dsp / part.dsp, 3),
            "dsp_efficiency": round(macs / (self.use.dsp * per_slice * self.use.cycles), 3),
            "weight_bram36": self.use.weight_bram36,
            "skip_fifo_bits": sum(one.bits for one in self.fifos),
            "skip_fifo_bram36": sum(one.bram36 for one in self.fifos),
            "skip_fifos": [asdict(one) | {"bits": one.bits, "bram36": one.bram36} for one in self.fifos],
            "nodes": self.nodes,
        }


def versus_finn(config: Path, model: Path | None, out: Path, bound_s: float) -> dict[str, Any]:
    """Lower `model` both ways and write the comparison to `out`; `UserError` where FINN's graph is wrong."""
    hls = replace(
        configuration.load(config, "hls", HlsConfig), target_fps=None
    )  # as fast as the budget allows
    part = find(hls.part)
    notes = list(NOTES)
    with TemporaryDirectory(prefix="pixelmend-bench-") as folder, finn_workspace(), _Steps(9) as steps:
        if model is None:
            with steps.step("network with random weights"):
                path = random_network(config, Path(folder) / "generator.onnx")
            notes.append(
                f"the network has random weights, seed {SEED}; its shapes and bits are the configuration's"
            )
        else:
            steps.skip()
            path = model
        whole, path = path, Path(folder) / "painted.onnx"
        if painted(whole, path):
            notes.append(
                "the choice between the network's pixels and the image's is left out on both sides, "
                "but for ours with RTL"
            )
        with steps.step("ours: QONNX to folded graph"):
            our_seconds, graph = min(
                (_our_graph(path, hls) for _ in range(REPEATS)), key=lambda pair: pair[0]
            )
        with steps.step("ours: the same with RTL"):
            rtl_seconds = _our_rtl(whole, config, Path(folder) / "ours")
        with steps.step("finn: QONNX to hardware operators"):
            lowered = min(
                (finn_path.lower(path, hls.part) for _ in range(REPEATS)),
                key=lambda one: sum(one.seconds.values()),
            )
        with steps.step("finn: folded by the same program"):
            finn_graph = folding.fastest(lowered.dataflow, hls)
            own = _side(graph, part, skips.ours(graph))
            finn = _side(finn_graph, part, skips.whole_tensors(finn_graph))
            start = time.perf_counter()
            folding.folded_for(lowered.dataflow, finn.use.cycles)
            set_folding_seconds = time.perf_counter() - start
        with steps.step("finn: folded by SetFolding"):
            heuristic = folding.use(folding.set_folding(lowered.dataflow, hls), part)
        with steps.step("finn: skip FIFOs within the budget"):
            within = _within_budget(lowered.dataflow, hls, part, own, finn)
        with steps.step("finn: executed against QONNX"):
            wrong = finn_path.wrong_values(path, lowered, SEED)
        with steps.step(f"finn: StreamlinePlus, at most {bound_s:g} s"):
            plus = bounded(path, bound_s)
    explicit = sum(lowered.seconds.values()) + set_folding_seconds
    notes.append(_on_streamline_plus(plus))
    per_slice = _lanes(graph, part)
    macs = min(own.macs, finn.macs)
    rtl_cycles = _rtl_cycles(config, own.use.cycles, notes)
    ratios: dict[str, Any] = {
        "cycles_ratio": round(finn.use.cycles / own.use.cycles, 3),
        "mac_ratio": round(finn.macs / own.macs, 3),
        "skip_fifo_bits_ratio": _ratio(finn.fifos, own.fifos, "bits"),
        "skip_fifo_bram36_ratio": _ratio(finn.fifos, own.fifos, "bram36"),
        "lowering_time_ratio": round((explicit + plus.seconds) / our_seconds, 2),
        "lowering_time_ratio_is_at_least": not plus.ended,
        "lowering_time_ratio_explicit_list": round(explicit / our_seconds, 2),
        "cycles_ratio_set_folding": round(heuristic.cycles / own.use.cycles, 3),
        "cycle_source": CYCLE_SOURCE,
    }
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config.stem,
        "commit": commit(),
        "versions": versions(),
        "model": "random weights" if model is None else model.name,
        "part": part.name,
        "clock_mhz": hls.clock_mhz,
        "budget": budget.Budget.of(part, hls).limits,
        "vs_finn": ratios,
        "ours": own.report(part, per_slice, macs, hls.clock_mhz)
        | {
            "rtl_cycles": rtl_cycles,
            "lowering_s": round(our_seconds, 3),
            "lowering_with_rtl_s": round(rtl_seconds, 3),
        },
        "finn": finn.report(part, per_slice, macs, hls.clock_mhz)
        | {
            "wrong_values": wrong,
            "with_skip_fifos": within,
            "set_folding": asdict(heuristic),
            "lowering_explicit_s": round(explicit, 3),
            "lowering_steps_s": {name: round(value, 3) for name, value in lowered.seconds.items()}
            | {"set_folding": round(set_folding_seconds, 3)},
            "streamline_plus": asdict(plus) | {"bound_s": bound_s},
        },
        "notes": notes,
    }
    write_json(out, report)
    _show(report)
    if wrong:
        raise UserError(f"{path}: FINN's graph differs from QONNX in {wrong} values of a random image")
    return report


def random_network(config: Path, path: Path) -> Path:
    """Export a network of the configuration with seeded random weights."""
    torch.manual_seed(SEED)
    frame = configuration.load(config, "frame", Frame)
    generator = configuration.load(config, "generator", GeneratorConfig)
    twin = QuantGenerator(generator, configuration.load(config, "quant", QuantConfig))
    side = 4 * generator.multiple
    calibrate(twin, torch.rand(40, generator.inputs, side, side))
    settle(twin)
    export(twin, frame.height, frame.width, path)
    return path


def _our_graph(path: Path, hls: HlsConfig) -> tuple[float, ModelWrapper]:
    """Seconds from the QONNX file to the connected graph, and that graph; see `hls.lower.lower`.

    The skip FIFOs are sized after that: FINN has no counterpart but RTL simulation.
    """
    start = time.perf_counter()
    graph = dataflow.build(frontend.read(path))
    fold.apply(graph, budget.choose(graph, hls))
    graph = streams.connect(graph, hls.pixels_per_beat)
    seconds = time.perf_counter() - start
    fifo.size(graph)
    return seconds, graph


def _our_rtl(path: Path, config: Path, out: Path) -> float:
    start = time.perf_counter()
    lower_to_rtl(path, config, out)
    return time.perf_counter() - start


def _side(graph: ModelWrapper, part: Part, fifos: list[SkipFifo]) -> Side:
    return Side(folding.use(graph, part), _macs(graph), len(graph.graph.node), fifos)


def _macs(graph: ModelWrapper) -> int:
    return sum(row["macs"] for row in table.rows(graph))


def _within_budget(model: ModelWrapper, hls: HlsConfig, part: Part, own: Side, finn: Side) -> dict[str, Any]:
    """FINN's fastest folding when what its skip FIFOs take more than ours is missing from the block RAM."""
    more = sum(one.bram36 for one in finn.fifos) - sum(one.bram36 for one in own.fifos)
    share = hls.max_bram - more / part.bram36
    try:
        folded = folding.fastest(model, replace(hls, max_bram=max(share, 1e-9)))
    except UserError:
        left = budget.Budget.of(part, replace(hls, max_bram=max(share, 1e-9))).limits["bram36"]
        return {
            "extra_bram36": more,
            "fits": False,
            "reason": f"with {left:.1f} BRAM36 left for weights, no folding keeps within DSP and LUT",
        }
    found = folding.use(folded, part)
    return {
        "extra_bram36": more,
        "fits": True,
        "cycles_ratio": round(found.cycles / own.use.cycles, 3),
    } | asdict(found)


def _on_streamline_plus(plus: Outcome) -> str:
    if not plus.ended:
        return f"StreamlinePlus did not end within {plus.seconds:g} s; lowering_time_ratio is a lower limit"
    left = plus.operators.get("Mul", 0) - 1
    ended = f"StreamlinePlus ended after {plus.seconds:.1f} s"
    if left <= 0:
        return ended
    return (
        f"{ended} and left {left} scales inside the network, which must be streamlined further before FINN "
        f"can make hardware of it; lowering_time_ratio counts both"
    )


def _lanes(graph: ModelWrapper, part: Part) -> int:
    """Products a slice makes in a cycle in the inner layers, which have nearly all products."""
    units = [row for row in table.rows(graph) if row["macs"]]
    biggest = max(units, key=lambda row: row["macs"])
    node = next(node for node in graph.graph.node if node.name == biggest["node"])
    bits = graph.get_tensor_datatype(node.input[0]).bitwidth()
    return lanes(biggest["weight_bits"], bits, part.family)


def _rtl_cycles(config: Path, expected: int, notes: list[str]) -> int | None:
    """Steady-state cycles measured in RTL simulation, where the build of this configuration has them."""
    path = ROOT / "build" / config.stem / "cosim.json"
    if not path.is_file():
        notes.append("our RTL: no cosim.json of this configuration; cycles are the model's")
        return None
    cycles = read_json(path)["cycles"]
    if cycles.get("slowest_node_expected") != expected:
        notes.append("our RTL: cosim.json is of another folding, so its cycles are left out")
        return None
    measured: int = cycles["per_frame"]
    notes.append(f"our RTL takes {measured:,} cycles a frame in simulation, the model says {expected:,}")
    return measured


def _ratio(theirs: list[SkipFifo], own: list[SkipFifo], what: str) -> float | None:
    """None where there is no skip, or none in block RAM."""
    below = sum(getattr(one, what) for one in own)
    return round(sum(getattr(one, what) for one in theirs) / below, 3) if below else None


class _Steps:
    """A progress display of named steps."""

    def __init__(self, count: int) -> None:
        self.display = progress()
        self.task = self.display.add_task("bench", total=count, note="")

    def __enter__(self) -> "_Steps":
        self.display.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.display.stop()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step, shown while it runs."""
        self.display.update(self.task, note=name)
        if not console.is_terminal:
            note(name)
        yield
        self.skip()

    def skip(self) -> None:
        """A step done."""
        self.display.update(self.task, advance=1, note="")


def _show(report: dict[str, Any]) -> None:
    ratios, ours, finn = report["vs_finn"], report["ours"], report["finn"]
    shown = Table(
        title=f"{report['config']} on {report['part']}: one network, two lowerings", title_justify="left"
    )
    for column, justify in (("", "left"), ("FINN", "right"), ("ours", "right"), ("FINN / ours", "right")):
        shown.add_column(column, justify=justify)  # type: ignore[arg-type]

    def row(name: str, theirs: str, own: str, ratio: Any) -> None:
        shown.add_row(name, theirs, own, "" if ratio is None else f"{ratio:g}")

    row("cycles a frame, FINN's model", f"{finn['cycles']:,}", f"{ours['cycles']:,}", ratios["cycles_ratio"])
    heuristic = finn["set_folding"]
    row("  FINN folded by SetFolding", f"{heuristic['cycles']:,}", f"{ours['cycles']:,}",
        ratios["cycles_ratio_set_folding"])  # fmt: skip
    within = finn["with_skip_fifos"]
    row("  its skip FIFOs within the budget", f"{within['cycles']:,}" if within["fits"] else "does not fit",
        f"{ours['cycles']:,}", within.get("cycles_ratio"))  # fmt: skip
    row(
        "products a frame, million",
        f"{finn['macs'] / 1e6:.1f}",
        f"{ours['macs'] / 1e6:.1f}",
        ratios["mac_ratio"],
    )
    row("DSP", str(finn["dsp"]), str(ours["dsp"]), None)
    row("BRAM36 of weights", f"{finn['weight_bram36']:g}", f"{ours['weight_bram36']:g}", None)
    row("skip FIFOs, bits", f"{finn['skip_fifo_bits']:,}", f"{ours['skip_fifo_bits']:,}",
        ratios["skip_fifo_bits_ratio"])  # fmt: skip
    row("skip FIFOs, BRAM36", f"{finn['skip_fifo_bram36']:g}", f"{ours['skip_fifo_bram36']:g}",
        ratios["skip_fifo_bram36_ratio"])  # fmt: skip
    plus = finn["streamline_plus"]
    sign = "" if plus["ended"] else "> "
    whole = plus["seconds"] + finn["lowering_explicit_s"]
    row("lowering with StreamlinePlus, s", f"{sign}{whole:.1f}", f"{ours['lowering_s']:.1f}",
        ratios["lowering_time_ratio"])  # fmt: skip
    explicit = finn["lowering_explicit_s"]
    row("lowering with the explicit list, s", f"{explicit:.1f}", f"{ours['lowering_s']:.1f}",
        ratios["lowering_time_ratio_explicit_list"])  # fmt: skip
    console.print(shown)


def main(
    config: Annotated[Path, typer.Option(help="configuration with [frame], [hls], and [generator], [quant]")],
    model: Annotated[Path | None, typer.Option(help="QONNX generator; random weights without one")] = None,
    out: Annotated[Path, typer.Option(help="JSON file to write")] = Path("build/bench.json"),
    bound: Annotated[float, typer.Option(min=1, help="seconds that StreamlinePlus may take")] = 120,
) -> None:
    """Compare our lowering with FINN's own on one network."""
    versus_finn(config, model, out, bound)


if __name__ == "__main__":
    run(main)
