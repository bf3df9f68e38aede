"""Video files and V4L2 cameras, through PyAV where it is installed (`apt install python3-av`, or pip)."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from board.device import Pixels
from board.errors import BoardError

SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm")
QUALITY = "12"  # x264's constant rate factor: hardly any loss


class Source:
    """Frames of a video; `rate` frames a second, `count` of them where the file tells, else 0."""

    def __init__(self, name: str, container: Any, limit: int | None = None) -> None:
        self._name, self._container, self._limit = name, container, limit
        stream = container.streams.video[0]
        self.rate: Fraction = stream.average_rate or Fraction(25)
        self.count = limit or stream.frames

    def __iter__(self) -> Iterator[Pixels]:
        """uint8 frames (H, W, 3) of their own. `BoardError` where the stream is damaged."""
        import av

        try:
            for number, frame in enumerate(self._container.decode(video=0)):
                if number == self._limit:
                    return
                yield frame.to_ndarray(format="rgb24")
        except av.FFmpegError as error:
            raise BoardError(f"{self._name}: damaged or cut short ({error})") from error


@contextmanager
def opened(name: str, camera: bool = False, limit: int | None = None) -> Iterator[Source]:
    """A video file, or the V4L2 device of that name. `BoardError` where it can't be read."""
    av = _library()
    try:
        container = av.open(name, format="v4l2" if camera else None)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BoardError(
            f"{name}: not a {'camera' if camera else 'video'} that can be read ({error})"
        ) from error
    with container:
        if not container.streams.video:
            raise BoardError(f"{name}: no picture in it")
        yield Source(name, container, limit)


class Sink:
    """Writes frames of one size as H.264."""

    def __init__(self, path: Path, rate: Fraction) -> None:
        self._container = _library().open(str(path), "w")
        self._rate = rate
        self._stream: Any = None

    def write(self, pixels: Pixels) -> None:
        """One more frame, uint8 (H, W, 3)."""
        import av

        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate, options={"crf": QUALITY})
            self._stream.height, self._stream.width = pixels.shape[:2]
            odd = any(side % 2 for side in pixels.shape[:2])
            self._stream.pix_fmt = "yuv444p" if odd else "yuv420p"
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))

    def close(self) -> None:
        """Write what is left."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()


def _library() -> Any:
    try:
        import av
    except ImportError as error:
        raise BoardError("video and cameras need PyAV: apt install python3-av, or pip install av") from error
    return av
