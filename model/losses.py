"""The parts of the four training objectives; each is a mean, so weights don't depend on the frame's size."""

from torch import Tensor


def global_l1(result: Tensor, clean: Tensor) -> Tensor:
    """Mean absolute difference over whole frames (N, 3, H, W)."""
    return (result - clean).abs().mean()


def local_l2(result: Tensor, clean: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference over the masked pixels; `mask` is (N, 1, H, W) bool, all three colours count.

    Zero where the mask is empty.
    """
    inside = mask.expand_as(result)
    return ((result - clean).square() * inside).sum() / inside.sum().clamp(min=1)


def latent_l1(latent: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of two latents of the same shape."""
    return (latent - target).abs().mean()
