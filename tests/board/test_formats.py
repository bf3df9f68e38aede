"""Pixel formats: what a port's bytes are, against values worked out by hand and by plain Python."""

import numpy as np
import pytest

from board.errors import BoardError
from board.formats import PixelFormat, Port, Ports

FORMATS = [
    PixelFormat(3, 8), PixelFormat(1, 1), PixelFormat(2, 5, True), PixelFormat(1, 12),
    PixelFormat(4, 16, True), PixelFormat(3, 10), PixelFormat(7, 3, True), PixelFormat(1, 32),
    PixelFormat(2, 8, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "dtype", "low", "high"),
    [
        (PixelFormat(3, 8), "uint8", 0, 255),
        (PixelFormat(3, 8, True), "int8", -128, 127),
        (PixelFormat(1, 9), "uint16", 0, 511),
        (PixelFormat(1, 9, True), "int16", -256, 255),
        (PixelFormat(1, 16), "uint16", 0, 65535),
        (PixelFormat(1, 17), "uint32", 0, 131071),
        (PixelFormat(1, 1), "uint8", 0, 1),
    ],
)
def test_range_and_container(form: PixelFormat, dtype: str, low: int, high: int) -> None:
    assert (form.dtype.name, form.minimum, form.maximum) == (dtype, low, high)


@pytest.mark.parametrize("pixels", [1, 2])
@pytest.mark.parametrize("form", FORMATS, ids=str)
def test_bytes_of_the_stream(form: PixelFormat, pixels: int) -> None:
    """Lane 0 lowest, two's complement, zeros up to whole bytes: by Python's own integers."""
    port = Port("p", form, 2, 4, pixels)
    frames = port.random(2, seed=5)
    frames.flat[:2] = form.minimum, form.maximum
    beats = port.pack(frames)
    assert beats.shape == (2 * port.beats, port.beat_bytes) and beats.dtype == np.uint8
    assert beats.size == 2 * port.frame_bytes
    lanes = pixels * form.channels
    for beat, values in zip(beats, frames.reshape(-1, lanes), strict=True):
        word = sum((int(value) % (1 << form.bits)) << (n * form.bits) for n, value in enumerate(values))
        assert bytes(beat) == word.to_bytes(port.beat_bytes, "little")
    back = port.unpack(beats)
    assert back.dtype == form.dtype and np.array_equal(back, frames)


def test_what_fills_a_beat_up_is_not_looked_at() -> None:
    port = Port("p", PixelFormat(1, 5, True), 1, 1)
    assert port.unpack(np.array([[0b111_10000]], np.uint8))[0, 0, 0, 0] == -16


def test_large_frames_are_packed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port("p", PixelFormat(3, 10), 5, 7)
    frames = port.random(3, seed=1)
    whole = port.pack(frames)
    monkeypatch.setattr("board.formats.CHUNK", 8)
    assert np.array_equal(port.pack(frames), whole)
    assert np.array_equal(port.unpack(whole), frames)


def test_io_json() -> None:
    ports = Ports(
        Port("s_axis", PixelFormat(4, 8, scale=1 / 255), 4, 6, 2),
        (
            Port("m_axis", PixelFormat(3, 8, scale=1 / 255), 4, 6, 2),
            Port("m_axis_1", PixelFormat(2, 5, True, 0.25), 8, 3),
        ),
    )
    assert Ports.from_dict(ports.as_dict()) == ports
    assert ports.as_dict()["outputs"][1] == {
        "port": "m_axis_1", "format": {"channels": 2, "bits": 5, "signed": True, "scale": 0.25},
        "height": 8, "width": 3, "pixels_per_beat": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("taken", "given", "size", "repairs", "mapped"),
    [
        (PixelFormat(3, 8, scale=1 / 255), PixelFormat(3, 8, scale=1 / 255), (4, 6), True, False),
        (PixelFormat(4, 8, scale=1 / 255), PixelFormat(3, 8, scale=1 / 255), (4, 6), True, True),
        (PixelFormat(3, 8, scale=1 / 255), PixelFormat(3, 8, scale=1 / 255), (8, 12), False, False),
        (PixelFormat(4, 8, scale=1 / 255), PixelFormat(4, 8, scale=1 / 255), (4, 6), False, False),
        (PixelFormat(1, 8, scale=1 / 255), PixelFormat(3, 8, scale=1 / 255), (4, 6), False, False),
        (PixelFormat(3, 8, scale=1 / 255), PixelFormat(3, 8, True, 1 / 127), (4, 6), False, False),
        (PixelFormat(3, 8, scale=1 / 255), PixelFormat(3, 8, scale=0.1), (4, 6), False, False),
    ],
)
def test_what_repairs_pictures(
    taken: PixelFormat, given: PixelFormat, size: tuple[int, int], repairs: bool, mapped: bool
) -> None:
    ports = Ports(Port("s_axis", taken, 4, 6), (Port("m_axis", given, *size),))
    assert (ports.repairs, ports.mapped) == (repairs, mapped)


def test_numbers() -> None:
    """As a division by 255 gives them, to the last bit: what a QONNX file is fed with."""
    values = np.arange(256, dtype=np.uint8)
    assert np.array_equal(
        PixelFormat(1, 8, scale=1 / 255).numbers(values), values.astype(np.float32) / np.float32(255)
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PixelFormat(0, 8), "at least 1 channel of 1 to 32 bits, got 0 of 8"),
        (lambda: PixelFormat(3, 33), "got 3 of 33"),
        (lambda: Port("m_axis", PixelFormat(3, 8), 3, 3, 2),
         "port m_axis: expected frames of whole beats, got 3x3 px, 2"),
        (lambda: Port("p", PixelFormat(3, 8), 2, 2).check(np.zeros((1, 2, 2, 4), np.uint8)),
         r"expected uint8 frames of shape \(N, 2, 2, 3\), got uint8 \(1, 2, 2, 4\)"),
        (lambda: Port("p", PixelFormat(1, 9), 2, 2).check(np.zeros((1, 2, 2, 1), np.uint8)),
         "expected uint16 frames"),
        (lambda: Port("p", PixelFormat(1, 9), 1, 1).check(np.full((1, 1, 1, 1), 512, np.uint16)),
         r"expected 9-bit values in 0\.\.511, got 512\.\.512"),
    ],
)  # fmt: skip
def test_refused(make: object, message: str) -> None:
    with pytest.raises(BoardError, match=message):
        make()  # type: ignore[operator]
