"""`dataflow.csv`: one line a node, what it does and what it should cost. Cycles are FINN's model."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from pixelmend.errors import UserError

COLUMNS = ("node", "op", "macs", "weights", "weight_bits", "pe", "simd", "expected_cycles", "output", "bits")


def rows(model: ModelWrapper) -> list[dict[str, Any]]:
    """A dictionary with `COLUMNS` for each node; MACs and cycles are those of one frame."""
    result = []
    for node in model.graph.node:
        operator = getCustomOp(node)
        known = operator.get_nodeattr_types()
        matrix = node.op_type == "MVAU_rtl"
        weights = operator.get_nodeattr("MW") * operator.get_nodeattr("MH") if matrix else 0
        vectors = int(np.prod(operator.get_nodeattr("numInputVectors"))) if matrix else 0
        shape = model.get_tensor_shape(node.output[0])
        result.append(
            {
                "node": node.name,
                "op": node.op_type,
                "macs": vectors * weights,
                "weights": weights,
                "weight_bits": operator.get_input_datatype(1).bitwidth() if matrix else 0,
                "pe": operator.get_nodeattr("PE") if "PE" in known else "",
                "simd": operator.get_nodeattr("SIMD") if "SIMD" in known else "",
                "expected_cycles": int(operator.get_exp_cycles()),
                "output": "x".join(str(side) for side in shape[1:]),
                "bits": model.get_tensor_datatype(node.output[0]).bitwidth(),
            }
        )
    return result


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a `dataflow.csv`, as text; `UserError` where it is missing or no such table."""
    if not path.is_file():
        raise UserError(f"{path}: expected the table of a lowered build; run hls.lower")
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream, strict=True)
            found = list(reader)
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: not a readable table ({error}); run hls.lower") from error
    whole = [row for row in found if row.keys() == set(COLUMNS) and str(row["expected_cycles"]).isdecimal()]
    if not found or len(whole) < len(found):
        raise UserError(f"{path}: expected rows with {', '.join(COLUMNS)}; of another version: run hls.lower")
    return found


def as_csv(table: list[dict[str, Any]]) -> str:
    """The table as CSV text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()
