"""Networks that restore images: those of the published systems, and those that users bring.

Each file holds one, from its smallest block to the whole, as a plain `torch.nn.Module`. `NETWORKS` names
instances of them at small widths, which tests build in a moment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from model.networks.chain import Chain, ChainConfig
from model.networks.dncnn import DnCNN, DnCNNConfig
from model.networks.edsr import EDSR, EDSRConfig
from model.networks.espcn import ESPCN, ESPCNConfig
from model.networks.inversion import Inversion, InversionConfig, Inverter, InverterConfig
from model.networks.medley import Medley, MedleyConfig
from model.networks.multiscale import Multiscale, MultiscaleConfig
from model.networks.n2n import N2N, N2NConfig
from model.networks.preact import PreAct, PreActConfig
from model.networks.separable import SeparableConfig, SeparableNet
from model.networks.srgan import SRGAN, SRGANConfig
from model.networks.unet import UNet, UNetConfig
from pixelmend.errors import UserError


@dataclass(frozen=True)
class Entry:
    """A network by name: how to make it with random weights, and what goes in and out."""

    make: Callable[[], nn.Module]
    description: str
    channels: int = 3  # of the input
    features: bool = False  # in and out are feature maps, not images
    multiple: int = 1  # both sides of a frame must be divisible by this


NETWORKS: dict[str, Entry] = {
    "n2n": Entry(lambda: N2N(N2NConfig(hidden=8)), "document 001: Noise2Noise, sigmoid", multiple=4),
    "srgan": Entry(lambda: SRGAN(SRGANConfig(width=8, blocks=2)), "document 002: SRGAN's generator, x4"),
    "srgan16": Entry(lambda: SRGAN(SRGANConfig(width=4, blocks=16)), "the same with 16 residual blocks"),
    "multiscale": Entry(
        lambda: Multiscale(MultiscaleConfig(width=6, blocks=2)),
        "document 003: x2 and x4, residual blocks, nearest upsampling",
    ),
    "multiscale_plain": Entry(
        lambda: Multiscale(MultiscaleConfig(width=6, blocks=1, block="plain", outputs=1)),
        "document 003's first step: x4 only, plain convolutions",
    ),
    "multiscale_dilated": Entry(
        lambda: Multiscale(MultiscaleConfig(width=6, blocks=1, block="dilated")),
        "document 003: dilated blocks with leaky ReLU",
    ),
    "multiscale_subpixel": Entry(
        lambda: Multiscale(MultiscaleConfig(width=6, blocks=1, block="dilated", up="subpixel")),
        "document 003: dilated blocks, sub-pixel convolutions instead of upsampling",
    ),
    "conv_deconv": Entry(
        lambda: Inversion(InversionConfig("conv-deconv")), "document 004: on 64 channels", 64, True
    ),
    "deconv_conv": Entry(
        lambda: Inversion(InversionConfig("deconv-conv")), "document 004: on 64 channels", 64, True
    ),
    "deconv_deconv": Entry(
        lambda: Inversion(InversionConfig("deconv-deconv", hidden=16, last="none")),
        "document 004: on 64 channels, signed result",
        64,
        True,
    ),
    "deconv_stride1": Entry(
        lambda: Inversion(InversionConfig("deconv-conv", channels=8, hidden=8, outputs=8, stride=1)),
        "document 004: a layer that had not shrunk its input; 8 channels",
        8,
        True,
    ),
    "dncnn": Entry(lambda: DnCNN(DnCNNConfig(width=8, layers=2)), "DnCNN: input - noise, clipped"),
    "dncnn_grey": Entry(
        lambda: DnCNN(DnCNNConfig(channels=1, width=8, layers=2)), "DnCNN on grey images", channels=1
    ),
    "espcn": Entry(lambda: ESPCN(ESPCNConfig(widths=(8, 6))), "ESPCN: x3, tanh, no last activation"),
    "espcn_relu": Entry(lambda: ESPCN(ESPCNConfig(widths=(8, 6), bend="relu")), "ESPCN: x3, ReLU"),
    "espcn_grey": Entry(
        lambda: ESPCN(ESPCNConfig(channels=1, widths=(8, 6), factor=2)), "ESPCN: x2, grey", channels=1
    ),
    "unet": Entry(
        lambda: UNet(UNetConfig(widths=(4, 6, 8), depth=1)),
        "U-Net: max pooling, nearest upsampling, concatenation",
        multiple=4,
    ),
    "unet_double": Entry(
        lambda: UNet(UNetConfig(widths=(4, 6, 8), depth=2)),
        "the same, two 3x3 convolutions a level",
        multiple=4,
    ),
    "unet_add": Entry(
        lambda: UNet(UNetConfig(widths=(4, 6, 8), depth=1, down="stride", up="transposed", skip="add")),
        "U-Net: strides, transposed convolutions, added skips",
        multiple=4,
    ),
    "unet_four": Entry(
        lambda: UNet(UNetConfig(channels=4, outputs=4, widths=(4, 6), depth=1, up="transposed")),
        "U-Net on images of four channels, e.g. RGGB",
        channels=4,
        multiple=2,
    ),
    "separable": Entry(
        lambda: SeparableNet(SeparableConfig(width=8, blocks=2)), "depthwise-separable, batch norm, ReLU6"
    ),
    "edsr": Entry(
        lambda: EDSR(EDSRConfig(width=8, blocks=2)), "EDSR: x2, scaled residuals, colours less means"
    ),
    "preact": Entry(
        lambda: PreAct(PreActConfig(width=6, blocks=2)),
        "residual blocks with batch norm before the convolutions",
    ),
    "medley": Entry(
        lambda: Medley(MedleyConfig()),
        "what the others lack: kernels that are not square, groups, split, pads, average pooling, ..",
        multiple=4,
    ),
    "chain": Entry(lambda: Chain(ChainConfig(width=4, layers=6)), "six 3x3 convolutions"),
    "chain50": Entry(lambda: Chain(ChainConfig(width=4, layers=50)), "fifty 3x3 convolutions"),
}  # fmt: skip


SHAPES: dict[str, tuple[Callable[[Any], nn.Module], type[Any]]] = {
    "chain": (Chain, ChainConfig),
    "dncnn": (DnCNN, DnCNNConfig),
    "edsr": (EDSR, EDSRConfig),
    "espcn": (ESPCN, ESPCNConfig),
    "inversion": (Inversion, InversionConfig),
    "inverter": (Inverter, InverterConfig),
    "medley": (Medley, MedleyConfig),
    "multiscale": (Multiscale, MultiscaleConfig),
    "n2n": (N2N, N2NConfig),
    "preact": (PreAct, PreActConfig),
    "separable": (SeparableNet, SeparableConfig),
    "srgan": (SRGAN, SRGANConfig),
    "unet": (UNet, UNetConfig),
}
"""The networks and what each is configured by: what [network] of a configuration chooses from."""


def network(name: str) -> Entry:
    """The entry called `name`; `UserError` with all names where there is none."""
    if name not in NETWORKS:
        raise UserError(f"unknown network '{name}'; there are {', '.join(NETWORKS)}")
    return NETWORKS[name]
