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
    photo: str = "astronaut"  # held-out photograph taken where no image is named
