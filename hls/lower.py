"""QONNX -> dataflow graph -> RTL and HLS C++ of the whole accelerator. Read `lower` from top to bottom.

    python -m hls.lower MODEL.onnx --config configs/tiny.toml --out build/tiny

writes into the folder
    generator.onnx  the model itself, unless it lies there already
    dataflow.onnx   the graph of FINN operators, folded and connected
    folding.json    PE and SIMD of every node
    fifo.json       depth of every FIFO, in beats and bits
    dataflow.csv    a table of the nodes
    io.json         what the accelerator's ports carry, how far its pixels see, digests of its sources
    rtl/            the sources (see hls.rtl.generate); they need nothing outside the folder
    hls/            the same as an HLS C++ project (see hls.cpp.generate)
"""

import shutil
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from qonnx.core.modelwrapper import ModelWrapper

from hls import budget, dataflow, fifo, fold, frontend, receptive, streams, table
from hls.config import HlsConfig
from hls.cpp.generate import generate as generate_cpp
from hls.finn_setup import finn_workspace
from hls.network import Network
from hls.ops import facets
from hls.ops.option import Operators
from hls.ports import ports
from hls.rtl import top
from hls.rtl.generate import generate
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import as_json, file_digest, folder_digest, replacing, replacing_folder
from pixelmend.provenance import code_digest, is_current, made_by, mark_current

OUTPUTS = ("dataflow.onnx", "rtl", "hls", "io.json", "dataflow.csv")
SAFE_MARGIN = 1e-3  # accumulator units; see hls.thresholds
WAITING = 1.1  # times the cycles of the slowest node, from which on it is said


def lower(model: Path, config: Path, out: Path, folding: Path | None = None, rows: int | None = None) -> None:
    """Lower the QONNX `model` for the configuration file `config` into the folder `out`.

    `folding` replaces the balanced folding; `rows` is the height of the frames where the model was exported
    for a band. Skipped where `out` already holds the result of equal inputs.
    Raises `UserError` for a bad file of any kind, before anything in `out` is touched.
    """
    frame = configuration.load_frame(config, rows)
    hls = configuration.load(config, "hls", HlsConfig)
    key = {
        "model": file_digest(model),
        "frame": asdict(frame),
        "hls": asdict(hls),
        "folding": None if folding is None else file_digest(folding),
        "code": code_digest("pixelmend", "hls"),
    }
    stamp = out / "lower.stamp.json"
    if is_current(stamp, key, [out / name for name in OUTPUTS]):
        note(f"{out}: lowered before from the same inputs")
        return
    network = frontend.read(model)
    lower_network(network, frame, hls, out, model, None if folding is None else fold.read(folding))
    mark_current(stamp, key)


def lower_network(
    network: Network,
    frame: Frame,
    hls: HlsConfig,
    out: Path,
    model: Path | None = None,
    folding: fold.Folding | None = None,
) -> None:
    """Lower an integer network; as `lower`, which reads it from the file `model`."""
    source = model or out
    _check_frame(network, frame, hls, source)
    if network.least_margin < SAFE_MARGIN:
        note(
            f"{source}: a threshold lies {network.least_margin:.1e} accumulator units from an integer: "
            "a float evaluation may round to the other side than the integer model "
            "(python -m quant.settle FILE --out SETTLED mends it)"
        )
    graph = dataflow.build(network)
    chosen = budget.choose(graph, hls) if folding is None else folding
    fold.apply(graph, chosen)
    if hls.threshold_block_words:
        for node in graph.graph.node:
            facets(node).keep_tables(hls.threshold_block_words)
    seen = receptive.reach(graph)
    graph = streams.connect(graph, hls.pixels_per_beat)
    period = fifo.size(graph)
    _write(graph, chosen, hls, frame, seen, model, out)
    slowest = streams.slowest(graph)
    if period > slowest * WAITING:
        note(
            f"{out}: nodes wait for each other: a frame takes about {period:,.0f} cycles by the pipeline's timing, "
            f"{period / slowest:.2f} times those of the slowest node (small frames: their borders)"
        )


def _write(
    graph: ModelWrapper,
    folding: fold.Folding,
    hls: HlsConfig,
    frame: Frame,
    reach: receptive.Reach,
    model: Path | None,
    out: Path,
) -> None:
    """Write every file under a temporary name first, so that a full disk leaves the earlier build whole."""
    nodes = table.rows(graph)
    slowest = max(nodes, key=lambda row: row["expected_cycles"])
    with ExitStack() as renamed_at_the_end:

        def place(name: str) -> Path:
            return renamed_at_the_end.enter_context(replacing(out / name))

        rtl = renamed_at_the_end.enter_context(replacing_folder(out / "rtl"))
        with finn_workspace() as workspace:
            generate(graph, hls, rtl, workspace)
        cpp = renamed_at_the_end.enter_context(replacing_folder(out / "hls"))
        generate_cpp(graph, hls, cpp)
        io = {
            "top": top.TOP,
            "frame": asdict(frame),
            **receptive.as_dict(reach),
            "pixels_per_beat": hls.pixels_per_beat,
            **ports(graph, hls.pixels_per_beat).as_dict(),
            "part": hls.part,
            "clock_mhz": hls.clock_mhz,
            "expected_cycles": slowest["expected_cycles"],
            "rtl_digest": folder_digest(rtl),
            "hls_digest": folder_digest(cpp),
            "made_by": made_by(),
        }
        kept = out / "generator.onnx"
        if model is not None and not (kept.is_file() and model.samefile(kept)):
            shutil.copyfile(model, place("generator.onnx"))
        graph.save(str(place("dataflow.onnx")))
        for name, value in (("folding", folding), ("fifo", _fifos(graph)), ("io", io)):
            place(f"{name}.json").write_text(as_json(value), encoding="utf-8")
        place("dataflow.csv").write_text(table.as_csv(nodes), encoding="utf-8")
    macs, weights = (sum(row[key] for row in nodes) for key in ("macs", "weights"))
    note(
        f"{out}: {len(nodes)} nodes, {weights:,} weights, {macs / 1e6:.1f} MMAC a frame; slowest "
        f"{slowest['node']} with {slowest['expected_cycles']:,} cycles a frame expected"
    )


def _check_frame(network: Network, frame: Frame, hls: HlsConfig, source: Path) -> None:
    size = (network.image_in.height, network.image_in.width)
    if size != (frame.height, frame.width):
        raise UserError(
            f"{source}: made for frames of {size[0]}x{size[1]} (height x width), "
            f"but [frame] says {frame.height}x{frame.width}"
        )
    if frame.width % hls.pixels_per_beat:
        raise UserError(
            f"[hls] pixels_per_beat must divide the width {frame.width}, got {hls.pixels_per_beat}"
        )


def _fifos(graph: ModelWrapper) -> list[dict[str, Any]]:
    result = []
    for node in graph.graph.node:
        operator = facets(node)
        if operator.buffers:
            depth, width = operator.number("depth"), operator.get_instream_width()
            result.append(
                {
                    "name": node.name,
                    "depth": depth,
                    "width_bits": width,
                    "bits": depth * width,
                    "ram_style": operator.resolve_ram_style(),
                }
            )
    return result


def main(
    model: Annotated[Path, typer.Argument(help="QONNX model of a generator, as quant.export writes")],
    config: Annotated[Path, typer.Option(help="configuration with the tables [frame] and [hls]")],
    out: Annotated[Path, typer.Option(help="build folder, e.g. build/tiny")],
    folding: Annotated[Path | None, typer.Option(help="use this folding instead of the balanced one")] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="rows of the band that the model was exported for")
    ] = None,
    operators: Operators = None,
) -> None:
    """Lower a QONNX generator to RTL and HLS C++."""
    lower(model, config, out, folding, rows)


if __name__ == "__main__":
    run(main)
