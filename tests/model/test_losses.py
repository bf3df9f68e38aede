"""Losses by hand, and as expectations over the choice between the network's pixel and the frame's."""

import numpy as np
import pytest
import torch
from torch import Tensor

from model.generator import Painted
from model.losses import (
    LEAST_MSE,
    choice_entropy,
    global_l1,
    latent_l1,
    local_l2,
    psnr_loss,
    ssim_loss,
)
from model.metrics import psnr_db, ssim


def taken(colours: Tensor, choice: float = 1.0) -> Painted:
    """The network's pixels, taken everywhere with one probability."""
    return Painted(colours, torch.full_like(colours[:, :1], choice), None)


def frame(seed: int, size: tuple[int, int] = (20, 24)) -> Tensor:
    return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pixels(image: Tensor) -> np.ndarray:
    return image[0].permute(1, 2, 0).numpy()


def test_means_by_hand() -> None:
    clean = torch.zeros(2, 3, 4, 4)
    result = clean.clone()
    result[0, :, 0, 0] = 0.5
    mask = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    assert float(local_l2(taken(result), clean, clean, mask)) == 0.0  # an empty mask
    mask[0, 0, 0, :2] = True
    assert float(local_l2(taken(result), clean, clean, mask)) == pytest.approx(0.25 / 2)
    assert float(global_l1(taken(result), clean, clean)) == pytest.approx(0.5 * 3 / 96)
    assert float(latent_l1(torch.ones(1, 2, 3, 3), torch.full((1, 2, 3, 3), 3.0))) == 2.0


def test_a_pixel_taken_with_a_chance_counts_with_that_chance() -> None:
    clean = torch.zeros(1, 3, 4, 4)
    own, kept = torch.full_like(clean, 0.6), torch.full_like(clean, 0.2)
    mask = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    painted = taken(own, 0.25)
    assert float(global_l1(painted, kept, clean)) == pytest.approx(0.25 * 0.6 + 0.75 * 0.2)
    assert float(local_l2(painted, kept, clean, mask)) == pytest.approx(0.25 * 0.36 + 0.75 * 0.04)


def test_the_map_of_a_frame_is_not_a_colour() -> None:
    clean = torch.zeros(1, 3, 4, 4)
    frames = torch.cat([clean, torch.ones(1, 1, 4, 4)], 1)
    assert float(global_l1(taken(clean, 0.0), frames, clean)) == 0.0


def test_psnr_loss_is_minus_a_tenth_of_both_psnrs() -> None:
    clean, result = frame(1), frame(2)
    mask = torch.zeros(1, 1, 20, 24, dtype=torch.bool)
    mask[:, :, 4:12, 5:14] = True
    box = (slice(4, 12), slice(5, 14))
    expected = psnr_db(pixels(clean), pixels(result)) + psnr_db(pixels(clean)[box], pixels(result)[box])
    assert float(psnr_loss(taken(result), clean, clean, mask)) == pytest.approx(-expected / 10, abs=1e-5)
    whole = psnr_loss(taken(result), clean, clean, torch.zeros_like(mask))  # no defect: the whole image alone
    assert float(whole) == pytest.approx(-psnr_db(pixels(clean), pixels(result)) / 10, abs=1e-5)
    perfect = psnr_loss(taken(clean), clean, clean, mask)
    assert float(perfect) == pytest.approx(2 * np.log10(LEAST_MSE))


def test_sound_pixels_weighted_as_in_a_larger_frame() -> None:
    """A crop beside three sound ones of the same error: what the four are as one frame."""
    random = torch.Generator().manual_seed(3)
    clean, result = (torch.rand((1, 3, 8, 8), generator=random) for _ in range(2))
    mask = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    mask[..., 2:4, 3:7] = True
    error = (result - clean).square()
    inside, outside = (error * mask).sum(), (error * ~mask).sum()
    whole = (inside + 4 * outside) / (3 * (8 + 4 * 56))
    expected = torch.log10(whole + LEAST_MSE) + torch.log10(inside / 24 + LEAST_MSE)
    found = psnr_loss(taken(result), clean, clean, mask, 4.0)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_ssim_loss_is_one_minus_the_metric() -> None:
    clean, result = frame(3), frame(4)
    everywhere = torch.ones(1, 1, 20, 24, dtype=torch.bool)
    expected = 1 - ssim(pixels(clean), pixels(result))
    assert float(ssim_loss(taken(result), clean, clean, everywhere)) == pytest.approx(expected, abs=1e-9)
    one = torch.zeros_like(everywhere)
    one[:, :, 10, 12] = True
    around = (slice(7, 14), slice(9, 16))
    expected = 1 - ssim(pixels(clean)[around], pixels(result)[around])
    assert float(ssim_loss(taken(result), clean, clean, one)) == pytest.approx(expected, abs=1e-9)
    corner = torch.zeros_like(everywhere)
    corner[:, :, 0, 0] = True  # no window has its centre there
    assert float(ssim_loss(taken(result), clean, clean, corner)) == 0.0


def test_cross_entropy_of_the_score() -> None:
    score = torch.tensor([[[[0.5, 0.7]]]])
    broken = torch.tensor([[[[True, False]]]])
    painted = Painted(torch.zeros(1, 3, 1, 2), torch.sigmoid(10 * (score - 0.5)), score)
    expected = (np.log(2) + np.log(1 + np.exp(2))) / 2
    assert float(choice_entropy(painted, broken)) == pytest.approx(expected, rel=1e-5)
    assert float(choice_entropy(taken(torch.zeros(1, 3, 1, 2)), broken)) == 0.0
