"""A graph of one node, and each way in which it can be executed on frames that follow one another.

Frames are lists of arrays (frames, H, W, C) of int64, one for each stream.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from hls.config import HlsConfig
from hls.cpp.kernels import folders, headers
from hls.cpp.units import Channel, Place
from hls.finn_setup import finn_workspace
from hls.ops import DOMAIN, facets
from hls.ops.operator import Drawn
from hls.rtl.generate import nodes
from pixelmend.files import write_text
from pixelmend.native import call, compiler
from sim import ap_types
from sim.harness.tools import cached, digest, execute
from sim.integer import execute_node
from sim.rtl import LENIENT
from sim.stream import pack, unpack
from sim.verilator import Ports, Result, Simulation, Stall, Stream, build

Array = NDArray[Any]
Tensors = list[Array]

NAME = "dut"
BENCH = Path(__file__).with_name("bench.hpp")
FLAGS = ("-std=c++11", "-O0", "-w")
IDLE_LIMIT = 3000  # cycles


@dataclass(frozen=True)
class Port:
    """A stream of the node: `lanes` values of `kind` a beat."""

    name: str
    shape: tuple[int, ...]  # H, W, C of a frame
    kind: Any  # qonnx datatype
    lanes: int
    padded: int  # bits of tdata, whole bytes

    @property
    def bits(self) -> int:
        """Of a beat's data."""
        return int(self.kind.bitwidth()) * self.lanes

    @property
    def beats(self) -> int:
        """Of a frame."""
        return int(np.prod(self.shape)) // self.lanes

    def packed(self, frames: Array) -> NDArray[np.uint8]:
        """Frames as beats; a beat may hold several pixels."""
        return pack(frames.reshape(-1, self.lanes), self.kind.bitwidth(), self.lanes, self.kind.signed())

    def unpacked(self, beats: NDArray[np.uint8], count: int) -> Array:
        """The frames of so many beats as `packed` makes."""
        flat = unpack(beats, self.kind.bitwidth(), self.lanes, self.lanes, self.kind.signed())
        return flat.reshape(count, *self.shape)


class Node:
    """The node that `drawn` says, of operator type `kind`."""

    def __init__(self, kind: str, drawn: Drawn) -> None:
        inputs, outputs = ([f"{end}{n}" for n in range(count)] for end, count in
                           (("x", drawn.inputs), ("y", drawn.outputs)))  # fmt: skip
        constants = [] if drawn.constant is None else ["w0"]
        node = helper.make_node(
            kind, [*inputs, *constants], outputs, name=NAME, domain=DOMAIN, backend="fpgadataflow",
            **drawn.attributes,
        )  # fmt: skip
        operator = facets(node)
        shapes = [operator.get_normal_input_shape(n) for n in range(drawn.inputs)]
        shapes += [operator.get_normal_output_shape(n) for n in range(drawn.outputs)]
        infos = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [int(side) for side in shape])
            for name, shape in zip([*inputs, *outputs], shapes, strict=True)
        ]
        graph = helper.make_graph([node], NAME, infos[: drawn.inputs], infos[drawn.inputs :])
        self.model = ModelWrapper(helper.make_model(graph))
        self.ahead, self.spans = drawn.ahead, drawn.spans
        if drawn.constant is not None:
            self.model.set_initializer("w0", drawn.constant.astype(np.float32))
            self.model.set_tensor_datatype("w0", DataType[drawn.constant_type])
        self.inputs = [self._port(name, n, False) for n, name in enumerate(inputs)]
        self.outputs = [self._port(name, n, True) for n, name in enumerate(outputs)]

    @property
    def proto(self) -> Any:
        """The node of the graph."""
        return self.model.graph.node[0]

    def _port(self, name: str, index: int, out: bool) -> Port:
        operator = facets(self.proto)
        end = "out" if out else "in"
        kind = operator.get_output_datatype(index) if out else operator.get_input_datatype(index)
        self.model.set_tensor_datatype(name, kind)
        width = getattr(operator, f"get_{end}stream_width")(index)
        padded = getattr(operator, f"get_{end}stream_width_padded")(index)
        shape = tuple(self.model.get_tensor_shape(name)[1:])
        return Port(name, shape, kind, width // kind.bitwidth(), padded)

    def reference(self, frames: Tensors) -> Tensors:
        """FINN's, or our operator's, own execution, frame by frame."""
        results: list[Tensors] = []
        with finn_workspace():
            facets(self.proto).set_nodeattr("exec_mode", "cppsim")
            for number in range(len(frames[0])):
                feed = {
                    port.name: tensor[number : number + 1].astype(np.float32)
                    for port, tensor in zip(self.inputs, frames, strict=True)
                }
                context = execute_onnx(self.model, feed)
                results.append([context[port.name] for port in self.outputs])
            facets(self.proto).set_nodeattr("exec_mode", "")
        return [np.concatenate(tensors) for tensors in zip(*results, strict=True)]

    def integer(self, frames: Tensors) -> Tensors:
        """The integer model's operation on all frames at once."""
        constant = self.model.get_initializer("w0")
        given = [tensor.astype(np.float32) for tensor in frames] + ([] if constant is None else [constant])
        return execute_node(self.proto, given)

    def cpp(self, frames: Tensors, cache: Path) -> Tensors:
        """The HLS C++ that the node stands for, one call a frame."""
        program = self._program(len(frames[0]), cache)
        with tempfile.TemporaryDirectory(prefix="pixelmend-operator-") as name:
            given, results = Path(name) / "in.bin", Path(name) / "out.bin"
            with given.open("wb") as file:
                for number in range(len(frames[0])):
                    for port, tensor in zip(self.inputs, frames, strict=True):
                        beats = port.packed(tensor[number])
                        file.write(np.uint64(len(beats)).tobytes() + beats.tobytes())
            execute([program, given, results], "C simulation")
            return self._read(results.read_bytes(), len(frames[0]))

    def _read(self, data: bytes, count: int) -> Tensors:
        found: list[list[Array]] = [[] for _ in self.outputs]
        at = 0
        for _, (index, port) in ((n, each) for n in range(count) for each in enumerate(self.outputs)):
            beats, size = int.from_bytes(data[at : at + 8], "little"), (port.bits + 7) // 8
            if beats != port.beats:
                raise ValueError(f"{port.name}: {beats} beats of a frame, expected {port.beats}")
            raw = np.frombuffer(data, np.uint8, beats * size, at + 8).reshape(beats, size)
            found[index].append(port.unpacked(raw, 1))
            at += 8 + beats * size
        if at != len(data):
            raise ValueError(f"{len(data) - at} bytes more than {count} frames have")
        return [np.concatenate(tensors) for tensors in found]

    def _program(self, count: int, cache: Path) -> Path:
        inputs = [Channel(port.name, port.bits) for port in self.inputs]
        outputs = [Channel(port.name, port.bits) for port in self.outputs]
        place = Place(self.model, self.proto, inputs, outputs, HlsConfig().part)
        made = facets(self.proto).unit(place)
        streams = [*inputs, *outputs, *made.channels]
        own = [f"  if (!{one.name}.empty()) std::exit(6);" for one in made.channels if not one.count]
        lines = [
            f'#include "{made.header}.hpp"', '#include "bench.hpp"', "using namespace kernels;",
            made.structures, "void run_cases(Reader& in, Writer& out) {",
            *(f"  hls::stream<ap_uint<{one.bits}> > {one.name}{f'[{one.count}]' if one.count else ''};"
              for one in streams),
            f"  for (int frame = 0; frame < {count}; ++frame) {{",
            *(f"  in.fill({port.name});" for port in self.inputs),
            *(f"  {line}" for line in made.calls),
            *(f"  if (!{port.name}.empty()) std::exit(5);" for port in self.inputs), *own,
            *(f"  out.drain({port.name});" for port in self.outputs),
            "  }", "}", "",
        ]  # fmt: skip
        source = "\n".join(lines)
        vendor = ap_types.headers(cache)
        include = [*(f"-I{folder}" for folder in folders()), f"-I{BENCH.parent}", "-isystem", str(vendor)]

        def make(work: Path) -> None:
            write_text(work / "node.cpp", source)
            command = [compiler(), *FLAGS, *include, str(work / "node.cpp"), "-o", str(work / "node")]
            call(command, "the C++ compiler")

        files = [*headers(), BENCH]
        return cached(cache, digest(files, [source, str(vendor), *FLAGS]), "node", make)


@dataclass(frozen=True)
class Hardware:
    """A node's RTL, compiled; `folder` holds its memory images."""

    node: Node
    simulation: Simulation
    folder: Path

    @classmethod
    def load(cls, node: Node, folder: Path, cache: Path) -> "Hardware":
        """Generate it into the empty `folder`, in a module of its own instantiated as in the top level."""
        with finn_workspace() as workspace:
            written = nodes(node.model, HlsConfig(), folder, workspace)
            write_text(folder / f"{NAME}_alone.sv", _alone(node))
        ports = Ports(
            tuple(Stream(port.name, port.padded) for port in node.inputs),
            tuple(Stream(port.name, port.padded) for port in node.outputs),
        )
        sources = [folder / name for name in [*written, f"{NAME}_alone.sv"]]
        simulation = build(
            f"{NAME}_alone", sources, ports, cache, defines=("FINN_SIMULATION",), lenient=LENIENT,
            optimize="-O0",
        )  # fmt: skip
        return cls(node, simulation, folder)

    def run(self, frames: Tensors, stalls: Mapping[str, Stall]) -> tuple[Tensors, Result]:
        """All frames without a gap; raises as `Simulation.run` and `Result.check` do.

        Beats in excess are those beyond what the node gives ahead of a frame, see `Drawn`.
        """
        count = len(frames[0])
        result = self.simulation.run(
            {port.name: port.packed(tensor) for port, tensor in zip(self.node.inputs, frames, strict=True)},
            {port.name: count * port.beats for port in self.node.outputs},
            stalls,
            idle_limit=IDLE_LIMIT,
            cwd=self.folder,
        )
        excess = {name: max(0, beats - self.node.ahead) for name, beats in result.spurious.items()}
        replace(result, spurious=excess).check()
        return [port.unpacked(result.outputs[port.name], count) for port in self.node.outputs], result


def _alone(node: Node) -> str:
    """The node's instance of the top level in a module whose ports are its streams."""
    ports = ["input wire ap_clk", "input wire ap_rst_n"]
    for port, (into, back) in [
        *((port, ("input", "output")) for port in node.inputs),
        *((port, ("output", "input")) for port in node.outputs),
    ]:
        ports += [f"{into} wire [{port.padded - 1}:0] {port.name}_tdata"]
        ports += [f"{into} wire {port.name}_tvalid", f"{back} wire {port.name}_tready"]
    wires = []
    operator = facets(node.proto)
    if operator.buffers:
        # the level is for probes, and so is the cap on it
        wires = [f"  wire [31:0] {NAME}_level;", f"  wire {NAME}_open = 1'b1;"]
    head = ["`default_nettype none", f"module {NAME}_alone (", "  " + ",\n  ".join(ports), ");"]
    body = [*wires, *operator.instance(node.model)]
    return "\n".join([*head, *body, "endmodule", "`default_nettype wire", ""])
