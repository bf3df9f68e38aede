"""What the tasks give their networks, and want of them."""

import numpy as np
import pytest
import torch

from model.metrics import psnr_db
from model.noise import NoiseConfig
from model.tasks.denoise import Denoise
from model.tasks.evaluate import check_gain, figures_of, picture_sheet, sample_of
from model.tasks.learn import loss_of, run
from model.tasks.super_resolve import SuperResolve
from model.tasks.task import TaskConfig
from pixelmend.errors import UserError

CLEAN = np.repeat(np.arange(16, 240, 7, dtype=np.uint8)[None, :, None], 32, 0).repeat(3, 2)[
    None
]  # (1, 32, 32, 3)


def denoise(pairs: bool) -> Denoise:
    return Denoise(TaskConfig("denoise", pairs=pairs), NoiseConfig(sigma=(12.0, 12.0)))


def test_pairs_never_show_a_clean_image() -> None:
    rng = np.random.default_rng(1)
    given, (target,) = denoise(True).given(CLEAN, rng), denoise(True).targets(CLEAN, rng)
    errors = [one.astype(float) - CLEAN for one in (given, target)]
    assert all(11 < error.std() < 13 for error in errors)
    assert abs(np.corrcoef(errors[0].ravel(), errors[1].ravel())[0, 1]) < 0.1, "each has noise of its own"
    assert np.array_equal(denoise(True).wanted(CLEAN)[0], CLEAN), "but it is judged by the clean one"
    assert np.array_equal(denoise(False).targets(CLEAN, rng)[0], CLEAN)


def test_baselines_of_denoising() -> None:
    task = denoise(False)
    sample = sample_of(task, CLEAN[0], np.random.default_rng(2))
    found = {name: psnr_db(CLEAN[0], method(sample.given)[0]) for name, method in task.baselines().items()}
    assert found["noisy"] < found["median 3x3"] < found[task.reference], found


def test_several_sizes_of_one_image() -> None:
    task = SuperResolve(TaskConfig("super-resolve", factors=(2, 4)))
    sample = sample_of(task, CLEAN[0], np.random.default_rng(0))
    assert sample.given.shape == (8, 8, 3)
    assert [one.shape for one in sample.wanted] == [(16, 16, 3), (32, 32, 3)]
    assert np.array_equal(sample.wanted[-1], CLEAN[0])
    results = {name: method(sample.given) for name, method in task.baselines().items()}
    figures = {name: figures_of(task, sample.wanted, found) for name, found in results.items()}
    assert (
        figures["bicubic"]["psnr_db"] == figures["bicubic"]["x4_psnr_db"] > figures["nearest"]["x4_psnr_db"]
    )
    assert figures_of(task, sample.wanted, sample.wanted)["x2_ssim"] == pytest.approx(1)
    assert picture_sheet(task, sample, results).ndim == 3
    with pytest.raises(UserError, match=r"nearest has .* dB, bicubic .* dB"):
        check_gain(task, figures, "nearest")
    check_gain(task, figures, "bicubic")


def test_losses() -> None:
    result, target = torch.full((2, 3, 4, 4), 0.5), torch.full((2, 3, 4, 4), 0.4)
    assert float(loss_of("mse", result, target)) == pytest.approx(0.01)
    assert float(loss_of("mae", result, target)) == pytest.approx(0.1)
    assert float(loss_of("psnr", result, target)) == pytest.approx(-20, abs=1e-3)


def test_a_network_of_another_size_is_refused() -> None:
    task = SuperResolve(TaskConfig("super-resolve", factors=(2,)))
    with pytest.raises(
        UserError, match=r"task wants x2 of shapes \[\(3, 16, 16\)\], the network gives \[\(3, 8, 8\)\]"
    ):
        run(torch.nn.Identity(), torch.zeros(1, 3, 8, 8), task)
