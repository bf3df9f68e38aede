"""Illegal parameters and attributes end with a message that says what was expected and what came."""

from pathlib import Path

import numpy as np
import pytest
from finn.util.fpgadataflow import is_rtl_node
from qonnx.core.datatype import DataType

import hls.ops
from hls.ops.fifo import source
from pixelmend.errors import UserError
from sim.verilator import verilate

OPS = Path(hls.ops.__file__).parent
SOURCES = {
    "stream_fork": ["fork/stream_fork.sv"],
    "skip_add": ["skip_add/skip_add.sv"],
    "pixel_select": ["select/pixel_select.sv"],
    "pixel_shuffle": ["pixel_shuffle/pixel_shuffle.sv"],
    "pixel_mark": ["mark/pixel_mark.sv"],
    "pyramid_halve": ["halve/pyramid_halve.sv"],
    "pyramid_double": ["double/pyramid_double.sv"],
    "pyramid_relax": ["relax/pyramid_relax.sv"],
    "pixel_correct": ["correct/pixel_correct.sv"],
    "stream_register": ["stream/stream_register.sv"],
    "pixel_in": ["stream/stream_register.sv", "stream/pixel_in.sv"],
    "pixel_out": ["stream/stream_register.sv", "stream/pixel_out.sv"],
}


def lint(top, fifo, work, parameters=None):
    """Verilator with all warnings; open monitor ports of FINN's FIFO are meant."""
    flags = ["--lint-only", "-Wall", "-Wno-DECLFILENAME", "-Wno-PINCONNECTEMPTY", "--no-timing"]
    overrides = [f"-G{key}={value}" for key, value in (parameters or {}).items()]
    sources = [*([fifo] if top == "pixel_shuffle" else []), *(OPS / source for source in SOURCES[top])]
    verilate([*flags, "--top-module", top, *overrides], sources, ("*/finn-rtllib/*",), work)


@pytest.mark.parametrize("top", SOURCES)
def test_lint_clean(top, fifo, tmp_path):
    lint(top, fifo, tmp_path)


def test_lint_clean_at_uneven_sizes(fifo, tmp_path):
    sizes = {"IMG_H": 3, "IMG_W": 5, "CF": 3, "STRIDE": 3, "CROP_N": 1, "CROP_E": 2, "CROP_S": 0, "CROP_W": 4}
    lint("pixel_shuffle", fifo, tmp_path, {**sizes, "FIFO0_DEPTH": 9, "WIDTH": 12})


@pytest.mark.parametrize("bits", [1, 8])
@pytest.mark.parametrize(("height", "width"), [(2, 4), (4, 2), (6, 10), (8, 8), (90, 128)])
def test_pyramid_lint_clean(fifo, tmp_path, height, width, bits):
    lint("pyramid_halve", fifo, tmp_path, {"IMG_W": width, "BITS": bits})
    lint("pyramid_double", fifo, tmp_path, {"IMG_H": height, "IMG_W": width, "BITS": bits, "KEEP_FLAG": 1})


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("bits", [1, 8])
@pytest.mark.parametrize(("height", "width"), [(1, 6), (2, 7), (5, 64), (90, 129)])
def test_sweep_lint_clean(fifo, tmp_path, height, width, bits, keep):
    sizes = {"IMG_H": height, "IMG_W": width, "BITS": bits, "KEEP_FLAG": keep, "BLOCK_RAM": int(width > 128)}
    lint("pyramid_relax", fifo, tmp_path, sizes)


@pytest.mark.parametrize(
    ("top", "parameters", "message"),
    [
        ("stream_fork", {"OUTPUTS": 1}, "OUTPUTS must be 2 or more, got 1"),
        ("skip_add", {"Y_WIDTH": 4}, "Y_WIDTH must be 5 or more to hold every sum, got 4"),
        ("skip_add", {"A_SIGNED": 1, "Y_WIDTH": 5}, "Y_WIDTH must be 6 or more to hold every sum, got 5"),
        ("pixel_select", {"A_WIDTH": 24}, "must be 32 and 24 where A_FLAG is 1, got 24 and 24"),
        ("pixel_select", {"A_FLAG": 0, "B_WIDTH": 24}, "must be 24 and 32 where A_FLAG is 0, got 24 and 24"),
        ("pixel_shuffle", {"STRIDE": 1}, "STRIDE must be 2 or more, got 1"),
        ("pixel_shuffle", {"CROP_N": 1, "CROP_S": 3}, "CROP_N + CROP_S must be below the 4 rows, got 4"),
        ("pixel_shuffle", {"CROP_W": 4}, "CROP_W + CROP_E must be below the 4 columns, got 4"),
        ("pixel_shuffle", {"FIFO0_DEPTH": 1}, "FIFO0_DEPTH must be 2 or more, got 1"),
        ("pyramid_halve", {"IMG_W": 3}, "IMG_W must be even and 2 or more, got 3"),
        ("pyramid_halve", {"IMG_W": 0}, "IMG_W must be even and 2 or more, got 0"),
        ("pyramid_halve", {"BITS": 9}, "BITS must be 1 to 8, got 9"),
        ("pyramid_double", {"IMG_H": 5}, "IMG_H must be even and 2 or more, got 5"),
        ("pyramid_double", {"IMG_W": 7}, "IMG_W must be even and 2 or more, got 7"),
        ("pyramid_double", {"BITS": 9}, "BITS must be 1 to 8, got 9"),
        ("pyramid_relax", {"IMG_H": 0}, "IMG_H must be 1 or more, got 0"),
        ("pyramid_relax", {"IMG_W": 5}, "IMG_W must be 6 or more, got 5"),
        ("pyramid_relax", {"BITS": 9}, "BITS must be 1 to 8, got 9"),
        ("pixel_in", {"FRAME_BEATS": 0}, "FRAME_BEATS must be 1 or more, got 0"),
        ("pixel_out", {"FRAME_BEATS": 0}, "FRAME_BEATS must be 1 or more, got 0"),
    ],
    ids=str,
)
def test_illegal_parameter(top, parameters, message, fifo, tmp_path):
    with pytest.raises(UserError) as caught:
        lint(top, fifo, tmp_path, parameters)
    assert message in str(caught.value)


PIXELS = {"ImgDim": [2, 8], "inputDataType": "UINT8"}
SHAPE = {"ImgDim": [2, 2], "NumChannels": 4, "SIMD": 2, "inputDataType": "UINT4"}
OWN = {
    "StreamFork_rtl": {"NumOutputs": 2},
    "SkipAdd_rtl": {"inputDataType1": "UINT4"},
    "PixelShuffle_rtl": {"Stride": 2},
}


@pytest.mark.parametrize(
    ("operator", "ports", "attributes", "message"),
    [
        ("StreamFork_rtl", (1, 2), {"SIMD": 3}, "SIMD must divide the 4 channels, got 3"),
        ("StreamFork_rtl", (1, 2), {"NumOutputs": 3}, "NumOutputs must be 2 or more and the node's 2 output"),
        ("StreamFork_rtl", (1, 2), {"inputDataType": "FLOAT32"}, "inputDataType must be INT<n>, UINT<n> or"),
        ("SkipAdd_rtl", (2, 1), {"outputDataType": "UINT3"}, "must be UINT5 or a wider one, down to UINT4"),
        ("PixelShuffle_rtl", (1, 1), {"SIMD": 8}, "SIMD must divide the 4 channels, got 8"),
        ("PixelShuffle_rtl", (1, 1), {"CropWest": 4}, "crops must leave some of the 4 x 4 output pixels"),
        ("PixelShuffle_rtl", (1, 1), {"CropWest": -1}, "crops must leave some of the 4 x 4 output pixels"),
        ("PixelShuffle_rtl", (1, 1), {"FirstDepth": 1}, "FirstDepth must be 2 or more, got 1"),
    ],
    ids=str,
)  # fmt: skip
def test_illegal_attribute(make, tmp_path, operator, ports, attributes, message):
    op = make(operator, *ports, **{**SHAPE, **OWN[operator], **attributes})
    op.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
    with pytest.raises(UserError) as caught:
        op.get_folded_input_shape()
        op.generate_hdl(None, "xc7z020clg400-1", 10.0)
    assert message in str(caught.value)
    assert f"{operator} 'dut'" in str(caught.value)


PIXEL_OPS = {
    "PixelSelect_rtl": {"FlagInput": 0},
    "PixelMark_rtl": {},
    "PyramidHalve_rtl": {},
    "PyramidDouble_rtl": {"KeepFlag": 0},
    "PyramidRelax_rtl": {"KeepFlag": 0},
    "PixelCorrect_rtl": {},
}
ONE_INPUT = ("PyramidHalve_rtl", "PyramidRelax_rtl")


@pytest.mark.parametrize("operator", PIXEL_OPS)
def test_anything_but_pixels_is_refused(make, operator):
    own = PIXEL_OPS[operator]
    op = make(operator, 1 if operator in ONE_INPUT else 2, 1, **{**PIXELS, **own, "inputDataType": "UINT4"})
    with pytest.raises(UserError, match=f"{operator} 'dut': inputDataType must be UINT8, got UINT4"):
        op.get_instream_width(0)


@pytest.mark.parametrize("size", [[3, 4], [4, 5], [0, 2]], ids=str)
@pytest.mark.parametrize("operator", ["PyramidHalve_rtl", "PyramidDouble_rtl"])
def test_a_pyramid_of_uneven_sides_is_refused(make, operator, size):
    own = PIXEL_OPS[operator]
    op = make(operator, 1 if operator in ONE_INPUT else 2, 1, **{**PIXELS, **own, "ImgDim": size})
    with pytest.raises(UserError) as caught:
        op.get_folded_output_shape()
    assert f"{operator} 'dut': ImgDim must be two even sides of at least 2 px, got {size}" in str(
        caught.value
    )


@pytest.mark.parametrize("size", [[3, 5], [0, 8]], ids=str)
def test_a_sweep_of_too_few_pixels_is_refused(make, size):
    op = make("PyramidRelax_rtl", 1, 1, ImgDim=size, KeepFlag=1, inputDataType="UINT8")
    with pytest.raises(UserError) as caught:
        op.get_folded_output_shape()
    assert f"'dut': ImgDim must be a row or more of at least 6 px, got {size}" in str(caught.value)


def test_rows_of_a_sweep_wait_in_block_ram_where_they_are_long(make):
    found = {}
    for width in (128, 129, 512, 513):
        op = make("PyramidRelax_rtl", 1, 1, ImgDim=[4, width], KeepFlag=0, inputDataType="UINT8")
        found[width] = op.in_block_ram(), op.bram_estimation("xc7z020clg400-1")
    # half blocks: 2 * 25 and 2 * 24 bits, each two wide
    assert found == {128: (False, 0), 129: (True, 4), 512: (True, 4), 513: (True, 8)}


def test_finn_knows_the_operators(make):
    for operator, own in PIXEL_OPS.items():
        assert is_rtl_node(make(operator, 1 if operator in ONE_INPUT else 2, 1, **PIXELS, **own).onnx_node)
    for operator, inputs, outputs in (
        ("StreamFork_rtl", 1, 2),
        ("SkipAdd_rtl", 2, 1),
        ("PixelShuffle_rtl", 1, 1),
    ):
        assert is_rtl_node(make(operator, inputs, outputs, **SHAPE, **OWN[operator]).onnx_node)


@pytest.mark.parametrize(
    ("a", "b", "total"),
    [("UINT4", "UINT4", "UINT5"), ("UINT2", "UINT6", "UINT7"), ("BINARY", "BINARY", "UINT2"),
     ("INT4", "INT3", "INT5"), ("UINT4", "INT4", "INT6")],
)  # fmt: skip
def test_sum_datatype_is_the_narrowest(make, a, b, total):
    op = make("SkipAdd_rtl", 2, 1, **{**SHAPE, "inputDataType": a, "inputDataType1": b})
    exact, (low, high) = op.get_output_datatype(), (
        int(DataType[a].min() + DataType[b].min()), int(DataType[a].max() + DataType[b].max())
    )  # fmt: skip
    assert exact.name == total
    assert exact.allowed(low) and exact.allowed(high)
    narrower = DataType[f"{total.rstrip('0123456789')}{exact.bitwidth() - 1}"]
    assert not (narrower.allowed(low) and narrower.allowed(high))


def test_block_ram_of_a_shuffle(make):
    op = make(
        "PixelShuffle_rtl", 1, 1, **{**SHAPE, "Stride": 2, "ImgDim": [64, 256], "inputDataType": "UINT4"}
    )
    assert op.row_beats() == 1024
    assert op.bram_estimation("xc7z020clg400-1") == 1  # one row of 1024 x 8 bits
    assert op.ram_style() == "auto"
    wide = make(
        "PixelShuffle_rtl", 1, 1, **{**SHAPE, "Stride": 2, "ImgDim": [64, 1024], "inputDataType": "UINT4"}
    )
    assert wide.ram_style() == "block", "auto would be UltraRAM"


def test_mended_fifo_names_an_unknown_version():
    with pytest.raises(UserError, match=r"fifo.sv: expected 'typedef .* as in finn-plus 1.6.1; found 0"):
        source.mend_fifo("module fifo;")


def test_wrong_shape_is_named(make):
    op = make("PixelShuffle_rtl", 1, 1, **SHAPE, Stride=2)
    with pytest.raises(UserError, match=r"input 0 must have shape \(1, 2, 2, 16\), got \(1, 2, 2, 4\)"):
        op.execute_node({"x0": np.zeros((1, 2, 2, 4), np.float32)}, None)
