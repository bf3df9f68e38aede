"""The bad files: truncated, edited, of another version, of another kind, hostile. Beside the good ones."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import NodeProto, numpy_helper
from PIL import Image
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from tests.bad_input.place import Place
from tests.board.test_infer import make_overlay
from tests.board.test_pictures import bad_files

HOSTILE = "hostile_operators"  # a module that a file asks to be imported
EXECUTED = "executed"  # written beside the good files by whatever runs hostile code


class Pickled:
    """Creates the file `path` when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "code was executed"))


def spoil(place: Place) -> None:
    """Put every bad file into the folder."""
    folder = place.folder
    _configurations(folder)
    _pictures(folder)
    _checkpoints(folder)
    _networks(folder)
    _builds(folder)
    _overlays(folder)


def _configurations(folder: Path) -> None:
    good = (folder / "good.toml").read_text(encoding="utf-8")
    for name, text in {
        "key": "[generator]\nwidht = 3\n",
        "table": "[generators]\nwidths = [3]\n",
        "scalar": "frame = 3\n",
        "value": "[train]\nsteps = -1\n",
        "nan": "[train]\nlearning_rate = nan\n",
        "infinite": good.replace("target_fps = 2000.0", "target_fps = inf"),
        "digits": "[train]\nsteps = " + "9" * 5000,
        "brackets": "deep = " + "[" * 5000,
        "syntax": "[train\n",
        "sides": "[frame]\nheight = 30\nwidth = 64\n[generator]\nwidths = [4, 4]\n",
        "three": "[quant]\nweight_bits = 3\n",
        "crop": "[frame]\nheight = 64\nwidth = 64\n[train]\ncrop = 24\n",
        "bits": "[quant]\nweight_bits = 9\n",
        "layer": "[quant]\nlayer_act_bits = { enc7 = 3 }\n",
        "frame": good.replace("width = 16", "width = 32"),
        "odd": good.replace("width = 16", "width = 18"),
        "beat": good.replace("pixels_per_beat = 1", "pixels_per_beat = 3"),
        "ratio": good + "[prune]\nratio = 1000\n",
        "part": good.replace("[hls]\n", '[hls]\npart = "xc9"\n'),
        "photo": good + '[sim]\nphoto = "nobody"\n',
    }.items():
        assert text != good, name
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / "bytes.toml").write_bytes(b"[train]\nsteps = \xff\n")


def _pictures(folder: Path) -> None:
    (folder / "pictures").mkdir()
    bad_files(folder / "pictures")
    Image.new("RGB", (15, 80)).save(folder / "small.png")
    Image.new("RGB", (16, 8)).save(folder / "colour_map.png")
    Image.new("L", (16, 8), 7).save(folder / "grey_map.png")
    (folder / "text.png").write_text("no image")
    (folder / "nothing").mkdir()
    shutil.copytree(folder / "darks", folder / "mixed")
    Image.new("RGB", (9, 8)).save(folder / "mixed" / "9.png")
    objects = np.empty(1, object)
    objects[0] = Pickled(folder / EXECUTED)
    np.save(folder / "objects.npy", objects, allow_pickle=True)


def _checkpoints(folder: Path) -> None:
    whole = (folder / "qat.safetensors").read_bytes()
    for name, data in {
        "damaged": whole[:500],
        "short": whole[:-100],
        "empty": b"",
        "digits": b"9" * 64,
        "bytes": bytes(range(256)) * 4,
    }.items():
        (folder / f"{name}.safetensors").write_bytes(data)
    torch.save({"state": Pickled(folder / EXECUTED)}, folder / "pickle.safetensors")
    state = load_file(folder / "float.safetensors")
    config = {"widths": [4, 4], "center": False, "spectral_norm": False}
    good: dict[str, Any] = {
        "format": "pixelmend checkpoint 1", "kind": "generator", "config": config, "made_by": {},
    }  # fmt: skip

    def write(name: str, header: Any, tensors: dict[str, torch.Tensor] | None = None) -> None:
        text = header if isinstance(header, str) else json.dumps(header)
        data = to_bytes(state if tensors is None else tensors, metadata={"pixelmend": text})
        (folder / f"{name}.safetensors").write_bytes(data)

    write("version", good | {"format": "pixelmend checkpoint 2"})
    write("listed", [1, 2])
    write("nested", "[" * 100_000)
    write("maker", good | {"made_by": "nobody"})
    write("shape", good | {"config": config | {"widths": [3, 4]}})
    write("levels", good | {"config": config | {"widths": [4] * 9}})
    write("unknown", good | {"config": config | {"depth": 3}})
    first = next(iter(state))
    write("nan", good, state | {first: torch.full_like(state[first], torch.nan)})
    write("fewer", good, {name: value for name, value in state.items() if name != first})
    write("huge", good | {"config": config | {"widths": [10**9, 10**9]}})


def _networks(folder: Path) -> None:
    whole = (folder / "generator.onnx").read_bytes()
    (folder / "text.onnx").write_text("no network")
    (folder / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.onnx").write_bytes(b"")
    (folder / f"{HOSTILE}.py").write_text(
        f"from pathlib import Path\nPath({str(folder / EXECUTED)!r}).write_text('imported')\n"
    )
    spoilers: dict[str, Callable[[onnx.ModelProto], None]] = {
        "operator": lambda graph: setattr(first(graph, "Relu"), "op_type", "Gelu"),
        "wide": lambda graph: constant(graph, activation(graph, 1), 3, 9),
        "nan": lambda graph: constant(graph, activation(graph, 1), 3, np.nan),
        "scales": one_scale_of_its_own,
        "strides": lambda graph: attribute(first(graph, "Conv"), "strides", [0, 0]),
        "pads": lambda graph: attribute(first(graph, "Conv"), "pads", [1]),
        "channels": lambda graph: constant(graph, activation(graph, 1), 1, [0.5, 0.25, 0.125, 1.0]),
        "none_value": lambda graph: constant(graph, activation(graph, 1), 3, []),
        "domain": lambda graph: setattr(first(graph, "Relu"), "domain", HOSTILE),
    }
    for name, spoiled in spoilers.items():
        graph = onnx.load(str(folder / "generator.onnx"))
        spoiled(graph)
        onnx.save(graph, str(folder / f"{name}.onnx"))
    for name, folding in {
        "listed": [1],
        "node": {"nobody": {"PE": 1}},
        "divides": changed_folding(folder, "PE", 7919),
        "key": changed_folding(folder, "SIZE", 1),
    }.items():
        (folder / f"{name}.folding.json").write_text(json.dumps(folding))


def changed_folding(folder: Path, key: str, value: int) -> dict[str, Any]:
    """The build's, with one entry of a matrix unit changed."""
    folding: dict[str, Any] = json.loads((folder / "build" / "folding.json").read_text())
    node = next(name for name, entry in folding.items() if "PE" in entry)
    folding[node][key] = value
    return folding


def first(graph: onnx.ModelProto, kind: str) -> NodeProto:
    return next(node for node in graph.graph.node if node.op_type == kind)


def activation(graph: onnx.ModelProto, index: int) -> NodeProto:
    constants = {value.name for value in graph.graph.initializer}
    found = [node for node in graph.graph.node if node.op_type == "Quant" and node.input[0] not in constants]
    return found[index]


def constant(graph: onnx.ModelProto, node: NodeProto, index: int, value: Any) -> None:
    graph.graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), "planted"))
    node.input[index] = "planted"


def one_scale_of_its_own(graph: onnx.ModelProto) -> None:
    """Of the operands of a skip add."""
    add = first(graph, "Add")
    quantizer = next(node for node in graph.graph.node if add.input[0] in node.output)
    constant(graph, quantizer, 1, 0.0123)


def attribute(node: NodeProto, name: str, values: list[int]) -> None:
    found = next(one for one in node.attribute if one.name == name)
    del found.ints[:]
    found.ints.extend(values)


def _builds(folder: Path) -> None:
    """`builds/NAME`: the good build with one file as it must not be."""

    def build(name: str, file: str) -> Path:
        shutil.copytree(folder / "build", folder / "builds" / name)
        return folder / "builds" / name / file

    io = json.loads((folder / "build" / "io.json").read_text())
    for name, value in {
        "io_list": [],
        "io_empty": {},
        "io_text": io | {"frame": {"height": "8", "width": "16"}},
        "io_nested": "[" * 100_000,
        "io_older": {key: value for key, value in io.items() if key != "halo"},
        "io_cycles": {key: value for key, value in io.items() if key != "expected_cycles"},
        "io_frame": io | {"frame": {"height": 16, "width": 16}},
    }.items():
        text = value if isinstance(value, str) else json.dumps(value)
        build(name, "io.json").write_text(text, encoding="utf-8")
    whole = (folder / "build" / "dataflow.onnx").read_bytes()
    build("graph_cut", "dataflow.onnx").write_bytes(whole[: len(whole) // 2])
    build("graph_empty", "dataflow.onnx").write_bytes(b"")
    spoilers: dict[str, Callable[[onnx.ModelProto], None]] = {
        "graph_domain": lambda graph: setattr(graph.graph.node[0], "domain", HOSTILE),
        "graph_input": lambda graph: graph.graph.node[1].input.__setitem__(0, "nowhere"),
        "graph_kernel": lambda graph: attribute(first(graph, "SlidingWindow_rtl"), "Kernel", [99, 99]),
        "graph_kind": lambda graph: setattr(graph.graph.node[0], "op_type", "Sigmoid_rtl"),
    }
    for name, spoiled in spoilers.items():
        path = build(name, "dataflow.onnx")
        graph = onnx.load(str(path))
        spoiled(graph)
        onnx.save(graph, str(path))
    build("network_cut", "generator.onnx").write_bytes(b"\x08\x09")
    build("fit_list", "fit.json").write_text("[]")
    for name in ("rtl", "hls"):
        shutil.rmtree(build(f"no_{name}", name))
    shutil.copytree(folder / "build", folder / "builds" / "resumed")
    torch.save({"key": Pickled(folder / EXECUTED)}, folder / "builds" / "resumed" / "train_state.pt")


def _overlays(folder: Path) -> None:
    """`overlays/NAME`, and `packages/NAME` with its samples."""
    (folder / "overlays").mkdir()

    def overlay(name: str, **changes: Any) -> None:
        made = make_overlay(folder / "overlays" / name)
        io = json.loads((made / "io.json").read_text()) | changes
        (made / "io.json").write_text(
            json.dumps({key: value for key, value in io.items() if value is not None})
        )

    overlay("version", format="pixelmend io 2")
    overlay("missing", output=None)
    overlay("infinite", multiple=float("inf"))
    overlay("large", frame={"height": 800_000, "width": 1_200_000})
    overlay("halo", halo={"before": -4, "after": 0})
    overlay("digest", files={"pixelmend.bit": 3, "pixelmend.hwh": 4})
    overlay("other", files={"pixelmend.bit": "0" * 64, "pixelmend.hwh": "0" * 64})
    overlay("unbuilt", files={"pixelmend.bit": None, "pixelmend.hwh": None})
    overlay("listed")
    (folder / "overlays" / "listed" / "io.json").write_text("[]")
    overlay("nested")
    (folder / "overlays" / "nested" / "io.json").write_text("[" * 100_000)
    for name, samples in {
        "listed": [1],
        "results": {"format": "pixelmend samples 1", "results": ["a.png"]},
        "outside": {"format": "pixelmend samples 1", "results": {"../../photographs/0.png": "0" * 64}},
        "lost": {"format": "pixelmend samples 1", "results": {"a.png": "0" * 64}},
    }.items():
        shutil.copytree(folder / "package", folder / "packages" / name)
        (folder / "packages" / name / "samples" / "samples.json").write_text(json.dumps(samples))
