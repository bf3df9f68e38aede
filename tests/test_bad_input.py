"""Bad input at the command lines: one line that says what is wrong, and earlier results as they were.

Some run as processes, as the Makefile runs them; the rest call the same `run` inside this one.
"""

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, numpy_helper
from PIL import Image

import hls.lower
import model.train
import quant.export
import quant.qat
import sim.cosim
from model.checkpoint import save
from model.generator import Generator
from model.loop import config_json
from pixelmend.console import run
from quant.qat import KIND
from tests.networks import Case, configuration, lowered

CASE = Case(widths=(4, 4), height=8, width=16, center=False)
MORE = """
[generator]
widths = [4, 4]
center = false
spectral_norm = false
[defects]
boxes = [1, 1]
side = [2, 4]
[train]
steps = 1
batch = 1
crop = 8
validation_crops = 1
"""
MAINS: dict[str, Callable[..., Any]] = {
    "model.train": model.train.main,
    "quant.qat": quant.qat.main,
    "quant.export": quant.export.main,
    "hls.lower": hls.lower.main,
    "sim.cosim": sim.cosim.main,
}


@dataclass(frozen=True)
class Place:
    """What the command lines are given: files that are good, and a build folder with earlier results."""

    folder: Path

    @property
    def build(self) -> Path:
        return self.folder / "build"

    def good(self, command: str) -> dict[str, str]:
        """The arguments of a run that would succeed; '' is the positional one."""
        config, out = str(self.folder / "good.toml"), str(self.build)
        data = str(self.folder / "photographs")
        return {
            "model.train": {"--config": config, "--data": data, "--out": out},
            "quant.qat": {
                "--config": config, "--data": data, "--out": out,
                "--checkpoint": str(self.folder / "float.safetensors"),
            },
            "quant.export": {
                "--config": config, "--out": out, "--checkpoint": str(self.folder / "qat.safetensors"),
            },
            "hls.lower": {"": str(self.folder / "generator.onnx"), "--config": config, "--out": out},
            "sim.cosim": {"": out, "--config": config},
        }[command]  # fmt: skip

    def arguments(self, command: str, changes: dict[str, str]) -> list[str]:
        """Those of `good`, some replaced by files of this folder (as `@name`) or by texts."""
        words = []
        for name, value in (self.good(command) | changes).items():
            given = str(self.folder / value[1:]) if value.startswith("@") else value
            words += [name, given] if name else [given]
        return words

    def contents(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.build.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Good files, bad files, and a build folder. Nothing below changes any of them."""
    folder = tmp_path_factory.mktemp("place")
    network, exported, _ = lowered(CASE, folder)
    good = configuration(CASE, folder / "good.toml").read_text(encoding="utf-8") + MORE
    (folder / "good.toml").write_text(good, encoding="utf-8")
    for name in ("cosim.json", "float.safetensors", "train.csv", "train.json", "qat.safetensors", "qat.csv"):
        (folder / "build" / name).write_text(f"an earlier {name}")
    tables = config_json({"generator": asdict(network.config), "quant": asdict(network.quant)})
    save(folder / "qat.safetensors", KIND, tables, network.state_dict(), {})
    floating = Generator(CASE.generator)
    save(folder / "float.safetensors", "generator", tables["generator"], floating.state_dict(), {})
    (folder / "damaged.safetensors").write_bytes((folder / "qat.safetensors").read_bytes()[:500])
    (folder / "photographs").mkdir()
    rng = np.random.default_rng(1)
    for number in range(2):
        pixels = rng.integers(0, 256, (300, 300, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photographs" / f"{number}.png")
    Image.new("RGB", (15, 80)).save(folder / "small.png")
    (folder / "text.png").write_text("no image")
    for name, text in {
        "key.toml": "[generator]\nwidht = 3\n",
        "value.toml": "[train]\nsteps = -1\n",
        "syntax.toml": "[train\n",
        "sides.toml": "[frame]\nheight = 30\nwidth = 64\n[generator]\nwidths = [4, 4]\n",
        "crop.toml": "[frame]\nheight = 64\nwidth = 64\n[train]\ncrop = 24\n",
        "bits.toml": "[quant]\nweight_bits = 9\n",
        "layer.toml": "[quant]\nlayer_act_bits = { enc7 = 3 }\n",
        "frame.toml": good.replace("width = 16", "width = 32"),
        "odd.toml": good.replace("width = 16", "width = 18"),
        "beat.toml": good.replace("pixels_per_beat = 1", "pixels_per_beat = 3"),
        "photo.toml": good + '[sim]\nphoto = "nobody"\n',
    }.items():
        assert text != good
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "text.onnx").write_text("no network")
    for name, spoil in {"operator.onnx": operator, "wide.onnx": wide, "scales.onnx": scales}.items():
        graph = onnx.load(str(exported))
        spoil(graph)
        onnx.save(graph, str(folder / name))
    return Place(folder)


def operator(graph: onnx.ModelProto) -> None:
    first(graph, "Relu").op_type = "Sigmoid"


def wide(graph: onnx.ModelProto) -> None:
    """Activations of 9 bits."""
    quantizer = activation(graph, 1)
    constant(graph, quantizer, 3, np.float32(9))


def scales(graph: onnx.ModelProto) -> None:
    """One operand of the skip add with a scale of its own."""
    add = first(graph, "Add")
    quantizer = next(node for node in graph.graph.node if add.input[0] in node.output)
    constant(graph, quantizer, 1, np.float32(0.0123))


def first(graph: onnx.ModelProto, kind: str) -> NodeProto:
    return next(node for node in graph.graph.node if node.op_type == kind)


def activation(graph: onnx.ModelProto, index: int) -> NodeProto:
    constants = {value.name for value in graph.graph.initializer}
    found = [node for node in graph.graph.node if node.op_type == "Quant" and node.input[0] not in constants]
    return found[index]


def constant(graph: onnx.ModelProto, node: NodeProto, index: int, value: np.float32) -> None:
    graph.graph.initializer.append(numpy_helper.from_array(np.asarray(value), "planted"))
    node.input[index] = "planted"


def judge(stderr: str, status: int, message: str) -> None:
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert status == 1


INSIDE = [
    ("quant.qat", {"--checkpoint": "@damaged.safetensors"}, "damaged.safetensors: not a checkpoint, or d"),
    ("model.train", {"--config": "@none.toml"}, "none.toml: no such configuration; expected a TOML file"),
    ("model.train", {"--config": "@syntax.toml"}, "syntax.toml: not valid TOML: "),
    ("model.train", {"--config": "@value.toml"}, "value.toml: [train] the whole table: steps must be"),
    ("model.train", {"--config": "@sides.toml"}, "both sides must be multiples of 4"),
    ("model.train", {"--config": "@crop.toml"}, "[train] crop: must be divisible by 16, got 24"),
    ("model.train", {"--data": "@none"}, "none: expected a folder of photographs; 'make data' fetches"),
    ("model.train", {"--out": "@small.png"}, "small.png: File exists; earlier results are unchanged"),
    ("quant.qat", {"--config": "@bits.toml"}, "weight_bits: Input should be less than or equal to 8; got 9"),
    ("quant.qat", {"--config": "@layer.toml"}, "layer_act_bits names layer 'enc7'; this generator has enc1"),
    ("quant.qat", {"--checkpoint": "@none"}, "none: expected a checkpoint of kind 'generator', found no"),
    ("quant.qat", {"--checkpoint": "@qat.safetensors"}, "kind 'generator', got kind 'quantized generator'"),
    ("quant.export", {"--config": "@none.toml"}, "none.toml: no such configuration"),
    ("quant.export", {"--checkpoint": "@damaged.safetensors"}, "damaged.safetensors: not a checkpoint, or d"),
    ("quant.export", {"--checkpoint": "@none"}, "none: expected a file, found nothing there"),
    ("hls.lower", {"": "@none.onnx"}, "none.onnx"),
    ("hls.lower", {"": "@text.onnx"}, "text.onnx: not a readable QONNX model: "),
    ("hls.lower", {"": "@wide.onnx"}, "(Quant): bit widths must be 2 to 8, got 9"),
    ("hls.lower", {"": "@scales.onnx"}, "which can't be merged; let both share one quantizer"),
    ("hls.lower", {"--config": "@frame.toml"}, "made for frames of 8x16 (height x width), but [frame]"),
    ("hls.lower", {"--config": "@beat.toml"}, "[hls] pixels_per_beat must divide the width 16, got 3"),
    ("sim.cosim", {"": "@photographs"}, "dataflow.onnx: no such file; expected a lowered build"),
    ("sim.cosim", {"--config": "@photo.toml"}, "[sim] photo: no held-out photograph 'nobody'; there are "),
    ("sim.cosim", {"--image": "@none.png"}, "none.png: expected a photograph, found no such file"),
    ("sim.cosim", {"--image": "@small.png"}, "the frame needs 8x16 px, the photograph has only 80x15"),
    ("sim.cosim", {"--crop": "7"}, "of the top left pixel, such as 100,40; got '7'"),
    ("sim.cosim", {"--float": "@damaged.safetensors"}, "damaged.safetensors: not a checkpoint, or d"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "changes", "message"), INSIDE, ids=[f"{name}-{given}" for name, given, _ in INSIDE]
)
def test_one_line_and_nothing_else(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: str,
    changes: dict[str, str],
    message: str,
) -> None:
    before = place.contents()
    monkeypatch.setattr(sys, "argv", [command, *place.arguments(command, changes)])
    with pytest.raises(SystemExit) as caught:
        run(MAINS[command])
    code: Any = caught.value.code
    judge(capfd.readouterr().err, code, message)
    assert place.contents() == before


PROCESSES = [
    ("model.train", {"--config": "@key.toml"}, "[generator] widht: unknown key; known are widths, ke"),
    ("quant.export", {"--config": "@odd.toml"}, "frame 8x18: this generator has 2 levels of stride 2"),
    ("hls.lower", {"": "@operator.onnx"}, "is a Sigmoid; a generator may hold Quant, Conv, ConvTranspose"),
    ("sim.cosim", {"--image": "@text.png"}, "text.png: expected a photograph (JPEG, PNG, ...), got "),
]  # fmt: skip


def process(
    place: Place, command: str, changes: dict[str, str], setup: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", command, *place.arguments(command, changes)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=setup,
    )


@pytest.mark.parametrize(
    ("command", "changes", "message"), PROCESSES, ids=[command for command, _, _ in PROCESSES]
)
def test_processes(place: Place, command: str, changes: dict[str, str], message: str) -> None:
    before = place.contents()
    ended = process(place, command, changes)
    judge(ended.stderr, ended.returncode, message)
    assert place.contents() == before


def test_a_disk_that_is_full(place: Place) -> None:
    """Stood in for by a limit on the size of a file, which writing meets in the same way."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    (place.folder / "full.toml").write_text(
        (place.folder / "good.toml").read_text().replace("target_fps = 2000.0", "target_fps = 1000.0")
    )
    before = place.contents()
    ended = process(place, "hls.lower", {"--config": "@full.toml"}, limit)
    judge(ended.stderr, ended.returncode, "File too large; earlier results are unchanged")
    assert place.contents() == before
    assert not [path for path in place.build.iterdir() if path.name.startswith(".")]
