"""Smaller general networks: a layer less, fewer channels, a smaller frame, plainer settings.

Some are no networks any more, which `net.tensors` says.
"""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from sim.fuzz.net import QUANTIZED, Net, Step, rewired

SLOWEST = 1.0  # frames/s: everything folded as far as it goes
PLAIN: tuple[dict[str, Any], ...] = (
    {"norm": False},
    {"activation": "none"},
    {"move": ""},
    {"groups": 1},
    {"dilation": (1, 1)},
    {"extra": (0, 0)},
    {"pads": (0, 0, 0, 0)},
    {"kernel": (1, 1), "stride": (1, 1), "pads": (0, 0, 0, 0), "extra": (0, 0), "dilation": (1, 1)},
    {"stride": (1, 1), "extra": (0, 0)},
    {"bias": False},
    {"weight_scales": False},
    {"weight_bits": 2},
    {"narrow": False},
    {"column_row": False},
    {"channels": 1},
    {"bits": 2},
)
"""Plainer settings of a step, the largest simplifications first."""


def smaller(net: Net) -> Iterator[Net]:
    """Simpler descriptions, those that save most first."""
    yield from _shorter(net)
    yield from _tighter(net)
    for changed in PLAIN:  # of all at once, then of one
        yield _with(net, [_changed(step, changed) for step in net.steps])
    yield _with(net, [_changed(step, {"channels": step.channels // 2}) for step in net.steps])
    for number, step in enumerate(net.steps):
        for plainer in _plainer(step):
            yield _with(net, [*net.steps[:number], plainer, *net.steps[number + 1 :]])


def _shorter(net: Net) -> Iterator[Net]:
    """Without some of the steps."""
    count = len(net.steps)
    for number in range(1, count):  # only what is before
        yield rewired(replace(net, outputs=(number,)), {})
    for output in net.outputs if len(net.outputs) > 1 else ():
        yield rewired(replace(net, outputs=(output,)), {})
    for number in range(count, 0, -1):  # without one
        for source in dict.fromkeys(net.steps[number - 1].sources):
            yield rewired(net, {number: source})
    for number, step in enumerate(net.steps):  # nothing but what is behind
        if step.kind in QUANTIZED and number:
            yield rewired(net, dict.fromkeys(range(1, number + 1), 0))


def _tighter(net: Net) -> Iterator[Net]:
    """In a plainer frame, with plainer hardware."""
    yield _plain(net, folding_seed=None, target_fps=SLOWEST)
    yield _plain(net, pixels_per_beat=1)
    height, width = net.height, net.width
    for sides in (
        (min(4, height), min(4, width)),
        (height // 2, width // 2),
        (height - 1, width),
        (height, width - 1),
    ):
        yield _plain(net, height=sides[0], width=sides[1], pixels_per_beat=1)
    for channels in (1, net.channels // 2):
        yield _plain(net, channels=channels)


def _plainer(step: Step) -> Iterator[Step]:
    for changed in PLAIN:
        yield _changed(step, changed)
    for axis in range(2):
        kernel = [taps - (place == axis and taps > 1) for place, taps in enumerate(step.kernel)]
        yield replace(step, kernel=(kernel[0], kernel[1]))
    for axis in range(4):
        pads = [pad - (place == axis and pad > 0) for place, pad in enumerate(step.pads)]
        yield replace(step, pads=(pads[0], pads[1], pads[2], pads[3]))
    if step.channels > 1:
        yield replace(step, channels=step.channels - 1)


def _plain(net: Net, **values: Any) -> Net:
    return replace(net, **values) if all(value != 0 for value in values.values()) else net


def _with(net: Net, steps: list[Step]) -> Net:
    return replace(net, steps=tuple(steps))


def _changed(step: Step, changed: dict[str, Any]) -> Step:
    """The step with plainer settings, of those that it uses."""
    unused = {one.name: one.default for one in fields(step)}
    if step.kind in ("conv", "deconv"):
        unused["weight_bits"] = None
    return replace(
        step,
        **{key: value for key, value in changed.items() if getattr(step, key) not in (unused[key], value)},
    )
