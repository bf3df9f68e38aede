"""Every network of the registry: what goes in, what comes out, and that it depends on both."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from model.networks import NETWORKS, network
from model.networks.inversion import Inversion, InversionConfig, Inverter, InverterConfig, Kind, Stride
from model.networks.srgan import SRGAN, SRGANConfig
from model.networks.unet import UNet, UNetConfig
from pixelmend.errors import UserError

HEIGHT, WIDTH = 8, 12
FACTORS: dict[str, tuple[int, ...]] = {
    "srgan": (4,), "srgan16": (4,), "multiscale": (2, 4), "multiscale_plain": (4,),
    "multiscale_dilated": (2, 4), "multiscale_subpixel": (2, 4), "conv_deconv": (2,), "deconv_conv": (2,),
    "deconv_deconv": (4,),
    "espcn": (3,), "espcn_relu": (3,), "espcn_grey": (2,), "edsr": (2,),
}  # fmt: skip
"""How many times as long the sides of each result are; 1 where a network is not named."""
BETWEEN_0_AND_1 = ("n2n", "srgan", "multiscale", "dncnn", "unet", "separable", "preact")


def results(module: nn.Module, frames: Tensor) -> tuple[Tensor, ...]:
    with torch.no_grad():
        given: Any = module.eval()(frames)
    return given if isinstance(given, tuple) else (given,)


@pytest.mark.parametrize("name", NETWORKS)
def test_shapes(name: str) -> None:
    torch.manual_seed(0)
    entry = network(name)
    module = entry.make()
    frames = torch.rand(2, entry.channels, HEIGHT, WIDTH)
    given = results(module, frames)
    factors = FACTORS.get(name, (1,))
    assert [tuple(one.shape[-2:]) for one in given] == [(f * HEIGHT, f * WIDTH) for f in factors]
    assert all(one.shape[:2] == (2, entry.channels) for one in given)
    if name in BETWEEN_0_AND_1:
        assert all(float(one.min()) >= 0 and float(one.max()) <= 1 for one in given)
    with torch.no_grad():
        for value in module.parameters():
            value.mul_(3.0)
    changed = results(module, 1 - frames)
    assert all(not torch.equal(one, other) for one, other in zip(given, changed, strict=True))


def test_the_published_srgan() -> None:
    """Weights and biases by hand; Ledig et al. say about 1.5 million."""
    module = SRGAN(SRGANConfig())
    slopes = sum(one.weight.numel() for one in module.modules() if isinstance(one, nn.PReLU))
    assert sum(one.numel() for one in module.parameters()) - slopes == (
        (3 * 9 * 9 + 1) * 64  # first
        + 16 * 2 * (64 * 9 + 2) * 64  # blocks
        + (64 * 9 + 2) * 64
        + 2 * (64 * 9 + 1) * 256  # sub-pixel
        + (64 * 9 * 9 + 1) * 3
    )
    assert len(module.blocks) == 16


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("skip", ["concat", "add"])
def test_the_skips_of_a_unet_carry_the_image(depth: int, skip: str) -> None:
    """With everything below the first level silenced, the result still depends on the image."""
    torch.manual_seed(0)
    config: Any = {"depth": depth, "skip": skip}
    module = UNet(UNetConfig(widths=(4, 6), **config))
    with torch.no_grad():
        for one in module.ups[-1].parameters():
            one.zero_()
    frames = torch.rand(2, 3, 8, 8)
    first, second = module(frames)
    assert not torch.equal(first, second)


def test_a_module_of_the_inversion_takes_what_a_strided_layer_gave() -> None:
    layer = nn.Conv2d(3, 16, 3, stride=2, padding=1)
    module = Inversion(InversionConfig("deconv-conv", channels=16, hidden=8, outputs=3, last="none"))
    frames = torch.rand(1, 3, 16, 24)
    assert module(torch.relu(layer(frames))).shape == frames.shape


@pytest.mark.parametrize("kind", ["conv-deconv", "deconv-conv", "deconv-deconv"])
@pytest.mark.parametrize("strides", [(2, 4), (4, 1), (1, 2)])
def test_a_stack_of_inversions_lengthens_the_sides_by_its_strides(
    kind: Kind, strides: tuple[Stride, ...]
) -> None:
    stack = Inverter(InverterConfig(kind, channels=(4, 3), strides=strides))
    sides = 3 * strides[0] * strides[1], 5 * strides[0] * strides[1]
    assert stack(torch.rand(1, 4, 3, 5)).shape == (1, 3, *sides)


def test_a_network_that_is_not_there() -> None:
    with pytest.raises(UserError, match="unknown network 'resnet'; there are n2n, srgan, "):
        network("resnet")
