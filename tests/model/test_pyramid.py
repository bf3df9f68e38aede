"""The pyramid that fills, against loops over exact fractions."""

from collections import Counter
from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.pyramid import NOTHING_KNOWN, corrected, fill, relaxed

Pixels = NDArray[np.int64]
HALF = Fraction(1, 2)


def frames(pixels: Pixels) -> torch.Tensor:
    """(H, W, 3) -> (1, 3, H, W) in [0, 1], as quantizers give them."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() * torch.tensor(1 / 255)


def naive(pixels: Pixels, broken: NDArray[np.bool_], levels: int) -> Pixels:
    """Cell by cell: the mean of the sound ones; then, for what is broken, weights that fall with distance."""
    if levels == 0:
        return pixels
    height, width = broken.shape
    above = np.full((height // 2, width // 2, 3), NOTHING_KNOWN)
    none = np.ones((height // 2, width // 2), bool)
    for y, x in product(range(height // 2), range(width // 2)):
        cell = [(2 * y + r, 2 * x + s) for r, s in product(range(2), range(2))]
        sound = [at for at in cell if not broken[at]]
        if sound:
            none[y, x] = False
            above[y, x] = [floor(Fraction(sum(int(pixels[at][c]) for at in sound), len(sound)) + HALF)
                           for c in range(3)]  # fmt: skip
    above = naive(above, none, levels - 1)
    out = pixels.copy()
    for y, x in zip(*np.nonzero(broken), strict=True):
        for c in range(3):
            total = Fraction(0)
            for i, j in product(range(-1, height // 2 + 1), range(-1, width // 2 + 1)):
                far = [abs(Fraction(int(at)) - 2 * k - HALF) / 2 for at, k in ((y, i), (x, j))]
                weight = max(0, 1 - far[0]) * max(0, 1 - far[1])
                inside = min(max(i, 0), height // 2 - 1), min(max(j, 0), width // 2 - 1)
                total += weight * int(above[inside][c])
            out[y, x, c] = floor(total + HALF)
    return out


def swept(pixels: Pixels, broken: NDArray[np.bool_], sweeps: int) -> Pixels:
    """Each broken pixel goes 5/4 of the way to where the Laplacian of the Laplacian is zero."""
    height, width = broken.shape
    laplacian = {(0, 0): -4, (0, 1): 1, (1, 0): 1, (0, -1): 1, (-1, 0): 1}
    biharmonic: Counter[tuple[int, int]] = Counter()
    for (one, weight), (other, more) in product(laplacian.items(), repeat=2):
        biharmonic[one[0] + other[0], one[1] + other[1]] += weight * more
    for _ in range(sweeps):
        before, pixels = pixels, pixels.copy()
        for y, x in product(range(height), range(width)):
            if not broken[y, x]:
                continue
            total = np.zeros(3, np.int64)
            for (down, right), weight in biharmonic.items():
                row, column = y + down, min(max(x + right, 0), width - 1)
                source = pixels if 0 <= row < height else before  # beyond the border as it came
                total += weight * source[min(max(row, 0), height - 1), column]
            for c in range(3):
                way = Fraction(5, 4) * Fraction(-int(total[c]), biharmonic[0, 0])
                pixels[y, x, c] = min(max(floor(pixels[y, x, c] + way + HALF), 0), 255)
    return pixels


@pytest.mark.parametrize(
    ("height", "width", "levels", "share"),
    [(2, 2, 1, 0.5), (4, 8, 1, 0.4), (8, 4, 2, 0.9), (8, 16, 3, 0.95), (8, 8, 3, 1.0), (8, 8, 2, 0.0)],
)
def test_filling_is_what_its_formula_says(height: int, width: int, levels: int, share: float) -> None:
    rng = np.random.default_rng([height, width, levels])
    pixels = rng.integers(0, 256, (height, width, 3))
    broken = rng.random((height, width)) < share
    result = fill(frames(pixels), torch.from_numpy(broken)[None, None], levels)
    assert torch.equal(result, frames(naive(pixels, broken, levels)))


@pytest.mark.parametrize(
    ("height", "width", "levels", "sweeps", "share"),
    [(8, 16, 2, 1, 0.4), (8, 8, 1, 2, 0.8), (4, 4, 2, 4, 1.0), (16, 8, 3, 1, 0.9), (2, 16, 1, 3, 0.7)],
)
def test_sweeping_is_what_its_formula_says(
    height: int, width: int, levels: int, sweeps: int, share: float
) -> None:
    rng = np.random.default_rng([height, width, levels, sweeps])
    pixels = rng.integers(0, 256, (2, height, width, 3))
    broken = rng.random((2, height, width)) < share
    result = fill(torch.cat(list(map(frames, pixels))), torch.from_numpy(broken)[:, None], levels, sweeps)
    for frame in range(2):
        expected = swept(naive(pixels[frame], broken[frame], levels), broken[frame], sweeps)
        assert torch.equal(result[frame : frame + 1], frames(expected))


def test_sweeps_flatten_a_bump_in_a_plane() -> None:
    row, column = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    plane = (20 + 3 * row + 5 * column).expand(1, 3, 12, 12)
    broken = torch.zeros(1, 1, 12, 12, dtype=torch.bool)
    broken[..., 4:8, 3:8] = True
    bumpy = torch.where(broken, 128.0, plane)
    errors = []
    for _ in range(40):
        bumpy = relaxed(bumpy, broken)
        errors.append(float((bumpy - plane).abs().mean()))
    assert errors[:20] == sorted(errors[:20], reverse=True)
    assert errors[-1] < errors[0] / 20  # what is less, rounding may hold


def test_sound_pixels_pass_as_they_are() -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    broken = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    broken[1, 0, 3, 4] = True
    result = fill(images, broken, 2)
    assert torch.equal(result[0], images[0])
    changed = (result != images).any(1)
    assert changed.nonzero().tolist() == [[1, 3, 4]]


def test_doubles_are_filled_with_integers_times_the_scale() -> None:
    """As quant.exact has them: the product of integer and float32 scale is not rounded to float32."""
    steps = torch.randint(0, 256, (1, 3, 8, 8), generator=torch.Generator().manual_seed(2))
    scale = torch.tensor(1 / 255)
    broken = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    broken[..., 2:5, 3:6] = True
    result = fill(steps * scale.double(), broken, 2, 1)
    assert result.dtype == torch.float64
    integers = torch.round(result * 255)
    assert torch.equal(result, integers * scale.double())
    assert torch.equal(integers.float(), torch.round(fill(steps * scale, broken, 2, 1) * 255))


def test_where_nothing_is_known_it_is_grey() -> None:
    broken = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    result = fill(torch.rand(1, 3, 8, 8), broken, 3)
    assert (result * 255).round().unique().tolist() == [NOTHING_KNOWN]


def test_there_is_no_gradient_to_what_is_filled() -> None:
    images = torch.rand(1, 3, 4, 4, requires_grad=True)
    assert not fill(images, torch.ones(1, 1, 4, 4, dtype=torch.bool), 1).requires_grad


def test_the_neutral_correction_changes_nothing() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (4, 4, 3))
    neutral = frames(np.full((4, 4, 3), NOTHING_KNOWN))
    result = corrected(frames(pixels), neutral)
    assert np.array_equal((result * 255).round()[0].permute(1, 2, 0).numpy(), pixels)
