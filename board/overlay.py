"""The folder that is copied to the board: pixelmend.bit, pixelmend.hwh, io.json. Do they belong together?

io.json says what the accelerator takes and gives, and the digests of the other two.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from board.errors import BoardError
from board.files import file_digest, read_json

FORMAT = "pixelmend io 1"
LARGEST_SIDE = 8192  # px of a frame
BITSTREAM, HANDOFF = "pixelmend.bit", "pixelmend.hwh"
PLACEHOLDER = b"pixelmend placeholder"
"""What a file begins with that stands for a bitstream nobody has built yet."""


@dataclass(frozen=True)
class Overlay:
    """A checked overlay. Frames are uint8 (height, width, channels): R, G, B, and the defect map where
    `channels` is 4. `before`, `after`: px that a pixel of the result sees upwards and downwards (leftwards
    and rightwards); a frame may start at any multiple of `multiple` px of a larger picture.
    """

    folder: Path
    config: str
    board: str
    clock_mhz: float
    height: int
    width: int
    channels: int
    before: int
    after: int
    multiple: int
    dma: str
    plan_digest: str
    rtl_digest: str

    @property
    def bitstream(self) -> Path:
        """Beside it lies the hardware description of the same name."""
        return self.folder / BITSTREAM

    @property
    def mapped(self) -> bool:
        """Whether the network takes the sensor's defect map."""
        return self.channels == 4


def read(folder: Path) -> Overlay:
    """Read and check the folder. `BoardError` where files are missing, changed, or of another version."""
    if not folder.is_dir():
        raise BoardError(f"{folder}: expected the folder of an overlay ({BITSTREAM}, {HANDOFF}, io.json)")
    path = folder / "io.json"
    io = read_json(path)
    if not isinstance(io, dict) or io.get("format") != FORMAT:
        found = io.get("format") if isinstance(io, dict) else type(io).__name__
        raise BoardError(f'{path}: expected the format "{FORMAT}" that this driver knows, found {found!r}')
    try:
        overlay = _parse(folder, io)
        given = int(io["output"]["bytes_per_pixel"])
        digests = {name: io["files"][name] for name in (BITSTREAM, HANDOFF)}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BoardError(
            f"{path}: a field is missing or of another kind ({error!r}); copy it again"
        ) from None
    _check(overlay, given, path)
    for name, expected in digests.items():
        _check_file(folder / name, expected)
    return overlay


def _parse(folder: Path, io: dict[str, Any]) -> Overlay:
    return Overlay(
        folder, str(io["config"]), str(io["board"]), float(io["clock_mhz"]),
        int(io["frame"]["height"]), int(io["frame"]["width"]), int(io["input"]["bytes_per_pixel"]),
        int(io["halo"]["before"]), int(io["halo"]["after"]), int(io["multiple"]),
        str(io["ip"]["dma"]), str(io["plan_digest"]), str(io["rtl_digest"]),
    )  # fmt: skip


def _check(overlay: Overlay, given: int, path: Path) -> None:
    if overlay.channels not in (3, 4) or given != 3:
        raise BoardError(
            f"{path}: expected 3 or 4 bytes a pixel in and 3 out, found {overlay.channels} and {given}"
        )
    sides = overlay.height, overlay.width
    if min(*sides, overlay.multiple) < 1 or any(side % overlay.multiple for side in sides):
        raise BoardError(f"{path}: a frame of {sides[0]}x{sides[1]} is not multiples of {overlay.multiple}")
    if max(sides) > LARGEST_SIDE or min(overlay.before, overlay.after) < 0:
        raise BoardError(
            f"{path}: expected sides up to {LARGEST_SIDE} px and no negative halo, found "
            f"{sides[0]}x{sides[1]} and {overlay.before}, {overlay.after}"
        )


def _check_file(path: Path, expected: Any) -> None:
    if expected is None:
        raise BoardError(f"{path.parent / 'io.json'}: {path.name} was not built yet; run `make bitstream`")
    if not isinstance(expected, str):
        raise BoardError(f"{path.parent / 'io.json'}: the digest of {path.name} is no text; copy it again")
    if not path.is_file():
        raise BoardError(f"{path}: no such file; copy the whole folder of the overlay")
    found = file_digest(path)
    if found != expected:
        raise BoardError(
            f"{path}: does not belong to the io.json beside it (SHA-256 {found[:12]}, expected "
            f"{expected[:12]}); copy the whole folder again"
        )
