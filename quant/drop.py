"""What each step from the float network to the quantized one costs in quality, on the same validation crops.

    python -m quant.drop --config configs/tiny.toml --checkpoint build/tiny/float.safetensors \\
        --trained build/tiny/qat.safetensors --data data/photos --out build/tiny

prints a table and writes `drop.json`: every float checkpoint as it is, quantized with calibrated scales and
no training, the same with its biases corrected, and the checkpoints trained on from there. --checkpoint
(say, the network before and after pruning) and --trained can be given several times. With a table [task] the
configuration is for `quant.twin.drop`: what fewer bits cost, all layers at once and each alone.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from model.crops import CropPool
from model.defects import DefectConfig
from model.evaluate import load_generator
from model.generator import EncoderDecoder, Generator
from model.learn import Learner, ValidationSet
from model.loop import load_pools
from model.photos import find_photos
from model.tasks import has_task
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.console import console, note, run
from pixelmend.errors import UserError
from pixelmend.files import write_json
from pixelmend.provenance import made_by
from quant.bits import QuantConfig
from quant.evaluate import size_bytes
from quant.generator import QuantGenerator
from quant.masks import sparsity
from quant.qat import QatConfig, load_twin, quantized
from quant.twin.drop import drops as drops_of_a_task

FIGURES = ("psnr_db", "ssim", "defect_psnr_db", "defect_ssim")


def drops(
    quant: QuantConfig,
    defects: DefectConfig,
    settings: QatConfig,
    floats: dict[str, Generator],
    twins: dict[str, QuantGenerator],
    data: Path,
) -> list[dict[str, Any]]:
    """One row a network: name, step, bytes of weights and biases, share of zeros, `FIGURES`.

    The crops are those on which `quant.qat` validates; calibration crops are drawn from the others.
    """
    pool, validation = load_pools(defects, settings, find_photos(data))

    def row(name: str, step: str, network: Generator | QuantGenerator) -> dict[str, Any]:
        figures = _figures(network, defects, settings, pool, validation)
        zero = sparsity(network.layers())["zero"] if isinstance(network, QuantGenerator) else 0.0
        sizes = {"bytes": size_bytes(network, Frame()), "zero": zero}  # the same for every frame
        return {"network": name, "step": step} | sizes | figures

    rows = []
    for name, floating in floats.items():
        rows.append(row(name, "float", floating))
        for step, correct in (("quantized", False), ("biases corrected", True)):
            twin = quantized(floating, quant, replace(settings, bias_correction=correct), defects, pool)
            rows.append(row(name, step, twin.eval()))
    return rows + [row(name, "trained", twin) for name, twin in twins.items()]


def _figures(
    network: EncoderDecoder,
    defects: DefectConfig,
    settings: QatConfig,
    pool: CropPool,
    validation: ValidationSet,
) -> dict[str, float]:
    measured = Learner(network, defects, settings, pool, validation).validate()
    return {name: measured[name] for name in FIGURES}


def main(
    config: Annotated[Path, typer.Option(help="a file of configs/; [quant], [defects] and [qat] are read")],
    checkpoint: Annotated[list[Path], typer.Option(help="float checkpoint, may be repeated")],
    data: Annotated[Path, typer.Option(help="folder of photographs, searched with its subfolders")],
    out: Annotated[Path, typer.Option(help="folder for drop.json")],
    trained: Annotated[list[Path] | None, typer.Option(help="QAT checkpoint, may be repeated")] = None,
) -> None:
    """Measure what pruning, quantization, bias correction and training change; of a task's network, bits."""
    if has_task(config):
        if len(checkpoint) != 1 or trained:
            raise UserError(
                "--checkpoint: of a task's network one float checkpoint is looked at, and no --trained"
            )
        drops_of_a_task(config, checkpoint[0], data, out)
        return
    rows = drops(
        configuration.load(config, "quant", QuantConfig),
        configuration.load(config, "defects", DefectConfig),
        configuration.load(config, "qat", QatConfig),
        {str(path): load_generator(path) for path in checkpoint},
        {str(path): load_twin(path) for path in trained or ()},
        data,
    )
    write_json(out / "drop.json", {"rows": rows, "made_by": made_by()})
    table = Table("network\nstep", "bytes\nzeros", "dB\nin defects", "SSIM\nin defects")
    for row in rows:
        whole, ssim, defect, defect_ssim = (f"{row[key]:.{2 if 'db' in key else 4}f}" for key in FIGURES)
        sizes = f"{row['bytes']:,}\n{row['zero']:.1%}"
        table.add_row(
            f"{row['network']}\n{row['step']}", sizes, f"{whole}\n{defect}", f"{ssim}\n{defect_ssim}"
        )
    console.print(table)
    note(f"{out / 'drop.json'}: written")


if __name__ == "__main__":
    run(main)
