"""The HLS C++ project of a build in C simulation: frames in, the frames of every output out.

Compiled by the plain C++ compiler against the headers of `sim.ap_types`, once per content.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from board.formats import Ports
from hls import dataflow
from hls.ports import ports
from pixelmend.errors import UserError
from pixelmend.files import read_fields
from pixelmend.native import call, compiler
from sim.ap_types import NEEDED, headers
from sim.harness.tools import OnProgress, cached, digest, execute, precompiled
from sim.integer import check_frames

Array = NDArray[Any]

UNITS = ("top.cpp", "test_bench.cpp")
FLAGS = (
    "-std=c++17",  # the tests of the kernels use C++11: the sources are both
    "-w",  # unknown pragmas, and what ap_types' own headers are warned of
)


@dataclass(frozen=True)
class HlsModel:
    """A compiled project."""

    program: Path
    ports: Ports

    @classmethod
    def load(cls, folder: Path, cache: Path, optimize: str = "-O2") -> "HlsModel":
        """Compile the project of the build `folder`, or take it from `cache`.

        `UserError` where the build has none, or the compiler or the headers are missing.
        """
        graph = dataflow.read(folder / "dataflow.onnx")
        io = read_fields(folder / "io.json", {"pixels_per_beat": int})
        return cls(_compiled(folder / "hls", cache, optimize), ports(graph, io["pixels_per_beat"]))

    def run(self, frames: Array, on_progress: OnProgress | None = None) -> Array:
        """Frames (N, H, W, channels), one call of the top function each, to those of the first output."""
        return self.results(frames, on_progress)[0]

    def results(self, frames: Array, on_progress: OnProgress | None = None) -> list[Array]:
        """As `run`, of every output.

        `UserError` where the test bench finds a rule of the streams broken, or a stream is not read empty.
        """
        check_frames(frames, self.ports.input)
        with tempfile.TemporaryDirectory(prefix="pixelmend-csim-") as name:
            given, results = Path(name) / "frames.bin", Path(name) / "results.bin"
            self.ports.input.pack(frames).tofile(given)
            said = execute([self.program.resolve(), given, results], "C simulation", on_progress=on_progress)
            if "WARNING" in said:  # the only sign hls::stream gives of beats that are missing or left
                raise UserError(f"C simulation: {said.strip().splitlines()[-1]}")
            return self._split(np.fromfile(results, np.uint8).reshape(len(frames), -1))

    def _split(self, results: NDArray[np.uint8]) -> list[Array]:
        """Each frame's bytes, (N, bytes), which hold one output behind the other."""
        ends = np.cumsum([port.frame_bytes for port in self.ports.outputs])[:-1]
        parts = np.split(results, ends, axis=1)
        return [
            port.unpack(np.ascontiguousarray(part).reshape(-1, port.beat_bytes))
            for port, part in zip(self.ports.outputs, parts, strict=True)
        ]


def _compiled(project: Path, cache: Path, optimize: str) -> Path:
    for unit in UNITS:
        if not (project / unit).is_file():
            raise UserError(f"{project / unit}: expected the HLS project of a build; run hls.lower")
    version = call([compiler(), "--version"], "the C++ compiler")
    ap_types = headers(cache)
    sources = sorted(path for path in project.rglob("*") if path.suffix in (".cpp", ".hpp"))

    def make(work: Path) -> None:
        units = [str((project / unit).resolve()) for unit in UNITS]
        command = [compiler(), *FLAGS, optimize, "-isystem", str(ap_types.resolve())]
        read = precompiled(cache, [f"<{name}>" for name in NEEDED], command)
        call([*command, *read, *units, "-o", str(work / "csim")], "the C++ compiler")

    return cached(cache, digest(sources, [version, str(ap_types), *FLAGS, optimize]), "csim", make)
