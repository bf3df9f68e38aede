"""QAT checkpoint -> QONNX, checked: what is written computes what Brevitas computes, to the last bit.

python -m quant.export --config configs/tiny.toml --checkpoint build/tiny/qat.safetensors --out build/tiny
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from brevitas.export import export_qonnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model

from model.checkpoint import kind_of, load
from model.generator import check_frame
from model.tasks import load_task
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import note, run
from pixelmend.errors import UserError
from pixelmend.files import file_digest, replacing, write_json
from pixelmend.provenance import code_digest, is_current, made_by, mark_current
from quant.equality import Comparison, compare
from quant.footprint import footprint
from quant.generator import QuantGenerator
from quant.masks import sparsity
from quant.pyramid_fill import DOMAIN, VERSION
from quant.qat import KIND, load_twin
from quant.quiet import quiet
from quant.twin.checkpoint import KIND as TWIN_KIND
from quant.twin.checkpoint import read_twin
from quant.twin.export import export as export_twin

CHECKS = 4  # random images on which the file is compared with Brevitas


def export(twin: QuantGenerator, height: int, width: int, path: Path, seed: int = 0) -> Comparison:
    """Write `twin` as QONNX for frames of `height` x `width` px; returns how it compares.

    Image values go in and out as k/255. Raises `UserError` where the sides don't divide, or where the file
    computes anything else than the network on `CHECKS` seeded images; nothing is written then.
    """
    check_frame(Frame(height, width), twin.config)
    twin.eval()
    images = np.random.default_rng(seed).integers(0, 256, (CHECKS, 1, twin.config.inputs, height, width))
    frames = torch.from_numpy(images.astype(np.float32) / np.float32(255))
    with replacing(path) as temporary:
        with quiet():
            own = {DOMAIN: VERSION}
            export_qonnx(twin, frames[0], str(temporary), external_data=False, custom_opsets=own)
        model = ModelWrapper(str(temporary))
        _store_quantized(model, twin)
        model = cleanup_model(model)
        _forget_origin(model)
        model.save(str(temporary))
        found = compare(twin, model, [(frame,) for frame in frames])
        if found.wrong:
            raise UserError(f"{path}: " + "\n".join(found.wrong))
    return found


def _store_quantized(model: ModelWrapper, twin: QuantGenerator) -> None:
    """Put the weights as quantized in the place of the float ones, which Brevitas leaves to the file's Quant
    nodes to round: right for uniform weights only. Values on the grid stay as they are.
    """
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            layer: Any = twin.get_submodule(node.input[2].removesuffix(".bias"))
            weights = model.find_producer(node.input[1]).input[0]
            model.set_initializer(weights, layer.quant_weight().value.detach().cpu().numpy())


def _forget_origin(model: ModelWrapper) -> None:
    """Remove torch's notes on where each node was made: stack traces with absolute paths."""
    graph = model.graph
    for part in (model.model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]


def export_checkpoint(config: Path, checkpoint: Path, out: Path, rows: int | None = None) -> Path:
    """Export a QAT checkpoint for the frame of `config`, or a band of `rows` rows of it, to
    `out`/generator.onnx; skipped where unchanged."""
    frame = configuration.load_frame(config, rows)
    path = out / "generator.onnx"
    theirs = kind_of(checkpoint) == TWIN_KIND
    key = {"checkpoint": file_digest(checkpoint), "frame": asdict(frame), "code": code_digest("quant")}
    stamp = out / "export.stamp.json"
    if is_current(stamp, key, [path]):
        note(f"{path}: exported before from the same checkpoint")
        return path
    if theirs:
        _export_twin(checkpoint, config, frame, path)
        mark_current(stamp, key)
        return path
    stored = load(checkpoint, KIND)
    twin = load_twin(checkpoint)
    zeros = sparsity(twin.layers())
    size = footprint(twin.config, twin.quant, frame)
    found = export(twin, frame.height, frame.width, path)
    write_json(
        out / "generator.json",
        {
            "checkpoint": stored.made_by,
            "frame": asdict(frame),
            "sparsity": zeros,
            "footprint": asdict(size) | {"bytes": size.bytes},
            "made_by": made_by(),
        },
    )
    mark_current(stamp, key)
    note(
        f"{path}: {found}, on {CHECKS} images of {frame.height}x{frame.width}; {size.bytes:,} bytes "
        f"of weights and biases; weights that are 0: {zeros['zero']:.1%}, by masks: {zeros['masked']:.1%}"
    )
    return path


def _export_twin(checkpoint: Path, config: Path, frame: Frame, path: Path) -> None:
    """Of a task's network, for inputs of the frame's size."""
    _, _, twin = read_twin(checkpoint)
    found = export_twin(twin, [(load_task(config).channels, frame.height, frame.width)], path)
    numbers = sum(layer.weight.numel() for layer in twin.weighted().values())
    stored = load(checkpoint, TWIN_KIND)
    report = {"checkpoint": stored.made_by, "frame": asdict(frame), "weights": numbers, "made_by": made_by()}
    write_json(path.with_suffix(".json"), report)
    note(f"{path}: {found}, on images of {frame.height}x{frame.width}; {numbers:,} weights")


def main(
    config: Annotated[Path, typer.Option(help="configuration with the table [frame]")],
    checkpoint: Annotated[Path, typer.Option(help="QAT checkpoint, as quant.qat writes")],
    out: Annotated[Path, typer.Option(help="build folder, e.g. build/tiny")],
    rows: Annotated[
        int | None, typer.Option(min=1, help="for a band of so many rows, instead of [frame] height")
    ] = None,
) -> None:
    """Export a QAT checkpoint as QONNX."""
    export_checkpoint(config, checkpoint, out, rows)


if __name__ == "__main__":
    run(main)
