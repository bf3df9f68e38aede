"""Tracing changes no value, names every layer, and says all at once what can't be."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from model.networks import NETWORKS, network
from pixelmend.errors import UserError
from quant.twin.layers import Role
from quant.twin.trace import merge, trace
from quant.zoo import randomize


def as_tuple(given: Any) -> tuple[Tensor, ...]:
    return given if isinstance(given, tuple) else (given,)


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("srgan16", "chain50")])
def test_the_graph_computes_what_the_module_computes(name: str, merged: bool) -> None:
    entry = network(name)
    frames = torch.rand(2, entry.channels, 8, 8, generator=torch.Generator().manual_seed(1))
    module = entry.make().eval()
    randomize(module, frames, torch.Generator().manual_seed(2))
    traced = trace(module, merged)
    norms = [one for one in traced.graph.modules() if isinstance(one, nn.BatchNorm2d)]
    assert not merged or name == "preact" or not norms
    with torch.no_grad():
        for one, other in zip(as_tuple(module(frames)), as_tuple(traced.graph(frames)), strict=True):
            torch.testing.assert_close(other, one, atol=2e-5, rtol=1e-4)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(4, 4, 3, padding=1)
        self.act = nn.ReLU()
        self.drop = nn.Dropout(0.5)
        self.conv2 = spectral_norm(nn.Conv2d(4, 4, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.drop(self.act(self.conv1(x)))
        return self.act(self.conv2(functional.leaky_relu(y, 0.1))) + x


def test_names() -> None:
    """Layers keep theirs; functions, and what is called twice, get one of the module that calls them."""
    module = nn.Sequential(Block(), Block()).eval()
    frames = torch.rand(1, 4, 6, 6)
    traced = trace(module)
    calls = [node for node in traced.graph.graph.nodes if node.op == "call_module"]
    block = ["conv1", "act", "leaky_relu", "conv2", "act_1", "add"]
    assert [traced.layers[node.name] for node in calls] == [f"{n}.{name}" for n in "01" for name in block]
    assert [str(node.target) for node in calls] == [traced.layers[node.name] for node in calls]
    roles = [traced.roles[node.name] for node in calls][:6]
    point, weights = Role.POINTWISE, Role.WEIGHTED
    assert roles == [weights, point, point, weights, point, Role.SUM]
    with torch.no_grad():
        torch.testing.assert_close(traced.graph(frames), module(frames))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, bias=False),
        nn.Conv2d(4, 6, 3, groups=2),
        nn.ConvTranspose2d(4, 6, 3, stride=2),
        nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, bias=False),
    ],
    ids=["conv", "grouped", "transposed", "transposed-grouped"],
)
def test_batch_norm_is_merged(layer: Any, affine: bool) -> None:
    torch.manual_seed(4)
    norm = nn.BatchNorm2d(6, affine=affine).eval()
    assert norm.running_mean is not None and norm.running_var is not None
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.1, 3)
    if affine:
        with torch.no_grad():
            norm.weight.normal_()  # falling channels too
            norm.bias.normal_()
    frames, layer = torch.randn(2, 4, 7, 7), copy.deepcopy(layer)
    with torch.no_grad():
        wanted = norm(layer(frames))
        merge(layer, norm)
        torch.testing.assert_close(layer(frames), wanted, atol=1e-5, rtol=1e-4)


def test_batch_norm_stays_where_another_layer_reads_the_sums() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            y = self.conv(x)
            return torch.relu(y), torch.relu(self.norm(y))

    graph = trace(Both()).graph
    assert any(isinstance(one, nn.BatchNorm2d) for one in graph.modules())


class Everything(nn.Module):
    """One of every thing that hardware can't do."""

    def __init__(self) -> None:
        super().__init__()
        self.gelu = nn.GELU()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.third = nn.Upsample(scale_factor=1.5)
        self.prelu = nn.PReLU(init=-0.25)
        self.leaky = nn.LeakyReLU(-0.1)
        self.norm = nn.GroupNorm(2, 4)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.mean = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.third(self.up(self.conv(self.gelu(x))))
        x = self.mean(self.pool(self.norm(self.leaky(self.prelu(x)))))
        x = functional.silu(x) * x + torch.softmax(x, 1)
        return torch.cat([x, x], 2)[:, ::2] + functional.interpolate(x, scale_factor=2, mode="bicubic")


REFUSED = """Everything holds what hardware can't do exactly:
- silu is not monotone, so no row of thresholds computes it: use ReLU, leaky ReLU or Hardtanh
- mul multiplies or divides two tensors: only a constant factor can be, scalar or one a channel
- softmax divides by a sum of other channels: use Sigmoid
- cat joins dimension 2: use dim=1, channels
- getitem takes other than a run of channels: use x[:, first:last]
- gelu (GELU) is not monotone, so no row of thresholds computes it: use ReLU, leaky ReLU or Hardtanh
- conv (Conv2d) has padding_mode='reflect': use 'zeros'
- up (Upsample) interpolates, mode='bilinear': use mode='nearest' and a convolution behind it
- third (Upsample) has scale_factor=1.5: use whole numbers
- prelu (PReLU) falls left of 0, its least slope is -0.25: use slopes of at least 0, e.g. weight.data.clamp_(min=0)
- leaky (LeakyReLU) falls left of 0, negative_slope=-0.1: use a slope of at least 0
- norm (GroupNorm) normalizes with statistics of the frame at hand: use BatchNorm2d, whose numbers are fixed
- pool (MaxPool2d) has return_indices or ceil_mode: leave them off
- mean (AdaptiveAvgPool2d) needs the whole frame before its first result: use AvgPool2d or MaxPool2d of a fixed kernel
- interpolate (Upsample) interpolates, mode='bicubic': use mode='nearest' and a convolution behind it"""


def test_everything_in_the_way_is_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        trace(Everything())
    assert str(caught.value) == REFUSED


def refused(forward: Any) -> str:
    class One(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2, 2, 1, 1))

        def forward(self, x: Tensor) -> Any:
            return forward(self, x)

    with pytest.raises(UserError) as caught:
        trace(One())
    return str(caught.value)


@pytest.mark.parametrize(
    ("forward", "told"),
    [
        (lambda _, x: x if x.mean() > 0 else -x, "One can't be traced: "),
        (lambda m, x: functional.conv2d(x, m.weight), "conv2d is called as a function: make it a layer"),
        (lambda _, x: functional.interpolate(x, size=x.shape[2:]), "write the number, or scale_factor= for"),
        (lambda _, x: 1 / (x + 1), "truediv divides by a tensor: only a constant divisor can be"),
        (lambda _, x: torch.abs(x), "abs is not monotone"),
        (lambda _, x: functional.pad(x, (1, 1, 1, 1), mode="reflect"), "pad pads with copies of pixels"),
        (lambda _, x: functional.pad(x, (1, 1, 1, 1), value=1.0), "pad pads with copies of pixels"),
        (lambda _, x: torch.add(x, x, alpha=2), "add has a factor alpha"),
        (lambda _, x: x.reshape(1, -1), "reshape has no hardware"),
        (lambda _, x: x.clamp(min=x), "clamp has bounds that are tensors"),
        (lambda _, x: torch.split(x, 1), "split splits dimension 0: use dim=1"),
        (lambda _, x: functional.max_pool2d(x, 2, ceil_mode=True), "has return_indices or ceil_mode"),
    ],
)  # fmt: skip
def test_refusals(forward: Any, told: str) -> None:
    assert told in refused(forward)
