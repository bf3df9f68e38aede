"""The folder that is copied to the board: pixelmend.bit, pixelmend.hwh, io.json. Do they belong together?

io.json says what the accelerator takes and gives, and the digests of the other two.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from board.errors import BoardError
from board.files import file_digest, read_json
from board.formats import MAPPED, RGB, Ports

FORMAT = "pixelmend io 1"
LARGEST_SIDE = 8192  # px of a frame
BITSTREAM, HANDOFF = "pixelmend.bit", "pixelmend.hwh"
PLACEHOLDER = b"pixelmend placeholder"
"""What a file begins with that stands for a bitstream nobody has built yet."""


@dataclass(frozen=True)
class Overlay:
    """A checked overlay. `ports` say what its frames are. `before`, `after`: px that a pixel of the result
    sees upwards and downwards (leftwards and rightwards); a frame may start at any multiple of `multiple` px
    of a larger picture.
    """

    folder: Path
    config: str
    board: str
    clock_mhz: float
    ports: Ports
    before: int
    after: int
    multiple: int
    dma: str
    plan_digest: str
    rtl_digest: str
    more_dmas: tuple[str, ...] = ()  # of the second output and those behind it

    @property
    def bitstream(self) -> Path:
        """Beside it lies the hardware description of the same name."""
        return self.folder / BITSTREAM

    @property
    def height(self) -> int:
        """Of the frames that go in."""
        return self.ports.input.height

    @property
    def width(self) -> int:
        """Of the frames that go in."""
        return self.ports.input.width

    @property
    def channels(self) -> int:
        """Of the frames that go in: R, G, B, and the defect map where the network is `mapped`."""
        return self.ports.input.format.channels

    @property
    def mapped(self) -> bool:
        """Whether the network takes the sensor's defect map."""
        return self.ports.mapped

    def check_repairs(self) -> None:
        """`BoardError` where the network is none that repairs pictures."""
        if not self.ports.repairs:
            given = ", ".join(map(str, self.ports.outputs))
            raise BoardError(
                f"the network '{self.config}' repairs no pictures: it makes {given} of {self.ports.input}; "
                "use board.driver for it"
            )


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
        digests = {name: io["files"][name] for name in (BITSTREAM, HANDOFF)}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BoardError(
            f"{path}: a field is missing or of another kind ({error!r}); copy it again"
        ) from None
    _check(overlay, path)
    for name, expected in digests.items():
        _check_file(folder / name, expected)
    return overlay


def _parse(folder: Path, io: dict[str, Any]) -> Overlay:
    return Overlay(
        folder, str(io["config"]), str(io["board"]), float(io["clock_mhz"]),
        Ports.from_dict(io) if "inputs" in io else _bytes_of_pictures(folder / "io.json", io),
        int(io["halo"]["before"]), int(io["halo"]["after"]), int(io["multiple"]),
        str(io["ip"]["dma"]), str(io["plan_digest"]), str(io["rtl_digest"]),
        tuple(map(str, io["ip"].get("more_dmas", ()))),
    )  # fmt: skip


def _bytes_of_pictures(path: Path, io: dict[str, Any]) -> Ports:
    """The ports of an overlay that was made before io.json listed them."""
    size = int(io["frame"]["height"]), int(io["frame"]["width"])
    taken, given = (int(io[side]["bytes_per_pixel"]) for side in ("input", "output"))
    if taken not in (RGB, MAPPED) or given != RGB:
        raise BoardError(f"{path}: expected 3 or 4 bytes a pixel in and 3 out, found {taken} and {given}")
    return Ports.of_pictures(*size, taken)


def _check(overlay: Overlay, path: Path) -> None:
    if len(overlay.more_dmas) != len(overlay.ports.outputs) - 1:
        raise BoardError(
            f"{path}: expected a DMA for each of {len(overlay.ports.outputs)} outputs, found "
            f"{len(overlay.more_dmas) + 1}"
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
