"""The parts of the training objectives; each is a mean, so weights don't depend on the frame's size.

A `Painted` pixel is the network's with the probability `choice` and the frame's otherwise, and each loss is
the expectation over that draw. With `choice` 1 everywhere (mode `direct`) these are the published losses.
In several processes each sees its share of the frames, and the mean of what they get is the loss of all.
Axis letters: N frames, C = 3 colours, H rows, W columns.
"""

import torch
from torch import Tensor, nn

from model.generator import COLOURS, HALF, SLOPE, Painted, expected_image
from model.metrics import WINDOW
from model.processes import mean_count

C1, C2 = 0.01**2, 0.03**2  # of SSIM with a data range of 1; Wang et al., 2004

HIDDEN, PLAIN = 8 / 255, 56 / 255  # off the scene: a defect that can't be seen, one that can't be missed

LEAST_MSE = 1e-7
"""Added to a mean squared error before its logarithm: 70 dB are as good as 100."""


def global_l1(painted: Painted, frames: Tensor, clean: Tensor) -> Tensor:
    """Expected absolute difference from `clean` (N, 3, H, W) over whole frames."""
    return _expected(painted, (painted.colours - clean).abs(), (_colours(frames) - clean).abs()).mean()


def local_l2(painted: Painted, frames: Tensor, clean: Tensor, mask: Tensor) -> Tensor:
    """Expected squared difference over the masked pixels, all colours; `mask` is (N, 1, H, W) bool.

    Zero where the mask is empty.
    """
    return _masked_mean(squared_error(painted, frames, clean), mask)


def local_l1(painted: Painted, frames: Tensor, clean: Tensor, mask: Tensor) -> Tensor:
    """Expected absolute difference over the masked pixels, as `local_l2`."""
    error = _expected(painted, (painted.colours - clean).abs(), (_colours(frames) - clean).abs())
    return _masked_mean(error, mask)


def psnr_loss(
    painted: Painted, frames: Tensor, clean: Tensor, mask: Tensor, sound_weight: float = 1.0
) -> Tensor:
    """log10 of each frame's expected squared error, whole and in the mask: minus their PSNR / 10 dB.

    The mean over the frames of the sum of both; a frame with an empty mask counts with the first alone.
    In the whole a pixel outside the mask counts `sound_weight` times: a crop with the defects of a frame
    `sound_weight` times as large has then that frame's balance of repairs and of sound pixels harmed.
    """
    error = squared_error(painted, frames, clean)
    weights = torch.where(mask, 1.0, sound_weight)
    whole = (error * weights).sum((1, 2, 3)) / (weights.sum((1, 2, 3)) * COLOURS)
    area = mask.sum((1, 2, 3)) * COLOURS
    local = (error * mask).sum((1, 2, 3)) / area.clamp(min=1)
    logs = torch.log10(whole + LEAST_MSE) + torch.log10(local + LEAST_MSE) * (area > 0)
    return logs.mean()


def ssim_loss(painted: Painted, frames: Tensor, clean: Tensor, mask: Tensor) -> Tensor:
    """1 - SSIM of the expected image, over the windows whose centre is in the mask (N, 1, H, W) bool.

    The SSIM of `model.metrics`: uniform 7x7 windows inside the image, sample covariance, mean over colours.
    Zero where no such window has its centre in the mask.
    """
    result = expected_image(frames, painted)
    count = WINDOW**2
    means = _windows(torch.cat([result, clean, result * result, clean * clean, result * clean]))
    a, b, aa, bb, ab = means.chunk(5)  # N, 3, H - 6, W - 6
    sample = count / (count - 1)
    variances = sample * (aa - a * a + bb - b * b)
    covariance = sample * (ab - a * b)
    likeness = (2 * a * b + C1) * (2 * covariance + C2) / ((a * a + b * b + C1) * (variances + C2))
    edge = WINDOW // 2
    centres = mask[:, :, edge:-edge, edge:-edge]
    return _masked_mean(1 - likeness, centres)


def choice_entropy(painted: Painted, broken: Tensor) -> Tensor:
    """Cross entropy of the score against the pixels known as broken (N, 1, H, W) bool; 0 with no score."""
    if painted.score is None:
        return painted.choice.new_zeros(())
    logits = SLOPE * (painted.score - HALF)
    return nn.functional.binary_cross_entropy_with_logits(logits, broken.to(logits.dtype))


def found_entropy(
    painted: Painted, frames: Tensor, clean: Tensor, broken: Tensor, sound_weight: float
) -> Tensor:
    """Cross entropy of the score, a sound pixel weighed `sound_weight` times and a broken one as it is seen.

    Not at all where it is off the scene by `HIDDEN` or less in all colours, fully from `PLAIN` on, since no
    one can tell a dead pixel in the dark. 0 with no score.
    """
    if painted.score is None:
        return painted.choice.new_zeros(())
    off = (_colours(frames) - clean).abs().amax(1, keepdim=True)
    seen = ((off - HIDDEN) / (PLAIN - HIDDEN)).clamp(0, 1)
    weights = torch.where(broken, seen, sound_weight)
    logits = SLOPE * (painted.score - HALF)
    wanted = broken.to(logits.dtype)
    return nn.functional.binary_cross_entropy_with_logits(logits, wanted, weights)


def latent_l1(latent: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of two latents of the same shape."""
    return (latent - target).abs().mean()


def squared_error(painted: Painted, frames: Tensor, clean: Tensor) -> Tensor:
    """Expected squared difference (N, 3, H, W)."""
    return _expected(painted, (painted.colours - clean).square(), (_colours(frames) - clean).square())


def _windows(x: Tensor) -> Tensor:
    """Means over all 7x7 windows inside (N, C, H, W) -> (N, C, H - 6, W - 6).

    Two products with band matrices: on a CPU many times as fast, forth and back, as torch's pooling.
    """
    down, across = (_band(x, side) for side in x.shape[-2:])
    return down @ x.contiguous() @ across.T


def _band(x: Tensor, side: int) -> Tensor:
    """The means of each 7 neighbours as a matrix (side - 6, side), of the type and device of `x`."""
    shifted = torch.eye(side, dtype=x.dtype, device=x.device).unfold(0, WINDOW, 1)  # side - 6, side, 7
    return shifted.mean(2)


def _masked_mean(error: Tensor, mask: Tensor) -> Tensor:
    """Mean of `error` (N, 3, H, W) over the pixels of `mask` (N, 1, H, W) bool; 0 where there is none."""
    return (error * mask).sum() / mean_count(mask.sum() * COLOURS)


def _expected(painted: Painted, own: Tensor, kept: Tensor) -> Tensor:
    return painted.choice * own + (1 - painted.choice) * kept


def _colours(frames: Tensor) -> Tensor:
    return frames[:, :COLOURS]
