"""Where the score's threshold lies: set after training, on frames of photographs that were not trained on.

Training weighs a missed bad pixel against a replaced sound one as they occur in its small crops; a whole
frame has far fewer bad pixels. The threshold is bit 7 of the score: what moves is the bias of its channel.
"""

from collections.abc import Sequence

import numpy as np
import torch

from model.frames import to_frames, to_pixels
from model.generator import HALF, EncoderDecoder
from model.metrics import mean_quality, model_score, quality
from model.photos import Photo
from model.samples import Samples
from quant.bits import layer_names, layer_of

SHIFTS = tuple(round(0.05 * step, 2) for step in range(-4, 9))  # of the score, which is 0 to 1
FINDER_SHIFTS = tuple(round(0.05 * step, 2) for step in range(-20, 11))  # of a finder's, before it is clipped


def set_threshold(network: EncoderDecoder, samples: Samples, count: int) -> dict[str, float]:
    """Shift the score of a network that has one to the best mean model score on so many samples.

    Returns the model score at every shift tried, by the shift; of several equal ones the smallest is taken.
    """
    scores = model_scores(network, samples, count)
    best = max(scores, key=lambda shift: (scores[shift], -abs(shift)))
    _shift(network, best)
    return {f"{shift:g}": score for shift, score in scores.items()}


def set_finder_threshold(
    network: EncoderDecoder, samples: Samples, count: int, undamaged: Sequence[Photo], most_per_mpx: float
) -> dict[str, float]:
    """Shift the score to the best mean model score of those at which at most `most_per_mpx` pixels of the
    undamaged frames (H, W, 3) are called broken; where there is none such, to the one that calls fewest.

    Returns false alarms per megapixel at every shift tried, by the shift.
    """
    alarms = false_alarms(network, undamaged)
    allowed = [shift for shift, found in alarms.items() if found <= most_per_mpx] or [min(alarms)]
    scores = model_scores(network, samples, count, allowed)
    _shift(network, max(scores, key=lambda shift: (scores[shift], -abs(shift))))
    return {f"{shift:g}": found for shift, found in alarms.items()}


def false_alarms(
    network: EncoderDecoder, undamaged: Sequence[Photo], shifts: Sequence[float] = FINDER_SHIFTS
) -> dict[float, float]:
    """Pixels per megapixel of undamaged frames (H, W, 3) that are called broken, for each of `shifts`."""
    network.eval()
    found = dict.fromkeys(shifts, 0)
    for frame in undamaged:
        with torch.inference_mode():
            x = network.enter(to_frames(frame[None]))
            score = network.decode(*network.encode(x))[:, -1:]
        for shift in shifts:
            found[shift] += int((score + shift >= HALF).sum())
    megapixels = sum(frame.shape[0] * frame.shape[1] for frame in undamaged) / 1e6
    return {shift: count / megapixels for shift, count in found.items()}


def model_scores(
    network: EncoderDecoder, samples: Samples, count: int, shifts: Sequence[float] = SHIFTS
) -> dict[float, float]:
    """The mean model score on samples 0..count-1 for each of `shifts`."""
    network.eval()
    rows: dict[float, list[dict[str, float]]] = {shift: [] for shift in shifts}
    for clean, defective, mask, _ in (samples[index] for index in range(count)):
        x = to_frames(defective[None])
        with torch.inference_mode():
            x = network.enter(x)
            sums = network.decode(*network.encode(x))
            values = network.activate(sums)
        results: dict[bytes, dict[str, float]] = {}  # most shifts change nothing in most frames
        for shift in shifts:
            chosen = sums[:, -1:] + shift >= HALF
            key = np.packbits(chosen.numpy()).tobytes()
            if key not in results:
                results[key] = quality(clean, to_pixels(network.replace(x, values, chosen))[0], mask)
            rows[shift].append(results[key])
    return {shift: model_score(mean_quality(values)) for shift, values in rows.items()}


def _shift(network: EncoderDecoder, by: float) -> None:
    with torch.no_grad():
        layer_of(network, layer_names(network.config)[-1]).get_parameter("bias")[-1] += by
