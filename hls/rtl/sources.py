"""Which files generated RTL consists of."""

from pathlib import Path

from pixelmend.errors import UserError


def sources(folder: Path) -> list[Path]:
    """The files of `sources.f`, in compile order."""
    listing = folder / "sources.f"
    if not listing.is_file():
        raise UserError(f"{folder}: expected generated RTL with a sources.f; run hls.lower")
    return [folder / line for line in listing.read_text().split()]
