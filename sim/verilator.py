"""Build and run any module with AXI-Stream ports in Verilator.

    build(top, sources, ports, cache) -> Simulation        compiled once per content, then taken from `cache`
    Simulation.run(inputs, expected, ...) -> Result        beats in, beats and cycle numbers out

The testbench is `sim/harness/harness.cpp`, the same for all modules. Beats are rows of bytes, as `sim.stream`
packs them. A run that stops moving raises `Deadlock`, which says who is blocked and who is starved.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelmend.errors import UserError
from pixelmend.files import write_text
from pixelmend.native import compiler
from sim.harness.compile import FINN_SOURCES, executable, verilate, verilator_root
from sim.harness.ports import Ports, Stream
from sim.harness.tools import OnProgress, execute, progress_bar

__all__ = [
    "STALLS", "Bytes", "Deadlock", "DeadlockReport", "Flag", "OnProgress", "Ports", "Probe", "Result",
    "Simulation", "Stall", "Stream", "build", "compiler", "progress_bar", "verilate", "verilator_root",
]  # fmt: skip

Bytes = NDArray[np.uint8]
STALLS = ("none", "random", "bursty", "periodic", "one_in_four")


@dataclass(frozen=True)
class Stall:
    """When a port may move.

    `none`: always; `random`: stalled with probability `value` (0.5); `bursty`: moves and stalls for `value`
    cycles on average (12); `periodic`: one cycle in `value` (4); `one_in_four`: that with 4.
    """

    kind: str = "none"
    value: float = 0.0
    seed: int = 0

    def line(self) -> str:
        """The pattern in the words of the testbench."""
        if self.kind not in STALLS:
            raise UserError(f"stall pattern: expected one of {', '.join(STALLS)}, got {self.kind!r}")
        default = {"none": 0.0, "random": 0.5, "bursty": 12.0}.get(self.kind, 4.0)
        value = self.value or default
        limit = (0 <= value < 1) if self.kind == "random" else (value >= 1 or self.kind == "none")
        if not limit:
            raise UserError(f"stall pattern {self.kind}: value {self.value!r} is out of range")
        return f"{'periodic' if self.kind == 'one_in_four' else self.kind} {value} {self.seed}"


@dataclass(frozen=True)
class Probe:
    """One probed stream: cycles with a transfer, with valid but not ready, and without valid."""

    transfers: int
    stalls: int
    idle: int


@dataclass(frozen=True)
class Flag:
    """A single-bit output: its value at the end and the first cycle it was high (None: never)."""

    value: bool
    first_cycle: int | None


@dataclass(frozen=True)
class Result:
    """What a run gave; dictionaries are keyed by port, probe, FIFO or flag name.

    `outputs` holds the expected beats as (beats, bytes) uint8; beats beyond them are only counted, in
    `spurious`. `out_cycles`, `in_cycles`: the cycle of each beat, 0 being the first after reset. `lasts`:
    TLAST of each output beat. `cycles`: until the last expected beat. `fills`: highest level of each FIFO.
    `signatures`: the words of `probe_signature` at the end.
    """

    outputs: dict[str, Bytes]
    out_cycles: dict[str, NDArray[np.int64]]
    in_cycles: dict[str, NDArray[np.int64]]
    lasts: dict[str, NDArray[np.bool_]]
    cycles: int
    probes: dict[str, Probe]
    fills: dict[str, int]
    flags: dict[str, Flag]
    signatures: dict[str, int]
    spurious: dict[str, int]
    protocol_errors: tuple[str, ...]

    def check(self) -> "Result":
        """Return the result itself; `UserError` where a handshake rule was broken or beats came in excess."""
        if self.protocol_errors:
            raise UserError("AXI-Stream rules broken: " + "; ".join(self.protocol_errors))
        if any(self.spurious.values()):
            counts = ", ".join(f"{name} {count}" for name, count in self.spurious.items() if count)
            raise UserError(f"more beats than expected: {counts}")
        return self


@dataclass(frozen=True)
class DeadlockReport:
    """Where a run stood when it stopped.

    `inputs` (taken, given, whether a beat waits), `outputs` (got, expected), `probes` 'blocked', 'starved' or
    'moving', `fills` (now, highest).
    """

    cycle: int
    reason: str
    inputs: dict[str, tuple[int, int, bool]]
    outputs: dict[str, tuple[int, int]]
    probes: dict[str, str]
    fills: dict[str, tuple[int, int]]

    def __str__(self) -> str:
        lines = [f"{self.reason} at cycle {self.cycle}"]
        for name, (taken, given, waits) in self.inputs.items():
            lines.append(f"  input {name}: {taken} of {given} beats taken{', blocked' if waits else ''}")
        lines += [f"  output {name}: {got} of {due} beats" for name, (got, due) in self.outputs.items()]
        lines += [f"  {name}: {state}" for name, state in self.probes.items() if state != "moving"]
        lines += [f"  {name}: holds {now}, highest {most}" for name, (now, most) in self.fills.items()]
        return "\n".join(lines)


class Deadlock(UserError):
    """The module stopped (or ended, or ran too long) before all beats were through; see `report`."""

    def __init__(self, report: DeadlockReport) -> None:
        super().__init__(str(report))
        self.report = report


def build(
    top: str,
    sources: Sequence[Path],
    ports: Ports,
    cache: Path,
    *,
    include_dirs: Sequence[Path] = (),
    defines: Sequence[str] = (),
    parameters: Mapping[str, int | str] | None = None,
    threads: int = 1,
    optimize: str = "-O1",
    lenient: Sequence[str] = FINN_SOURCES,
) -> "Simulation":
    """Verilate and compile module `top`, or take it from the folder `cache`.

    Sources are given in compile order, packages first. `parameters` override those of `top`; strings are
    quoted. `lenient` are file name patterns in which `LENIENT_RULES` are off; any other warning is an error.
    Memory images that `$readmemh` loads are read when the simulation runs and are no part of the digest.
    Several processes may build at once. `UserError` where a tool is missing or rejects the module.
    """
    flags = [*(f"+incdir+{folder}" for folder in include_dirs), *(f"+define+{define}" for define in defines)]
    flags += [f"-G{key}={_literal(value)}" for key, value in (parameters or {}).items()]
    flags += ["--threads", str(threads)] if threads > 1 else []
    headers = sorted(file for folder in include_dirs for file in folder.glob("*.*v*") if file.is_file())
    program = executable(top, sources, headers, ports, cache, flags, optimize, lenient)
    return Simulation(program, ports)


@dataclass(frozen=True)
class Simulation:
    """A compiled module, ready to run."""

    program: Path
    ports: Ports

    def run(
        self,
        inputs: Mapping[str, Bytes],
        expected: Mapping[str, int],
        stalls: Mapping[str, Stall] | None = None,
        *,
        lasts: Mapping[str, NDArray[np.bool_]] | None = None,
        idle_limit: int = 10_000,
        drain: int = 256,
        max_cycles: int | None = None,
        caps: Mapping[str, int] | None = None,
        cwd: Path | None = None,
        on_progress: OnProgress | None = None,
    ) -> Result:
        """Feed `inputs` (beats, bytes) and wait for `expected` beats of each output.

        After the last beat it goes on for `drain` cycles to see whether more come, and until no probed stream
        has moved for as long (`idle_limit` at most), so that each is seen whole. No transfer on any port or
        probe for `idle_limit` cycles, or `max_cycles` in all, raises `Deadlock`. `lasts` gives TLAST of each
        input beat (only the final beat by default). `caps` are the most beats that FIFOs of `Ports.caps` may
        hold in this run; those not named keep their own size. `cwd` is where relative names of memory images
        start.
        """
        with tempfile.TemporaryDirectory(prefix="pixelmend-run-") as name:
            folder = Path(name)
            plan = [f"idle_limit {idle_limit}", f"drain {drain}", f"max_cycles {max_cycles or 2**63}"]
            plan += self._caps(caps or {})
            plan += self._write_inputs(folder, inputs, stalls or {}, lasts or {})
            for index, port in enumerate(self.ports.outputs):
                stall = (stalls or {}).get(port.name, Stall())
                plan.append(f"output {index} {_of(expected, port, 'expected')} {stall.line()}")
            write_text(folder / "run.txt", "\n".join(plan) + "\n")
            self._execute(folder, cwd, on_progress)
            summary = json.loads((folder / "summary.json").read_text())
            if summary["outcome"] != "done":
                raise Deadlock(self._report(summary, inputs, expected, idle_limit))
            return self._read(folder, summary, expected)

    def _caps(self, caps: Mapping[str, int]) -> list[str]:
        for name, beats in caps.items():
            if name not in self.ports.caps:
                known = ", ".join(self.ports.caps) or "none"
                raise UserError(f"caps: expected the name of a FIFO ({known}), got {name!r}")
            if not 0 <= beats < 2**32:
                raise UserError(f"caps: {name}: expected 0 to 2**32 - 1 beats, got {beats}")
        return [f"cap {self.ports.caps.index(name)} {beats}" for name, beats in caps.items()]

    def _write_inputs(
        self,
        folder: Path,
        inputs: Mapping[str, Bytes],
        stalls: Mapping[str, Stall],
        lasts: Mapping[str, NDArray[np.bool_]],
    ) -> list[str]:
        plan = []
        for index, port in enumerate(self.ports.inputs):
            beats = np.ascontiguousarray(_of(inputs, port, "inputs"))
            if beats.dtype != np.uint8 or beats.ndim != 2 or beats.shape[1] != port.bytes:
                came = f"{beats.dtype} {beats.shape}"
                raise UserError(f"input {port.name}: expected uint8 (beats, {port.bytes}), got {came}")
            beats.tofile(folder / f"in{index}.bin")
            if port.tlast:
                last = lasts.get(port.name, np.arange(len(beats)) == len(beats) - 1)
                last.astype(np.uint8).tofile(folder / f"in{index}.last")
            plan.append(f"input {index} {len(beats)} {stalls.get(port.name, Stall()).line()}")
        return plan

    def _execute(self, folder: Path, cwd: Path | None, on_progress: OnProgress | None) -> None:
        execute([self.program.resolve(), folder], "simulation", cwd, on_progress)
        if not (folder / "summary.json").is_file():
            raise UserError("the simulation ended without a result")

    def _read(self, folder: Path, summary: dict[str, Any], expected: Mapping[str, int]) -> Result:
        outputs, out_cycles, lasts, spurious, errors = {}, {}, {}, {}, []
        for index, (port, seen) in enumerate(zip(self.ports.outputs, summary["outputs"], strict=True)):
            due = expected[port.name]
            beats = np.fromfile(folder / f"out{index}.bin", np.uint8).reshape(-1, port.bytes)
            outputs[port.name] = beats[:due]
            out_cycles[port.name] = np.fromfile(folder / f"out{index}.cycles", np.int64)[:due]
            lasts[port.name] = np.fromfile(folder / f"out{index}.last", np.bool_)[:due]
            spurious[port.name] = seen["got"] - due
            if seen["errors"]:
                errors.append(f"{port.name}: {seen['errors']} times, first {seen['first_error']}")
        in_cycles = {
            port.name: np.fromfile(folder / f"in{index}.cycles", np.int64)
            for index, port in enumerate(self.ports.inputs)
        }
        return Result(
            outputs, out_cycles, in_cycles, lasts, summary["cycles"], self._probes(summary),
            {name: level["max"] for name, level in zip(self.ports.fills, summary["fills"], strict=True)},
            {name: Flag(bool(seen["value"]), seen["first"] if seen["first"] >= 0 else None)
             for name, seen in zip(self.ports.flags, summary["flags"], strict=True)},
            dict(zip(self.ports.signatures, summary["signatures"], strict=True)),
            spurious, tuple(errors),
        )  # fmt: skip

    def _probes(self, summary: dict[str, Any]) -> dict[str, Probe]:
        return {
            name: Probe(
                seen["transfers"],
                seen["stalls"],
                summary["observed"] - seen["transfers"] - seen["stalls"],
            )
            for name, seen in zip(self.ports.probes, summary["probes"], strict=True)
        }

    def _report(
        self,
        summary: dict[str, Any],
        inputs: Mapping[str, Bytes],
        expected: Mapping[str, int],
        idle_limit: int,
    ) -> DeadlockReport:
        reason = {
            "deadlock": f"deadlock: nothing moved for {idle_limit} cycles",
            "finished": "the module called $finish",
            "too long": "not done after max_cycles",
        }[summary["outcome"]]
        inputs_now = zip(self.ports.inputs, summary["inputs"], strict=True)
        outputs_now = zip(self.ports.outputs, summary["outputs"], strict=True)
        fills_now = zip(self.ports.fills, summary["fills"], strict=True)
        return DeadlockReport(
            summary["cycles"],
            reason,
            {port.name: (now["taken"], len(inputs[port.name]), now["blocked"]) for port, now in inputs_now},
            {port.name: (now["got"], expected[port.name]) for port, now in outputs_now},
            {name: now["state"] for name, now in zip(self.ports.probes, summary["probes"], strict=True)},
            {name: (now["now"], now["max"]) for name, now in fills_now},
        )


def _literal(value: int | str) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _of(values: Mapping[str, Any], port: Stream, what: str) -> Any:
    if port.name not in values:
        raise UserError(f"{what}: expected an entry for port '{port.name}', got {sorted(values)}")
    return values[port.name]
