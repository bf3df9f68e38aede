"""Biases of any file off rounding ties: against sums that are counted one by one, and by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from pixelmend.errors import UserError
from quant.margins import LEAST
from quant.settle_onnx import Grid, find_grids, settle_file, settle_model

DOMAIN = "qonnx.custom_op.general"
IN, WEIGHT, OUT = 0.25, 0.5, 0.3  # scales
UNIT = IN * WEIGHT


def quant(name: str, source: str, result: str, signed: bool) -> Any:
    inputs = [source, f"{name}_scale", "zero", f"{name}_bits"]
    attributes: dict[str, Any] = {"signed": int(signed), "narrow": 0, "rounding_mode": "ROUND"}
    return helper.make_node("Quant", inputs, [result], name=name, domain=DOMAIN, **attributes)


def model(bias: list[float], middle: list[Any], constants: dict[str, NDArray[np.float32]]) -> ModelWrapper:
    """A 1x1 convolution of one channel to two, weights 3 and -2, then `middle` from "sums" to "values"."""
    nodes = [
        quant("enter", "image", "x", False),
        quant("weights", "w", "wq", True),
        helper.make_node("Conv", ["x", "wq", "b"], ["sums"], name="conv"),
        *middle,
        quant("leave", "values", "result", True),
    ]
    shapes = {"image": (1, 1, 2, 2), "result": (1, 2, 2, 2)}
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shapes["image"])],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, shapes["result"])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 2)]
    made = ModelWrapper(helper.make_model(graph, opset_imports=opsets))
    numbers = {"enter_scale": IN, "weights_scale": WEIGHT, "leave_scale": OUT, "zero": 0.0}
    numbers |= {"enter_bits": 4.0, "weights_bits": 4.0, "leave_bits": 4.0}
    for name, value in numbers.items():
        made.set_initializer(name, np.array(value, np.float32))
    made.set_initializer("w", np.array([3 * WEIGHT, -2 * WEIGHT], np.float32).reshape(2, 1, 1, 1))
    made.set_initializer("b", np.array(bias, np.float32))
    for name, array in constants.items():
        made.set_initializer(name, array)
    return made.transform(InferShapes())


RELU = [helper.make_node("Relu", ["sums"], ["values"])]
PRELU = [helper.make_node("PRelu", ["sums", "slopes"], ["values"])]
NORM = [
    helper.make_node("BatchNormalization", ["sums", "gain", "shift", "mean", "variance"], ["n"], epsilon=0.0),
    helper.make_node("Tanh", ["n"], ["t"]),
    helper.make_node("Mul", ["two", "t"], ["values"]),
]
SLOPES = {"slopes": np.array([0.25, 0.5], np.float32).reshape(2, 1, 1)}
STATISTICS = {
    "gain": np.array([-0.5, 1.5], np.float32),
    "shift": np.array([0.1, 0.2], np.float32),
    "mean": np.array([0.3, -0.4], np.float32),
    "variance": np.array([0.25, 4.0], np.float32),
    "two": np.array(2.0, np.float32),
}


def function(kind: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """What lies between sums (2, n) and the quantizer, by itself."""
    if kind == "relu":
        return np.maximum(x, 0)
    if kind == "prelu":
        return np.where(x < 0, np.array([[0.25], [0.5]]) * x, x)
    gain, shift, mean, root = np.array([[-0.5, 0.1, 0.3, 0.5], [1.5, 0.2, -0.4, 2.0]]).T[..., None]
    return 2 * np.tanh((x - mean) / root * gain + shift)


MIDDLES: dict[str, tuple[list[Any], dict[str, NDArray[np.float32]]]] = {
    "relu": (RELU, {}), "prelu": (PRELU, SLOPES), "norm": (NORM, STATISTICS),
}  # fmt: skip


def bias_of(made: ModelWrapper) -> NDArray[np.float64]:
    node = next(node for node in made.graph.node if node.op_type == "Conv")
    return np.asarray(made.get_initializer(node.input[2]), np.float64)


def least_margin(kind: str, bias: NDArray[np.float64], reach: list[tuple[int, int]]) -> float:
    """How far from an integer sum the quantized result changes, found by trying sums 1/1000 apart."""
    found = 0.5
    for channel, (low, high) in enumerate(reach):
        sums = np.arange(low * 1000, high * 1000 + 1) / 1000
        both = np.broadcast_to(sums, (2, len(sums))) * UNIT + bias[:, None]
        results = np.clip(np.round(function(kind, both)[channel] / OUT), -8, 7)
        places = sums[1:][np.diff(results) != 0]
        found = min(found, float(np.abs(places - np.round(places)).min(initial=0.5)))
    return found


@pytest.mark.parametrize("kind", MIDDLES)
@pytest.mark.parametrize("seed", range(4))
def test_against_sums_one_by_one(kind: str, seed: int) -> None:
    """Sums of channel 0 are 0 .. 45, of channel 1 -30 .. 0: weights 3 and -2, inputs 0 .. 15."""
    bias = np.random.default_rng(seed).normal(0, 0.5, 2)
    made = model(list(bias), *MIDDLES[kind])
    result = settle_model(made)
    after = bias_of(made)
    assert result.unknown == () and result.scaled == 0
    assert (np.abs(after - bias) <= 0.5 * UNIT + 1e-6).all()
    found = least_margin(kind, after, [(0, 45), (-30, 0)])
    assert found >= result.margin - 2e-3
    assert result.margin >= LEAST


def test_a_bias_on_a_tie_moves() -> None:
    """ReLU, step t at sum ((t - 1/2) OUT - b) / UNIT: with b = OUT / 2 - 4 UNIT the first is at 4."""
    tie = OUT / 2 - 4 * UNIT
    made = model([tie, 0.0], *MIDDLES["relu"])
    assert least_margin("relu", np.array([tie, 0.0]), [(3, 5), (0, 0)]) < 2e-3
    result = settle_model(made)
    assert result.margin > 0.04 and result.moved >= 1
    assert bias_of(made)[0] != pytest.approx(tie)


def test_what_is_not_known_is_said_and_left() -> None:
    softmax = [helper.make_node("Softmax", ["sums"], ["values"], axis=1, name="soft")]
    made = model([0.1, 0.2], softmax, {})
    result = settle_model(made)
    assert result.unknown == ("conv (Conv): soft (Softmax) is no function of each value",)
    assert bias_of(made) == pytest.approx([0.1, 0.2])


def test_ties_that_no_bias_moves() -> None:
    """Steps of 0.3 over integers of 0.25: (t - 1/2) 0.3 / 0.25 is 3 for t = 3."""
    made = model([0.1, 0.2], *MIDDLES["relu"])
    assert settle_model(made).ties == ()
    node = next(node for node in made.graph.node if node.name == "leave")
    node.input[0] = "x"
    (told,) = settle_model(made).ties
    assert told.startswith("leave (Quant) of x: ")
    made.set_initializer("leave_scale", np.array(0.31, np.float32))
    assert settle_model(made).ties == ()


def test_grids() -> None:
    grids = find_grids(model([0.0, 0.0], *MIDDLES["relu"]))
    assert grids == {"x": Grid(IN, 0.0, 15.0), "result": Grid(float(np.float32(OUT)), -8.0, 7.0)}


def test_the_command_takes_files(tmp_path: Path) -> None:
    path, out = tmp_path / "x.onnx", tmp_path / "y.onnx"
    model([OUT / 2 - 4 * UNIT, 0.0], *MIDDLES["relu"]).save(str(path))
    result = settle_file(path, out)
    again = settle_file(out, tmp_path / "z.onnx")
    assert result.moved >= 1 and again.margin == pytest.approx(result.margin, abs=1e-4)
    path.write_bytes(b"no model")
    with pytest.raises(UserError, match="not a readable QONNX model"):
        settle_file(path, out)
    with pytest.raises(UserError, match="no such file"):
        settle_file(tmp_path / "w.onnx", out)
