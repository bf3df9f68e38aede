"""Export: the file computes what Brevitas computes, or there is no file."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from model.checkpoint import save
from model.generator import GeneratorConfig, Mode
from pixelmend.errors import UserError
from pixelmend.files import read_json
from quant import equality
from quant import export as module
from quant.exact import execute
from quant.export import export, export_checkpoint
from quant.generator import QuantGenerator
from quant.qat import KIND
from tests.networks import Case, brevitas_pixels, equal, images, qonnx_pixels, twin

CASE = Case(widths=(4, 6), height=8, width=12, seed=3)


@pytest.fixture(scope="module")
def network() -> QuantGenerator:
    return twin(CASE)


@pytest.fixture(scope="module")
def exported(network: QuantGenerator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "generator.onnx"
    export(network, CASE.height, CASE.width, path)
    return path


def checkpoint(network: QuantGenerator, path: Path, kind: str = KIND) -> Path:
    quant = network.quant
    config = {
        "generator": {"widths": list(network.config.widths), "spectral_norm": False},
        "quant": {"weight_bits": quant.weight_bits, "act_bits": quant.act_bits},
    }
    save(path, kind, config, network.state_dict(), {"seed": CASE.seed})
    return path


def frame_of(folder: Path, height: int = CASE.height, width: int = CASE.width) -> Path:
    path = folder / "some.toml"
    path.write_text(f"[frame]\nheight = {height}\nwidth = {width}\n", encoding="utf-8")
    return path


def test_the_file_equals_brevitas_on_photographs(network: QuantGenerator, exported: Path) -> None:
    frames = images(CASE)
    wanted = brevitas_pixels(network, frames)
    assert len(np.unique(wanted)) > 8, "the network says nearly nothing"
    equal("QONNX", qonnx_pixels(exported, frames), wanted)


@pytest.mark.parametrize("sweeps", [0, 1])
@pytest.mark.parametrize("mode", ["filled", "corrected"])
def test_a_file_that_fills_equals_brevitas(mode: Mode, sweeps: int, tmp_path: Path) -> None:
    """The pyramid is one node of it; a network whose score or map names some pixels."""
    case = replace(CASE, mode=mode, fill_levels=2, fill_sweeps=sweeps, seed=14)
    network, frames = twin(case), images(case)
    export(network, case.height, case.width, tmp_path / "generator.onnx")
    kinds = Counter(node.op_type for node in ModelWrapper(str(tmp_path / "generator.onnx")).graph.node)
    assert kinds["PyramidFill"] == 1
    wanted = brevitas_pixels(network, frames)
    assert 0.05 < (wanted != frames[..., :3]).any(-1).mean() < 0.95
    equal("QONNX", qonnx_pixels(tmp_path / "generator.onnx", frames), wanted)


def test_the_same_network_gives_the_same_bytes(
    network: QuantGenerator, exported: Path, tmp_path: Path
) -> None:
    export(network, CASE.height, CASE.width, tmp_path / "generator.onnx")
    assert (tmp_path / "generator.onnx").read_bytes() == exported.read_bytes()


@pytest.mark.parametrize(("height", "width"), [(8, 10), (9, 12), (2, 4)])
def test_sides_that_do_not_divide(network: QuantGenerator, tmp_path: Path, height: int, width: int) -> None:
    with pytest.raises(UserError) as caught:
        export(network, height, width, tmp_path / "x.onnx")
    assert str(caught.value) == (
        f"frame {height}x{width}: this generator has 2 levels of stride 2, "
        "so both sides must be multiples of 4"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_disagrees_is_refused(
    network: QuantGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One value of the third check image, off by one step."""
    path = tmp_path / "generator.onnx"
    path.write_bytes(b"an earlier result")
    calls: list[int] = []

    def spoilt(results: dict[str, Any], model: Any) -> dict[str, Any]:
        results[model.graph.output[0].name][0, 1, 2, 3] += np.float32(1 / 255)
        return results

    def wrong(model: Any, feed: dict[str, Any]) -> dict[str, Any]:
        calls.append(1)
        results = execute_onnx(model, feed)
        return spoilt(results, model) if len(calls) == 3 else results

    monkeypatch.setattr(equality, "execute_onnx", wrong)
    monkeypatch.setattr(equality, "execute", lambda model, feed: spoilt(execute(model, feed), model))
    with pytest.raises(UserError) as caught:
        export(network, CASE.height, CASE.width, path)
    assert str(caught.value).startswith(
        f"{path}: QONNX differs from Brevitas in 1 of 288 values of global_out of check frame 2, first at "
        "(frame, channel, row, column) (0, 1, 2, 3): "
    )
    assert path.read_bytes() == b"an earlier result"
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_is_exported_once(
    network: QuantGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, config, out = (
        checkpoint(network, tmp_path / "qat.safetensors"),
        frame_of(tmp_path),
        tmp_path / "out",
    )
    sizes: list[tuple[int, int]] = []

    def pretended(_twin: QuantGenerator, height: int, width: int, path: Path) -> None:
        sizes.append((height, width))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")

    monkeypatch.setattr(module, "export", pretended)
    assert export_checkpoint(config, stored, out) == out / "generator.onnx"
    export_checkpoint(config, stored, out)
    assert sizes == [(8, 12)]
    export_checkpoint(frame_of(tmp_path, width=16), stored, out)
    assert sizes == [(8, 12), (8, 16)]
    (out / "generator.onnx").unlink()
    export_checkpoint(frame_of(tmp_path, width=16), stored, out)
    with torch.no_grad():
        bias = dict(network.named_parameters())["dec.0.bias"]
        before = bias.clone()
        bias += 1
        checkpoint(network, stored)
        bias.copy_(before)
    export_checkpoint(frame_of(tmp_path, width=16), stored, out)
    assert len(sizes) == 4


def test_what_made_the_file_lies_beside_it(network: QuantGenerator, exported: Path, tmp_path: Path) -> None:
    stored, out = checkpoint(network, tmp_path / "qat.safetensors"), tmp_path / "out"
    path = export_checkpoint(frame_of(tmp_path), stored, out)
    assert path.read_bytes() == exported.read_bytes()  # the checkpoint holds the whole network
    told = read_json(out / "generator.json")
    assert told["checkpoint"] == {"seed": CASE.seed}
    assert told["frame"] == {"height": 8, "width": 12}
    assert set(told["made_by"]) == {"commit", "versions"}


def test_a_checkpoint_of_the_float_network_is_refused(network: QuantGenerator, tmp_path: Path) -> None:
    stored = checkpoint(network, tmp_path / "float.safetensors", kind="generator")
    with pytest.raises(UserError, match="expected a checkpoint of kind 'quantized generator', got kind 'gen"):
        export_checkpoint(frame_of(tmp_path), stored, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_recorded_configuration_is_that_of_the_case(network: QuantGenerator) -> None:
    assert network.config == GeneratorConfig(widths=(4, 6), spectral_norm=False, fill_levels=2)
    assert json.loads(json.dumps(network.quant.weight_bits)) == CASE.weight_bits
