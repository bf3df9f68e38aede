"""Crops: cut on a device, they are those cut on the CPU."""

import numpy as np
import pytest
import torch

from model.crops import CropPool, DeviceCrops, Place
from model.defects import DefectConfig
from model.frames import to_frames
from model.learn import draw

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    ),
]


def pool() -> CropPool:
    rng = np.random.default_rng(1)
    sides = ((40, 70), (33, 32), (90, 41))
    return CropPool([rng.integers(0, 256, (*side, 3), dtype=np.uint8) for side in sides], 32)


@pytest.mark.parametrize("device", DEVICES)
def test_the_same_crops_on_every_device(device: str) -> None:
    crops = pool()
    places = crops.places(60, np.random.default_rng(3))
    assert {place.photo for place in places} == {0, 1, 2}
    assert {place.flipped for place in places} == {False, True}
    expected = to_frames(crops.draw(60, np.random.default_rng(3)))
    came = DeviceCrops(crops, device).draw(60, np.random.default_rng(3))
    assert came.device.type == device
    assert torch.equal(came.cpu(), expected)


@pytest.mark.parametrize(("uniform", "share"), [(0.0, 0.0), (0.5, 0.25), (1.0, 0.5)])
def test_how_many_crops_come_from_flat_photographs(uniform: float, share: float) -> None:
    """Of two photographs of one size the flat one has no energy, so only the uniform draws find it."""
    noise = np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    places = CropPool([np.zeros_like(noise), noise], 32, uniform).places(2000, np.random.default_rng(3))
    assert np.mean([place.photo == 0 for place in places]) == pytest.approx(share, abs=0.03)


def test_a_place_by_hand() -> None:
    crops = pool()
    place = Place(2, 7, 5, True)
    crops.places = lambda n, rng: [place] * n  # type: ignore[method-assign]
    cut = crops.photos[2][7:39, 5:37][:, ::-1]
    assert np.array_equal(crops.draw(1, np.random.default_rng(0))[0], cut)
    assert torch.equal(DeviceCrops(crops, "cpu").draw(1, np.random.default_rng(0)), to_frames(cut[None]))


@pytest.mark.parametrize("device", DEVICES)
def test_a_batch_drawn_on_a_device_is_repeatable_and_damaged(device: str) -> None:
    crops = DeviceCrops(pool(), device)
    first, second = (draw(crops, DefectConfig(), 8, 5) for _ in range(2))
    for name in ("clean", "defective", "mask", "broken"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    assert bool(first.broken.any((1, 2, 3)).all())
    if device == "cpu":
        assert torch.equal(first.defective, draw(pool(), DefectConfig(), 8, 5).defective)
