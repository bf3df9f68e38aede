"""Pixels as cameras and files have them, and frames as networks take them."""

import numpy as np
import torch
from torch import Tensor

from model.photos import Photo


def to_frames(pixels: Photo) -> Tensor:
    """Pixels (N, H, W, 3) uint8 -> frames (N, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


def to_pixels(frames: Tensor) -> Photo:
    """Frames (N, 3, H, W) -> pixels (N, H, W, 3) uint8, clipped to [0, 1] and rounded."""
    return (frames.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
