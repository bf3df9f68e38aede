"""One trial of the fuzzer: a small network, frames and stalls, through every execution there is."""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from model.generator import check_frame
from pixelmend.config import CHECKED, Frame
from pixelmend.console import without_notes
from pixelmend.errors import UserError
from pixelmend.files import as_json
from quant.bits import check_layers
from sim import family
from sim.executors import compare_dataflow, compare_qonnx, difference
from sim.family import Case
from sim.fifo_check import fifos
from sim.fuzz import general
from sim.fuzz.known import tensors
from sim.fuzz.net import Net
from sim.fuzz.qonnx_file import frames
from sim.hls import HlsModel
from sim.integer import IntegerModel
from sim.rtl import IN, OUT, RtlModel, Run
from sim.verilator import Stall

Array = NDArray[Any]

QUICK = "-O0"  # compiling takes nearly all of a trial
IDLE_LIMIT = 30_000  # cycles; the slowest small network moves every few hundred


@dataclass(frozen=True, config=CHECKED)
class Trial:
    """A network, how many frames it sees back to back, and when the ends of the hardware may move.

    `case` is one of the Defect Generator's family, or any network.
    """

    case: Case | Net
    frames: int = 2
    stall_in: Stall = field(default_factory=Stall)
    stall_out: Stall = field(default_factory=Stall)
    hls: bool = False  # the HLS C++ as well

    def __str__(self) -> str:
        ends = f"{self.stall_in.kind}/{self.stall_out.kind}"
        return f"{self.case}, {self.frames} frames, stalls {ends}{', HLS' if self.hls else ''}"

    @property
    def digest(self) -> str:
        """Names the trial, 12 hex digits."""
        return sha256(as_json(asdict(self)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Outcome:
    """What a trial gave; `stage` is the first that failed, None where all executions agree."""

    stage: str | None
    message: str = ""
    seconds: float = 0.0
    cycles: int = 0  # of the RTL without stalls, all frames
    distinct: int = 0  # values in the result: of few a mistake may hide


def check(trial: Trial) -> None:
    """`UserError` or pydantic's `ValidationError` (a `ValueError`) where there is no such network."""
    case = trial.case
    if isinstance(case, Net):
        tensors(case)
        return
    check_layers(case.quant, case.generator)
    check_frame(Frame(case.height, case.width), case.generator)
    if case.width % case.pixels_per_beat:
        raise UserError(f"pixels_per_beat must divide the width {case.width}, got {case.pixels_per_beat}")


def attempt(trial: Trial, cache: Path, until: str | None = None) -> Outcome:
    """Try it, the cheap executions first, up to the stage `until`; compiled simulations of it are not kept.

    Any exception is a finding: what is drawn is a legal network, so nothing may refuse it.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pixelmend-fuzz-") as work, without_notes():
        bench = _Bench(trial, Path(work), cache)
        try:
            for stage, run in STAGES.items():
                try:
                    run(bench)
                except Exception as error:
                    message = (
                        str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
                    )
                    return bench.outcome(stage, message, started)
                if stage == until:
                    break
            return bench.outcome(None, "", started)
        finally:
            for program in bench.programs:
                shutil.rmtree(program.parent, ignore_errors=True)


class _Bench:
    """A trial under way: what one stage made for the next."""

    def __init__(self, trial: Trial, work: Path, cache: Path) -> None:
        self.trial, self.work, self.cache = trial, work, cache
        self.programs: list[Path] = []
        self.expected: list[Array] = []
        self.free: Run | None = None

    def outcome(self, stage: str | None, message: str, started: float) -> Outcome:
        """What is known so far."""
        return Outcome(
            stage,
            message,
            round(time.monotonic() - started, 1),
            0 if self.free is None else self.free.cycles,
            max((len(np.unique(one)) for one in self.expected), default=0),
        )

    def lower(self) -> None:
        case = self.trial.case
        self.network = None
        if isinstance(case, Net):
            self.model, self.build = general.lowered(case, self.work)
        else:
            self.network, self.model, self.build = family.lowered(case, self.work)
        self.integer = IntegerModel.load(self.build / "dataflow.onnx")
        self.frames = pictures(self.trial)
        self.tensors = self.integer.tensors(self.frames)
        self.expected = self.integer.results(self.tensors)

    def brevitas(self) -> None:
        if self.network is not None:
            self._equal([family.brevitas_pixels(self.network, self.frames)])

    def qonnx(self) -> None:
        _none(compare_qonnx(self.model, self.frames, self.tensors))

    def dataflow(self) -> None:
        _none(compare_dataflow(self.integer, self.frames, self.tensors))

    def rtl(self) -> None:
        self.hardware = RtlModel.load(self.build, self.cache, optimize=QUICK)
        self.programs.append(self.hardware.simulation.program)
        self.free = self.hardware.run(self.frames, idle_limit=IDLE_LIMIT)
        self._judge(self.free)

    def stalled(self) -> None:
        """With stalls at all ends, and every FIFO at its depth: a block RAM would hold more."""
        trial, ports = self.trial, self.hardware.ports
        stalls = {IN: trial.stall_in, OUT: trial.stall_out}
        for number, port in enumerate(ports.outputs[1:], 1):
            stalls[port.name] = replace(trial.stall_out, seed=trial.stall_out.seed + number)
        depths = {fifo.name: fifo.depth for fifo in fifos(self.hardware.graph)}
        self._judge(self.hardware.run(self.frames, stalls=stalls, caps=depths, idle_limit=IDLE_LIMIT))

    def cpp(self) -> None:
        if self.trial.hls:
            project = HlsModel.load(self.build, self.cache, optimize=QUICK)
            self.programs.append(project.program)
            self._equal(project.results(self.frames))

    def _judge(self, run: Run) -> None:
        """The pixels first, then every stream inside."""
        blamed = self.hardware.first_wrong_node(run, self.tensors)
        self._equal(run.results, blamed)
        if blamed is not None:
            raise UserError(f"the stream of {blamed} differs, though the pixels are right")
        if run.frame_error:
            raise UserError("frame error, though every frame had the right length")

    def _equal(self, came: Sequence[Array], blamed: str | None = None) -> None:
        _none(difference(self.expected, came, blamed))


STAGES: dict[str, Callable[[_Bench], None]] = {
    "lower": _Bench.lower,
    "Brevitas": _Bench.brevitas,
    "QONNX": _Bench.qonnx,
    "dataflow": _Bench.dataflow,
    "RTL": _Bench.rtl,
    "RTL with stalls": _Bench.stalled,
    "HLS C++": _Bench.cpp,
}
"""What a trial goes through, by the name that reports and failures give it."""


def _none(found: Any) -> None:
    if found.values:
        raise UserError(str(found))


def pictures(trial: Trial) -> Array:
    """The trial's frames (N, H, W, C)."""
    if isinstance(trial.case, Net):
        return frames(trial.case, trial.frames)
    return family.frames(trial.case, trial.frames)
