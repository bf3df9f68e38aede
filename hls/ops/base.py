"""What the project's operators have in common as FINN nodes.

Words: the *normal* shape is the tensor's; the *folded* shape splits its channels into beats of SIMD lanes.
FINN's `Exception`s are not used; a wrong attribute is a `UserError` that names the node.
"""

from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow import rtlbackend
from numpy.typing import NDArray
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from hls.ops.folding import narrowest
from hls.ops.instance import instantiated
from hls.ops.operator import Frame, Gathers, Operator, Work, in_step
from pixelmend.files import write_text

DOMAIN = "finn.custom_op.fpgadataflow.rtl"


class StreamOp(Operator, rtlbackend.RTLBackend):
    """Base of our own operators. Shapes are (1, H, W, C), one frame; a subclass says what goes in and out.

    Its core keeps one beat in a register behind its last step, and works in step with its streams, in the way
    that its access says, unless it says otherwise.

    Every node has `backend` "fpgadataflow", `SIMD` (lanes of a beat, a divisor of C) and FINN's bookkeeping
    attributes. `exec_mode` is ignored: nodes execute as numpy, and RTL runs in `sim.verilator`.
    """

    core: str
    """The SystemVerilog module, in a file of that name beside the subclass."""

    synthesis_rank = 3

    def get_nodeattr_types(self) -> dict[str, Any]:
        return super().get_nodeattr_types() | {"SIMD": ("i", True, 1)}

    # What a subclass provides.

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Shape of input tensor `ind`."""
        self.left_out("shape of an input (get_normal_input_shape)")

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Shape of output tensor `ind`."""
        self.left_out("shape of an output (get_normal_output_shape)")

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        """Datatype of input `ind`, an INT, UINT or BINARY."""
        self.left_out("datatype of an input (get_input_datatype)")

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Datatype of output `ind`."""
        self.left_out("datatype of an output (get_output_datatype)")

    def core_instance(self) -> tuple[dict[str, int | str], dict[str, str]]:
        """Parameters of the core and what its stream ports connect to, for the wrapper."""
        self.left_out("core's parameters and ports (core_instance)")

    def join_connections(self) -> dict[str, str]:
        """Connections of a core that joins two streams: ports s_axis_a, s_axis_b and m_axis."""
        connections = {}
        for port, name, width in (
            ("s_axis_a", "in0_V", self.get_instream_width(0)),
            ("s_axis_b", "in1_V", self.get_instream_width(1)),
            ("m_axis", "out0_V", self.get_outstream_width()),
        ):
            connections[f"{port}_tdata"] = f"{name}_TDATA[{width - 1}:0]"
            connections[f"{port}_tvalid"] = f"{name}_TVALID"
            connections[f"{port}_tready"] = f"{name}_TREADY"
        return connections

    def through_connections(self) -> dict[str, str]:
        """Connections of a core with one input and one output: ports s_axis and m_axis."""
        connections = {}
        for port, name, width in (
            ("s_axis", "in0_V", self.get_instream_width()),
            ("m_axis", "out0_V", self.get_outstream_width()),
        ):
            connections[f"{port}_tdata"] = f"{name}_TDATA[{width - 1}:0]"
            connections[f"{port}_tvalid"] = f"{name}_TVALID"
            connections[f"{port}_tready"] = f"{name}_TREADY"
        return connections

    # What follows from it.

    def schedule(self, frame: Frame) -> tuple[str, list[int]]:
        """In step: an output beat leaves with the last beat it needs of each input, beat j of a pixel with
        beat j of the pixels needed.
        """
        made = (frame.rows_out[0], self.get_normal_output_shape()[2])
        beats = self.get_folded_output_shape()[-2]
        needs, counts = [], []
        for index, rows in enumerate(frame.rows_in):
            have = (rows, self.get_normal_input_shape(index)[2])
            if self.get_folded_input_shape(index)[-2] != beats:
                self.left_out("schedule (schedule), as its pixels come and go in unlike numbers of beats")
            pixels = self.access(index).needed(have, made)
            needs.append((pixels[:, None] * beats + np.arange(beats)).reshape(-1))
            counts.append(prod(have) * beats)
        return in_step(needs, counts)

    def gathers(self) -> Gathers:
        return "nothing" if type(self).schedule is StreamOp.schedule else "some"

    def registers(self) -> tuple[int, int]:
        return 1, 1

    def ahead(self, producer: Operator | None) -> int:
        return 0

    def limits(self) -> dict[str, int]:
        return {"SIMD": self.number("NumChannels")}

    def fold(self, target_cycles: int, producer: Operator | None, before: dict[str, int]) -> dict[str, int]:
        return narrowest(self, target_cycles)

    def folded(self) -> None:
        pass

    def work(self) -> Work:
        return Work()

    def footprint(self) -> tuple[float, float]:
        return float(self.lut_estimation("")), self.bram_estimation("") / 2

    def instance(self, model: ModelWrapper) -> Iterator[str]:
        return instantiated(self)

    @property
    def n_inputs(self) -> int:
        return len(self.streams())

    @property
    def n_outputs(self) -> int:
        return len(self.onnx_node.output)

    def attribute(self, name: str) -> Any:
        """A node attribute, integers as int and lists of integers as list."""
        value = self.get_nodeattr(name)
        return [int(item) for item in value] if isinstance(value, (list, tuple, np.ndarray)) else value

    def integer_type(self, attribute: str) -> BaseDataType:
        """The datatype an attribute names, checked to be a plain integer."""
        name = self.get_nodeattr(attribute)
        if name not in ("BINARY",) and not name.startswith(("INT", "UINT")):
            raise self.error(f"{attribute} must be INT<n>, UINT<n> or BINARY, got {name!r}")
        return DataType[name]

    def _folded(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        simd = self.attribute("SIMD")
        if simd < 1 or shape[-1] % simd:
            raise self.error(f"SIMD must divide the {shape[-1]} channels, got {simd}")
        return (*shape[:-1], shape[-1] // simd, simd)

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return self._folded(self.get_normal_input_shape(ind))

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        return self._folded(self.get_normal_output_shape(ind))

    def get_instream_width(self, ind: int = 0) -> int:
        return self.get_input_datatype(ind).bitwidth() * self.attribute("SIMD")

    def get_outstream_width(self, ind: int = 0) -> int:
        return self.get_output_datatype(ind).bitwidth() * self.attribute("SIMD")

    def get_number_output_values(self) -> Any:
        """Beats of a frame: a number, or with several outputs a dictionary by port as FINN has it."""
        beats = {f"out{i}": int(np.prod(self.get_folded_output_shape(i)[:-1])) for i in range(self.n_outputs)}
        return beats["out0"] if len(beats) == 1 else beats

    def get_exp_cycles(self) -> int:
        """Cycles of a frame when no neighbour stalls it: the beats of the longer side."""
        return int(
            max(np.prod(self.get_folded_input_shape()[:-1]), np.prod(self.get_folded_output_shape()[:-1]))
        )

    def make_shape_compatible_op(self, model: Any) -> Any:
        """For shape inference; the shapes of all outputs are set at once."""
        for ind, name in enumerate(self.onnx_node.output):
            model.set_tensor_shape(name, list(self.get_normal_output_shape(ind)))
        return super().make_shape_compatible_op(model)

    def input_type_attribute(self, ind: int) -> str:
        """The attribute with the datatype of input `ind`."""
        return "inputDataType"

    def infer_node_datatype(self, model: Any) -> None:
        """Take the input datatypes from the model and set those of the outputs."""
        for ind, name in enumerate(self.streams()):
            self.set_nodeattr(self.input_type_attribute(ind), model.get_tensor_datatype(name).name)
        for ind, name in enumerate(self.onnx_node.output):
            model.set_tensor_datatype(name, self.get_output_datatype(ind))

    def execute_node(self, context: dict[str, NDArray[Any]], graph: Any) -> None:
        """Execute as numpy; tensors are integers held in float32, as everywhere in FINN."""
        inputs = []
        for ind, name in enumerate(self.streams()):
            if context[name].shape != self.get_normal_input_shape(ind):
                shape = self.get_normal_input_shape(ind)
                raise self.error(f"input {ind} must have shape {shape}, got {context[name].shape}")
            inputs.append(context[name])
        inputs += [context[name] for name in self.constant_names()]
        for name, output in zip(self.onnx_node.output, self.evaluate(inputs), strict=True):
            context[name] = output.astype(np.float32)

    def generate_hdl(self, model: Any, fpgapart: str, clk: float) -> None:
        """Write the wrapper `<node name>.v` with FINN's port names into `code_gen_dir_ipgen`."""
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        top = self.get_verilog_top_module_name()
        write_text(folder / f"{top}.v", self.wrapper(top))
        self.set_nodeattr("gen_top_module", top)
        self.set_nodeattr("ipgen_path", str(folder))
        self.set_nodeattr("ip_path", str(folder))

    def wrapper(self, top: str) -> str:
        """Verilog of module `top`: FINN's port names and byte-padded TDATA around the core."""
        parameters, connections = self.core_instance()
        inputs = [(f"in{i}_V", self.get_instream_width(i)) for i in range(self.n_inputs)]
        outputs = [(f"out{i}_V", self.get_outstream_width(i)) for i in range(self.n_outputs)]
        return _wrapper(top, self.core, parameters, connections, inputs, outputs)

    def core_sources(self) -> list[Path]:
        """Source files beneath the wrapper, in compile order; files of FINN's library in place."""
        return [self.folder() / f"{self.core}.sv"]

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        wrapper = Path(self.get_nodeattr("code_gen_dir_ipgen")) / f"{self.get_nodeattr('gen_top_module')}.v"
        return [str(path) if abspath else path.name for path in [*self.core_sources(), wrapper]]

    def code_generation_ipi(self) -> list[str]:
        """Tcl that places the node in a Vivado block design."""
        adds = [f"add_files -norecurse {path}" for path in self.get_rtl_file_list(abspath=True)]
        top = self.get_nodeattr("gen_top_module")
        return [*adds, f"create_bd_cell -type module -reference {top} {self.onnx_node.name}"]


def _wrapper(
    top: str,
    core: str,
    parameters: dict[str, int | str],
    connections: dict[str, str],
    inputs: Sequence[tuple[str, int]],
    outputs: Sequence[tuple[str, int]],
) -> str:
    buses = ":".join(name for name, _ in [*inputs, *outputs])
    ports, wires = [], []
    for name, width in inputs:
        ports += [f"input  [{_padded(width) - 1}:0] {name}_TDATA", f"input  {name}_TVALID"]
        ports += [f"output {name}_TREADY"]
    for name, width in outputs:
        ports += [f"output [{_padded(width) - 1}:0] {name}_TDATA", f"output {name}_TVALID"]
        ports += [f"input  {name}_TREADY"]
        if _padded(width) > width:
            pad = _padded(width) - width
            wires.append(f"  assign {name}_TDATA[{_padded(width) - 1}:{width}] = {pad}'d0;\n")
    values = ",\n    ".join(f".{key}({value})" for key, value in parameters.items())
    chosen = f"#(\n    {values}\n  ) " if parameters else ""
    nets = [".ap_clk(ap_clk)", ".ap_rst_n(ap_rst_n)"] + [
        f".{port}({net})" for port, net in connections.items()
    ]
    return (
        "// SPDX-License-Identifier: Apache-2.0\n"
        f"// Generated: {core} with FINN's port names.\n"
        f"module {top} (\n"
        '  (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 ap_clk CLK" *)\n'
        f'  (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF {buses}, ASSOCIATED_RESET ap_rst_n" *)\n'
        "  input  ap_clk,\n"
        '  (* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)\n'
        "  input  ap_rst_n,\n"
        "  "
        + ",\n  ".join(ports)
        + "\n);\n\n"
        + "".join(wires)
        + f"  {core} {chosen}core (\n    "
        + ",\n    ".join(nets)
        + "\n  );\n\nendmodule\n"
    )


def _padded(width: int) -> int:
    return (width + 7) // 8 * 8
