"""How a node is instantiated in the top level: FINN's port names, connected to wires of tensors."""

from collections.abc import Iterable, Iterator
from typing import Any

AXILITE_INPUTS = ("AWVALID", "AWADDR", "WVALID", "WDATA", "WSTRB", "BREADY", "ARVALID", "ARADDR", "RREADY")
AXILITE_OUTPUTS = ("AWREADY", "WREADY", "BVALID", "BRESP", "ARREADY", "RVALID", "RDATA", "RRESP")
"""Of the configuration port that FINN's padding and thresholds have even where it is not used."""


def stream_ports(port: str, wires: str) -> list[str]:
    """A stream port connected to wires of a tensor's name."""
    return [f".{port}_T{signal.upper()}({wires}_t{signal})" for signal in ("data", "valid", "ready")]


def unused_axilite() -> list[str]:
    """The connections of a configuration port that nothing uses."""
    return [
        *(f".s_axilite_{signal}('0)" for signal in AXILITE_INPUTS),
        *(f".s_axilite_{signal}()" for signal in AXILITE_OUTPUTS),
    ]


def instantiated(operator: Any, more: Iterable[str] = ()) -> Iterator[str]:
    """The instance of a node's module, `i_<node>`, with clock, reset, its streams and `more` connections."""
    node = operator.onnx_node
    ports = [".ap_clk", ".ap_rst_n"]
    for index, tensor in enumerate(operator.streams()):
        ports += stream_ports(f"in{index}_V", tensor)
    for index, tensor in enumerate(node.output):
        ports += stream_ports(f"out{index}_V", tensor)
    yield f"  {operator.get_nodeattr('gen_top_module')} i_{node.name} ("
    yield "    " + ",\n    ".join([*ports, *more])
    yield "  );"
