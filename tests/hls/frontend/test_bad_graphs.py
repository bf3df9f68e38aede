"""Networks that can't be taken: what is said of each, all of it in one run, and never a traceback."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hls.frontend import read
from pixelmend.errors import UserError
from tests.hls.frontend.bad_graphs import FILES, KINDS, Graph, Kind, changed, message, write
from tests.hls.frontend.draws import Draw
from tests.hls.frontend.files import kernel
from tests.hls.frontend.test_oracle import blocks, concatenations, pooled, repeated, shared, slices, sums


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.what.replace(" ", "_"))
def test_what_is_said(kind: Kind, tmp_path: Path) -> None:
    write(kind, tmp_path / "m.onnx")
    assert kind.message in message(tmp_path / "m.onnx")


@pytest.mark.parametrize("what", FILES)
def test_what_is_said_of_a_file_as_a_whole(what: str, tmp_path: Path) -> None:
    change, said = FILES[what]
    changed(change)(tmp_path / "m.onnx")
    assert said in message(tmp_path / "m.onnx")


def test_there_are_enough_kinds() -> None:
    names = [kind.what for kind in KINDS] + list(FILES)
    assert len(names) == len(set(names)) >= 60


def test_everything_is_listed_in_one_run(tmp_path: Path) -> None:
    """Unlike problems before and behind one another, in two branches; the layer's name where there is one."""
    g = Graph()
    first = g.q(g.n("Erf", g.conv()))
    second = g.q(g.n("LeakyRelu", g.conv(first), alpha=-1.0))
    third = g.q(g.conv(second, weights=g.c(kernel(4, 4, 3, 3))), bits=9)
    fourth = g.n("Add", g.q(g.conv(), 0.25), g.q(g.conv(), 0.5))
    for node in g.nodes:
        if node.op_type == "LeakyRelu":
            node.name = "/body/act/LeakyRelu"
    g.save(tmp_path / "m.onnx", third, g.q(fourth), g.conv(pads=[1] * 4))
    lines = message(tmp_path / "m.onnx").splitlines()
    assert lines[0] == "6 things stand in the way of hardware:"
    found = "\n".join(lines[1:])
    for said in (
        "node Erf_0 (Erf): there is no hardware for it; a GELU",
        "(LeakyRelu, layer body.act): its slope must be 0 or more, got -1",
        "its weights must come from a Quant node over an initializer",
        "bit widths must be 2 to 8, got 9",
        "its operands have scales 0.25 (node Quant",
        "output global_out_2: it is float",
    ):
        assert said in found, found


def test_an_image_that_is_not_quantized_hides_nothing(tmp_path: Path) -> None:
    g = Graph()
    g.nodes.pop(0)
    g.x = "image"
    g.save(tmp_path / "m.onnx", g.q(g.n("Erf", g.conv())), g.q(g.conv(pads=[-1] * 4)))
    said = message(tmp_path / "m.onnx")
    assert said.startswith("3 things stand in the way of hardware:")
    assert (
        "it reads the input global_in as floating point: quantize it, pixels with a Quant of 8 bits" in said
    )


def test_nodes_in_any_order_are_sorted(tmp_path: Path) -> None:
    def turn(model: Any) -> None:
        nodes = list(model.graph.node)[::-1]
        del model.graph.node[:]
        model.graph.node.extend(nodes)

    changed(turn)(tmp_path / "m.onnx")
    assert [layer.name for layer in read(tmp_path / "m.onnx").layers] == ["conv1"]


FAMILIES = (blocks, concatenations, pooled, repeated, shared, slices, sums)
EACH = 12


@pytest.mark.parametrize("seed", range(len(FAMILIES)))
def test_random_damage(seed: int, tmp_path: Path) -> None:
    """Nodes dropped, renamed, tied to other tensors; attributes and constants changed: a `UserError`, or it is read."""
    rng = np.random.default_rng([7, seed])
    draw = Draw(rng)
    outputs = FAMILIES[seed](draw)
    sound = draw.file.model(*(output.name for output in outputs), opset=draw.opset)
    path, refused = tmp_path / "m.onnx", 0
    for _ in range(EACH):
        model = onnx.ModelProto()
        model.CopyFrom(sound)
        for _ in range(int(rng.integers(1, 4))):
            damage(model, rng)
        onnx.save(model, path)
        try:
            read(path)
        except UserError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ")
    assert refused


def damage(model: Any, rng: np.random.Generator) -> None:
    """One thing of a file changed."""
    graph = model.graph
    node = graph.node[int(rng.integers(len(graph.node)))]
    tensors = [name for one in graph.node for name in one.output] + [one.name for one in graph.initializer]

    def some(values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    match int(rng.integers(8)):
        case 0:
            graph.node.remove(node)
        case 1:
            node.op_type = some(
                ["Relu", "Conv", "MaxPool", "Add", "Concat", "Quant", "Tanh", "Resize", "Slice"]
            )
        case 2 if len(node.input):
            node.input[int(rng.integers(len(node.input)))] = some([*tensors, "", "nowhere"])
        case 3 if len(node.input):
            del node.input[-1]
        case 4 if len(node.attribute):
            node.attribute.remove(some(node.attribute))
        case 5 if len(node.attribute):
            one = some(node.attribute)
            value = some(
                [0, -1, 2, 7, 2**31, [0], [-1, 3], [1, 2, 3, 4], [2**40, 1], 0.5, "SAME_UPPER", "oops"]
            )
            name = one.name
            node.attribute.remove(one)
            node.attribute.append(helper.make_attribute(name, value))
        case 6 if len(graph.initializer):
            one = some(graph.initializer)
            values = onnx.numpy_helper.to_array(one)
            bad = some([np.nan, np.inf, -1, 0, 1e30, 1e-40])
            if values.dtype.kind == "f":
                new = np.full(some([values.shape, (), (1,), (3, 1, 1), (2, 2)]), bad, np.float32)
                one.CopyFrom(onnx.numpy_helper.from_array(new, one.name))
        case 7 if len(graph.initializer):
            graph.initializer.remove(some(graph.initializer))
        case _:
            for value in graph.input:
                shape = some([(1, 3), (1, 3, 1, 1), (2, 3, 8, 8), (1, 5, 6, 6), (1, 1, 1, 100), (0, 1, 2, 3)])
                value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, shape))
