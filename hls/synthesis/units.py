"""What is synthesized on its own, written by the code that writes the top level, so the two can't differ."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from hls.config import HlsConfig
from hls.rtl import top

PORTS = "stream_port"
"""What pixel_in and pixel_out count as among the operators."""


@dataclass(frozen=True)
class Unit:
    """A module to synthesize: `text` (empty where the build has the module) with top module `module`.

    `memory` is a pattern of the files in rtl/memory that it may read.
    """

    name: str
    op: str
    module: str
    text: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    memory: str = ""

    def words(self) -> set[str]:
        """Every name the unit mentions."""
        return {self.module, *re.findall(r"\w+", self.text)}


def units(model: ModelWrapper, config: HlsConfig) -> Iterator[Unit]:
    """Every part of the top level, in the order of the stream."""
    links = top.links(model)
    ports = {"WIDTH": 24 * config.pixels_per_beat, "FRAME_BEATS": links[0].beats}
    yield Unit("pixel_in", PORTS, "pixel_in", parameters=ports)
    for node in model.graph.node:
        yield _node(model, node, links)
    yield Unit("pixel_out", PORTS, "pixel_out", parameters=ports)


def whole() -> Unit:
    """The stitched top level."""
    return Unit(top.NAME, "top", top.NAME, memory="*")


def _node(model: ModelWrapper, node: Any, links: list[top.Link]) -> Unit:
    """The node's instance in a module whose ports are the node's streams."""
    ports = ["input wire ap_clk", "input wire ap_rst_n"]
    for link in links:
        if node.name in (link.producer, link.consumer):
            into, out = ("output", "input") if link.producer == node.name else ("input", "output")
            ports += [f"{into} wire [{link.width - 1}:0] {link.name}_tdata"]
            ports += [f"{into} wire {link.name}_tvalid", f"{out} wire {link.name}_tready"]
    level = [f"  wire [31:0] {node.name}_level;"] if node.op_type == "StreamingFIFO_rtl" else []
    module = f"fit_{node.name}"
    head = [f"module {module} (", "  " + ",\n  ".join(ports), ");"]
    text = "\n".join([*head, *level, *top._instance(model, node), "endmodule"])
    return Unit(node.name, node.op_type, module, text + "\n", memory=f"{node.name}_*.dat")
