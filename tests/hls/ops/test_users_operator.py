"""The worked example of a user's own operator, from a copy of its folder outside the packages.

It runs in processes of its own: what is registered stays so.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pixelmend.provenance import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "box_mean"

CONFORMS = """
from pathlib import Path
from hls.ops import operators
from sim.operators.check import check
from sim.operators.pace import check_pace
from sim.operators.needs import check_access
from sim.operators.check import draw
import numpy as np

assert operators()["BoxSum_rtl"].folder() == Path({folder!r})
for seed in range(3):
    assert check("box_sum", seed, Path({cache!r})) > 0
    check_access(draw("box_sum", seed)[1], np.random.default_rng(seed))
check_pace("box_sum", 3, Path({cache!r}))
"""

NETWORK = """
import json
from pathlib import Path
from hls import dataflow
from hls.ops import facets
from sim.fuzz.net import Net, Step
from sim.fuzz.trial import STAGES, Trial, _Bench
from sim.verilator import Stall

box = {{"domain": "box_mean", "kind": "BoxMean"}}
net = Net(
    (
        Step("conv", (0,), channels=2, kernel=(3, 3), pads=(1, 1, 1, 1), bits=4, activation="relu"),
        Step("user", (1,), operator="box_sum", settings=box),
        Step("requant", (2,), bits=4, like=1),
        Step("sub", (1, 3)),  # unsharp: the skip waits for the box
        Step("conv", (4,), channels=3, bits=8, like=0),
    ),
    (5,), height=6, width=10, folding_seed=1, seed=2,
)
trial = Trial(net, 2, Stall("random", 0.5, 1), Stall("bursty", 20, 2), hls=True)
bench = _Bench(trial, Path({work!r}), Path({cache!r}))
for stage, run in STAGES.items():
    run(bench)
kinds = [node.op_type for node in bench.integer.graph.graph.node]
assert kinds.count("BoxSum_rtl") == 1, kinds
assert (bench.build / "rtl" / "ops" / "box_mean" / "box_sum.sv").is_file()
fifos = json.loads((bench.build / "fifo.json").read_text())
# the skip holds what the box has taken and not given: a row and a pixel at least
assert max(fifo["depth"] for fifo in fifos) >= 10 + 1, fifos
print("distinct", max(len(set(one.reshape(-1))) for one in bench.expected))
"""

EXPORT = """
import io, torch
from box_mean import BoxBlur
from onnx import load
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), BoxBlur()).eval()
x = torch.rand(1, 3, 5, 6)
torch.onnx.export(network, (x,), {path!r}, dynamo=True, external_data=False, verbose=False)
model = ModelWrapper({path!r}).transform(InferShapes())
assert [node.op_type for node in model.graph.node] == ["Conv", "BoxMean"]
name = model.graph.input[0].name
(came,) = execute_onnx(model, {{name: x.numpy()}}).values()
assert abs(came - network(x).detach().numpy()).max() < 1e-6
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The example outside the tree."""
    shutil.copytree(EXAMPLE, tmp_path / "box_mean", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "box_mean"


def python(folder: Path, *arguments: str) -> str:
    variables = {"PIXELMEND_OPERATORS": str(folder / "box_mean.py"), "PYTHONPATH": f"{ROOT}:{folder}"}
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | variables, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_conforms_keeps_its_pace_and_its_access(elsewhere: Path, simulations: Path) -> None:
    python(elsewhere, "-c", CONFORMS.format(folder=str(elsewhere), cache=str(simulations)))


def test_a_network_with_it_is_exact_in_every_execution(
    elsewhere: Path, tmp_path: Path, simulations: Path
) -> None:
    said = python(elsewhere, "-c", NETWORK.format(work=str(tmp_path), cache=str(simulations)))
    assert int(said.split()[-1]) > 8, "the network says nearly nothing"


def test_torch_exports_it_and_qonnx_executes_it(elsewhere: Path, tmp_path: Path) -> None:
    python(elsewhere, "-c", EXPORT.format(path=str(tmp_path / "blur.onnx")))


def test_nothing_in_the_tree_names_it() -> None:
    for package in ("board", "hls", "model", "pixelmend", "quant", "sim"):
        for path in (ROOT / package).rglob("*"):
            if path.suffix in (".py", ".hpp", ".sv", ".cpp", ".toml"):
                text = path.read_text(encoding="utf-8")
                assert "box_sum" not in text and "BoxMean" not in text, path
