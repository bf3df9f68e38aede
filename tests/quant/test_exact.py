"""Networks in float64: what they give is what sums of integers give, also where float32 does not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from torch import Tensor, nn

from quant import equality
from quant.equality import Comparison, compare
from quant.exact import exact, execute
from quant.twin import Port, QuantSettings, Twin, twin
from quant.twin.export import random_inputs, write
from quant.zoo import exported

HEIGHT, WIDTH, CHANNELS = 4, 5, 512
STEP = 2.0**-7


class Large(nn.Module):
    """One convolution, whose sums pass 2^24."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


@pytest.fixture(scope="module")
def large() -> Twin:
    torch.manual_seed(0)
    module = Large()
    with torch.no_grad():
        module.conv.weight.uniform_(0.5, 1.0)
        module.conv.weight[:, ::2] *= -1
    settings = QuantSettings(
        weight_bits=8, act_bits=8, inputs=(Port("features", scale=STEP),), outputs=(Port("features", bits=8),)
    )
    return twin(module, settings, [(torch.rand(1, CHANNELS, HEIGHT, WIDTH) * 2,)])


def by_integers(made: Twin, frame: Tensor) -> tuple[NDArray[np.float64], float]:
    """The convolution's results by sums of integers, and the scale of what they are quantized to."""
    layer: Any = made.weighted()["conv"]
    quantized, bias = layer.quant_weight(), layer.bias.detach().numpy().astype(float)
    weights = np.round((quantized.value / quantized.scale).detach().numpy()).astype(np.int64)
    units = (quantized.scale.detach().numpy().astype(float) * STEP).reshape(-1)
    pixels = np.pad(np.round(frame.numpy()[0] / STEP).astype(np.int64), ((0, 0), (1, 1), (1, 1)))
    result = np.empty((1, 2, HEIGHT, WIDTH))
    for channel, row, column in np.ndindex(2, HEIGHT, WIDTH):
        total = int((weights[channel] * pixels[:, row : row + 3, column : column + 3]).sum())
        result[0, channel, row, column] = total * units[channel] + bias[channel]
    end: Any = made.quantizers()["conv"]
    return result, float(end.act_quant.scale())


def test_sums_beyond_2_to_the_24(large: Twin, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frames = [random_inputs(large, [(CHANNELS, HEIGHT, WIDTH)], rng) for _ in range(3)]
    write(large, frames[0], tmp_path / "large.onnx")
    model = ModelWrapper(str(tmp_path / "large.onnx"))
    copy = exact(large)
    for (frame,) in frames:
        sums, scale = by_integers(large, frame)
        wanted = np.clip(np.round(sums / scale), -128, 127) * scale
        assert len(np.unique(wanted)) > 20
        with torch.no_grad():
            assert np.array_equal(copy(frame.double()).numpy(), wanted)
        values = execute(model, {model.graph.input[0].name: frame.numpy()})
        assert np.array_equal(values[model.graph.output[0].name], wanted)
        (conv,) = [node.output[0] for node in model.graph.node if node.op_type == "Conv"]
        near = dict(rtol=0, atol=1e-13 * np.abs(sums).max())
        np.testing.assert_allclose(values[conv], sums, **near)
        single = execute_onnx(
            model, {model.graph.input[0].name: frame.numpy()}, return_full_exec_context=True
        )
        assert not np.allclose(single[conv], sums, **near), "float32 is exact as well"


def test_what_float32_alone_rounds_is_counted(
    large: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if qonnx had added in another order."""
    frames = [random_inputs(large, [(CHANNELS, HEIGHT, WIDTH)], np.random.default_rng(2))]
    write(large, frames[0], tmp_path / "large.onnx")
    model = ModelWrapper(str(tmp_path / "large.onnx"))
    end = model.graph.output[0].name

    def rounded(model: ModelWrapper, feed: dict[str, Any]) -> dict[str, Any]:
        results = execute_onnx(model, feed)
        results[end] = results[end].copy()
        results[end][0, 1, 2, 3] += 1
        return results

    monkeypatch.setattr(equality, "execute_onnx", rounded)
    found = compare(large, model, frames)
    assert found == Comparison((), 1)
    assert str(found) == "equals Brevitas in float64; in float32, which rounds their sums, 1 values differ"


@pytest.mark.parametrize("name", ["conv_deconv", "unet", "multiscale_plain", "medley"])
def test_files_in_float64_give_the_same_integers(name: str, tmp_path: Path) -> None:
    """Small networks, settled, of many operators: there float32 is exact enough."""
    path = tmp_path / "net.onnx"
    entry = exported(name, 8, 8, path)
    model = ModelWrapper(str(path))
    image = np.random.default_rng(3).integers(0, 256, (1, entry.channels, 8, 8)).astype(np.float32)
    feed = {model.graph.input[0].name: image / np.float32(255)}
    single, double = execute_onnx(model, feed), execute(model, feed)
    for end in model.graph.output:
        assert double[end.name].dtype == np.float64
        np.testing.assert_allclose(double[end.name], single[end.name], rtol=1e-5, atol=1e-7)
