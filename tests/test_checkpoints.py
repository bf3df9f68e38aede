"""The networks that ship: whole, small, of the configuration they are named after, equal to their QONNX."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hls.frontend import read
from model.checkpoint import load
from model.generator import GeneratorConfig
from pixelmend.config import Frame, load_frame
from pixelmend.config import load as load_table
from quant.bits import QuantConfig
from quant.evaluate import size_bytes
from quant.export import export
from quant.qat import KIND, load_twin
from quant.shrink import PruneConfig

ROOT = Path(__file__).parents[1]
SHIPPED = sorted((ROOT / "checkpoints").glob("*/qat.safetensors"))


def test_the_default_configuration_ships() -> None:
    assert [path for path in SHIPPED if path.parent.name == "z2-256"]
    files = [path for path in (ROOT / "checkpoints").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 10e6


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_shipped_network(path: Path, tmp_path: Path) -> None:
    configuration = ROOT / "configs" / f"{path.parent.name}.toml"
    twin, made_by = load_twin(path), load(path, KIND).made_by
    assert twin.quant == load_table(configuration, "quant", QuantConfig)
    shape = load_table(configuration, "generator", GeneratorConfig)
    if "[prune]" in configuration.read_text():
        shape = replace(shape, widths=load_table(configuration, "prune", PruneConfig).widths)
    assert twin.config == shape
    frame: Frame = load_frame(configuration)
    assert size_bytes(twin, frame) <= 471_000, "49 times smaller than 22.1 MB"
    assert {"commit", "qat", "defects", "data", "best", "seed"} <= made_by.keys()

    export(twin, frame.height, frame.width, tmp_path / "generator.onnx")
    here, shipped = read(tmp_path / "generator.onnx"), read(path.with_name("generator.onnx"))
    assert len(here.layers) == len(shipped.layers)
    for own, other in zip(here.layers, shipped.layers, strict=True):
        assert type(own) is type(other)
        for name in ("weights", "thresholds"):
            assert np.array_equal(getattr(own, name, 0), getattr(other, name, 0)), (own.name, name)
