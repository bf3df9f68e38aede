"""Temperature and power, where the board's kernel tells them."""

from pathlib import Path

SYSTEM = Path("/sys")


def readings(system: Path = SYSTEM) -> dict[str, float]:
    """`temperature_c` of the chip and `power_w` of each rail that is measured; empty where nothing is."""
    found: dict[str, float] = {}
    for device in sorted(system.glob("bus/iio/devices/iio:device*")):
        raw, offset, scale = (_number(device / f"in_temp0_{name}") for name in ("raw", "offset", "scale"))
        if raw is not None and scale is not None:  # XADC and SYSMON: (raw + offset) * scale, in 1/1000 C
            found["temperature_c"] = (raw + (offset or 0.0)) * scale / 1000
    for monitor in sorted(system.glob("class/hwmon/hwmon*")):
        power = _number(monitor / "power1_input")  # in 1/1,000,000 W
        if power is not None:
            found[f"power_w {_text(monitor / 'name')}"] = power / 1e6
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
