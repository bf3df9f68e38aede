"""The numpy training learns, repeats to the bit, and goes on where it was interrupted."""

from dataclasses import replace
from pathlib import Path

import pytest

import model.scratch.train as module
from model.checkpoint import load
from model.networks.n2n import N2N, N2NConfig
from model.scratch.train import KIND, Run, Settings, main, train
from pixelmend.errors import UserError
from pixelmend.files import read_json

SHORT = Settings(steps=60, batch=4, hidden=6, side=16, validate_every=20, seed=3)
SAME = ("settings", "noisy_db", "psnr_db", "curve")


@pytest.fixture(autouse=True)
def few_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JUDGED", 8)


def test_it_learns_without_a_clean_image(data: Path, tmp_path: Path) -> None:
    report = train(
        replace(SHORT, steps=1200, validate_every=1200, batch=8, hidden=8, rate=3.0), data, tmp_path
    )
    assert report["psnr_db"] > report["noisy_db"] + 1
    stored = load(tmp_path / "scratch.safetensors", KIND)
    network = N2N(N2NConfig(**stored.config))
    network.load_state_dict(stored.state)
    assert read_json(tmp_path / "scratch.json")["psnr_db"] == report["psnr_db"]


def test_an_interrupted_run_gives_the_files_of_one_that_was_not(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(SHORT, data, tmp_path / "whole")
    advance = Run.advance

    def interrupted(self: Run) -> None:
        if self.step == 33:
            raise KeyboardInterrupt
        advance(self)

    with monkeypatch.context() as patched:
        patched.setattr(Run, "advance", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(SHORT, data, tmp_path / "parts")
    assert not (tmp_path / "parts" / "scratch.json").exists()
    parts = train(SHORT, data, tmp_path / "parts")
    assert [parts[name] for name in SAME] == [whole[name] for name in SAME]
    first, second = (tmp_path / name / "scratch.safetensors" for name in ("whole", "parts"))
    assert first.read_bytes() == second.read_bytes()
    assert not (tmp_path / "parts" / "state.npz").exists()


def test_the_command(data: Path, tmp_path: Path) -> None:
    main(data, tmp_path, steps=2, batch=2, hidden=2, side=8, noise="poisson")
    report = read_json(tmp_path / "scratch.json")
    assert (report["settings"]["noise"]["kind"], len(report["curve"])) == ("poisson", 1)


def test_what_can_not_be_trained_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--side: expected a multiple of 4, got 18"):
        train(replace(SHORT, side=18), data, tmp_path)
    with pytest.raises(UserError, match=r"the loss became (nan|inf) by step 20; a lower --rate may help"):
        train(replace(SHORT, rate=1e30), data, tmp_path)
    (tmp_path / "state.npz").write_bytes(b"PK no archive")
    with pytest.raises(UserError, match=r"state\.npz: expected a training state, got a damaged file"):
        train(SHORT, data, tmp_path)
