"""Checkpoints: what goes in comes out, the same bytes each time; no foreign or damaged file gets in."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from model.checkpoint import Checkpoint, fill, load, save
from pixelmend.errors import UserError

STATE = {"b": torch.arange(6.0).reshape(2, 3).t(), "a": torch.tensor([1, 2], dtype=torch.int8)}
CONFIG = {"widths": [4, 8], "skips": True}


def written(path: Path, kind: str = "generator") -> Path:
    save(path, kind, CONFIG, STATE, {"seed": 1, "commit": "abc"})
    return path


def test_round_trip(tmp_path: Path) -> None:
    stored = load(written(tmp_path / "x.safetensors"), "generator")
    assert isinstance(stored, Checkpoint)
    assert (stored.config, stored.made_by) == (CONFIG, {"seed": 1, "commit": "abc"})
    assert stored.state.keys() == STATE.keys()
    assert all(torch.equal(stored.state[name], value) for name, value in STATE.items())
    assert stored.state["a"].dtype == torch.int8


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    first = written(tmp_path / "x.safetensors").read_bytes()
    turned = dict(reversed(STATE.items()))
    save(
        tmp_path / "y.safetensors",
        "generator",
        dict(reversed(CONFIG.items())),
        turned,
        {"commit": "abc", "seed": 1},
    )
    assert (tmp_path / "y.safetensors").read_bytes() == first
    save(tmp_path / "z.safetensors", "generator", CONFIG, STATE, {"commit": "abc", "seed": 2})
    assert (tmp_path / "z.safetensors").read_bytes() != first


def test_tensors_that_share_memory_are_stored(tmp_path: Path) -> None:
    whole = torch.arange(4.0)
    save(tmp_path / "x", "generator", {}, {"whole": whole, "part": whole[:2]}, {})
    assert load(tmp_path / "x", "generator").state["part"].tolist() == [0.0, 1.0]


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a checkpoint of kind 'generator', found no such file"):
        load(tmp_path / "none.safetensors", "generator")


def test_another_kind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a checkpoint of kind 'generator', got kind 'quantized'"):
        load(written(tmp_path / "x.safetensors", "quantized"), "generator")


@pytest.mark.parametrize("keep", [0, 5, 60, 300, -1])
def test_cut_short(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path / "x.safetensors")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"x.safetensors: not a checkpoint, or damaged \(.*\); make it again"):
        load(path, "generator")


def test_some_other_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"\x80\x02pickle" * 100)
    with pytest.raises(UserError, match="not a checkpoint, or damaged"):
        load(path, "generator")


@pytest.mark.parametrize(
    ("metadata", "came"),
    [
        (None, "a file written by another program"),
        ({"format": "pt"}, "a file written by another program"),
        ({"pixelmend": "[1]"}, "a file written by another program"),
        ({"pixelmend": "{"}, "a file written by another program"),
        ({"pixelmend": json.dumps({"format": "pixelmend checkpoint 9"})}, "'pixelmend checkpoint 9'"),
    ],
)
def test_foreign_safetensors(tmp_path: Path, metadata: dict[str, str] | None, came: str) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "x.safetensors", metadata)
    with pytest.raises(UserError, match=f"expected 'pixelmend checkpoint 1', got {came}"):
        load(tmp_path / "x.safetensors", "generator")


def test_fill_names_the_tensor_that_does_not_fit(tmp_path: Path) -> None:
    layer = torch.nn.Linear(3, 2)
    good = {name: torch.ones_like(value) for name, value in layer.state_dict().items()}
    fill(layer, good, tmp_path)
    assert float(layer.weight.detach().sum()) == 6.0
    with pytest.raises(UserError, match=r"tensor 'weight': expected \(2, 3\), got \(2, 4\)"):
        fill(layer, good | {"weight": torch.zeros(2, 4)}, tmp_path)
    with pytest.raises(UserError, match=r"tensor 'bias': expected \(2,\), got no such tensor"):
        fill(layer, {"weight": torch.zeros(2, 3)}, tmp_path)
    with pytest.raises(UserError, match=r"tensor 'more': expected no such tensor, got \(1,\)"):
        fill(layer, good | {"more": torch.zeros(1)}, tmp_path)
    assert float(layer.weight.detach().sum()) == 6.0  # a refused state changes nothing
