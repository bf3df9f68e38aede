"""Configuration of the hardware: table [hls]."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED

Share = Annotated[float, Field(gt=0, le=100)]


@dataclass(frozen=True, config=CHECKED)
class HlsConfig:
    """What the accelerator is built for."""

    part: str = "xc7z020clg400-1"  # the FPGA, full name with package and speed grade
    clock_mhz: Annotated[float, Field(gt=0, le=500)] = 100.0
    # by how much the clock of the timing model must be above clock_mhz, as a share
    clock_margin: Annotated[float, Field(ge=0, le=1)] = 0.1
    # frames/s that the folding must reach at the least cost; without it, the fastest that fits the part
    target_fps: Annotated[float, Field(gt=0)] | None = None
    # of the part, the shell around the accelerator included; above 1 for a study of what no part could hold
    max_lut: Share = 0.85
    max_ff: Share = 0.85
    max_dsp: Share = 1.0
    max_bram: Share = 0.9
    # words from which on a memory of thresholds lies in block RAM, smaller ones in LUTs; 0 leaves all to synthesis
    threshold_block_words: Annotated[int, Field(ge=0, lt=2**31)] = 0
    pixels_per_beat: Annotated[int, Field(ge=1, le=8)] = 1  # of AXI streams; 1 where rows are no whole beats

    @property
    def clock_ns(self) -> float:
        """Clock period in ns."""
        return 1e3 / self.clock_mhz

    @property
    def target_cycles(self) -> int:
        """Clock cycles a frame may take at `target_fps`, which must be set."""
        if self.target_fps is None:
            raise ValueError("target_cycles without a target_fps")
        return int(self.clock_mhz * 1e6 / self.target_fps)
