"""Where the score's threshold lies: set after training, on frames of photographs that were not trained on.

Training weighs a missed bad pixel against a replaced sound one as they occur in its small crops; a whole
frame has far fewer bad pixels. The threshold is bit 7 of the score: what moves is the bias of its channel.
"""

import numpy as np
import torch

from model.generator import HALF, EncoderDecoder
from model.learn import to_frames, to_pixels
from model.metrics import mean_quality, model_score, quality
from model.samples import Samples
from quant.bits import layer_names, layer_of

SHIFTS = tuple(round(0.05 * step, 2) for step in range(-4, 9))  # of the score, which is 0 to 1


def set_threshold(network: EncoderDecoder, samples: Samples, count: int) -> dict[str, float]:
    """Shift the score of a network that has one to the best mean model score on so many samples.

    Returns the model score at every shift tried, by the shift; of several equal ones the smallest is taken.
    """
    scores = model_scores(network, samples, count)
    best = max(scores, key=lambda shift: (scores[shift], -abs(shift)))
    with torch.no_grad():
        layer_of(network, layer_names(network.config)[-1]).get_parameter("bias")[-1] += best
    return {f"{shift:g}": score for shift, score in scores.items()}


def model_scores(network: EncoderDecoder, samples: Samples, count: int) -> dict[float, float]:
    """The mean model score on samples 0..count-1 for each of `SHIFTS`."""
    network.eval()
    rows: dict[float, list[dict[str, float]]] = {shift: [] for shift in SHIFTS}
    for clean, defective, mask, _ in (samples[index] for index in range(count)):
        x = to_frames(defective[None])
        with torch.inference_mode():
            x = network.enter(x)
            sums = network.decode(*network.encode(x))
            values = network.activate(sums)
        results: dict[bytes, dict[str, float]] = {}  # most shifts change nothing in most frames
        for shift in SHIFTS:
            chosen = sums[:, -1:] + shift >= HALF
            key = np.packbits(chosen.numpy()).tobytes()
            if key not in results:
                results[key] = quality(clean, to_pixels(network.replace(x, values, chosen))[0], mask)
            rows[shift].append(results[key])
    return {shift: model_score(mean_quality(values)) for shift, values in rows.items()}
