"""Which pixels of a sensor are broken, from frames of darkness and of an even light.

Each colour of each pixel is looked at by itself, with statistics that broken pixels do not move (medians, and
the median absolute deviation times 1.4826, which is the standard deviation of a normal distribution).

dark level      its mean over the dark frames, against the neighbourhood's: hot where it is far above, by
                more than `hot` standard deviations of all pixels' means and more than `least` of the range
response        its mean over the flat frames less the dark level, over the neighbourhood's: dead or weak
                below 1 - `response`, too strong above 1 + `response`
noise           its deviation from frame to frame against the noise of pixels as bright: stuck where it has
                less than `still` of it, flickering where it has more than `flicker` times it

Noise from frame to frame is averaged out: a mean over N frames moves by noise / sqrt(N), which is part of
what thresholds in standard deviations are measured against. Neighbourhoods are `window` x `window` px without
their broken pixels, so that a cluster does not hide itself: the median is taken in two passes.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from board.device import Pixels
from board.errors import BoardError

Plane = NDArray[np.floating]
Mask = NDArray[np.bool_]

NORMAL = 1.4826  # of the median absolute deviation
ROWS = 64  # medians are taken of so many rows at a time
LEAST_FRAMES = 4
RANGE = 255.0


@dataclass(frozen=True)
class Thresholds:
    """See the module; every one is an option of the command."""

    hot: float = 8.0  # standard deviations
    least: float = 0.04  # of the range, 0 .. 1
    response: float = 0.35  # share
    still: float = 0.25  # share of the noise
    flicker: float = 5.0  # times the noise
    window: int = 15  # px, odd
    grow: int = 0  # px around each broken pixel that are marked too

    def check(self) -> None:
        """`BoardError` for values that make no sense."""
        for name, low, high in (("hot", 0, 1e6), ("least", 0, 1), ("response", 0, 1), ("still", 0, 1),
                                ("flicker", 1, 1e6), ("grow", 0, 16)):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise BoardError(f"--{name}: expected {low:g} to {high:g}, got {getattr(self, name):g}")
        if self.window < 3 or self.window % 2 == 0 or self.window > 63:
            raise BoardError(f"--window: expected an odd number of px, 3 to 63, got {self.window}")


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation from frame to frame, each (H, W, 3), of `count` frames."""

    mean: Plane
    noise: Plane
    count: int


@dataclass(frozen=True)
class Found:
    """Bool (H, W) for each kind of defect; a pixel is broken where one of its colours is."""

    hot: Mask
    dead: Mask
    strong: Mask
    stuck: Mask
    flickering: Mask
    dark: Plane  # (H, W), the largest over the colours less the neighbourhood, 0 .. 255
    response: Plane  # (H, W), the colour that is furthest from 1

    def kinds(self) -> dict[str, Mask]:
        """The masks by name."""
        return {name: getattr(self, name) for name in ("hot", "dead", "strong", "stuck", "flickering")}

    @property
    def broken(self) -> Mask:
        """All of them together."""
        return np.logical_or.reduce(list(self.kinds().values()))


def moments(frames: Iterable[tuple[str, Pixels]], what: str) -> Moments:
    """Of uint8 frames (H, W, 3), by name, one in memory at a time.

    `BoardError` where there are fewer than `LEAST_FRAMES`, or their sizes disagree, or a frame's brightness
    is not the others'.
    """
    first = ""
    total = squares = np.zeros(0)
    levels: list[tuple[float, str]] = []
    for name, frame in frames:
        if not levels:
            first, total, squares = name, np.zeros(frame.shape), np.zeros(frame.shape)
        if frame.shape != total.shape:
            raise BoardError(
                f"{name}: {_size(frame)} px, but {first} has {_size(total)}; "
                f"{what} frames must be of one sensor"
            )
        total += frame
        squares += np.square(frame, dtype=np.float64)
        levels.append((float(np.median(frame)), name))
    if len(levels) < LEAST_FRAMES:
        raise BoardError(f"{what} frames: expected at least {LEAST_FRAMES}, better 16, got {len(levels)}")
    middle = float(np.median([level for level, _ in levels]))
    for level, name in levels:
        if abs(level - middle) > 0.1 * RANGE:
            raise BoardError(
                f"{name}: its brightness is {level:.0f}, that of the other {what} frames {middle:.0f}; "
                "take all with the same exposure"
            )
    count = len(levels)
    mean = total / count
    variance = np.maximum(squares / count - mean**2, 0) * count / (count - 1)
    return Moments(mean.astype(np.float32), np.sqrt(variance).astype(np.float32), count)


def find(
    dark: Moments, flat: Moments, limits: Thresholds, on_step: Callable[[int, int], None] | None = None
) -> Found:
    """The broken pixels. `BoardError` where the sets are not of one sensor, or not dark and flat."""
    limits.check()
    if dark.mean.shape != flat.mean.shape:
        raise BoardError(
            f"dark frames of {_size(dark.mean)} px, flat ones of {_size(flat.mean)}: of one sensor?"
        )
    levels = float(np.median(dark.mean)), float(np.median(flat.mean))
    if levels[1] - levels[0] < 0.1 * RANGE or levels[1] > 0.95 * RANGE:
        raise BoardError(
            f"dark frames have a brightness of {levels[0]:.0f}, flat ones of {levels[1]:.0f}; flat frames "
            "should be clearly brighter and not saturated, at half the range or so"
        )
    masks: dict[str, list[Mask]] = {name: [] for name in ("hot", "dead", "strong", "stuck", "flickering")}
    excess, responses = [], []
    for colour in range(3):
        plane = _colour(dark, flat, colour, limits)
        for name, mask in plane.kinds().items():
            masks[name].append(mask)
        excess.append(plane.dark)
        responses.append(plane.response)
        if on_step is not None:
            on_step(colour + 1, 3)
    far = np.abs(np.stack(responses) - 1).argmax(0)
    response = np.take_along_axis(np.stack(responses), far[None], 0)[0]
    return Found(
        **{name: np.logical_or.reduce(planes) for name, planes in masks.items()},
        dark=np.maximum.reduce(excess),
        response=response,
    )


def _colour(dark: Moments, flat: Moments, colour: int, limits: Thresholds) -> Found:
    level, light = dark.mean[..., colour], flat.mean[..., colour] - dark.mean[..., colour]
    sound = np.ones(level.shape, bool)
    for _ in range(2):  # the second time without what the first has found
        excess = level - _neighbourhood(level, sound, limits.window)
        around = np.maximum(_neighbourhood(light, sound, limits.window), 1.0)
        response = light / around
        hot = excess > np.maximum(limits.hot * _spread(excess), limits.least * RANGE)
        weak, strong = response < 1 - limits.response, response > 1 + limits.response
        sound = ~(hot | weak | strong)
    usual = _usual_noise(flat, colour, sound)
    noise = flat.noise[..., colour]
    lively = usual > 0.5  # below, rounding to whole values hides what noise there is
    still = lively & (noise < limits.still * usual) & _still_can_be_told(flat.count, limits.still)
    flickering = noise > limits.flicker * np.maximum(usual, 0.5)
    flickering |= dark.noise[..., colour] > limits.flicker * np.maximum(_spread_of(dark, colour), 0.5)
    saturated = flat.mean[..., colour] > RANGE - 1  # has no noise either, and is told by its response
    return Found(hot, weak, strong, still & ~saturated, flickering, excess, response)


def _still_can_be_told(count: int, share: float) -> bool:
    """Whether a sound pixel's noise, estimated from so few frames, is that low once in 100,000 at most.

    (n - 1) s^2 / sigma^2 is chi-squared with n - 1 degrees of freedom; its lower tail is below
    (e x / k)^(k / 2) e^(-x / 2), with k degrees and x = k share^2 (Chernoff).
    """
    degrees = count - 1
    return bool((share**2 * np.exp(1 - share**2)) ** (degrees / 2) < 1e-5)


def _usual_noise(flat: Moments, colour: int, sound: Mask) -> Plane:
    """Noise of sound pixels as bright as each: shot noise makes it a matter of brightness."""
    mean, noise = flat.mean[..., colour], flat.noise[..., colour]
    edges = np.quantile(mean[sound], np.linspace(0, 1, 17)[1:-1])
    bins = np.digitize(mean, edges)
    medians = np.array(
        [np.median(noise[chosen]) if (chosen := sound & (bins == i)).any() else 0.0 for i in range(16)]
    )
    return medians[bins].astype(np.float32)


def _spread_of(dark: Moments, colour: int) -> float:
    return float(np.median(dark.noise[..., colour]))


def _spread(values: Plane) -> float:
    """Standard deviation of the bulk."""
    return NORMAL * float(np.median(np.abs(values - np.median(values))))


def _neighbourhood(values: Plane, sound: Mask, window: int) -> Plane:
    """Median over each window (mirrored at the border) of its sound pixels; where it has none, of all.

    Even light and darkness change slowly, so every other row and column of the window is enough.
    """
    reach = window // 2
    holes = np.where(sound, values, np.float32(np.nan))
    padded = np.pad(holes, reach, mode="symmetric")
    result = np.empty_like(values)
    everywhere = float(np.median(values[sound])) if sound.any() else float(np.median(values))
    for part in _bands(len(values)):
        rows = padded[part.start : part.stop + 2 * reach]
        views = np.lib.stride_tricks.sliding_window_view(rows, (window, window))[..., ::2, ::2]
        result[part] = _nan_median(views.reshape(*views.shape[:2], -1))
    return np.where(np.isnan(result), np.float32(everywhere), result)


def _nan_median(values: Plane) -> Plane:
    """Median over the last axis without NaNs (NaN where there is nothing else); numpy's loops in Python."""
    ordered = np.sort(values, -1)  # NaNs come last
    count = np.count_nonzero(~np.isnan(ordered), -1)[..., None]
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), -1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, ordered.shape[-1] - 1), -1)
    median: Plane = ((low + high) / 2)[..., 0]
    return median


def _bands(rows: int) -> Iterator[slice]:
    for start in range(0, rows, ROWS):
        yield slice(start, min(start + ROWS, rows))


def grown(mask: Mask, reach: int) -> Mask:
    """The mask with all pixels that are `reach` px or less from it, diagonals too."""
    padded = np.pad(mask, reach)
    side = 2 * reach + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    return np.asarray(windows.any((-1, -2)), bool)


def clusters(mask: Mask) -> list[int]:
    """Sizes of the 8-connected components, the largest first: rows' runs joined by union and find."""
    runs, parents = _runs(mask)

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    by_row: dict[int, list[int]] = {}
    for i, (row, start, stop) in enumerate(runs):
        for j in by_row.get(row - 1, ()):
            if runs[j][1] <= stop and start <= runs[j][2]:
                parents[root(i)] = root(j)
        by_row.setdefault(row, []).append(i)
    sizes: dict[int, int] = {}
    for i, (_, start, stop) in enumerate(runs):
        sizes[root(i)] = sizes.get(root(i), 0) + stop - start
    return sorted(sizes.values(), reverse=True)


def _runs(mask: Mask) -> tuple[list[tuple[int, int, int]], list[int]]:
    """(row, first column, column behind the last) of each run of broken pixels."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    stops = np.nonzero(edges == -1)[1]
    runs = [(int(row), int(start), int(stop)) for row, start, stop in zip(rows, starts, stops, strict=True)]
    return runs, list(range(len(runs)))


def _size(frame: Plane | Pixels) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"
