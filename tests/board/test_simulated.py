"""The driver before the simulated board: results are the integer model's, and it forgives nothing either."""

import time
from pathlib import Path

import numpy as np
import pytest

from board.device import open_device
from board.driver import Driver
from board.errors import BoardError, DmaError, FrameTimeout
from pixelmend.errors import UserError
from sim.rtl import RtlModel
from tests.board.conftest import Simulated
from tests.networks import equal

pytestmark = pytest.mark.usefixtures("sim_cache")
RNG = np.random.default_rng(5)


def frames(count: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, 32, 48, 3), dtype=np.uint8)


def test_bit_exact(simulated: Simulated) -> None:
    given = frames(4)
    with Driver.open(simulated.overlay.folder, "sim") as driver:
        got = [result.copy() for result in driver.stream(given) if isinstance(result, np.ndarray)]
    equal("simulated board", np.array(got), simulated.model.run(given))


def test_a_timeout_abandons_the_simulation_and_the_next_frame_works(simulated: Simulated) -> None:
    given = frames(2)
    with Driver.open(simulated.overlay.folder, f"sim:{simulated.build}", timeout_s=0.0) as driver:
        with pytest.raises(FrameTimeout):
            driver.repair(given[0])
        driver._timeout_s = 60
        equal("after it", driver.repair(given[1]), simulated.model.run(given[1:])[0])


def test_a_simulation_that_fails_is_an_error_of_the_dma(
    simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = frames(2)

    def stuck(*_: object, **__: object) -> None:
        raise UserError("deadlock: nothing moved for 50000 cycles")

    with Driver.open(simulated.overlay.folder, "sim") as driver:
        with monkeypatch.context() as patch:
            patch.setattr(RtlModel, "run", stuck)
            with pytest.raises(DmaError, match="halted while receiving: deadlock: nothing moved"):
                driver.repair(given[0])
        equal("after it", driver.repair(given[1]), simulated.model.run(given[1:])[0])


def test_it_can_be_left_within_a_frame(simulated: Simulated) -> None:
    began = time.monotonic()
    with Driver.open(simulated.overlay.folder, "sim") as driver:
        driver.submit(frames(1)[0])
        driver.submit(frames(1)[0])
    assert time.monotonic() - began < 60
    assert not driver._device._worker.is_alive()  # type: ignore[attr-defined]


def test_other_rtl_is_refused(simulated: Simulated, tmp_path: Path) -> None:
    (tmp_path / "rtl").mkdir()
    (tmp_path / "rtl" / "top.sv").write_text("module top; endmodule\n")
    with pytest.raises(BoardError, match="made from other RTL than lies in"):
        open_device(f"sim:{tmp_path}", simulated.overlay)
    with pytest.raises(BoardError, match="expected a lowered build with its RTL"):
        open_device(f"sim:{tmp_path / 'rtl'}", simulated.overlay)
