"""What is synthesized on its own, written by the code that writes the top level, so the two can't differ."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from board.formats import Port
from hls.config import HlsConfig
from hls.ops import facets
from hls.ports import ports
from hls.rtl import top

PORTS = "stream_port"
"""What pixel_in and pixel_out count as among the operators."""


@dataclass(frozen=True)
class Unit:
    """A module to synthesize: `text` (empty where the build has the module) with top module `module`.

    `memory` is a pattern of the files in rtl/memory that it may read. `nets`: what the other units call the
    wire at a port, where that is not the port's own name.
    """

    name: str
    op: str
    module: str
    text: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    memory: str = ""
    rank: int = 9  # the lower, the longer it takes
    nets: dict[str, str] = field(default_factory=dict)

    def words(self) -> set[str]:
        """Every name the unit mentions."""
        return {self.module, *re.findall(r"\w+", self.text)}


def units(model: ModelWrapper, config: HlsConfig) -> Iterator[Unit]:
    """Every part of the top level, in the order of the stream."""
    links = top.links(model)
    ends = ports(model, config.pixels_per_beat)
    entrance = next(link for link in links if link.producer == "pixel_in")
    yield _port("pixel_in", "pixel_in", ends.input, "m_axis", entrance)
    for node in model.graph.node:
        yield _node(model, node, links)
    for index, port in enumerate(ends.outputs):
        name = top.exit_name(index)
        yield _port(name, "pixel_out", port, "s_axis", next(link for link in links if link.consumer == name))


def whole() -> Unit:
    """The stitched top level."""
    return Unit(top.TOP, "top", top.TOP, memory="*")


def _port(name: str, module: str, port: Port, side: str, link: top.Link) -> Unit:
    """`side`: the stream of the module that is `link`; the other one is the top level's."""
    inner = {"tdata": "port", "tvalid": "tvalid", "tready": "tready"}
    nets = {f"{side}_{signal}": f"{link.name}_{wire}" for signal, wire in inner.items()}
    outer = "s_axis" if side == "m_axis" else "m_axis"
    nets |= {
        f"{outer}_{signal}": f"{name}.{outer}_{signal}" for signal in ("tdata", "tvalid", "tready", "tlast")
    }
    parameters = {"WIDTH": 8 * port.beat_bytes, "FRAME_BEATS": port.beats}
    return Unit(name, PORTS, module, parameters=parameters, nets=nets)


def _node(model: ModelWrapper, node: Any, links: list[top.Link]) -> Unit:
    """The node's instance in a module whose ports are the node's streams.

    As in the top, the bits that pad a beat to whole bytes come in as zeros and are not looked at behind.
    """
    ports, wires = ["input wire ap_clk", "input wire ap_rst_n"], []
    for link in links:
        if node.name in (link.producer, link.consumer):
            name, bits = link.name, link.bits
            out = link.producer == node.name
            into, back = ("output", "input") if out else ("input", "output")
            ports += [f"{into} wire [{bits - 1}:0] {name}_port"]
            ports += [f"{into} wire {name}_tvalid", f"{back} wire {name}_tready"]
            wires += [f"  wire [{link.width - 1}:0] {name}_tdata;"]
            wires += [
                f"  assign {name}_port = {name}_tdata[{bits - 1}:0];"
                if out
                else f"  assign {name}_tdata = {link.width}'({name}_port);"
            ]
    operator = facets(node)
    if operator.buffers:
        # the probes' view of the level is not there, nor their cap on it
        wires += [f"  wire [31:0] {node.name}_level;", f"  wire {node.name}_open = 1'b1;"]
    module = f"fit_{node.name}"
    head = ["`default_nettype none", f"module {module} (", "  " + ",\n  ".join(ports), ");"]
    text = "\n".join([*head, *wires, *operator.instance(model), "endmodule", "`default_nettype wire"])
    return Unit(
        node.name,
        node.op_type,
        module,
        text + "\n",
        memory=f"{node.name}_*.dat",
        rank=operator.synthesis_rank,
    )
