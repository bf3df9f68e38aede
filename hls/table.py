"""`dataflow.csv`: one line a node, what it does and what it should cost. Cycles are FINN's model."""

import csv
import io
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from hls.ops import facets
from pixelmend.errors import UserError

COLUMNS = (
    "node",
    "layer",
    "op",
    "macs",
    "weights",
    "weight_bits",
    "pe",
    "simd",
    "expected_cycles",
    "output",
    "bits",
)


def rows(model: ModelWrapper) -> list[dict[str, Any]]:
    """A dictionary with `COLUMNS` for each node; MACs and cycles are those of one frame."""
    result = []
    for node in model.graph.node:
        operator = facets(node)
        known, work = operator.limits(), operator.work()
        shape = model.get_tensor_shape(node.output[0])
        result.append(
            {
                "node": node.name,
                "layer": node.doc_string,
                "op": node.op_type,
                "macs": work.macs,
                "weights": work.weights,
                "weight_bits": work.weight_bits,
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
