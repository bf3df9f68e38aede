"""Configuration of the simulations: table [sim]."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from pixelmend.config import CHECKED


@dataclass(frozen=True, config=CHECKED)
class SimConfig:
    """How the RTL is simulated and which photograph it sees."""

    frames: Annotated[int, Field(ge=1, le=64)] = 3  # back to back, the same image; the last two give the rate
    threads: Annotated[int, Field(ge=1, le=64)] = 1  # of the compiled simulation
    idle_limit: Annotated[int, Field(ge=1000)] = 50_000  # cycles without any transfer that count as deadlock
    least_gain_db: float = 0.0  # the hardware must beat the 3x3 median in the defects by so much, or it fails
    defects: str | None = None  # named set (model.defects.named) it is damaged with; None: as [defects] says
    photo: str = "astronaut"  # held-out photograph taken where no image is named
