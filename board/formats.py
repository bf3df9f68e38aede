"""What the accelerator's ports carry: a pixel's format, the size of a frame, how frames become beats.

The one place that knows it, for the board's driver as for the tools that make and simulate the accelerator.
Frames are arrays (N, H, W, C) of the smallest integer type that holds a channel. A port moves
`pixels_per_beat` pixels at once, channel 0 of the first in the low bits, and fills the beat up to whole bytes
with zeros.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from board.errors import BoardError

Array = NDArray[Any]
Bytes = NDArray[np.uint8]

MOST_BITS = 32
CHUNK = 1 << 18  # values packed at once: every bit of them is a word for a while
PIXEL_SCALE = 1 / 255
RGB, MAPPED = 3, 4  # channels of a picture, and of one with its sensor's map of defects


@dataclass(frozen=True)
class PixelFormat:
    """`channels` integers of `bits` bits, a sign among them or not; a value v stands for `v * scale`."""

    channels: int
    bits: int
    signed: bool = False
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.channels < 1 or not 1 <= self.bits <= MOST_BITS:
            raise BoardError(
                f"pixel format: expected at least 1 channel of 1 to {MOST_BITS} bits, got {self.channels} of "
                f"{self.bits}"
            )

    def __str__(self) -> str:
        return f"{self.channels} x {'' if self.signed else 'u'}int{self.bits}"

    @property
    def minimum(self) -> int:
        """The least value of a channel."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def maximum(self) -> int:
        """The largest."""
        return (1 << self.bits - self.signed) - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of frames in memory."""
        size = next(size for size in (1, 2, 4) if self.bits <= 8 * size)
        return np.dtype(f"{'i' if self.signed else 'u'}{size}").newbyteorder("<")

    @property
    def plain(self) -> bool:
        """A frame's bytes in memory are those of the stream, one after the other."""
        return self.bits == 8 * self.dtype.itemsize

    @property
    def pixel_bits(self) -> int:
        """Of all channels."""
        return self.channels * self.bits

    @property
    def is_image(self) -> bool:
        """Whether it is what files of pictures hold: up to four channels of 0 .. 255 for 0 .. 1."""
        return self.channels <= MAPPED and (self.bits, self.signed) == (8, False) and self.is_unit

    @property
    def is_unit(self) -> bool:
        """Whether the largest value stands for 1."""
        return abs(self.scale * self.maximum - 1) < 1e-6

    def numbers(self, frames: Array) -> NDArray[np.float32]:
        """What integers stand for."""
        return (frames * np.float64(self.scale)).astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """As io.json has it."""
        return {"channels": self.channels, "bits": self.bits, "signed": self.signed, "scale": self.scale}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "PixelFormat":
        """Undo `as_dict`; KeyError, TypeError or ValueError where it is none."""
        return cls(
            int(fields["channels"]), int(fields["bits"]), bool(fields["signed"]), float(fields["scale"])
        )


@dataclass(frozen=True)
class Port:
    """An AXI-Stream of frames (height, width, channels): whole pixels a beat, TLAST on a frame's last."""

    name: str
    format: PixelFormat
    height: int
    width: int
    pixels_per_beat: int = 1

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.pixels_per_beat) < 1 or self.pixels % self.pixels_per_beat:
            raise BoardError(
                f"port {self.name}: expected frames of whole beats, got {self.height}x{self.width} px, "
                f"{self.pixels_per_beat} a beat"
            )

    def __str__(self) -> str:
        return f"{self.height}x{self.width} px of {self.format}"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a frame."""
        return self.height, self.width, self.format.channels

    @property
    def pixels(self) -> int:
        """Of a frame."""
        return self.height * self.width

    @property
    def beats(self) -> int:
        """Of a frame."""
        return self.pixels // self.pixels_per_beat

    @property
    def bits(self) -> int:
        """Of a beat, without what fills it up."""
        return self.pixels_per_beat * self.format.pixel_bits

    @property
    def beat_bytes(self) -> int:
        """Of a beat."""
        return -(-self.bits // 8)

    @property
    def frame_bytes(self) -> int:
        """Of a frame, as the DMA moves it."""
        return self.beats * self.beat_bytes

    @property
    def plain(self) -> bool:
        """A frame's bytes in memory are those that the DMA moves."""
        return self.format.plain

    def check(self, frames: Array, error: type[Exception] = BoardError) -> None:
        """Raise `error` where `frames` are no (N, height, width, channels) of the port's format."""
        wanted = self.format.dtype
        if frames.dtype != wanted or frames.ndim != 4 or frames.shape[1:] != self.shape:
            shape = ", ".join(map(str, self.shape))
            raise error(
                f"expected {wanted.name} frames of shape (N, {shape}), got {frames.dtype} {frames.shape}"
            )
        if self.plain or not frames.size:
            return
        low, high = self.format.minimum, self.format.maximum
        if frames.min() < low or frames.max() > high:
            raise error(
                f"expected {self.format.bits}-bit values in {low}..{high}, got {frames.min()}..{frames.max()}"
            )

    def pack(self, frames: Array) -> Bytes:
        """Frames (N, height, width, channels) in the order of the stream: (beats, bytes)."""
        if self.plain:
            data = np.ascontiguousarray(frames, self.format.dtype).reshape(-1)
            return data.view(np.uint8).reshape(-1, self.beat_bytes)
        return packed(frames, self.format.bits, self.pixels_per_beat * self.format.channels)

    def unpack(self, beats: Bytes) -> Array:
        """Undo `pack`; what fills beats up is not looked at. Frames may share memory with `beats`."""
        if self.plain:
            values = np.ascontiguousarray(beats).reshape(-1).view(self.format.dtype)
        else:
            lanes = self.pixels_per_beat * self.format.channels
            values = unpacked(beats, self.format.bits, lanes, self.format.signed).astype(self.format.dtype)
        return values.reshape(-1, *self.shape)

    def random(self, count: int, seed: int) -> Array:
        """Frames of seeded random values over the whole range."""
        low, high = self.format.minimum, self.format.maximum
        shape = (count, *self.shape)
        return np.random.default_rng(seed).integers(low, high + 1, shape).astype(self.format.dtype)

    def as_dict(self) -> dict[str, Any]:
        """As io.json has it."""
        return {
            "port": self.name,
            "format": self.format.as_dict(),
            "height": self.height,
            "width": self.width,
            "pixels_per_beat": self.pixels_per_beat,
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Port":
        """Undo `as_dict`; KeyError, TypeError or ValueError where it is none."""
        sizes = (int(fields[name]) for name in ("height", "width", "pixels_per_beat"))
        return cls(str(fields["port"]), PixelFormat.from_dict(fields["format"]), *sizes)


@dataclass(frozen=True)
class Ports:
    """All streams of an accelerator: frames in, and for each of them a frame out on every output."""

    input: Port
    outputs: tuple[Port, ...]

    @classmethod
    def of_pictures(cls, height: int, width: int, channels: int = RGB) -> "Ports":
        """A picture in, with its map of defects where it has four channels, and one of its size out."""
        taken, given = (PixelFormat(count, 8, scale=PIXEL_SCALE) for count in (channels, RGB))
        return cls(Port("s_axis", taken, height, width), (Port("m_axis", given, height, width),))

    @property
    def output(self) -> Port:
        """The first."""
        return self.outputs[0]

    @property
    def mapped(self) -> bool:
        """Whether a picture comes with its sensor's map of defects."""
        return self.repairs and self.input.format.channels == MAPPED

    @property
    def repairs(self) -> bool:
        """Whether a picture goes in, alone or with its map of defects, and one of its size comes out."""
        taken, given = self.input, self.output
        same = (taken.height, taken.width) == (given.height, given.width) and len(self.outputs) == 1
        images = taken.format.is_image and given.format.is_image
        return same and images and taken.format.channels in (RGB, MAPPED) and given.format.channels == RGB

    def as_dict(self) -> dict[str, Any]:
        """The fields of io.json."""
        return {"inputs": [self.input.as_dict()], "outputs": [port.as_dict() for port in self.outputs]}

    @classmethod
    def from_dict(cls, io: dict[str, Any]) -> "Ports":
        """Of an io.json; KeyError, TypeError or ValueError where it has none."""
        (taken,) = io["inputs"]
        outputs = tuple(Port.from_dict(fields) for fields in io["outputs"])
        if not outputs:
            raise ValueError("no outputs")
        return cls(Port.from_dict(taken), outputs)


def packed(values: Array, bits: int, lanes: int) -> Bytes:
    """Integers in C order as beats (beats, bytes) of `lanes` of `bits` each, lane 0 lowest."""
    rows = values.reshape(-1, lanes)
    result = np.empty((len(rows), -(-bits * lanes // 8)), np.uint8)
    step, places = max(1, CHUNK // lanes), np.arange(bits, dtype=np.uint64)
    for first in range(0, len(rows), step):
        words = rows[first : first + step].astype(np.int64).astype(np.uint64)
        planes = ((words[:, :, None] >> places) & np.uint64(1)).astype(np.uint8)
        result[first : first + step] = np.packbits(planes.reshape(len(words), -1), axis=1, bitorder="little")
    return result


def unpacked(beats: Bytes, bits: int, lanes: int, signed: bool = False) -> NDArray[np.int64]:
    """Undo `packed`: (beats, bytes) -> (beats, lanes)."""
    weights = np.int64(1) << np.arange(bits, dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    result = np.empty((len(beats), lanes), np.int64)
    step = max(1, CHUNK // lanes)
    for first in range(0, len(beats), step):
        part = np.unpackbits(beats[first : first + step], axis=1, bitorder="little")[:, : bits * lanes]
        result[first : first + step] = part.reshape(-1, lanes, bits).astype(np.int64) @ weights
    return result
