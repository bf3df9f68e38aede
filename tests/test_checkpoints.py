"""The networks that ship: whole, small, of the configuration they are named after, equal to their QONNX."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hls.frontend import read
from model.checkpoint import kind_of, load
from model.generator import GeneratorConfig
from model.tasks import load_task
from model.tasks.network import load_choice, read_network
from pixelmend.config import Frame, load_frame
from pixelmend.config import load as load_table
from pixelmend.files import file_digest
from quant.bits import QuantConfig
from quant.evaluate import size_bytes
from quant.export import export
from quant.qat import KIND, load_twin
from quant.shrink import PruneConfig
from quant.twin.checkpoint import KIND as TWIN_KIND
from quant.twin.checkpoint import read_twin
from quant.twin.export import export as export_twin
from quant.twin.settings import QuantSettings

ROOT = Path(__file__).parents[1]
SHIPPED = sorted((ROOT / "checkpoints").glob("*/qat.safetensors"))


def test_the_default_configuration_ships() -> None:
    assert [path for path in SHIPPED if path.parent.name == "z2-256"]
    files = [path for path in (ROOT / "checkpoints").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 10e6


def kind_is(path: Path, kind: str) -> bool:
    return kind_of(path) == kind


OF_REPAIR = [path for path in SHIPPED if kind_is(path, KIND)]
OF_TASKS = [path for path in SHIPPED if kind_is(path, TWIN_KIND)]


def same_layers(one: Path, other: Path) -> None:
    """Two QONNX files are the same integer network."""
    here, shipped = read(one), read(other)
    assert len(here.layers) == len(shipped.layers)
    for own, their in zip(here.layers, shipped.layers, strict=True):
        assert type(own) is type(their)
        for name in ("weights", "thresholds"):
            assert np.array_equal(getattr(own, name, 0), getattr(their, name, 0)), (own.name, name)


@pytest.mark.parametrize("path", OF_TASKS, ids=lambda path: path.parent.name)
def test_shipped_network_of_a_task(path: Path, tmp_path: Path) -> None:
    """With the float network that it was made of."""
    configuration = ROOT / "configs" / f"{path.parent.name}.toml"
    choice, _, twin = read_twin(path)
    assert choice == load_choice(configuration)
    assert twin.settings == load_table(configuration, "quant", QuantSettings)
    made_by = load(path, TWIN_KIND).made_by
    assert {"commit", "task", "train", "data", "best", "seed"} <= made_by.keys()
    assert made_by["start"] == file_digest(path.with_name("float.safetensors"))
    assert read_network(path.with_name("float.safetensors"))[0] == choice
    frame, channels = load_frame(configuration), load_task(configuration).channels
    export_twin(twin, [(channels, frame.height, frame.width)], tmp_path / "generator.onnx")
    same_layers(tmp_path / "generator.onnx", path.with_name("generator.onnx"))


@pytest.mark.parametrize("path", OF_REPAIR, ids=lambda path: path.parent.name)
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
    same_layers(tmp_path / "generator.onnx", path.with_name("generator.onnx"))
