"""The width converter between DMA and accelerator: bytes in order, TLAST in place, full pace, any stalls."""

import math
from pathlib import Path

import numpy as np
import pytest

import hls.vivado
from sim.verilator import Ports, Simulation, Stall, Stream, build

SOURCE = Path(hls.vivado.__file__).parent / "shell" / "stream_width.sv"
WIDTHS = [(4, 3), (3, 4), (4, 4), (8, 6), (24, 32), (1, 4)]
PATTERNS = ("none", "random", "bursty", "one_in_four")


def module(simulations: Path, taken: int, given: int) -> Simulation:
    ports = Ports((Stream("s_axis", 8 * taken, True),), (Stream("m_axis", 8 * given, True),))
    parameters = {"S_BYTES": taken, "M_BYTES": given}
    return build("stream_width", [SOURCE], ports, simulations, parameters=parameters, optimize="-O0")


@pytest.mark.parametrize(("taken", "given"), WIDTHS)
def test_bytes_and_frames(simulations: Path, taken: int, given: int) -> None:
    """Frames of different lengths follow each other without a gap; the naive reference is a reshape."""
    simulation = module(simulations, taken, given)
    unit = math.lcm(taken, given)
    rng = np.random.default_rng(taken * 100 + given)
    sizes = [unit, 5 * unit, 2 * unit, unit]
    data = rng.integers(0, 256, sum(sizes), dtype=np.uint8)
    ends = np.cumsum(sizes)

    def lasts(width: int) -> np.ndarray:
        return np.isin(np.arange(width, len(data) + 1, width), ends)

    for kind_in in PATTERNS:
        for kind_out in PATTERNS:
            result = simulation.run(
                {"s_axis": data.reshape(-1, taken)},
                {"m_axis": len(data) // given},
                {"s_axis": Stall(kind_in, seed=1), "m_axis": Stall(kind_out, seed=2)},
                lasts={"s_axis": lasts(taken)},
            ).check()
            assert (result.outputs["m_axis"].reshape(-1) == data).all(), (kind_in, kind_out)
            assert (result.lasts["m_axis"] == lasts(given)).all(), (kind_in, kind_out)


@pytest.mark.parametrize(("taken", "given"), WIDTHS)
def test_a_beat_a_cycle_on_the_narrower_side(simulations: Path, taken: int, given: int) -> None:
    beats = 20 * math.lcm(taken, given)
    data = np.arange(beats, dtype=np.uint64).astype(np.uint8)
    result = (
        module(simulations, taken, given)
        .run({"s_axis": data.reshape(-1, taken)}, {"m_axis": beats // given}, {})
        .check()
    )
    cycles = result.out_cycles["m_axis"]
    assert cycles[-1] - cycles[0] <= beats // min(taken, given)
