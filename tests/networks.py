"""Small random generators for the tests: from a few numbers to a QONNX file and a lowered build."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp

from hls.finn_setup import finn_workspace
from hls.lower import lower
from hls.network import (
    Convolution,
    Integers,
    Layer,
    Network,
    Requantization,
    SkipAdd,
    Tensor,
    TransposedConvolution,
)
from model.generator import GeneratorConfig
from model.photos import crop, held_out
from pixelmend.files import write_text
from quant.bits import QuantConfig
from quant.export import export
from quant.generator import QuantGenerator
from quant.settle import settle

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """One network of a test, and the frame and hardware it is lowered for."""

    widths: tuple[int, ...] = (4, 6)
    height: int = 8  # px
    width: int = 16  # px
    kernel: int = 4
    stride: int = 2
    skips: bool = True
    center: bool = True
    weight_bits: int = 4
    act_bits: int = 4
    sum_bits: int | None = None
    layer_weight_bits: dict[str, int] = field(default_factory=dict)
    pixels_per_beat: int = 1
    target_fps: float = 2000.0
    seed: int = 0

    def __str__(self) -> str:
        words = [
            f"{len(self.widths)}levels", f"{self.height}x{self.width}", f"k{self.kernel}s{self.stride}",
            "skips" if self.skips else "noskips", "center" if self.center else "nocenter",
            f"W{self.weight_bits}A{self.act_bits}", f"beat{self.pixels_per_beat}", f"seed{self.seed}",
        ]  # fmt: skip
        if self.sum_bits is not None:
            words.insert(-1, f"sum{self.sum_bits}")
        return "-".join(words)

    @property
    def generator(self) -> GeneratorConfig:
        """The float network's configuration."""
        return GeneratorConfig(
            self.widths, self.kernel, self.stride, self.skips, self.center, spectral_norm=False
        )


def twin(case: Case) -> QuantGenerator:
    """The case's network in evaluation mode: random parameters, activation scales seen on photographs."""
    torch.manual_seed(case.seed)
    quant = QuantConfig(case.weight_bits, case.act_bits, case.sum_bits, case.layer_weight_bits)
    network = QuantGenerator(case.generator, quant)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith("bias"):
                value.uniform_(-0.1, 0.1)
        network.dec[-1].bias += 0.4
        batch = torch.from_numpy(images(case, 4)).permute(0, 3, 1, 2).float() / 255
        network.train()
        for _ in range(25):
            network(batch)
    settle(network)
    return network.eval()


def images(case: Case, count: int = 3) -> NDArray[np.uint8]:
    """uint8 (count, H, W, 3): crops of held-out photographs, the last one random."""
    rng = np.random.default_rng(case.seed)
    crops = []
    for photo in list(held_out().values())[: count - 1]:
        rows, columns = photo.shape[0] - case.height, photo.shape[1] - case.width
        crops.append(crop(photo, case.height, case.width, (rng.integers(rows), rng.integers(columns))))
    noise = rng.integers(0, 256, (case.height, case.width, 3), dtype=np.uint8)
    return np.stack([*crops, noise])


def configuration(case: Case, path: Path) -> Path:
    """Write the TOML configuration that lowering reads."""
    hls = {"target_fps": case.target_fps, "pixels_per_beat": case.pixels_per_beat}
    tables = {"frame": {"height": case.height, "width": case.width}, "hls": hls}
    text = "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
        for name, values in tables.items()
    )
    write_text(path, text)
    return path


def lowered(case: Case, folder: Path) -> tuple[QuantGenerator, Path, Path]:
    """The network, its QONNX file and its build folder, made in `folder`."""
    network = twin(case)
    model = folder / "generator.onnx"
    export(network, case.height, case.width, model)
    lower(model, configuration(case, folder / "config.toml"), folder / "build")
    return network, model, folder / "build"


def brevitas_pixels(network: QuantGenerator, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the trained network says: uint8 frames in, uint8 frames out."""
    with torch.no_grad():
        result = network(torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255)
    return torch.round(result * 255).permute(0, 2, 3, 1).numpy().astype(np.uint8)


def qonnx_pixels(path: Path, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the exported file says when qonnx executes it."""
    model = ModelWrapper(str(path))
    results = []
    for frame in frames.transpose(0, 3, 1, 2)[:, None]:
        feed = {model.graph.input[0].name: frame.astype(np.float32) / np.float32(255)}
        results.append(execute_onnx(model, feed)[model.graph.output[0].name])
    return np.round(np.concatenate(results) * 255).transpose(0, 2, 3, 1).astype(np.uint8)


def dataflow_pixels(build: Path, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the build's `dataflow.onnx` says when FINN executes it, node by node."""
    with finn_workspace():
        model = ModelWrapper(str(build / "dataflow.onnx"))
        for node in model.graph.node:
            getCustomOp(node).set_nodeattr("exec_mode", "cppsim")
        results = []
        for frame in frames[:, None].astype(np.float32):
            results.append(execute_onnx(model, {"image_in": frame})["image_out"])
    return np.concatenate(results).astype(np.uint8)


def equal(what: str, got: Array, want: Array) -> None:
    """Exact; tells how many differ and the first of them."""
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    wrong = np.argwhere(got != want)
    first = [f"{tuple(map(int, at))}: {got[tuple(at)]} for {want[tuple(at)]}" for at in wrong[:5]]
    assert not len(wrong), f"{what}: {len(wrong)} of {want.size} differ; {'; '.join(first)}"


def integer_network(case: Case) -> Network:
    """The case as a network of random integers, without a trained one: for tests of the dataflow alone."""
    rng = np.random.default_rng(case.seed)
    layers: list[Layer] = []

    def steps(channels: int, bits: int, reach: int) -> Integers:
        return np.sort(rng.integers(-reach // 4, reach, (channels, 2**bits - 1)), axis=1)

    def convolved(source: Tensor, channels: int, k: int, s: int, pad: int) -> Tensor:
        name = f"conv{sum(isinstance(layer, Convolution) for layer in layers) + 1}"
        sides = source.height // s, source.width // s
        result = Tensor(f"{name}_result", *sides, channels, case.act_bits, 2**case.act_bits - 1, 1.0)
        weights = _weights(rng, case.weight_bits, (channels, source.channels, k, k))
        # rows and columns that no window reaches are not padded
        last = pad - (source.height + 2 * pad - k) % s, pad - (source.width + 2 * pad - k) % s
        rising = steps(channels, case.act_bits, source.maximum)
        pads = (pad, pad, *last)
        layers.append(Convolution(name, source, result, weights, case.weight_bits, rising, s, pads))
        return result

    def back(source: Tensor, channels: int, bits: int) -> Tensor:
        name = f"deconv{sum(isinstance(layer, TransposedConvolution) for layer in layers) + 1}"
        sides = source.height * case.stride, source.width * case.stride
        result = Tensor(f"{name}_result", *sides, channels, bits, 2**bits - 1, 1.0)
        weights = _weights(rng, case.weight_bits, (source.channels, channels, case.kernel, case.kernel))
        rising = steps(channels, bits, source.maximum)
        shape = (case.stride, case.generator.padding)
        layers.append(TransposedConvolution(name, source, result, weights, case.weight_bits, rising, *shape))
        return result

    image = Tensor("image", case.height, case.width, 3, 8, 255, 1.0)
    outputs = [image]
    for channels in case.widths:
        outputs.append(convolved(outputs[-1], channels, case.kernel, case.stride, case.generator.padding))
    x = convolved(outputs[-1], case.widths[-1], 1, 1, 0) if case.center else outputs[-1]
    for n, channels in enumerate(case.widths[-2::-1], start=1):
        x = back(x, channels, case.act_bits)
        if case.skips:
            maximum = 2 * x.maximum
            size = x.height, x.width, channels
            total = Tensor(f"add{n}_result", *size, maximum.bit_length(), maximum, 1.0)
            layers.append(SkipAdd(f"add{n}", (x, outputs[-1 - n]), total))
            x = total
        if case.skips and case.sum_bits is not None:
            less = Tensor(f"requant{n}_result", *size, case.sum_bits, 2**case.sum_bits - 1, 1.0)
            layers.append(Requantization(f"requant{n}", x, less, steps(channels, case.sum_bits, x.maximum)))
            x = less
    return Network(image, back(x, 3, 8), tuple(layers), 0.5)


def _weights(rng: np.random.Generator, bits: int, shape: tuple[int, ...]) -> Integers:
    limit = 2 ** (bits - 1) - 1
    return rng.integers(-limit, limit + 1, shape)
