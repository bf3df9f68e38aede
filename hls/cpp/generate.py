"""HLS project of a connected dataflow graph, into a folder that can be moved.

top.cpp         the top function `pixelmend`: a DATAFLOW region with a call a node, a stream a link
top.hpp         its ports and the frame
params/         a header a layer: the nodes' constants, weights and thresholds
kernels/        the kernels, as they are in hls/kernels
test_bench.cpp  frames from a file through the top function
csynth.tcl      synthesis and export as an IP block, by Vitis HLS or Vivado HLS
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from board.formats import Port, Ports
from hls.config import HlsConfig
from hls.cpp.kernels import headers
from hls.cpp.units import Channel, Place, Unit, structure
from hls.ops import facets
from hls.ports import ports
from hls.rtl.top import links
from pixelmend.files import write_text

TEST_BENCH = Path(__file__).with_name("test_bench.cpp")
NAME = "pixelmend"

FIFO_STYLES = {
    "block": "BRAM",
    "ultra": "BRAM",
    "distributed": "LUTRAM",
    "shift": "SRL",
    "srl": "SRL",
}
"""FINN's word for a FIFO's memory -> the KERNELS_FIFO_ macro; any other leaves the choice to the tool."""


def generate(model: ModelWrapper, config: HlsConfig, folder: Path) -> None:
    """Write the project into the empty `folder`. `UserError` for a node that no kernel stands for."""
    for name in ("params", "kernels"):
        (folder / name).mkdir()
    for header in headers():
        shutil.copyfile(header, folder / "kernels" / header.name)
    shutil.copyfile(TEST_BENCH, folder / "test_bench.cpp")
    channels = _channels(model)
    units = {
        node.name: _unit(model, node, channels, config.part)
        for node in model.graph.node
        if not facets(node).buffers
    }
    ends = ports(model, config.pixels_per_beat)
    names = [model.graph.input[0].name, *(end.name for end in model.graph.output)]
    layers = _layers(units, dict(zip(names, (ends.input, *ends.outputs), strict=True)))
    for layer, text in layers.items():
        write_text(folder / "params" / f"{layer}.hpp", text)
    write_text(folder / "top.hpp", _top_header(ends))
    write_text(folder / "top.cpp", _top(units, channels, list(layers), ends, names))
    write_text(folder / "csynth.tcl", _csynth(config))


def _channels(model: ModelWrapper) -> dict[str, Channel]:
    """The stream of each tensor; a FIFO is the depth of the stream it stands in, two in a row their sum."""
    channels = {link.name: Channel(link.name, link.bits) for link in links(model)}
    row: dict[str, list[Any]] = {}  # FIFOs in a row, by the tensor behind the last
    for node in model.graph.node:
        if facets(node).buffers:
            fifos = [*row.pop(node.input[0], []), node]
            row[node.output[0]] = fifos
            first = channels[fifos[0].input[0]]
            depths = [facets(one).number("depth") for one in fifos]
            style = facets(fifos[depths.index(max(depths))]).resolve_ram_style()
            deep = Channel(first.name, first.bits, sum(depths), style)
            channels |= {tensor: deep for one in fifos for tensor in (one.input[0], one.output[0])}
    return channels


def _unit(model: ModelWrapper, node: Any, channels: dict[str, Channel], part: str) -> Unit:
    operator = facets(node)
    inputs = [channels[tensor] for tensor in operator.streams()]
    return operator.unit(Place(model, node, inputs, [channels[tensor] for tensor in node.output], part))


def _layers(units: dict[str, Unit], ends: dict[str, Port]) -> dict[str, str]:
    """The headers of params/ by layer, in the order of the network; `ends` are the ports by their tensors."""
    parts: dict[str, list[str]] = {"image": []}
    for name, port in ends.items():
        constants = {"BEATS": port.beats, "BITS": port.bits}
        parts["image"].append(structure(f"{name}_axis", "AXI-Stream port", constants))
    for name, made in units.items():
        parts.setdefault(name.split("_")[0], []).append(made.structures)
    used = {name.split("_")[0]: set[str]() for name in ["image", *units]}
    for name, made in units.items():
        used[name.split("_")[0]].add(made.header)
    return {
        layer: "// SPDX-License-Identifier: Apache-2.0\n"
        f"// Generated: nodes of {layer}.\n#pragma once\n\n"
        + "".join(f'#include "../kernels/{header}.hpp"\n' for header in sorted(used[layer]))
        + "\nnamespace nodes {\n\n"
        + "\n".join(texts)
        + "\n}  // namespace nodes\n"
        for layer, texts in parts.items()
    }


def _top_header(ends: Ports) -> str:
    types = "".join(
        f"typedef kernels::Axis<{8 * port.beat_bytes}>::beat_t {_beat_type(port)};  // {port}\n"
        for port in (ends.input, *ends.outputs)
    )
    outputs = " ".join(
        f"X({port.name}, {_beat_type(port)}, {port.beats}, {port.beat_bytes})" for port in ends.outputs
    )
    return f"""// SPDX-License-Identifier: Apache-2.0
// Generated: ports of the accelerator. Channel 0 of the first pixel is in the lowest bits of a beat (R, then G
// and B); what fills a beat up to whole bytes is zero.
#pragma once

#include "kernels/platform.hpp"

{types}
static const int HEIGHT = {ends.input.height};  // of the frames that go in
static const int WIDTH = {ends.input.width};
static const int IN_BEATS = {ends.input.beats};  // a frame
static const int IN_BYTES = {ends.input.beat_bytes};  // a beat

// For the test bench, of every output: port, type of a beat, beats a frame, bytes a beat.
#define PIXELMEND_OUTPUTS(X) {outputs}

// One frame. TLAST marks the last beat of a frame on all sides; `frame_error` rises, until reset, where it
// came early or not at all.
void {NAME}({_arguments(ends)});
"""


def _beat_type(port: Port) -> str:
    """`in_beat_t`, `out_beat_t`, `out_1_beat_t`, ..."""
    return f"{port.name.replace('s_axis', 'in').replace('m_axis', 'out')}_beat_t"


def _arguments(ends: Ports) -> str:
    """Of the top function."""
    streams = [f"hls::stream<{_beat_type(port)}>& {port.name}" for port in (ends.input, *ends.outputs)]
    return ", ".join([*streams, "ap_uint<1>& frame_error"])


def _top(
    units: dict[str, Unit], channels: dict[str, Channel], layers: list[str], ends: Ports, names: list[str]
) -> str:
    unique = {channel.name: channel for channel in channels.values()}
    own = {channel.name: channel for made in units.values() for channel in made.channels}
    streams = [*unique.values(), *own.values()]
    declared = "\n".join(line for channel in streams for line in _declaration(channel))
    bindings = "\n".join(f"  {line}" for made in units.values() for line in made.bindings)
    all_ports = (ends.input, *ends.outputs)
    pragmas = "\n".join(f"#pragma HLS INTERFACE axis port = {port.name}  // with TLAST" for port in all_ports)
    image_in, *images_out = names
    exits = "\n".join(
        f"  pixel_out<{image}_axis>({channels[image].name}, {port.name});"
        for image, port in zip(images_out, ends.outputs, strict=True)
    )
    return f"""// SPDX-License-Identifier: Apache-2.0
// Generated: {len(units)} nodes. Streams are named as the tensors of dataflow.onnx.
#include "top.hpp"

#include "kernels/pixel_stream.hpp"
{"".join(f'#include "params/{layer}.hpp"' + chr(10) for layer in layers)}
using namespace kernels;
using namespace nodes;

void {NAME}({_arguments(ends)}) {{
{pragmas}
#pragma HLS INTERFACE ap_none register port = frame_error  // a plain wire that keeps its value
#pragma HLS INTERFACE ap_ctrl_none port = return  // runs by itself, frame after frame
#pragma HLS DATAFLOW  // all nodes at once, each on its own part of the frame

  // A stream without a depth has two places. Depths are those of the FIFOs in the RTL top: where a branch
  // waits for another, before each padding and each matrix unit.
{declared}

{bindings}

  pixel_in<{image_in}_axis>(s_axis, {channels[image_in].name}, frame_error);
{_calls(units)}
{exits}
}}
"""


def _calls(units: dict[str, Unit]) -> str:
    """The calls in the order of the graph, a blank line between layers."""
    lines: list[str] = []
    layer = ""
    for name, made in units.items():
        if name.split("_")[0] != layer:
            layer = name.split("_")[0]
            lines.append("")
        lines += [f"  {call}" for call in made.calls]
    return "\n".join([*lines, ""])


def _declaration(channel: Channel) -> Iterator[str]:
    size = f"[{channel.count}]" if channel.count else ""
    # without a name where there are several: an array of streams takes no argument
    name = "" if channel.count else f'("{channel.name}")'
    yield f"  hls::stream<ap_uint<{channel.bits}> > {channel.name}{size}{name};"
    if channel.depth > 2:
        yield f"#pragma HLS STREAM variable = {channel.name} depth = {channel.depth}"
        if channel.style in FIFO_STYLES:
            yield f"  KERNELS_FIFO_{FIFO_STYLES[channel.style]}({channel.name})"


def _csynth(config: HlsConfig) -> str:
    return f"""# Generated: C synthesis and export as an IP block into project/solution/impl/ip.
#   Vitis HLS up to 2023.2:  vitis_hls -f csynth.tcl
#   Vitis HLS from 2024.1:   vitis-run --mode hls --tcl csynth.tcl
#   Vivado HLS 2020.1:       vivado_hls -f csynth.tcl
open_project -reset project
set_top {NAME}
add_files top.cpp -cflags "-std=c++0x"
add_files -tb test_bench.cpp -cflags "-std=c++0x"
# only Vitis HLS has flow targets; without one it would export a kernel object instead of an IP block
if {{[catch {{open_solution -reset solution -flow_target vivado}}]}} {{
  open_solution -reset solution
}}
set_part {{{config.part}}}
create_clock -period {config.clock_ns:g} -name default
# control registers only, as in the RTL; with a synchronous reset, active low
config_rtl -reset control -reset_level low
csynth_design
export_design -format ip_catalog -vendor pixelmend -library hls -ipname {NAME} -version 1.0
exit
"""
