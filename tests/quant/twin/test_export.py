"""The file computes what Brevitas computes and tells the author's names, or there is no file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import load
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model
from torch import Tensor, nn

from pixelmend.errors import UserError
from quant import equality as module
from quant.equality import Comparison, compare
from quant.twin import Port, QuantSettings, Twin, twin
from quant.twin.export import Exporter, export, layer_of, random_inputs
from quant.twin.settle import settle

SHAPE = (2, 6, 8)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(4, 4, 3, padding=1)
        self.act = nn.PReLU(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.act(self.conv1(x)))


class Net(nn.Module):
    """Two inputs, a feature map and an image; two outputs, of each kind one."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.block = Block()
        self.shuffle = nn.PixelShuffle(2)
        self.last = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, features: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        x = self.block(torch.relu(self.first(features)))  # N, 4, H, W
        return x, torch.sigmoid(self.last(self.shuffle(x) - image))  # N, 1, 2H, 2W


SETTINGS = QuantSettings(
    inputs=(Port("features", bits=4, signed=True, scale=0.125), Port("features", bits=3)),
    outputs=(Port("features", bits=5), Port()),
)
SHAPES = [SHAPE, (1, 12, 16)]
NAMES = [
    ("Quant", "features"), ("Conv", "first"), ("Relu", "relu"), ("Quant", "relu"), ("Conv", "block.conv1"),
    ("PRelu", "block.act"), ("Quant", "block.act"), ("Conv", "block.conv2"), ("Quant", "block.conv2"),
    ("Add", "block.add"), ("DepthToSpace", "shuffle"), ("Quant", "image"), ("Sub", "sub"), ("Conv", "last"),
    ("Sigmoid", "sigmoid"), ("Quant", "sigmoid"), ("Quant", "block.add"),
]  # fmt: skip


@pytest.fixture(scope="module")
def network() -> Twin:
    torch.manual_seed(3)
    frames = [(torch.randn(2, *SHAPE), torch.rand(2, *SHAPES[1])) for _ in range(2)]
    made = twin(Net(), SETTINGS, frames)
    settle(made, SHAPES)
    return made


@pytest.fixture(scope="module")
def exported(network: Twin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "net.onnx"
    export(network, SHAPES, path)
    return path


def frames(network: Twin, seed: int) -> list[tuple[Tensor, ...]]:
    rng = np.random.default_rng(seed)
    return [random_inputs(network, SHAPES, rng) for _ in range(3)]


def test_inputs_are_what_hardware_can_be_given(network: Twin) -> None:
    (features, image), *_ = frames(network, 1)
    steps = features / 0.125
    assert torch.equal(steps, torch.round(steps)) and (float(steps.min()), float(steps.max())) == (-8, 7)
    assert 8 < len(image.unique()) <= 16  # signed, 4 bits: it takes the type of what it is joined with


def test_the_file_equals_brevitas_on_other_frames(network: Twin, exported: Path) -> None:
    assert compare(network, ModelWrapper(str(exported)), frames(network, seed=9)) == Comparison(())
    results = [network(*frame)[1] for frame in frames(network, seed=9)]
    assert len(torch.stack(results).unique()) > 10, "the network says nearly nothing"


def test_every_node_tells_its_layer_through_a_cleanup(exported: Path) -> None:
    nodes = cleanup_model(ModelWrapper(str(exported))).graph.node
    named = [(node.op_type, layer_of(node)) for node in nodes]
    for name in ("first", "block.conv1", "block.conv2", "last"):
        named.remove(("Quant", name))  # of the weights
    assert sorted(named) == sorted(NAMES)
    assert "stack_trace" not in exported.read_bytes().decode("latin-1")


def test_names_of_nodes(exported: Path) -> None:
    names = [node.name for node in load(str(exported)).graph.node]
    assert len(set(names)) == len(names)
    assert {"block.conv1", "block.conv1.weight", "block.act.Quant", "block.add", "sub"} <= set(names)


@pytest.mark.parametrize(("exporter", "opset"), [("torchscript", 13), ("dynamo", 20)])
def test_other_exporters_and_opsets(network: Twin, tmp_path: Path, exporter: Exporter, opset: int) -> None:
    path = tmp_path / "net.onnx"
    export(network, SHAPES, path, 1, opset, exporter)
    model = load(str(path))
    assert {one.domain: one.version for one in model.opset_import}[""] == opset
    convs = [layer_of(node) for node in model.graph.node if node.op_type == "Conv"]
    assert convs == ["first", "block.conv1", "block.conv2", "last"]


def test_a_file_that_disagrees_is_refused(
    network: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(execute: Any) -> Any:
        def wrong(model: Any, feed: dict[str, Any]) -> dict[str, Any]:
            results = dict(execute(model, feed))
            results[model.graph.output[1].name][0, 0, 2, 3] += np.float32(1 / 255)
            return results

        return wrong

    for name in ("execute_onnx", "execute"):  # in float32 and in float64
        monkeypatch.setattr(module, name, spoilt(getattr(module, name)))
    path = tmp_path / "net.onnx"
    with pytest.raises(UserError) as caught:
        export(network, SHAPES, path)
    first, *others = str(caught.value).splitlines()
    assert first.startswith(f"{path}: QONNX differs from Brevitas in 1 of 192 values of ")
    assert "first at (frame, channel, row, column) (0, 0, 2, 3)" in first and len(others) == 3
    assert list(tmp_path.iterdir()) == []


def test_frames_that_do_not_go_through() -> None:
    with pytest.raises(UserError, match="inputs of 1x3x4x4 do not go through the network: "):
        twin(nn.Conv2d(2, 2, 1), replace(SETTINGS, inputs=(Port(),)), torch.rand(1, 3, 4, 4))
