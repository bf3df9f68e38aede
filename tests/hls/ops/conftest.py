"""What the operators' tests share: nodes, compiled modules, exact comparison."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper
from qonnx.custom_op.registry import getCustomOp

from hls.ops import DOMAIN
from hls.ops.base import StreamOp
from hls.ops.fifo.source import fifo_source, mend_fifo
from pixelmend.files import write_text
from sim.stream import pack, unpack
from sim.verilator import Ports, Result, Simulation, Stall, Stream, build

STALLS = ("none", "random", "bursty", "one_in_four")


@pytest.fixture(scope="session")
def cache(request: pytest.FixtureRequest) -> Path:
    """Compiled modules are kept between test runs, by content."""
    return request.config.cache.mkdir("verilator")


@pytest.fixture(scope="session")
def fifo(cache: Path) -> Path:
    """FINN's fifo.sv as Verilator takes it."""
    path = cache / "finn-rtllib" / "fifo.sv"
    write_text(path, mend_fifo(fifo_source().read_text()))
    return path


@pytest.fixture(scope="session")
def make() -> Callable[..., StreamOp]:
    """make(operator, inputs, outputs, **attributes) -> the node's FINN instance."""

    def make_node(operator: str, inputs: int, outputs: int, **attributes: Any) -> StreamOp:
        names = [f"x{i}" for i in range(inputs)], [f"y{i}" for i in range(outputs)]
        node = helper.make_node(
            operator, *names, domain=DOMAIN, backend="fpgadataflow", name="dut", **attributes
        )
        return getCustomOp(node)

    return make_node


@pytest.fixture
def compiled(cache: Path, fifo: Path, tmp_path: Path) -> Callable[[StreamOp], Simulation]:
    """compiled(op) -> the simulation of the wrapper that FINN would generate for the node."""

    def compile_op(op: StreamOp) -> Simulation:
        op.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
        op.generate_hdl(None, "xc7z020clg400-1", 10.0)
        sources = [Path(path) for path in op.get_rtl_file_list(abspath=True)]
        sources = [fifo if path == fifo_source() else path for path in sources]
        interfaces = op.get_verilog_top_module_intf_names()
        ports = Ports(
            tuple(Stream(name, width) for name, width in interfaces["s_axis"]),
            tuple(Stream(name, width) for name, width in interfaces["m_axis"]),
        )
        return build("dut", sources, ports, cache, optimize="-O0")

    return compile_op


@pytest.fixture(scope="session")
def simulate() -> Callable[..., tuple[list[NDArray[Any]], Result]]:
    """simulate(op, simulation, frames, stall_in, stall_out, seed) -> output tensors, result.

    `frames` holds one array (frames, H, W, C) per input; frames follow each other without a gap.
    """

    def run(
        op: StreamOp,
        simulation: Simulation,
        frames: list[NDArray[Any]],
        stall_in: Stall,
        stall_out: Stall,
    ) -> tuple[list[NDArray[Any]], Result]:
        count = len(frames[0])
        inputs = {}
        for i, tensor in enumerate(frames):
            datatype = op.get_input_datatype(i)
            lanes = op.get_folded_input_shape(i)[-1]
            inputs[f"in{i}_V"] = pack(tensor, datatype.bitwidth(), lanes, datatype.signed())
        expected = {
            f"out{i}_V": count * int(np.prod(op.get_folded_output_shape(i)[:-1])) for i in range(op.n_outputs)
        }
        stalls = {}
        for stall, names in ((stall_in, inputs), (stall_out, expected)):
            for i, name in enumerate(names):
                stalls[name] = Stall(stall.kind, stall.value, 10 * stall.seed + i)
        result = simulation.run(inputs, expected, stalls, idle_limit=2000).check()
        outputs = []
        for i in range(op.n_outputs):
            datatype, shape = op.get_output_datatype(i), op.get_normal_output_shape(i)
            beats = result.outputs[f"out{i}_V"]
            lanes = op.get_folded_output_shape(i)[-1]
            bits = datatype.bitwidth() * lanes
            assert not (np.unpackbits(beats, axis=1, bitorder="little")[:, bits:]).any(), "pad bits not zero"
            values = unpack(beats, datatype.bitwidth(), lanes, shape[-1], datatype.signed())
            outputs.append(values.reshape(count, *shape[1:]))
        return outputs, result

    return run


@pytest.fixture(scope="session")
def equal() -> Callable[[str, NDArray[Any], NDArray[Any]], None]:
    """equal(what, got, want): exact; tells how many differ and the first of them."""

    def compare(what: str, got: NDArray[Any], want: NDArray[Any]) -> None:
        assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
        wrong = np.argwhere(got != want)
        first = [f"{tuple(map(int, at))}: {got[tuple(at)]} for {want[tuple(at)]}" for at in wrong[:5]]
        assert not len(wrong), f"{what}: {len(wrong)} of {want.size} differ; {'; '.join(first)}"

    return compare
