"""Entrance and exit of the accelerator: data untouched, every path registered, TLAST counted."""

from pathlib import Path

import numpy as np
import pytest

import hls.ops
from sim.verilator import Ports, Stall, Stream, build

STREAM = Path(hls.ops.__file__).parent / "stream"
PATTERNS = ("none", "random", "bursty", "one_in_four")
BEATS, FRAMES = 7, 3


def module(name, cache, pixels):
    """`pixel_in` or `pixel_out` for frames of 7 beats."""
    tlast = name == "pixel_in"
    ports = Ports(
        (Stream("s_axis", 24 * pixels, tlast),),
        (Stream("m_axis", 24 * pixels, not tlast),),
        flags=("frame_error",) if tlast else (),
    )
    sources = [STREAM / "stream_register.sv", STREAM / f"{name}.sv"]
    parameters = {"WIDTH": 24 * pixels, "FRAME_BEATS": BEATS}
    return build(name, sources, ports, cache, parameters=parameters, optimize="-O0")


def beats(pixels):
    return np.random.default_rng(pixels).integers(0, 256, (BEATS * FRAMES, 3 * pixels), dtype=np.uint8)


def run(simulation, data, lasts=None, kind_in="none", kind_out="none"):
    stalls = {"s_axis": Stall(kind_in, seed=1), "m_axis": Stall(kind_out, seed=2)}
    given = {"s_axis": lasts} if lasts is not None else None
    return simulation.run({"s_axis": data}, {"m_axis": len(data)}, stalls, lasts=given).check()


def frame_ends():
    return np.arange(BEATS * FRAMES) % BEATS == BEATS - 1


@pytest.mark.parametrize("pixels", [1, 4])
@pytest.mark.parametrize("name", ["pixel_in", "pixel_out"])
def test_data_passes(name, cache, pixels):
    simulation, data = module(name, cache, pixels), beats(pixels)
    for kind_in in PATTERNS:
        for kind_out in PATTERNS:
            lasts = frame_ends() if name == "pixel_in" else None
            result = run(simulation, data, lasts, kind_in, kind_out)
            assert (result.outputs["m_axis"] == data).all(), (kind_in, kind_out)
            if name == "pixel_out":
                assert (result.lasts["m_axis"] == frame_ends()).all(), (kind_in, kind_out)
            else:
                assert not result.flags["frame_error"].value, (kind_in, kind_out)


@pytest.mark.parametrize("name", ["pixel_in", "pixel_out"])
def test_a_beat_a_cycle(name, cache):
    lasts = frame_ends() if name == "pixel_in" else None
    result = run(module(name, cache, 1), beats(1), lasts)
    assert result.out_cycles["m_axis"].tolist() == list(range(1, 1 + BEATS * FRAMES))


@pytest.mark.parametrize(
    ("what", "wrong", "beat"), [("early", True, 3), ("early in frame 1", True, 9), ("missing", False, 6)]
)
def test_frame_error(cache, what, wrong, beat):
    """A TLAST that is wrong at `beat` raises the flag in the next cycle, for good; data still passes."""
    lasts = frame_ends()
    lasts[beat] = wrong
    result = run(module("pixel_in", cache, 1), beats(1), lasts)
    assert (result.outputs["m_axis"] == beats(1)).all()
    assert result.flags["frame_error"].value
    assert result.flags["frame_error"].first_cycle == beat + 1
