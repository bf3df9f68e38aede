"""Many cases of one kernel in one program: compiled with sanitizers, run once, compared with numpy.

A case is a `Node` structure as the generator writes, the tensors to stream in and those that must come out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sim.operators
from hls.cpp import kernels
from pixelmend.native import call, compiler
from sim.ap_types import NEEDED, headers
from sim.harness.tools import cached, digest, execute, precompiled
from sim.stream import pack, unpack

Array = NDArray[Any]
BENCH = Path(sim.operators.__file__).parent / "bench.hpp"

FLAGS = (
    # the language Vivado HLS 2020.1 has; with C++17 in the simulation of whole networks
    "-std=c++11", "-O0", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label",
    "-Wno-uninitialized", "-Wno-maybe-uninitialized",  # in ap_types' own constructors
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fsanitize-recover=shift",
)  # fmt: skip

# ap_types itself shifts negative and large values, which all compilers it is made for define.
SUPPRESSED = "shift-base:ap_private.h\nshift-base:ap_int_base.h\n"


@dataclass(frozen=True)
class Stream:
    """A tensor (..., C) on a stream: `lanes` values of `bits` bits a beat."""

    values: Array
    bits: int
    lanes: int
    signed: bool = False


@dataclass(frozen=True)
class Case:
    """One parametrisation. `call` is the statement that runs the kernel on streams in0.., out0.. ."""

    node: dict[str, Any]
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    call: str
    members: str = ""  # more of the structure
    globals: str = ""  # before it
    local: dict[str, str] = field(default_factory=dict)  # more streams: declaration by name


def check(
    header: str, cases: Sequence[Case], cache: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compile and run all `cases`; every output must equal the expected one, value by value."""
    program = _program(header, cases, cache)
    with (work / "in.bin").open("wb") as file:
        for case in cases:
            for stream in case.inputs:
                beats = pack(stream.values, stream.bits, stream.lanes, stream.signed)
                file.write(np.uint64(len(beats)).tobytes() + beats.tobytes())
    (work / "suppressed").write_text(SUPPRESSED)
    monkeypatch.setenv("UBSAN_OPTIONS", f"halt_on_error=1:suppressions={work / 'suppressed'}")
    execute([program, work / "in.bin", work / "out.bin"], header)
    data = (work / "out.bin").read_bytes()
    at = 0
    for case in cases:
        for stream in case.outputs:
            width = (stream.bits * stream.lanes + 7) // 8
            count = int.from_bytes(data[at : at + 8], "little")
            raw = np.frombuffer(data, np.uint8, count * width, at + 8).reshape(count, width)
            at += 8 + count * width
            channels = stream.values.shape[-1]
            assert count * stream.lanes == stream.values.size, f"{case.node}: {count} beats"
            came = unpack(raw, stream.bits, stream.lanes, channels, stream.signed)
            assert np.array_equal(came.reshape(stream.values.shape), stream.values), case.node
    assert at == len(data)


def _program(header: str, cases: Sequence[Case], cache: Path) -> Path:
    source = "\n".join(
        [f'#include "{header}"', '#include "bench.hpp"', *map(_case, cases, range(len(cases)))]
        + ["void run_cases(Reader& in, Writer& out) {"]
        + [f"  case_{number}(in, out);" for number in range(len(cases))]
        + ["}", ""]
    )
    return compile_program(source, cache)


def compile_program(source: str, cache: Path, stream: str = "") -> Path:
    """A program of one source file that includes kernels, compiled with all warnings and sanitizers.

    `stream`: an hls_stream.h to be used instead of that of ap_types.
    """
    ap_types = headers(cache)
    version = call([compiler(), "--version"], "the C++ compiler")
    files = [*kernels.headers(), BENCH]

    def make(work: Path) -> None:
        (work / "cases.cpp").write_text(source)
        command = _command(ap_types)
        if stream:
            (work / "hls_stream.h").write_text(stream)
            command.append(f"-I{work}")
        else:
            command += precompiled(cache, [f"<{name}>" for name in NEEDED], command)
        call([*command, str(work / "cases.cpp"), "-o", str(work / "cases")], "the C++ compiler")

    return cached(cache, digest(files, [source, stream, version, str(ap_types), *FLAGS]), "cases", make)


def check_syntax(
    header: str, node: dict[str, Any], function: str, work: Path, cache: Path, read: bool = False
) -> None:
    """Let the compiler instantiate `function` for a node; `UserError` with its words where it refuses.

    With `read` it has the headers of ap_types already, so a missing #include is not seen.
    """
    lines = [f'#include "{header}.hpp"', "struct Node {", *_constants(node), THRESHOLD, "};"]
    lines += [f"void* instance() {{ return (void*)&kernels::{function}; }}", ""]
    (work / "syntax.cpp").write_text("\n".join(lines))
    command = _command(headers(cache))
    command += precompiled(cache, [f"<{name}>" for name in NEEDED], command) if read else []
    call([*command, "-fsyntax-only", str(work / "syntax.cpp")], "the C++ compiler")


THRESHOLD = "  template <class Stage> static ap_int<8> threshold(Stage, int, int, int) { return 0; }"


def _command(ap_types: Path) -> list[str]:
    include = [f"-I{folder}" for folder in [*kernels.folders(), BENCH.parent]]
    return [compiler(), *FLAGS, *include, "-isystem", str(ap_types)]


def _constants(node: dict[str, Any]) -> list[str]:
    def constant(name: str, value: Any) -> str:
        kind = "bool" if isinstance(value, bool) else "int"
        return f"  static const {kind} {name} = {str(value).lower()};"

    return [constant(name, value) for name, value in node.items()]


def _case(case: Case, number: int) -> str:
    name = f"Node{number}"
    streams = [(f"in{i}", stream) for i, stream in enumerate(case.inputs)]
    streams += [(f"out{i}", stream) for i, stream in enumerate(case.outputs)]
    lines = [case.globals.replace("NODE", name), f"struct {name} {{"]
    lines += _constants(case.node)
    lines += [case.members.replace("NODE", name), "};"]
    lines += [f"static void case_{number}(Reader& in, Writer& out) {{"]
    lines += [f'  hls::stream<ap_uint<{s.bits * s.lanes}> > {n}("{n}");' for n, s in streams]
    lines += [f"  {declaration}" for declaration in case.local.values()]
    lines += [f"  in.fill(in{i});" for i in range(len(case.inputs))]
    lines += [f"  {case.call.replace('NODE', name)}"]
    lines += [f"  if (!in{i}.empty()) std::exit(5);" for i in range(len(case.inputs))]
    lines += [f"  if (!{local}.empty()) std::exit(6);" for local in case.local]
    lines += [f"  out.drain(out{i});" for i in range(len(case.outputs))]
    return "\n".join([*lines, "}"])
