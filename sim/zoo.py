"""The networks of the zoo through every execution: QONNX = FINN's graph = integer model = RTL = HLS C++, exactly.

    python -m sim.zoo [NAME ...] [--out build/zoo] [--height 12] [--width 16] [--seed 0]

Each is exported with random weights (`quant.zoo`), lowered for a small frame and given random frames; the RTL runs
without stalls, then with stalls on all streams and every FIFO held at its depth. Results are kept in
OUT/results while sources, frame and seed are the same, so that a run that was ended goes on. Written: OUT/report.json.
Exit status is not 0 where an execution differs.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from hls import frontend
from hls.config import HlsConfig
from hls.lower import lower_network
from model.networks import NETWORKS
from pixelmend.config import Frame
from pixelmend.console import console, note, progress, run, without_notes
from pixelmend.errors import UserError
from pixelmend.files import read_json, write_json
from pixelmend.provenance import ROOT, code_digest, made_by
from quant.zoo import exported
from sim.executors import compare_dataflow, compare_qonnx, difference
from sim.fifo_check import fifos
from sim.hls import HlsModel
from sim.integer import IntegerModel
from sim.rtl import RtlModel

Array = NDArray[Any]

CACHE = ROOT / "build" / ".cache" / "sim"
FRAMES = 3
QUICK = "-O0"  # compiling takes nearly all of the time
IDLE_LIMIT = 30_000  # cycles
NO_LIMITS = HlsConfig(target_fps=2000.0, max_lut=100.0, max_ff=100.0, max_dsp=100.0, max_bram=100.0)
"""Every folding fits: what is tried is exactness."""

EXECUTIONS = ("qonnx", "dataflow", "rtl", "rtl_stalled", "hls")


def zoo(
    names: list[str], out: Path, height: int, width: int, seed: int, cache: Path = CACHE
) -> list[dict[str, Any]]:
    """Try the networks `names`; returns the rows of the report. `UserError` after writing where one differs."""
    unknown = sorted(set(names) - set(NETWORKS))
    if unknown:
        raise UserError(f"expected networks of the zoo, {', '.join(NETWORKS)}; got {', '.join(unknown)}")
    rows = []
    with progress() as bar:
        task = bar.add_task("networks", total=len(names), note="")
        for name in names:
            bar.update(task, note=name)
            row = _kept(out, name, height, width, seed)
            if row is None:
                row = attempt(name, height, width, seed, cache)
                write_json(_place(out, name), row | {"key": _key(height, width, seed)})
            rows.append(row)
            bar.advance(task)
            write_json(out / "report.json", {"made_by": made_by(), "networks": rows})
    _show(rows)
    wrong = [row["network"] for row in rows if row["failed"]]
    if wrong:
        first = next(row for row in rows if row["failed"])
        raise UserError(f"{', '.join(wrong)} differ; {first['network']}: {first['failed']}")
    return rows


def attempt(name: str, height: int, width: int, seed: int, cache: Path) -> dict[str, Any]:
    """One network through all executions, its row of the report; `failed` says what differs first."""
    begin = time.monotonic()
    row: dict[str, Any] = {"network": name, "what": NETWORKS[name].description, "failed": None}
    with tempfile.TemporaryDirectory(prefix="pixelmend-zoo-") as work, without_notes():
        try:
            _executions(name, height, width, seed, Path(work), cache, row)
        except UserError as error:
            row["failed"] = str(error)
    return row | {"seconds": round(time.monotonic() - begin, 1)}


def _executions(
    name: str, height: int, width: int, seed: int, work: Path, cache: Path, row: dict[str, Any]
) -> None:
    file, build = work / "network.onnx", work / "build"
    exported(name, height, width, file, seed)
    begin = time.process_time()
    network = frontend.read(file)
    lower_network(network, Frame(height, width), NO_LIMITS, build, file)
    row["lowering_cpu_s"] = round(time.process_time() - begin, 1)
    model = IntegerModel.load(build / "dataflow.onnx")
    row |= {"layers": len(network.layers), "nodes": len(model.graph.graph.node)}
    frames = random_frames(network.image_in, seed)
    tensors = model.tensors(frames)
    expected = model.results(tensors)
    row["outputs"] = [list(one.shape[1:]) for one in expected]
    row["distinct"] = [len(np.unique(one)) for one in expected]
    mismatches = row["mismatches"] = {}

    def compare(execution: str, found: Any) -> None:
        mismatches[execution] = found.values
        if found.values:
            raise UserError(f"{execution}: {found}")

    compare("qonnx", compare_qonnx(file, frames, tensors))
    compare("dataflow", compare_dataflow(model, frames, tensors))
    hardware = RtlModel.load(build, cache, optimize=QUICK)
    free = hardware.run(frames, idle_limit=IDLE_LIMIT)
    compare("rtl", difference(expected, free.results, hardware.first_wrong_node(free, tensors)))
    row["cycles_a_frame"] = free.per_frame
    depths = {fifo.name: fifo.depth for fifo in fifos(hardware.graph)}
    capped = hardware.run(frames, stalls=hardware.stalls("random", seed), caps=depths, idle_limit=IDLE_LIMIT)
    compare("rtl_stalled", difference(expected, capped.results, hardware.first_wrong_node(capped, tensors)))
    held = hardware.run(frames, caps=depths, idle_limit=IDLE_LIMIT)
    row["cycles_a_frame_capped"] = held.per_frame
    compare("hls", difference(expected, HlsModel.load(build, cache, optimize=QUICK).results(frames)))


def random_frames(tensor: Any, seed: int) -> Array:
    """Random frames (N, H, W, C) of a network's input, its whole range."""
    rng = np.random.default_rng(seed)
    values = rng.integers(tensor.minimum, tensor.maximum + 1, (FRAMES, *tensor.shape))
    return values.astype(np.int8 if tensor.signed else np.uint8)


def _key(height: int, width: int, seed: int) -> dict[str, Any]:
    return {
        "frame": asdict(Frame(height, width)),
        "seed": seed,
        "code": code_digest("hls", "sim", "quant", "model"),
    }


def _place(out: Path, name: str) -> Path:
    return out / "results" / f"{name}.json"


def _kept(out: Path, name: str, height: int, width: int, seed: int) -> dict[str, Any] | None:
    path = _place(out, name)
    row: dict[str, Any] | None = read_json(path) if path.is_file() else None
    if row is None or row.pop("key") != _key(height, width, seed) or row["failed"]:
        return None
    return row


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table(title="networks of the zoo: values that differ from the integer model")
    for heading in ("network", "layers", "nodes", *EXECUTIONS, "cycles a frame", "lowering, CPU s"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    cell: Callable[[dict[str, Any], str], str] = lambda row, key: str(row.get(key, ""))  # noqa: E731
    for row in rows:
        wrong = [str(row.get("mismatches", {}).get(execution, "-")) for execution in EXECUTIONS]
        table.add_row(
            row["network"], cell(row, "layers"), cell(row, "nodes"), *wrong, cell(row, "cycles_a_frame"),
            cell(row, "lowering_cpu_s"),
        )  # fmt: skip
    console.print(table)
    note(f"{sum(not row['failed'] for row in rows)} of {len(rows)} networks are exact in every execution")


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="networks of the zoo; all where none is given")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder of the report")] = Path("build/zoo"),
    height: Annotated[int, typer.Option(min=4, help="rows of the frame")] = 12,
    width: Annotated[int, typer.Option(min=4, help="columns of the frame")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="of weights, frames and stalls")] = 0,
) -> None:
    """Prove that the networks of the zoo are bit-exact in every execution."""
    zoo(names or list(NETWORKS), out, height, width, seed)


if __name__ == "__main__":
    run(main)
