"""What the tasks give their networks, and want of them."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from model.checkpoint import save
from model.features.extractor import KIND, Extractor, ExtractorConfig
from model.features.pretext import layer_scales
from model.loop import config_json
from model.metrics import psnr_db
from model.networks.inversion import Inverter, InverterConfig, Kind
from model.noise import NoiseConfig
from model.sheet import renormalized
from model.tasks.denoise import Denoise
from model.tasks.evaluate import check_gain, figures_of, picture_sheet, sample_of
from model.tasks.invert import Invert
from model.tasks.learn import TaskSchedule, loss_of, run, stage_losses
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


WIDE = ExtractorConfig("vgg", (4, 6, 8), (1, 1, 1))


@pytest.fixture
def inversion(tmp_path: Path) -> Invert:
    """Of a small extractor with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        extractor = Extractor(WIDE)
    crops = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    scales = layer_scales(extractor, crops)
    path = tmp_path / "features.safetensors"
    save(path, KIND, {"shape": config_json(asdict(WIDE)), "scales": scales}, extractor.state_dict(), {})
    layers = ("relu3_1", "relu2_1", "relu1_1")
    return Invert(TaskConfig("invert", features=str(path), layers=layers))


def test_inversion_is_given_the_deepest_layer(inversion: Invert) -> None:
    rng = np.random.default_rng(0)
    given = inversion.given(CLEAN, rng)
    assert (given.shape, given.dtype) == ((1, 8, 8, 8), np.uint8)
    assert (inversion.factors, inversion.channels) == ((4,), 8)
    assert [one.shape for one in inversion.between(CLEAN)] == [(1, 16, 16, 6), (1, 32, 32, 4)]
    extractor, scale = inversion.extractor, inversion.scales[0]
    result = extractor.results(torch.from_numpy(CLEAN).permute(0, 3, 1, 2) / 255, ["relu3_1"])["relu3_1"]
    want = np.rint(255 * np.clip(result.numpy() / scale, 0, 1)).transpose(0, 2, 3, 1)
    assert np.abs(given - want).max() <= 1
    frames = torch.from_numpy(CLEAN).permute(0, 3, 1, 2) / 255
    for found, name, own in zip(
        inversion.between(CLEAN), ("relu2_1", "relu1_1"), inversion.scales[1:], strict=True
    ):
        due = np.rint(255 * np.clip(extractor.results(frames, [name])[name].numpy() / own, 0, 1)).transpose(
            0, 2, 3, 1
        )
        assert np.abs(found - due).max() <= 1, "each in units of its own scale"
    sample = sample_of(inversion, CLEAN[0], rng)
    results = {name: method(sample.given) for name, method in inversion.baselines().items()}

    def far(image: np.ndarray) -> float:
        return float(np.square(inversion.given(image[None], rng).astype(float) - given).mean())

    (found,) = results["gradient descent"]
    assert far(found) < far(np.full_like(found, 128)) / 20, "it gives the same features"
    assert picture_sheet(inversion, sample, results).shape[1] > 5 * 256, "both errors are on it"


def test_errors_are_as_strong_as_can_be() -> None:
    clean = np.full((2, 2, 3), 100, np.uint8)
    result = clean.copy()
    result[0, 0], result[1, 1] = 110, 95
    signed, absolute = renormalized(clean, result)
    assert [int(signed[at][0]) for at in ((0, 0), (0, 1), (1, 1))] == [255, 128, 64]
    assert [int(absolute[at][0]) for at in ((0, 0), (0, 1), (1, 1))] == [255, 0, 128]


@pytest.mark.parametrize("kind", ["conv-deconv", "deconv-conv", "deconv-deconv"])
def test_losses_of_a_stack(kind: Kind) -> None:
    torch.manual_seed(0)
    network = Inverter(InverterConfig(kind, (8, 6, 4), (2, 2, 1), (5, 5, 5)))
    x = torch.rand(2, 8, 4, 4)
    truths = [torch.rand(2, 6, 8, 8), torch.rand(2, 4, 16, 16), torch.rand(2, 3, 16, 16)]
    separate = stage_losses(network, x, truths, TaskSchedule(scheme="separate"))
    stacked = stage_losses(network, x, truths, TaskSchedule(scheme="stacked"))
    assert torch.equal(separate[0], stacked[0])
    assert torch.allclose(separate[2], (network.stages[2](truths[1]) - truths[2]).square().mean())
    assert torch.allclose(stacked[2], (network(x) - truths[2]).square().mean())
    separate[2].backward()
    assert network.stages[0].first.weight.grad is None, "one by one: no module learns from another's loss"
    stacked[2].backward()
    assert network.stages[0].first.weight.grad is not None
    with pytest.raises(UserError, match=r"needs a network with a list `stages` of 2 modules, .* has 3"):
        stage_losses(network, x, truths[:2], TaskSchedule(scheme="stacked"))


def test_an_extractor_that_does_not_pad_by_whole_strides_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "alexnet.pth"
    torch.save(
        Extractor(ExtractorConfig("alexnet", (4,) * 5, normalized=False, whole=False)).state_dict(), path
    )
    task = Invert(TaskConfig("invert", features=str(path), layers=("relu1",)))
    with pytest.raises(UserError, match=r"relu1 of 32x32 px has 7x7, which is no 4th"):
        task.given(CLEAN, np.random.default_rng(0))
