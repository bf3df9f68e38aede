"""Golden figures: what was stored, what came, and which differences are failures.

All figures must be equal but those of `FLOORS`, image quality, which may rise and may fall by so much.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FLOORS = {"psnr_db": 0.01, "defect_psnr_db": 0.01, "ssim": 0.0001, "defect_ssim": 0.0001}
"""How far below the stored value a figure may lie, by the last part of its name; dB, and SSIM in 0..1.
Equal pixels give equal figures up to the versions of the libraries that compute them."""


@dataclass(frozen=True)
class Change:
    """One figure that is not what was stored; None where it is on one side only."""

    name: str  # keys from the outside in, such as "cycles.per_frame"
    stored: Any
    came: Any

    @property
    def breaks(self) -> bool:
        """Whether it is out of its bounds."""
        return self.falls or self._floor() is None

    @property
    def falls(self) -> bool:
        """Whether it is a figure of image quality, and below its floor."""
        floor = self._floor()
        return floor is not None and bool(self.came < self.stored - floor)

    def _floor(self) -> float | None:
        """By how much it may fall; None for what must stay, or is on one side only."""
        if self.stored is None or self.came is None:
            return None
        return FLOORS.get(self.name.rsplit(".", 1)[-1])

    def __str__(self) -> str:
        text = f"{self.name}: {_said(self.stored)} -> {_said(self.came)}"
        if isinstance(self.stored, int | float) and isinstance(self.came, int | float):
            text += f" ({_said(self.came - self.stored, sign=True)})"
        return text


def changes(stored: Mapping[str, Any], came: Mapping[str, Any]) -> list[Change]:
    """All figures that differ, in the order of what came, then those that are stored only."""
    before, after = _flat(stored), _flat(came)
    names = [*after, *(name for name in before if name not in after)]
    both = [Change(name, before.get(name), after.get(name)) for name in names]
    return [change for change in both if change.stored != change.came]


def _flat(figures: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in figures.items():
        if isinstance(value, Mapping):
            result |= _flat(value, f"{within}{key}.")
        else:
            result[f"{within}{key}"] = value
    return result


def _said(value: Any, sign: bool = False) -> str:
    plus = "+" if sign else ""
    if value is None:
        return "nothing"
    if isinstance(value, int):
        return f"{value:{plus},}"
    if isinstance(value, float):
        return f"{value:{plus}.4f}"
    return str(value)[:12]  # of a digest
