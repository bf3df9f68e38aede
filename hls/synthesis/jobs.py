"""Units -> cells: several Yosys processes at once, each result kept by content."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hls.synthesis.sources import Library
from hls.synthesis.units import Unit
from pixelmend.errors import UserError
from pixelmend.files import file_digest, read_json, replacing, text_digest, write_json, write_text

HERE = Path(__file__).parent
NETLIST = "netlist.json.gz"
TAPS = HERE / "shift_registers.v"
OWN = (HERE / "primitives.sv", TAPS)
YOSYS = HERE / "run_yosys.py"


@dataclass(frozen=True)
class Synthesized:
    """Cells by type, and the names of the block RAMs by type; `cached`: an earlier run's.

    netlist: the file of the netlist, as `hls.synthesis.run_yosys.netlist` says.
    """

    cells: dict[str, int]
    block_rams: dict[str, list[str]]
    seconds: float
    cached: bool
    netlist: Path | None = None

    def block_rams_of(self, instance: str) -> dict[str, int]:
        """Block RAMs by type of which the name says that they are within `instance`."""
        inside = re.compile(rf"(^|[^\w]){re.escape(instance)}\.")
        return {
            kind: sum(bool(inside.search(name)) for name in names) for kind, names in self.block_rams.items()
        }


@dataclass(frozen=True)
class Synthesis:
    """How units are synthesized: sources, Yosys' word for the part's family, folder of results kept."""

    library: Library
    family: str
    cache: Path

    def run(self, unit: Unit, limit_s: float | None = None, memory_bytes: int = 0) -> Synthesized:
        """Synthesize one unit, or take the result from the cache.

        `UserError` where Yosys ends with an error, or takes more than `limit_s` seconds or `memory_bytes`
        of address space (0: no limit).
        """
        kept = self.cache / f"{self._digest(unit)}.json"
        netlist = kept.with_suffix(".netlist.gz")
        if kept.is_file() and netlist.is_file():
            return Synthesized(**read_json(kept), cached=True, netlist=netlist)
        began = time.monotonic()
        result = self._yosys(unit, netlist, limit_s, memory_bytes)
        result["seconds"] = round(time.monotonic() - began, 1)
        write_json(kept, result)
        return Synthesized(**result, cached=False, netlist=netlist)

    def run_all(
        self, units: Sequence[Unit], jobs: int, on_done: Callable[[Unit, Synthesized], None]
    ) -> dict[str, Synthesized]:
        """Synthesize all units, `jobs` at once; the results by the units' names."""
        done: dict[str, Synthesized] = {}
        with ThreadPoolExecutor(jobs) as pool:
            waiting = {pool.submit(self.run, unit): unit for unit in units}
            try:
                for future in as_completed(waiting):
                    unit = waiting[future]
                    done[unit.name] = future.result()
                    on_done(unit, done[unit.name])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return done

    def _digest(self, unit: Unit) -> str:
        files = self.library.needed(unit.words())
        memory = sorted((self.library.rtl / "memory").glob(unit.memory)) if unit.memory else []
        return text_digest(
            unit.module, unit.text, json.dumps(unit.parameters), self.family,
            *(f"{file}\n{self.library.texts[file]}" for file in files),
            *(f"{path.name} {file_digest(path)}" for path in memory),
            *(file_digest(path) for path in (YOSYS, *OWN)), version("pyosys"),
        )  # fmt: skip

    def _yosys(self, unit: Unit, netlist: Path, limit_s: float | None, memory_bytes: int) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="fit-") as name:
            work = Path(name)
            (work / "memory").symlink_to((self.library.rtl / "memory").resolve())
            texts = {path.name: path.read_text() for path in OWN}
            texts |= {file: self.library.texts[file] for file in self.library.needed(unit.words())}
            if unit.text:
                texts[f"{unit.module}.sv"] = unit.text
            for file, text in texts.items():
                write_text(work / file, text)
            job = {
                "module": unit.module, "sources": [file for file in texts if file != TAPS.name],
                "parameters": unit.parameters, "family": self.family, "maps": [TAPS.name],
                "result": "result.json", "memory_bytes": memory_bytes, "netlist": NETLIST,
            }  # fmt: skip
            write_json(work / "job.json", job)
            said = self._process(work, limit_s, unit)
            if not (work / "result.json").is_file():
                raise UserError(f"{unit.name}: Yosys did not end well: {yosys_errors(said)}")
            with replacing(netlist) as temporary:
                temporary.write_bytes((work / NETLIST).read_bytes())
            result: dict[str, Any] = read_json(work / "result.json")
            return result

    def _process(self, work: Path, limit_s: float | None, unit: Unit) -> str:
        command = [sys.executable, "-P", str(YOSYS), "job.json"]
        try:
            done = subprocess.run(
                command, cwd=work, timeout=limit_s, text=True, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise UserError(f"{unit.name}: not synthesized within {limit_s:.0f} s") from error
        return f"{done.stdout}\nended with status {done.returncode}"


def yosys_errors(said: str) -> str:
    """The lines of a Yosys log that tell what went wrong."""
    lines = [line.strip() for line in said.splitlines()]
    errors = [line for line in lines if "ERROR" in line or "Error" in line or "bad_alloc" in line]
    return "; ".join((errors or lines)[-4:])
