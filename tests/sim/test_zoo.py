"""Networks of the zoo: one through every execution, the report, and a difference that is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from hls.ops.modules import taken
from model.networks import NETWORKS, Entry
from pixelmend.errors import UserError
from pixelmend.files import read_json
from sim import zoo as module
from sim.executors import Difference
from sim.zoo import EXECUTIONS, zoo


def test_a_network_is_exact_in_every_execution(tmp_path: Path, simulations: Path) -> None:
    rows = zoo(["espcn_grey"], tmp_path, 8, 8, 0, simulations)
    (row,) = rows
    assert row["mismatches"] == dict.fromkeys(EXECUTIONS, 0)
    assert min(row["distinct"]) > 20, "of few values a mistake may hide"
    assert row["cycles_a_frame_capped"] <= 1.005 * row["cycles_a_frame"]
    assert read_json(tmp_path / "report.json")["networks"] == rows


class Namesakes(nn.Module):
    """Its nodes would be called nearest_upsample and stream_fork, as modules of the library are."""

    def __init__(self) -> None:
        super().__init__()
        self.nearest = nn.Upsample(scale_factor=2)
        self.stream = nn.Conv2d(3, 4, 1)
        self.relu = nn.ReLU()
        self.first, self.second = nn.Conv2d(4, 3, 1), nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stream(self.nearest(x)))
        return self.first(x) + self.second(x)


def test_layers_called_like_modules_of_the_library(
    tmp_path: Path, simulations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {"nearest_upsample", "stream_fork", "mvu_vvu_axi", "pixelmend_top"} <= taken()
    monkeypatch.setitem(NETWORKS, "namesakes", Entry(Namesakes, "layers with names of modules"))
    (row,) = zoo(["namesakes"], tmp_path, 4, 6, 0, simulations)
    assert row["mismatches"] == dict.fromkeys(EXECUTIONS, 0)


def test_what_differs_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def attempt(name: str, height: int, width: int, seed: int, cache: Path) -> dict[str, Any]:
        tried.append(name)
        return {"network": name, "failed": "rtl: 3 values differ" if name == "srgan" else None}

    monkeypatch.setattr(module, "attempt", attempt)
    for _ in range(2):
        with pytest.raises(UserError, match=r"^srgan differ; srgan: rtl: 3 values differ"):
            zoo(["n2n", "srgan", "unet"], tmp_path, 8, 8, 0)
    assert tried == ["n2n", "srgan", "unet", "srgan"], "what was exact is kept"
    with pytest.raises(UserError, match=r"expected networks of the zoo, .*n2n.*; got vgg"):
        zoo(["vgg"], tmp_path, 8, 8, 0)


def test_a_wrong_execution_fails_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "compare_qonnx", lambda *_: Difference(2, "first at frame 0"))
    with pytest.raises(UserError, match="qonnx: 2 values differ; first at frame 0"):
        zoo(["espcn_grey"], tmp_path, 8, 8, 0)


def test_frames_use_the_whole_range_of_the_input() -> None:
    from hls.network import Tensor

    signed = Tensor("x", 6, 6, 4, 4, 7, 0.5, -8)
    frames = module.random_frames(signed, 0)
    assert (frames.dtype, frames.shape) == (np.int8, (3, 6, 6, 4))
    assert (frames.min(), frames.max()) == (-8, 7)
