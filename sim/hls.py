"""The HLS C++ project of a build in C simulation: frames of pixels in, frames of pixels out.

Compiled by the plain C++ compiler against the headers of `sim.ap_types`, once per content.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelmend.errors import UserError
from pixelmend.native import call, compiler
from sim.ap_types import headers
from sim.harness.tools import OnProgress, cached, digest, execute
from sim.integer import IntegerModel, check_frames

Pixels = NDArray[np.uint8]

UNITS = ("top.cpp", "test_bench.cpp")
FLAGS = (
    "-std=c++17",  # the tests of the kernels use C++11: the sources are both
    "-w",  # unknown pragmas, and what ap_types' own headers are warned of
)


@dataclass(frozen=True)
class HlsModel:
    """A compiled project; shapes are those of a frame, (H, W, C)."""

    program: Path
    shape_in: tuple[int, int, int]
    shape_out: tuple[int, int, int]

    @classmethod
    def load(cls, folder: Path, cache: Path, optimize: str = "-O2") -> "HlsModel":
        """Compile the project of the build `folder`, or take it from `cache`.

        `UserError` where the build has none, or the compiler or the headers are missing.
        """
        model = IntegerModel.load(folder / "dataflow.onnx")
        size = model.height, model.width
        return cls(_compiled(folder / "hls", cache, optimize), (*size, model.channels), (*size, 3))

    def run(self, frames: Pixels, on_progress: OnProgress | None = None) -> Pixels:
        """Frames (N, *shape_in), one call of the top function each, to (N, *shape_out).

        `UserError` where the test bench finds a rule of the streams broken, or a stream is not read empty.
        """
        check_frames(frames, *self.shape_in)
        with tempfile.TemporaryDirectory(prefix="pixelmend-csim-") as name:
            given, results = Path(name) / "frames.bin", Path(name) / "results.bin"
            np.ascontiguousarray(frames).tofile(given)
            said = execute([self.program.resolve(), given, results], "C simulation", on_progress=on_progress)
            if "WARNING" in said:  # the only sign hls::stream gives of beats that are missing or left
                raise UserError(f"C simulation: {said.strip().splitlines()[-1]}")
            return np.fromfile(results, np.uint8).reshape(len(frames), *self.shape_out)


def _compiled(project: Path, cache: Path, optimize: str) -> Path:
    for unit in UNITS:
        if not (project / unit).is_file():
            raise UserError(f"{project / unit}: expected the HLS project of a build; run hls.lower")
    version = call([compiler(), "--version"], "the C++ compiler")
    ap_types = headers(cache)
    sources = sorted(path for path in project.rglob("*") if path.suffix in (".cpp", ".hpp"))

    def make(work: Path) -> None:
        units = [str((project / unit).resolve()) for unit in UNITS]
        command = [compiler(), *FLAGS, optimize, "-isystem", str(ap_types.resolve()), *units]
        call([*command, "-o", str(work / "csim")], "the C++ compiler")

    return cached(cache, digest(sources, [version, str(ap_types), *FLAGS, optimize]), "csim", make)
