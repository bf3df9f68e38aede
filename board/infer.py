"""Repair pictures on the board.

    python -m board.infer --overlay overlay photo.jpg folder/ 'more/*.png' --out repaired

Results keep their names; a JPEG becomes a PNG with --suffix .png. Exit status 0 where all was repaired, 1
where anything was not, which is then told in one line each.
"""

import argparse
import glob
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from board import defectmap, pictures, quality, sheet, video
from board.console import Progress, note, problem, run
from board.device import Pixels
from board.driver import Driver
from board.errors import BoardError, FrameError
from board.files import replacing
from board.inputs import Job, jobs
from board.pictures import Picture
from board.repair import Task, repair_all


@dataclass
class Times:
    """Where the time went, in seconds; decoding and encoding run beside the accelerator."""

    decode_s: float = 0.0
    encode_s: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def line(self, driver: Driver, done: int) -> str:
        """Frames a second, and what each part alone would reach."""
        total = time.perf_counter() - self.began
        frames = driver.timing.frames
        parts = {
            "decode": self.decode_s,
            "transfer": driver.timing.copy_s,
            "accelerator": driver.timing.wait_s,
            "encode": self.encode_s,
        }
        split = ", ".join(f"{name} {1000 * seconds / max(frames, 1):.2f}" for name, seconds in parts.items())
        return (
            f"{done} picture{'s' if done != 1 else ''}, {frames} frames in {total:.1f} s: "
            f"{frames / total:.1f} frames/s; ms a frame: {split}"
        )


@dataclass(frozen=True)
class _Loaded:
    job: Job
    picture: Picture
    before: Pixels | None  # a copy for the sheet


class _Run:
    """One reader and one writer beside the thread that drives the accelerator."""

    def __init__(self, options: argparse.Namespace, driver: Driver) -> None:
        self.options, self.driver, self.times = options, driver, Times()
        self.defects = defectmap.read(options.map) if options.map else None
        self.complaints: list[str] = []
        self.done = 0
        self.reader, self.writer = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self.writing: Future[None] | None = None

    def run(self, todo: Sequence[Job]) -> None:
        """Every job; what fails is complained about and the rest goes on."""
        progress = Progress("pictures")
        try:
            for task, error in repair_all(self.driver, self._tasks(todo)):
                loaded: _Loaded = task.tag
                if error is not None:
                    self.complain(f"{loaded.job.source}: {error}")
                else:
                    self._settle()
                    self.writing = self.writer.submit(self._write, loaded, task.result)
                progress.tell(self.done + len(self.complaints), len(todo))
        finally:
            self._settle()
            self.reader.shutdown(cancel_futures=True)
            self.writer.shutdown()

    def video(self, name: str, result: Path, camera: bool = False) -> None:
        """A video, or `--frames` of a camera. A lost frame stays as it was, and is complained about."""
        progress = Progress(name)
        limit = self.options.frames if camera else None
        with video.opened(name, camera, limit) as source, replacing(result) as temporary:
            sink = video.Sink(temporary, source.rate)
            try:
                tasks = (Task(frame, np.empty_like(frame), self.defects) for frame in source)
                for number, (task, error) in enumerate(repair_all(self.driver, tasks), start=1):
                    if error is not None:
                        if not isinstance(error, FrameError):
                            raise error
                        self.complain(f"{name}, frame {number}: {error}")
                    began = time.perf_counter()
                    sink.write(task.picture if error is not None else task.result)
                    self.times.encode_s += time.perf_counter() - began
                    progress.tell(number, max(source.count, number))
            finally:
                sink.close()
        self.done += 1
        note(str(result))

    def complain(self, message: str) -> None:
        """Something was not repaired."""
        self.complaints.append(message)
        problem(message)

    def _tasks(self, todo: Sequence[Job]) -> Iterator[Task]:
        """Pictures, the next one read while this one is repaired."""
        reading = self.reader.submit(self._read, todo[0]) if todo else None
        for number in range(len(todo)):
            assert reading is not None
            current = reading
            if number + 1 < len(todo):
                reading = self.reader.submit(self._read, todo[number + 1])
            try:
                loaded = current.result()
            except BoardError as error:
                self.complain(str(error))
                continue
            pixels = loaded.picture.pixels
            try:
                result = pixels if pixels.flags.writeable else scratch(self.options.out, pixels.shape)
            except OSError as error:
                self.complain(f"{self.options.out}: no room for the result of {loaded.job.source} ({error})")
                continue
            yield Task(pixels, result, self.defects, loaded)

    def _read(self, job: Job) -> _Loaded:
        began = time.perf_counter()
        picture = pictures.read(job.source, self.options.largest)
        before = picture.pixels.copy() if self.options.compare or self.options.clean else None
        self.times.decode_s += time.perf_counter() - began
        return _Loaded(job, picture, before)

    def _settle(self) -> None:
        """Wait for the file that is being written; a failure is a complaint."""
        if self.writing is None:
            return
        writing, self.writing = self.writing, None
        try:
            writing.result()
            self.done += 1
        except BoardError as error:
            self.complain(str(error))
        except (OSError, ValueError) as error:
            self.complain(
                f"{getattr(error, 'filename', None) or self.options.out}: can't be written ({error})"
            )

    def _write(self, loaded: _Loaded, result: Pixels) -> None:
        began = time.perf_counter()
        job, picture = loaded.job, loaded.picture
        pictures.write(job.result, result, picture.keep)
        self.times.encode_s += time.perf_counter() - began
        notes = list(picture.notes)
        if loaded.before is not None:
            notes += self._compare(job, loaded.before, result)
        note(f"{job.result}{': ' if notes else ''}{'; '.join(notes)}")

    def _compare(self, job: Job, before: Pixels, result: Pixels) -> list[str]:
        """Write the sheet; the figures against the clean picture where there is one."""
        shown, figures = [before, result], []
        if self.options.clean:
            clean = pictures.read(_clean(self.options.clean, job.source)).pixels
            shown.append(clean)
            figures = [_figures("before", clean, before), _figures("after", clean, result)]
        if self.options.compare:
            sheet.write(job.result.with_name(f"{job.result.stem}.compare.png"), shown)
        return figures


def _figures(name: str, clean: Pixels, pixels: Pixels) -> str:
    text = f"{name} {quality.psnr_db(clean, pixels):.2f} dB"
    small = min(clean.shape[:2]) < quality.WINDOW
    return text if small else f"{text}, SSIM {quality.ssim(clean, pixels):.4f}"


def _clean(place: Path, source: Path) -> Path:
    """The clean picture of the same stem."""
    found = sorted(
        p for p in place.glob(f"{glob.escape(source.stem)}.*") if p.suffix.lower() in pictures.SUFFIXES
    )
    if not found:
        raise BoardError(f"{source}: no picture named {source.stem} in {place} to compare with")
    return found[0]


def scratch(folder: Path, shape: tuple[int, ...]) -> Pixels:
    """A uint8 array in an unnamed file of `folder`, so that it takes no memory that can't be given back.

    `OSError` where there is no room for all of it, which would else be found out by a signal.
    """
    with tempfile.TemporaryFile(dir=folder) as stream:
        os.posix_fallocate(stream.fileno(), 0, int(np.prod(shape)))
        return np.memmap(stream, np.uint8, "r+", shape=shape)


def infer(options: argparse.Namespace) -> int:
    """Do what the command line asks; the exit status."""
    todo, complaints = jobs(options.inputs, options.out, options.suffix)
    for complaint in complaints:
        problem(complaint)
    if not todo and not options.camera:
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    with Driver.open(options.overlay, options.device, options.timeout) as driver:
        work = _Run(options, driver)
        try:
            work.run([job for job in todo if job.source.suffix.lower() not in video.SUFFIXES])
            for job in todo:
                if job.source.suffix.lower() in video.SUFFIXES:
                    _guarded(work, str(job.source), job.result, camera=False)
            if options.camera:
                _guarded(work, options.camera, options.out / "camera.mkv", camera=True)
        finally:
            note(work.times.line(driver, work.done))
    return 1 if complaints or work.complaints else 0


def _guarded(work: _Run, name: str, result: Path, camera: bool) -> None:
    """A bad video leaves the others alone."""
    try:
        work.video(name, result, camera)
    except BoardError as error:
        work.complain(f"{error}" if name in str(error) else f"{name}: {error}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m board.infer", description=__doc__.splitlines()[0])
    made.add_argument("inputs", nargs="*", help="pictures, folders of them, globs, .npy arrays, videos")
    made.add_argument(
        "--overlay", type=Path, required=True, help="folder with pixelmend.bit, .hwh and io.json"
    )
    made.add_argument("--out", type=Path, required=True, help="folder of the results")
    made.add_argument("--device", default="pynq", help="pynq, or sim: the simulated accelerator of a build")
    made.add_argument("--map", type=Path, help="the sensor's defect map, for networks that take one")
    made.add_argument("--suffix", help="of the results, e.g. .png; the input's by default")
    made.add_argument("--compare", action="store_true", help="write sheets of before and after as well")
    made.add_argument("--clean", type=Path, help="folder of clean pictures of the same names: PSNR and SSIM")
    made.add_argument("--camera", help="a V4L2 device, e.g. /dev/video0; becomes camera.mkv")
    made.add_argument("--frames", type=int, default=300, help="frames to take from the camera (300)")
    made.add_argument("--largest", type=float, default=pictures.LARGEST_MPX, help="megapixels that are taken")
    made.add_argument(
        "--timeout", type=float, help="seconds to wait for a frame; the device's own by default"
    )
    return made


def main() -> int:
    """The command."""
    options = parser().parse_args()
    if options.frames < 1:
        raise BoardError(f"--frames: expected at least 1, got {options.frames}")
    if options.suffix and options.suffix.lower() not in pictures.SUFFIXES:
        raise BoardError(f"--suffix: expected one of {', '.join(pictures.SUFFIXES)}, got '{options.suffix}'")
    if not options.inputs and not options.camera:
        raise BoardError("nothing to repair: name pictures, folders or videos, or a --camera")
    return infer(options)


if __name__ == "__main__":
    run(main)
