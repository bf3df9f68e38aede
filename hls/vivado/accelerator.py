"""What the files of a build say of the accelerator: its ports, frame, part and clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from board.errors import BoardError
from board.formats import Port, Ports
from hls import parts
from hls.config import HlsConfig
from hls.parts import CAPPED
from hls.vivado.boards import Board
from pixelmend import config as configuration
from pixelmend.config import Frame
from pixelmend.errors import UserError
from pixelmend.files import read_fields

PORT = re.compile(r"\b(?:input|output)\s+wire\s+\[(\d+):0\]\s+([sm]_axis(?:_\d+)?)_tdata\b")
SMALLEST_WORD = 4  # bytes; AXI has no memory data narrower than 32 bits
LARGEST_WORD = 128  # bytes of an AXI DMA's stream
IO = {
    "frame.height": int, "frame.width": int, "part": str, "clock_mhz": float, "top": str, "rtl_digest": str,
}  # fmt: skip
TILING = ("receptive_field", "halo", "multiple")  # fields of io.json
PORTS = ("inputs", "outputs")


def word_bytes(port: Port) -> int:
    """Bytes of a word of the port's DMA: the least legal width that keeps the accelerator's pace."""
    word = SMALLEST_WORD
    while word < port.beat_bytes:
        word *= 2
    return word


@dataclass(frozen=True)
class Accelerator:
    """A lowered build, by what its files say; `config` is the configuration's name."""

    config: str
    top: str
    part: str
    clock_mhz: float
    height: int
    width: int
    ports: Ports
    tiling: Mapping[str, Any]  # of a larger picture: see hls.receptive
    rtl_digest: str


def read(build: Path, config: Path) -> Accelerator:
    """The accelerator in the folder `build`, lowered for the configuration file `config`.

    `UserError` where it was lowered for another frame, part or clock, or has ports that no DMA can serve.
    """
    frame = configuration.load(config, "frame", Frame)
    hls = configuration.load(config, "hls", HlsConfig)
    io = read_fields(build / "io.json", IO)
    if not {*TILING, *PORTS} <= io.keys():
        raise UserError(f"{build / 'io.json'}: lowered by an older version; run hls.lower")
    was = (io["frame"]["height"], io["frame"]["width"], io["part"], io["clock_mhz"])
    if was != (frame.height, frame.width, hls.part, hls.clock_mhz):
        raise UserError(
            f"{build}: lowered for frames of {was[0]}x{was[1]} on {was[2]} at {was[3]:g} MHz, the "
            f"configuration says {frame.height}x{frame.width} on {hls.part} at {hls.clock_mhz:g} MHz; "
            "run hls.lower"
        )
    try:
        ports = Ports.from_dict(io)
    except (BoardError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{build / 'io.json'}: its ports can't be read ({error}); run hls.lower") from error
    _check_ports(ports, build / "rtl" / "top.sv")
    return Accelerator(
        config.stem, io["top"], hls.part, hls.clock_mhz, frame.height, frame.width,
        ports, {key: io[key] for key in TILING}, io["rtl_digest"],
    )  # fmt: skip


def _check_ports(ports: Ports, top: Path) -> None:
    """`UserError` where the generated top level declares others, or a DMA can't serve them; those of the HLS
    backend are the same.
    """
    if not top.is_file():
        raise UserError(f"{top}: expected the top level of a lowered build; run hls.lower")
    found = {name: int(high) + 1 for high, name in PORT.findall(top.read_text(encoding="utf-8"))}
    ends = (ports.input, *ports.outputs)
    if set(found) != {port.name for port in ends}:
        wanted = " and ".join(f"{port.name}_tdata" for port in ends)
        raise UserError(f"{top}: expected ports {wanted}, found {sorted(found)}")
    for port in ends:
        bits = found[port.name]
        if bits != 8 * port.beat_bytes:
            raise UserError(
                f"{top}: {port.name} has {bits} bits, expected {8 * port.beat_bytes} for "
                f"{port.pixels_per_beat} pixels of {port.format}"
            )
        if port.frame_bytes % word_bytes(port):
            raise UserError(
                f"{top}: a frame of {port.frame_bytes:,} bytes on {port.name} is not whole words of the DMA "
                f"of {word_bytes(port)} bytes"
            )
        if word_bytes(port) > LARGEST_WORD:
            raise UserError(
                f"{top}: beats of {port.beat_bytes} bytes on {port.name}, the DMA takes {LARGEST_WORD} at "
                "most"
            )


def check_board(accelerator: Accelerator, board: Board, build: Path) -> None:
    """`UserError` where the build is for another part than the board's, or was measured not to fit it."""
    if accelerator.part != board.part:
        raise UserError(
            f"{build}: lowered for {accelerator.part}, but {board.name} has {board.part}; "
            f'set part = "{board.part}" in [hls] and run hls.lower'
        )
    if not (build / "fit.json").is_file():
        return
    total = read_fields(build / "fit.json", {f"total.{key}": float for key in CAPPED})["total"]
    has = parts.find(board.part).cells()
    over = [
        f"{name} {_number(total[key])} of {_number(has[key])}, {_number(total[key] - has[key])} too many"
        for key, name in CAPPED.items()
        if total[key] > has[key]
    ]
    if over:
        raise UserError(f"{build}: does not fit {board.name} ({board.part}): {'; '.join(over)}")


def _number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")
