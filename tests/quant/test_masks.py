"""Masks: the smallest weights, as many as asked for, 0 for ever."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hls.frontend import read
from hls.layers import Convolution, TransposedConvolution
from model.generator import Generator, GeneratorConfig
from pixelmend.config import parse
from pixelmend.errors import UserError
from quant.bits import QuantConfig, check_layers, layer_names
from quant.export import export
from quant.generator import QuantGenerator
from quant.masks import lamp, n_of_m, sparsity, unstructured

NET = GeneratorConfig(widths=(8, 12), spectral_norm=False)


def masked(quant: QuantConfig, seed: int = 1) -> QuantGenerator:
    torch.manual_seed(seed)
    network = QuantGenerator(NET, quant)
    network.load_float(Generator(NET))
    network.mask_weights()
    return network


def trained(network: QuantGenerator, steps: int = 25) -> QuantGenerator:
    """A few steps of Adam, after which every weight that can move has moved."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for step in range(steps):
        frames = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(step))
        network.train()
        loss = (network(frames) - frames).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


def test_lamp_by_hand() -> None:
    scores = lamp(torch.tensor([[1.0, -2.0], [0.0, 3.0]]))
    assert scores.tolist() == pytest.approx([1 / 14, 4 / 13, 0.0, 1.0])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_unstructured_masks_the_share_asked_for(share: float) -> None:
    rng = torch.Generator().manual_seed(3)
    weights = {
        "small": 1e-3 * torch.randn(4, 6, 3, 3, generator=rng),
        "large": torch.randn(6, 5, 2, 2, generator=rng),
    }
    masks = unstructured(weights, share)
    total = sum(weight.numel() for weight in weights.values())
    assert sum(int((~mask).sum()) for mask in masks.values()) == round(share * total)
    for name, mask in masks.items():
        kept, gone = weights[name][mask].abs(), weights[name][~mask].abs()
        assert len(kept)  # a layer of small weights is not emptied
        assert float(gone.max()) <= float(kept.min())


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 4), (1, 4)])
@pytest.mark.parametrize("axis", [0, 1])
def test_n_of_m_successive_input_channels_stay(n: int, m: int, axis: int) -> None:
    weight = torch.randn(8, 12, 3, 2, generator=torch.Generator().manual_seed(1))
    mask = n_of_m(weight, n, m, axis)
    by_input = weight.abs().movedim(axis, 0).numpy()
    kept = mask.movedim(axis, 0).numpy()
    for start in range(0, len(by_input), m):
        group, stay = by_input[start : start + m], kept[start : start + m]
        assert (stay.sum(0) == n).all()
        assert (np.where(stay, group, np.inf).min(0) >= np.where(stay, 0, group).max(0)).all()


def test_a_layer_that_m_does_not_divide_stays_dense() -> None:
    network = masked(QuantConfig(n_of_m=(2, 4)))
    report = sparsity(network.layers())
    layers: dict[str, Any] = network.layers()
    shares = {name: float((~layer.mask).float().mean()) for name, layer in layers.items()}
    assert shares == {"enc1": 0.0, "enc2": 0.5, "center": 0.5, "dec1": 0.5, "dec2": 0.5}
    assert 0.4 < report["masked"] < 0.5


@pytest.mark.parametrize(
    "quant",
    [
        QuantConfig(sparsity=0.6),
        QuantConfig(n_of_m=(2, 4)),
        QuantConfig(sparsity=0.5, weight_kind="power_of_two", dense_layers=("enc1", "dec2")),
    ],
    ids=["unstructured", "2:4", "power of two"],
)
def test_masked_weights_are_0_after_training_and_in_the_file(quant: QuantConfig, tmp_path: Path) -> None:
    network = masked(quant)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    trained(network)
    export(network, 8, 16, tmp_path / "x.onnx")
    matrices = [
        layer
        for layer in read(tmp_path / "x.onnx").layers
        if isinstance(layer, Convolution | TransposedConvolution)
    ]
    for (name, layer), lowered in zip(network.layers().items(), matrices, strict=True):
        mask: Any = getattr(layer, "mask", None)
        assert (mask is None) == (name in quant.dense_layers)
        if mask is None:
            continue
        weight: Tensor = layer.weight  # type: ignore[assignment]
        assert torch.equal(weight.detach()[~mask], torch.zeros(int((~mask).sum())))
        assert (lowered.weights[~mask.numpy()] == 0).all()
        key = next(key for key, value in network.named_parameters() if value is weight)
        assert not torch.equal(weight.detach()[mask], before[key][mask]), "nothing was trained"
    report = sparsity(network.layers())
    zeros = sum(int((layer.weights == 0).sum()) for layer in matrices)
    assert report["zero"] == pytest.approx(zeros / sum(layer.weights.size for layer in matrices))
    assert report["zero"] >= report["masked"] > 0.3


def test_masks_travel_with_the_state() -> None:
    quant = QuantConfig(sparsity=0.6)
    source, target = masked(quant, 1), masked(quant, 2)
    trained(source, 1), trained(target, 1)  # Brevitas creates its learned scales with the first step
    target.load_state_dict(source.state_dict())
    for name in layer_names(NET):
        assert torch.equal(source.layer(name).mask, target.layer(name).mask)  # type: ignore[arg-type]
    trained(target.train())
    assert sparsity(target.layers())["masked"] == pytest.approx(0.6, abs=1e-3)


def test_a_weight_that_came_back_is_found() -> None:
    network = masked(QuantConfig(sparsity=0.6))
    layer: Any = network.layer("enc2")
    with torch.no_grad():
        layer.weight[~layer.mask] += 1.0
    with pytest.raises(UserError, match=r"^enc2: \d+ weights are not 0 although they are masked"):
        sparsity(network.layers())


def test_without_masks_nothing_is_held() -> None:
    network = QuantGenerator(NET, QuantConfig())
    assert not any("mask" in key for key in network.state_dict())
    report = sparsity(network.layers())
    assert report["masked"] == 0.0
    assert 0.0 < report["zero"] < 0.3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sparsity": 1.0}, "sparsity: Input should be less than 1; got 1.0"),
        ({"n_of_m": [4, 4]}, r"n_of_m must be two numbers n, m with 1 <= n < m"),
        ({"n_of_m": [2, 4], "sparsity": 0.5}, "set sparsity or n_of_m, not both"),
        ({"weight_kind": "ternary"}, "weight_kind: Input should be 'uniform', 'power_of_two' or 'binary'"),
    ],
)
def test_bad_values_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(values, QuantConfig, "x.toml: [quant]")


def test_binary_weights_cannot_be_masked() -> None:
    quant = QuantConfig(sparsity=0.5, layer_weight_kind={"enc2": "binary"})
    with pytest.raises(UserError, match=r"enc2 is masked, but binary weights have no 0; add it to dense_lay"):
        check_layers(quant, NET)
    check_layers(QuantConfig(sparsity=0.5, weight_kind="binary", dense_layers=tuple(layer_names(NET))), NET)
    with pytest.raises(UserError, match=r"dense_layers names layer 'enc3'"):
        check_layers(QuantConfig(dense_layers=("enc3",)), NET)
