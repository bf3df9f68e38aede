"""The ladder of sizes: every rung is there, smaller ones are smaller, and a second run trains nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import ladder as module
from bench.ladder import Recipe, ladder
from model.defects import DefectConfig
from model.generator import GeneratorConfig
from model.learn import TrainConfig
from model.train import train
from pixelmend.config import Frame
from pixelmend.errors import UserError
from quant.bits import QuantConfig
from quant.prune import prune
from quant.qat import QatConfig
from quant.shrink import PruneConfig

QUICK: dict[str, Any] = {
    "objective": "supervised", "steps": 1, "batch": 2, "crop": 16, "validate_every": 1, "validation_crops": 2,
}  # fmt: skip
DEFECTS = DefectConfig(boxes=(1, 1), side=(4, 6))
FRAME = Frame(height=32, width=32)


def test_every_rung(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PUBLISHED_BYTES", 40_000)
    net = GeneratorConfig(widths=(8, 12), spectral_norm=False, mode="selective")
    recipe = Recipe(
        QuantConfig(sum_bits=4), DEFECTS, FRAME, QatConfig(**QUICK, threshold_frames=1),
        PruneConfig(**QUICK, widths=(8, 8), rounds=1), data,
    )  # fmt: skip
    build, out = tmp_path / "build", tmp_path / "ladder"
    with pytest.raises(UserError, match=r"float.safetensors: expected a trained network"):
        ladder(recipe, build, out, samples=2, jobs=1)
    floating = train(net, DEFECTS, TrainConfig(**QUICK), data, build)
    prune(recipe.prune, recipe.quant, DEFECTS, FRAME, floating, data, build)
    report = ladder(recipe, build, out, samples=2, jobs=1)
    made = [name for name in report["quality"] if not name.startswith(("median", "pruned to"))]
    quantized = ["as configured", "unpruned, W8A8", "unpruned, W4A4", "W8A8", "W4A4", "W3A3", "W2A2"]
    assert made == ["float", "pruned", *quantized]
    assert "pruned to 1/49" in report["quality"]
    sizes = report["size_bytes"]
    assert sizes["float"] > sizes["pruned"] > sizes["W8A8"] > sizes["W4A4"] > sizes["W3A3"] > sizes["W2A2"]
    assert sizes["pruned to 1/49"] <= 40_000 // 49
    monkeypatch.setattr("quant.qat.fit", lambda *_: pytest.fail("trained again"))
    again = ladder(replace(recipe), build, out, samples=2, jobs=1)
    assert again["quality"] == report["quality"]
