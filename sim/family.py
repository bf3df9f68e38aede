"""Small random generators of the family, from a few numbers to a QONNX file and a lowered build.

    Case        the numbers
    lowered     the network, its file and its build, in a folder

What the fuzzer draws and what the tests are made of: one place that knows how such a network comes about.
"""

from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from hls import dataflow, fold, frontend
from hls.cost import divisors
from hls.lower import lower
from hls.ops import facets
from model.generator import FILLED, MAPPED, GeneratorConfig, Mode
from model.photos import crop, held_out
from pixelmend.config import CHECKED
from pixelmend.files import write_json, write_text
from quant.bits import QuantConfig, WeightKind
from quant.export import export
from quant.generator import QuantGenerator
from quant.settle import settle

Pixels = NDArray[np.uint8]

MOST_PRODUCTS = 48  # of a matrix unit folded at random, that its simulation compiles in seconds


@dataclass(frozen=True, config=CHECKED)
class Case:
    """One network, and the frame and hardware it is lowered for; fields as in the configurations."""

    widths: tuple[int, ...] = (4, 6)
    height: int = 8  # px
    width: int = 16  # px
    kernel: int = 4
    stride: int = 2
    skips: bool = True
    center: bool = True
    middle: int = 0
    weight_bits: int = 4
    act_bits: int = 4
    sum_bits: int | None = None
    layer_weight_bits: dict[str, int] = field(default_factory=dict)
    layer_act_bits: dict[str, int] = field(default_factory=dict)
    layer_sum_bits: dict[str, int] = field(default_factory=dict)
    layer_input_bits: dict[str, int] = field(default_factory=dict)
    weight_kind: WeightKind = "uniform"
    sparsity: float = 0.0
    n_of_m: tuple[int, int] | None = None
    pixels_per_beat: int = 1
    target_fps: float = 2000.0
    caps: float | None = None  # of LUT, DSP and BRAM, as shares of the part; the configuration's own
    folding_seed: int | None = None  # PE and SIMD of every node at random instead of for `target_fps`
    mode: Mode = "direct"
    fill_levels: int = 2
    fill_sweeps: int = 0
    seed: int = 0

    def __str__(self) -> str:
        words = [
            f"{len(self.widths)}levels", f"{self.height}x{self.width}", f"k{self.kernel}s{self.stride}",
            "skips" if self.skips else "noskips", "center" if self.center else "nocenter",
            *([f"middle{self.middle}"] if self.middle else []),
            f"W{self.weight_bits}A{self.act_bits}", f"beat{self.pixels_per_beat}", f"seed{self.seed}",
        ]  # fmt: skip
        if self.weight_kind != "uniform":
            words.insert(-1, self.weight_kind)
        if self.sparsity:
            words.insert(-1, f"sparse{self.sparsity:g}")
        if self.sum_bits is not None:
            words.insert(-1, f"sum{self.sum_bits}")
        if self.layer_act_bits or self.layer_sum_bits or self.layer_input_bits:
            words.insert(-1, "layerbits")
        if self.n_of_m is not None:
            words.insert(-1, f"{self.n_of_m[0]}of{self.n_of_m[1]}")
        if self.folding_seed is not None:
            words.insert(-1, "folded")
        if self.mode != "direct":
            swept = f"swept{self.fill_sweeps}" if self.fill_sweeps else ""
            words.insert(0, f"{self.mode}{f'{self.fill_levels}{swept}' if self.mode in FILLED else ''}")
        return "-".join(words)

    @property
    def generator(self) -> GeneratorConfig:
        """The float network's configuration."""
        return GeneratorConfig(
            self.widths,
            self.kernel,
            self.stride,
            self.skips,
            self.center,
            self.middle,
            False,
            mode=self.mode,
            fill_levels=self.fill_levels,
            fill_sweeps=self.fill_sweeps,
        )

    @property
    def quant(self) -> QuantConfig:
        """Bit widths, kinds and masks of its twin."""
        return QuantConfig(
            self.weight_bits,
            self.act_bits,
            self.sum_bits,
            self.layer_weight_bits,
            self.layer_act_bits,
            weight_kind=self.weight_kind,
            sparsity=self.sparsity,
            n_of_m=self.n_of_m,
            layer_sum_bits=self.layer_sum_bits,
            layer_input_bits=self.layer_input_bits,
        )


def twin(case: Case) -> QuantGenerator:
    """The case's network in evaluation mode: random parameters, activation scales seen on photographs."""
    torch.manual_seed(case.seed)
    network = QuantGenerator(case.generator, case.quant)
    if case.quant.masked:
        network.mask_weights()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith("bias"):
                value.uniform_(-0.1, 0.1)
        last: Any = network.dec[-1]
        last.bias += 0.5 if case.mode == "filled" else 0.4  # some pixels must score one half
        batch = torch.from_numpy(images(case, 4)).permute(0, 3, 1, 2).float() / 255
        network.train()
        for _ in range(25):
            network(batch)
    settle(network)
    return network.eval()


def images(case: Case, count: int = 3) -> Pixels:
    """uint8 (count, H, W, C): crops of held-out photographs, the last one random; a random map, if any."""
    rng = np.random.default_rng(case.seed)
    crops = []
    for photo in list(held_out().values())[: count - 1]:
        rows, columns = photo.shape[0] - case.height, photo.shape[1] - case.width
        crops.append(crop(photo, case.height, case.width, (rng.integers(rows), rng.integers(columns))))
    noise = rng.integers(0, 256, (case.height, case.width, 3), dtype=np.uint8)
    frames = np.stack([*crops, noise])
    if case.mode in MAPPED:
        broken = rng.random(frames.shape[:3]) < 0.2
        frames = np.concatenate([frames, (broken * np.uint8(255))[..., None]], -1)
    return frames


def frames(case: Case, count: int) -> Pixels:
    """uint8 (count, H, W, C): photographs, noise, noise of 0 and 255, one colour; maps hold 0 and 255."""
    rng = np.random.default_rng([case.seed, 1])
    shape = (case.height, case.width, case.generator.inputs)
    crops = images(case)
    made = []
    for number in range(count):
        kind = rng.integers(4) if number else 0
        if kind == 0:
            frame = crops[rng.integers(len(crops))]
        elif kind == 1:
            frame = rng.integers(0, 256, shape)
        elif kind == 2:
            frame = rng.integers(0, 2, shape) * 255
        else:
            frame = np.broadcast_to(rng.integers(0, 256, shape[-1]), shape)
        if case.mode in MAPPED:
            frame = np.concatenate([frame[..., :3], (frame[..., 3:] >= 128) * 255], -1)
        made.append(frame.astype(np.uint8))
    return np.stack(made)


def configuration(case: Case, path: Path) -> Path:
    """Write the TOML configuration that lowering reads."""
    return written(path, (case.height, case.width), case.target_fps, case.pixels_per_beat, case.caps)


def written(
    path: Path, frame: tuple[int, int], target_fps: float, pixels_per_beat: int, caps: float | None
) -> Path:
    """As `configuration`, of these values."""
    hls: dict[str, float | int] = {"target_fps": target_fps, "pixels_per_beat": pixels_per_beat}
    if caps is not None:
        hls |= dict.fromkeys(("max_lut", "max_dsp", "max_bram"), caps)
    tables: dict[str, dict[str, float | int]] = {
        "frame": dict(zip(("height", "width"), frame, strict=True)),
        "hls": hls,
    }
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
    folding = None
    if case.folding_seed is not None:
        folding = folder / "folding.json"
        write_json(folding, random_folding(model, case.folding_seed))
    lower(model, configuration(case, folder / "config.toml"), folder / "build", folding)
    return network, model, folder / "build"


def random_folding(model: Path, seed: int) -> fold.Folding:
    """PE and SIMD of every node of a QONNX file, each any divisor; at most `MOST_PRODUCTS` in a unit."""
    rng = np.random.default_rng(seed)
    folding: fold.Folding = {}
    for node in dataflow.build(frontend.read(model)).graph.node:
        left, chosen = MOST_PRODUCTS, {}
        for key, channels in facets(node).limits().items():
            chosen[key] = int(rng.choice([lanes for lanes in divisors(channels) if lanes <= left]))
            left //= chosen[key]
        folding[node.name] = chosen
    return folding


def brevitas_pixels(network: QuantGenerator, frames: Pixels) -> Pixels:
    """What the trained network says: uint8 frames in, uint8 frames out."""
    with torch.no_grad():
        result = network(torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255)
    return torch.round(result * 255).permute(0, 2, 3, 1).numpy().astype(np.uint8)
