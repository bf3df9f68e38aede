"""From a lowered build to a bitstream.

    python -m hls.vivado.run build/z2-256 --config configs/z2-256.toml --board pynq-z2

writes into the build folder
    pixelmend-<config>-<board>.tar.gz   the plan, packed, to be run wherever Vivado is (see hls.vivado.plan)
    bitstream-<board>/                  pixelmend.bit, pixelmend.hwh, io.json, Vivado's reports
    vivado.json                         utilization and timing
and works in vivado-<board>-<backend>/, which each run makes anew. Where Vivado is missing, the package is all
that is made and the exit status is 3. `--flow open` takes nextpnr and prjxray instead (hls.vivado.open_flow).
"""

import json
import re
import shutil
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hls.vivado import open_flow, reports, tools
from hls.vivado.plan import BITSTREAM, HANDOFF, Plan, make
from pixelmend.console import note, progress, run
from pixelmend.errors import MissingTool, UserError
from pixelmend.files import file_digest, replacing_folder, write_json
from pixelmend.provenance import is_current, mark_current

STEP = re.compile(r"^PIXELMEND STEP (\d+)/(\d+) (.*)")
CLOCK = re.compile(r"^PIXELMEND CLOCK ([\d.]+)")
TIMING_MISSED = "PIXELMEND TIMING MISSED"
HLS_PROGRAMS = ("vitis_hls", "vivado_hls", "vitis-run")
KEPT = (BITSTREAM, HANDOFF, "utilization.rpt", "utilization_hierarchical.rpt", "timing.rpt", "strategy.txt")


class Backend(StrEnum):
    """What realises the network."""

    RTL = "rtl"
    HLS = "hls"


class Flow(StrEnum):
    """Whose tools synthesize, place and route."""

    VIVADO = "vivado"
    OPEN = "open"


def bitstream(build: Path, config: Path, board: str, backend: str, flow: str = "vivado") -> None:
    """Plan, pack, and build the bitstream; see above. Raises `MissingTool` once the package is made."""
    plan = make(build, config, board, "rtl" if backend == "rtl" else "hls")
    package = build / f"{plan.name}.tar.gz"
    plan.pack(package)
    note(f"{package}: {len(plan.files)} files, digest {plan.digest[:12]}")
    if flow == Flow.OPEN:
        try:
            open_flow.bitstream(plan, build)
        except MissingTool as error:
            raise MissingTool(f"{error}. The package for Vivado is made all the same: {package}") from error
        return
    try:
        program, version = tools.vivado()
        environment = {}
        if plan.backend == "hls":
            environment["VITIS_HLS"] = str(
                tools.find(HLS_PROGRAMS, "VITIS_HLS", ["XILINX_HLS", "XILINX_VITIS"])
            )
    except MissingTool as error:
        raise MissingTool(
            f"{error}. The plan is made and packed: unpack {package} where the tools are and run "
            "`vivado -mode batch -source build.tcl` in it; it needs nothing else"
        ) from error
    out, stamp = build / f"bitstream-{plan.board.name}", build / "vivado.stamp.json"
    key = {"plan": plan.digest, "vivado": version, "backend": plan.backend}
    if is_current(
        stamp, key, [build / "vivado.json", *(out / name for name in (BITSTREAM, HANDOFF, "io.json"))]
    ):
        note(f"{out}: built before from the same plan")
        return
    work = build / f"vivado-{plan.board.name}-{plan.backend}"
    plan.write(work)
    began = time.monotonic()
    clock_mhz = _vivado(program, work, environment)
    report = _report(plan, work / "out", version)
    report |= {"clock_actual_mhz": clock_mhz, "seconds": round(time.monotonic() - began)}
    _publish(plan, work / "out", out)
    write_json(build / "vivado.json", report)
    mark_current(stamp, key)
    _say(report, out)


def _vivado(program: Path, work: Path, environment: dict[str, str]) -> float | None:
    """Run the plan in `work`; the clock in MHz that the processing system gives, where the log tells it.

    `UserError` where it fails or misses its timing.
    """
    log = work / "build.log"
    said = {"step": "starting", "missed": "", "clock": ""}
    with progress() as bar:
        task = bar.add_task("Vivado", total=8, note="starting")

        def follow(line: str) -> None:
            match = STEP.match(line)
            if match:
                said["step"] = match[3]
                bar.update(task, completed=int(match[1]) - 1, total=int(match[2]), note=match[3])
            if line.startswith(TIMING_MISSED):
                said["missed"] = line
            if clock := CLOCK.match(line):
                said["clock"] = clock[1]

        command = [
            str(program), "-mode", "batch", "-nojournal", "-nolog", "-notrace", "-source", "build.tcl",
        ]  # fmt: skip
        status = tools.run(command, work, log, follow, environment)
    if said["missed"]:
        raise UserError(_missed(work / "out"))
    if status:
        raise UserError(
            f"{program}: ended with status {status} at the step '{said['step']}'; earlier results are "
            f"unchanged. {log} ends with:\n{tools.tail(log)}"
        )
    return float(said["clock"]) if said["clock"] else None


def _missed(out: Path) -> str:
    timing = reports.timing(out / "timing.rpt")
    return (
        f"{out}: timing is missed at {timing.failing:,} endpoints after every strategy, no bitstream is "
        f"made; the worst path has {timing.worst}. Lower clock_mhz in [hls], or see timing.rpt"
    )


def _report(plan: Plan, out: Path, version: str) -> dict[str, Any]:
    """What vivado.json says, once all is there and the timing is met."""
    missing = [name for name in KEPT if not (out / name).is_file()]
    if missing:
        raise UserError(f"{out}: Vivado ended well, but left no {', '.join(missing)}")
    timing = reports.timing(out / "timing.rpt")
    if not timing.met:  # what the Tcl has judged by the run's own figures
        raise UserError(_missed(out))
    return {
        "config": plan.accelerator.config,
        "board": plan.board.name,
        "part": plan.board.part,
        "backend": plan.backend,
        "plan_digest": plan.digest,
        "vivado": version,
        "clock_mhz": plan.accelerator.clock_mhz,
        "strategy": (out / "strategy.txt").read_text(encoding="utf-8").strip(),
        "timing": reports.as_dict(timing),
        "utilization": reports.utilization(out / "utilization.rpt"),
    }


def _publish(plan: Plan, out: Path, target: Path) -> None:
    """The results beside each other, io.json with the digests of the files as they lie there."""
    with replacing_folder(target) as folder:
        for name in KEPT:
            shutil.copyfile(out / name, folder / name)
        io = json.loads(plan.files["io.json"])
        io["files"] = {name: file_digest(folder / name) for name in (BITSTREAM, HANDOFF)}
        write_json(folder / "io.json", io)


def _say(report: dict[str, Any], out: Path) -> None:
    used = ", ".join(
        f"{name.upper()} {row['used']:,g} of {row['available']:,g}"
        for name, row in report["utilization"].items()
    )
    timing = report["timing"]
    note(f"{out}: {report['clock_mhz']:g} MHz met with {timing['wns_ns']:.3f} ns to spare; {used}")


def main(
    build: Annotated[Path, typer.Argument(help="folder of a lowered build, e.g. build/tiny")],
    config: Annotated[Path, typer.Option(help="configuration it was lowered for")],
    board: Annotated[str, typer.Option(help="pynq-z2, pynq-z1 or kv260")] = "pynq-z2",
    backend: Annotated[
        Backend, typer.Option(help="generated RTL, or HLS C++ synthesized first")
    ] = Backend.RTL,
    flow: Annotated[Flow, typer.Option(help="open: nextpnr and prjxray, Zynq-7000 only")] = Flow.VIVADO,
) -> None:
    """Build the bitstream of a lowered build, or the package that builds it elsewhere."""
    bitstream(build, config, board, backend, flow)


if __name__ == "__main__":
    run(main)
