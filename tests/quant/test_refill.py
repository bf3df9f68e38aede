"""Another filling for the score that a network has."""

from pathlib import Path

import pytest
import torch

from model.checkpoint import load, save
from model.generator import HALF, Mode
from model.loop import config_json
from model.pyramid import fill
from pixelmend.errors import UserError
from quant.qat import KIND, load_twin
from quant.refill import main
from tests.networks import Case, images, twin


def stored(case: Case, path: Path) -> Path:
    network = twin(case)
    if case.mode == "selective":
        with torch.no_grad():
            network.dec[-1].bias[-1:] += 0.1  # that some pixels score one half
    config = config_json({"generator": vars(network.config), "quant": vars(network.quant)})
    save(path, KIND, config, network.state_dict(), {"seed": 5})
    return path


@pytest.mark.parametrize(("mode", "seed"), [("selective", 10), ("filled", 3)])
def test_the_same_pixels_are_filled_in_another_way(mode: Mode, seed: int, tmp_path: Path) -> None:
    case = Case(mode=mode, fill_levels=1, seed=seed)
    before = load_twin(stored(case, tmp_path / "before.safetensors"))
    main(tmp_path / "before.safetensors", tmp_path / "after.safetensors", levels=2, sweeps=3)
    after = load_twin(tmp_path / "after.safetensors")
    assert (after.config.mode, after.config.fill_levels, after.config.fill_sweeps) == ("filled", 2, 3)
    frames = torch.from_numpy(images(case)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        entered = before.enter(frames)
        broken = before.activate(before.decode(*before.encode(entered)))[:, -1:] >= HALF
        assert 0.05 < float(broken.float().mean()) < 0.95
        assert torch.equal(after(frames), fill(after.enter(frames), broken, 2, 3))


def test_what_trained_it_stays_known(tmp_path: Path) -> None:
    main(stored(Case(mode="filled"), tmp_path / "a.safetensors"), tmp_path / "b.safetensors", sweeps=1)
    made_by = load(tmp_path / "b.safetensors", KIND).made_by
    assert made_by["seed"] == 5
    assert made_by["refill"]["sweeps"] == 1


def test_a_network_without_a_score_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a network of mode 'selective' or 'filled', got 'mapped'"):
        main(stored(Case(mode="mapped"), tmp_path / "a.safetensors"), tmp_path / "b.safetensors")
