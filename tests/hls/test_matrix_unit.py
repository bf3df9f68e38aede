"""FINN's matrix-vector unit as we mend it: no result is lost, whatever the stalls.

With SIMD = MW a result leaves every cycle; FINN's output queue then overflows when it is blocked.
"""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hls.finn_setup import finn_workspace
from hls.ops import DOMAIN
from hls.rtl import generate
from pixelmend.errors import UserError
from pixelmend.files import write_text
from sim.rtl import LENIENT
from sim.stream import pack, unpack
from sim.verilator import Ports, Simulation, Stall, Stream, build
from tests.networks import equal

VECTORS = 300


def unit(weights: np.ndarray, pe: int, simd: int, work: Path, simulations: Path) -> Simulation:
    """The compiled unit of a 4-bit matrix (MW, MH) on 4-bit vectors."""
    columns, rows = weights.shape
    node = helper.make_node(
        "MVAU_rtl", ["x", "w"], ["y"], name="dut", domain=DOMAIN, backend="fpgadataflow",
        MW=columns, MH=rows, SIMD=simd, PE=pe, resType="dsp", noActivation=1, numInputVectors=[1, 1, VECTORS],
        mem_mode="internal_decoupled", ram_style="auto", inputDataType="UINT4", weightDataType="INT4",
        outputDataType="INT12", accDataType="INT12",
    )  # fmt: skip
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, VECTORS, channels])
        for name, channels in (("x", columns), ("y", rows))
    ]
    model = ModelWrapper(helper.make_model(helper.make_graph([node], "unit", tensors[:1], tensors[1:])))
    model.set_initializer("w", weights.astype(np.float32))
    for name, kind in (("x", "UINT4"), ("w", "INT4"), ("y", "INT12")):
        model.set_tensor_datatype(name, DataType[kind])
    operator = getCustomOp(model.graph.node[0])
    operator.set_nodeattr("code_gen_dir_ipgen", str(work))
    operator.generate_hdl(model, "xc7z020clg400-1", 10.0)
    sources = []
    for path in operator.get_rtl_file_list(abspath=True):
        target, text = generate._placed(Path(path), work)
        write_text(work / "rtl" / target, text)
        sources.append(work / "rtl" / target)
    sources.sort(key=lambda path: not path.name.endswith("_pkg.sv"))
    ports = Ports(
        tuple(Stream(f"in{n}_V", operator.get_instream_width_padded(n)) for n in range(2)),
        (Stream("out0_V", operator.get_outstream_width_padded(0)),),
    )
    return build(
        operator.get_nodeattr("gen_top_module"), sources, ports, simulations,
        defines=("FINN_SIMULATION",), lenient=LENIENT, optimize="-O0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "simd", "pe"), [(1, 1, 2), (2, 2, 1), (3, 3, 2), (4, 4, 1), (5, 5, 2), (8, 8, 2), (8, 4, 2)]
)
def test_results_survive_stalls(columns: int, simd: int, pe: int, simulations: Path) -> None:
    rng = np.random.default_rng([columns, simd, pe])
    rows = 2
    weights = rng.integers(-7, 8, (columns, rows))
    vectors = rng.integers(0, 16, (VECTORS, columns))
    folds = rows // pe, columns // simd
    words = weights.T.reshape(folds[0], pe, folds[1], simd).transpose(0, 2, 1, 3).reshape(-1, pe * simd)
    inputs = {
        "in0_V": pack(vectors, 4, simd),
        "in1_V": np.tile(pack(words, 4, pe * simd, signed=True), (VECTORS, 1)),
    }
    with finn_workspace() as work:
        simulation = unit(weights, pe, simd, work, simulations)
        for stall in (Stall(), Stall("random", 0.5, 1), Stall("bursty", 12, 2), Stall("bursty", 40, 3)):
            result = simulation.run(inputs, {"out0_V": VECTORS * folds[0]}, {"out0_V": stall}).check()
            got = unpack(result.outputs["out0_V"], 12, pe, rows, signed=True)
            equal(f"{stall.kind} {stall.value}", got, vectors @ weights)


@pytest.mark.parametrize(
    ("mend", "name"),
    [(generate.mend_mvu_queue, "mvu_vvu_axi.sv"), (generate.mend_add_multi, "add_multi.sv")],
)
def test_another_text_is_refused(mend, name) -> None:
    with pytest.raises(UserError, match=rf"{name}: expected the text of finn-plus 1\.6\.1"):
        mend("module mvu; endmodule")
